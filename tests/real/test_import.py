"""Real files, imported: a backtest on quotes and frames that were really seen, and games that were really played."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from recorder.tape.fsck import verify_tape
from recorder.tape.reader import Tape, open_tape
from replay.backtest import replay_film, replay_tape
from replay.film import build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting
from replay.verbs.import_ import import_

GAME = "espn/basketball_nba_game_summary_401772994.json"
QUOTES = "polymarket_quotes/quotes_game_moneylines_2min.parquet"
BURST = "polymarket_ws/ws_market_price_change_crossing_burst.json"


def imported(out: Path, *words: object) -> Tape:
    done = CliRunner().invoke(import_, [*map(str, words), "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return open_tape(out)


@pytest.fixture(scope="module")
def quoted(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """The quotes of the market that moved most, moved in time beside a game of another night."""
    table = (
        pl.scan_parquet(real_data / QUOTES)
        .group_by("slug")
        .agg(pl.len().alias("n"), pl.col("bid").std().alias("moves"))
    )
    slug = table.filter(pl.col("n") > 60).sort("moves", descending=True).first().collect()["slug"].cast(str)[0]
    words = ("quotes", real_data / QUOTES, "espn", real_data / GAME, "--game", f"401772994={slug}")
    times = ("--zone", "America/New_York", "--begin", "quotes=2025-05-31T23:50")
    return imported(tmp_path_factory.mktemp("import") / "quoted", *words, *times, "--assume-size", "100")


def test_real_quotes_beside_a_real_game(quoted: Tape) -> None:
    """A backtest runs, by tape as by film, fills no more than the size that is assumed, and settles by the score."""
    assert verify_tape(quoted.path).ok
    film = build_film(quoted)
    assert film.counts.get("Undecodable", 0) == 0
    assert film.counts["ScoreSeen"] > 400
    ideas, setting = (load_strategy("fusion"), load_model("brownian")), Setting(min_edge_u6=10_000, size_u6=10**9)
    ledger = replay_film(film, *ideas, setting)
    assert ledger.digest() == replay_tape(quoted, *ideas, setting).digest()
    assert len(ledger.evaluations) > 20
    assert ledger.orders[:, 15].max() == 100_000_000
    assert {row.basis for row in ledger.settlements} == {"score"}
    assert sum(row.payout_u6 or 0 for row in ledger.settlements) == 1_000_000


def test_the_captured_burst_beside_a_real_game(real_data: Path, tmp_path: Path) -> None:
    """The frames are on the tape byte for byte, and their books are evaluated against the game."""
    messages = json.loads((real_data / BURST).read_bytes())
    away, home = (change["asset_id"] for change in messages[1]["price_changes"])
    words = ("market", real_data / BURST, "espn", real_data / GAME, "--game", f"401772994={home},{away}")
    tape = imported(tmp_path / "burst", *words, "--begin", "market=2025-06-01T00:40")
    frames = [one.payload for one in tape.read(feeds=["polymarket.market"]) if one.payload]
    assert len(frames) == len(messages)
    raw = (real_data / BURST).read_bytes()
    assert all(frame in raw for frame in frames)
    ledger = replay_tape(tape, load_strategy("fusion"), load_model("brownian"), Setting(min_edge_u6=10_000))
    assert len(ledger.evaluations) > 10


def test_a_real_play_by_play(real_data: Path, tmp_path: Path) -> None:
    """With its boxscore and without, the last score is the final one."""
    plays = real_data / "nba_cdn/playbyplay_0022000001.json"
    box = real_data / "nba_cdn/boxscore_0022000001.json"
    finals = set()
    for name, files in (("plays", [plays]), ("box", [plays, box])):
        film = build_film(imported(tmp_path / name, "nba", *files))
        finals.add(tuple(film.night.states[-1, 8:10].tolist()))
    game = json.loads(box.read_bytes())["game"]
    assert finals == {(game["homeTeam"]["score"], game["awayTeam"]["score"])}
