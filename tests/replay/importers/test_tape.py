"""Imported files as one tape."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from foreign_files import frames_file, quotes_file, summary_file

from recorder.envelope import Kind
from recorder.tape.fsck import verify_tape
from replay.backtest import replay_film, replay_tape
from replay.film import build_film
from replay.find import load_strategy
from replay.importers.mapping import parse_game, plan_of
from replay.importers.market import import_market
from replay.importers.plays import Polling, import_espn
from replay.importers.quotes import import_quotes
from replay.importers.tape import moved, write_imported
from replay.models import load_model
from replay.settings import Setting

S = 1_000_000_000


def test_quotes_and_plays_are_a_backtest(tmp_path: Path) -> None:
    """Merged by time, labelled, and played by the engine as by film; no fill beyond the size that was assumed."""
    quotes = import_quotes(quotes_file(tmp_path / "q.parquet"), tokens=["aways-homes/yes"], zone=UTC, size="8")
    scores = import_espn(summary_file(tmp_path / "game.json"), Polling())
    plan = plan_of([parse_game("9=aways-homes")], scores.games)
    tape = write_imported(tmp_path / "tape", [quotes, scores], plan)
    assert tape.label.startswith("imported: quotes (top of the book, 8 shares assumed); espn (scoreboards")
    assert verify_tape(tape.path).ok
    times = [one.recv_ns for one in tape.read()]
    assert times == sorted(times)
    notes = [one for one in tape.read() if one.kind is Kind.NOTE]
    assert [one.facts()["note"] for one in notes] == ["session", "imported", "imported", "plan"]
    assert notes[2].payload == (tmp_path / "game.json").read_bytes()
    ideas, setting = (load_strategy("fusion"), load_model("brownian")), Setting(min_edge_u6=10_000, size_u6=50_000_000)
    ledger = replay_tape(tape, *ideas, setting)
    assert ledger.digest() == replay_film(build_film(tape), *ideas, setting).digest()
    assert ledger.fills > 0
    assert ledger.orders[:, 15].max() == 8_000_000
    assert {row.basis for row in ledger.settlements} == {"score"}


def test_frames_and_plays_are_a_backtest(tmp_path: Path) -> None:
    """Market-channel lines with receive times, and a game beside them."""
    frames = import_market(frames_file(tmp_path / "frames.jsonl"))
    scores = import_espn(summary_file(tmp_path / "game.json"), Polling())
    plan = plan_of([parse_game("9=home-token,away-token")], scores.games)
    tape = write_imported(tmp_path / "tape", [frames, scores], plan)
    ledger = replay_tape(tape, load_strategy("fusion"), load_model("brownian"), Setting(min_edge_u6=10_000))
    assert ledger.fills > 0


def test_moved_in_time(tmp_path: Path) -> None:
    """Rows keep their distances, asking moves along, and both label and note say so."""
    made = import_quotes(quotes_file(tmp_path / "q.parquet", rows=3), tokens=["aways-homes/yes"], zone=UTC, size="8")
    moved(made, 1_000 * S)
    assert [row[0] for row in made.rows] == [1_000 * S, 1_030 * S, 1_060 * S]
    assert all(b'"sent_ns":%d' % row[0] in row[4] for row in made.rows)
    assert made.what.endswith("moved in time")
    assert "moved by -1,768,520,607 s" in made.cannot[-1]
