"""A real NBA night, end to end: served over real sockets, recorded, sealed, verified, decoded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from rerecord import rerecord

from recorder.envelope import Envelope, Kind
from recorder.leagues import LEAGUES
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from replay.core.decode import decode
from replay.core.events import BID, BookSnapshot, Event, GameStatus, LevelChange, PlanSeen, ScoreSeen
from replay.core.state import book as kernels
from replay.upstream import real
from replay.upstream.player import MemorySource
from replay.upstream.roundtrip import compare
from replay.upstream.server import PlayOptions

BY_POLLS = PlayOptions(by_polls=True, patience_s=5.0)
SLUG = "nba-nyk-ind-2025-05-31"


def events_of(envelopes: Sequence[Envelope], kind: type[Event]) -> list[Any]:
    return [event for envelope in envelopes for event in decode(envelope) if isinstance(event, kind)]


@pytest.fixture(scope="module")
def summary(real_data: Path) -> bytes:
    return (real_data / "espn/basketball_nba_game_summary_401772994.json").read_bytes()


@pytest.fixture(scope="module")
def burst(real_data: Path) -> bytes:
    return (real_data / "polymarket_ws/ws_market_price_change_crossing_burst.json").read_bytes()


@pytest.fixture(scope="module")
def knicks_at_pacers(summary: bytes, burst: bytes) -> MemorySource:
    """NYK@IND of 2025-05-31 as ESPN showed it, with the captured market sequence laid into its second quarter."""
    bodies = real.espn_bodies(summary)
    frames = real.market_frames(burst, bodies[200][0])
    first = json.loads(burst)[1]
    tokens = tuple(change["asset_id"] for change in first["price_changes"])
    url = real.scoreboard_url("basketball/nba", bodies[0][0])
    return real.night(
        "nyk-ind",
        real.polled("espn.nba", url, bodies),
        real.gamma_bodies(SLUG, "2025-06-01T00:00:00Z", first["market"], ("Knicks", "Pacers"), (tokens[0], tokens[1])),
        real.streamed(frames, tokens),
    )


@pytest.fixture(scope="module")
def recorded(knicks_at_pacers: MemorySource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tapes") / "nyk-ind"
    rerecord(knicks_at_pacers, path, BY_POLLS)
    return path


def test_every_play_comes_through(recorded: Path, summary: bytes) -> None:
    """All 472 plays' states (period, clock, score) are on the tape in order, ending 125-108 for Indiana."""
    plays = json.loads(summary)["plays"]
    expected = [(play["period"]["number"], play["homeScore"], play["awayScore"]) for play in plays]
    seen: list[ScoreSeen] = []
    last = b""
    for envelope in open_tape(recorded).read(feeds=["espn.nba"]):
        scores = events_of([envelope], ScoreSeen)
        if scores and envelope.payload != last:
            seen += scores
            last = envelope.payload
    assert [score.status for score in seen[:1]] == [GameStatus.SCHEDULED]
    assert [(score.period, score.home_score, score.away_score) for score in seen[1:]] == expected
    assert (seen[-1].status, seen[-1].home.name, seen[-1].home_score, seen[-1].away_score) == (
        GameStatus.FINAL,
        "Pacers",
        125,
        108,
    )
    pairs = [(score.home_score, score.away_score) for score in seen]
    assert sum(a != b for a, b in pairwise(pairs)) == 120
    breaks = [score.period for score in seen if score.status is GameStatus.BREAK]
    assert breaks == [1, 2, 3, 4]


def test_the_market_comes_through_byte_for_byte(recorded: Path, burst: bytes, knicks_at_pacers: MemorySource) -> None:
    """The 51 captured frames are on the tape as served; folding the changes gives the closing book exactly."""
    frames = [
        envelope
        for envelope in open_tape(recorded).read(feeds=["polymarket.market"])
        if envelope.kind is Kind.FRAME and envelope.payload != b"PONG"
    ]
    sent = [it.payload for it in knicks_at_pacers.read() if it.feed == "polymarket.market" and it.kind is Kind.FRAME]
    assert [envelope.payload for envelope in frames] == sent
    snapshots = events_of(frames, BookSnapshot)
    changes = events_of(frames, LevelChange)
    assert (len(snapshots), len(changes)) == (2, 98)
    first, closing = snapshots
    sides = {1: dict(first.bids), -1: dict(first.asks)}
    crossed = 0
    for change in changes:
        if change.token_id != first.token_id:
            continue
        if change.size_u6:
            sides[change.side][change.price_u6] = change.size_u6
        else:
            sides[change.side].pop(change.price_u6, None)
        crossed += max(sides[1]) >= min(sides[-1])
    assert (tuple(sorted(sides[1].items(), reverse=True)), tuple(sorted(sides[-1].items()))) == (
        closing.bids,
        closing.asks,
    )
    assert crossed > 0


def test_crossed_moments_are_flagged(recorded: Path) -> None:
    """The engine's book distrusts itself in exactly those moments in which the captured book is crossed or locked."""
    frames = [it for it in open_tape(recorded).read(feeds=["polymarket.market"]) if it.kind is Kind.FRAME]
    first, _ = events_of(frames, BookSnapshot)
    changes = [it for it in events_of(frames, LevelChange) if it.token_id == first.token_id]
    books, levels = kernels.new_books(1), kernels.new_levels(1)
    books[0, kernels.TRUST] = kernels.KNOWN
    for row, side in ((kernels.BID_ROW, first.bids), (kernels.ASK_ROW, first.asks)):
        for price_u6, size_u6 in side:
            kernels.apply_level(books, levels, 0, row, price_u6, size_u6)
    crossed, flagged = [], []
    for number, change in enumerate(changes):
        row = kernels.BID_ROW if change.side == BID else kernels.ASK_ROW
        kernels.apply_level(books, levels, 0, row, change.price_u6, change.size_u6)
        kernels.close_message(books, 0, change.best_bid_u6 or -1, change.best_ask_u6 or -1)
        bid, ask = (kernels.best_price_u6(books, 0, row) for row in (kernels.BID_ROW, kernels.ASK_ROW))
        if bid >= ask:
            crossed.append(number)
        if books[0, kernels.TRUST] == kernels.SUSPECT:
            flagged.append(number)
    assert flagged == crossed == [46, 47]


def test_the_recorder_found_the_market_itself(recorded: Path) -> None:
    """From the served bodies alone the recorder planned the game, home and away the right way round."""
    notes = [envelope for envelope in open_tape(recorded).read() if envelope.kind is Kind.NOTE]
    (plan,) = events_of(notes, PlanSeen)[-1:]
    (game,) = plan.games
    assert (game.game_id, game.home, game.away) == ("nba:401772994", "Pacers", "Knicks")


def test_sealed_and_verified_it_tells_the_same_night(recorded: Path, knicks_at_pacers: MemorySource) -> None:
    """Sealing keeps the digest, verification finds nothing, and the round trip shows no difference."""
    before = open_tape(recorded).digest()
    seal_tape(recorded)
    report = verify_tape(recorded, deep=True)
    assert (report.ok, report.damage) == (True, ())
    tape = open_tape(recorded)
    assert tape.digest() == before
    told = [difference for difference in compare(knicks_at_pacers.read(), tape.read()) if difference.stream != "plan"]
    assert told == []


def test_nba_file_of_a_real_game_comes_through(real_data: Path, tmp_path: Path) -> None:
    """GSW@BKN of 2020-12-22 from the play-by-play: every clock and score in order, the boxscore's result at the end."""
    folder = real_data / "nba_cdn"
    boxscore = (folder / "boxscore_0022000001.json").read_bytes()
    bodies = real.nba_bodies((folder / "playbyplay_0022000001.json").read_bytes(), boxscore)
    source = real.night("gsw-bkn", real.polled("nba.scoreboard", real.NBA_URL, bodies))
    tape = rerecord(source, tmp_path / "gsw-bkn", BY_POLLS)
    assert compare(source.read(), tape.read()) == []
    scores = events_of(list(tape.read(feeds=["nba.scoreboard"])), ScoreSeen)
    statuses = [status for status, _ in groupby(score.status for score in scores)]
    periods = [GameStatus.LIVE, GameStatus.BREAK] * 4
    assert statuses == [GameStatus.SCHEDULED, *periods, GameStatus.FINAL]
    game = json.loads(boxscore)["game"]
    final = scores[-1]
    assert (final.home.name, final.home_score) == (game["homeTeam"]["teamName"], game["homeTeam"]["score"])
    assert (final.away.name, final.away_score) == (game["awayTeam"]["teamName"], game["awayTeam"]["score"])
    progress = [(score.period, -(score.clock_ms or 0)) for score in scores if score.status is GameStatus.LIVE]
    assert len(set(progress)) > 300


@pytest.mark.parametrize(
    ("league", "file"),
    [
        ("nba", "nba_scoreboard_20241215"),
        ("nba", "nba_scoreboard_in_progress_20260502"),
        ("nba", "generic_basketball_nba_scoreboard"),
        ("nhl", "nhl_scoreboard"),
        ("nhl", "generic_hockey_nhl_scoreboard"),
        ("mlb", "mlb_scoreboard_20250604"),
        ("mlb", "mlb_scoreboard_raw"),
        ("nfl", "nfl_scoreboard_20241215"),
        ("ncaamb", "mens_college_basketball_scoreboard_acc"),
        ("wnba", "generic_basketball_wnba_scoreboard"),
    ],
)
def test_real_scoreboards_of_all_sports_come_through(real_data: Path, tmp_path: Path, league: str, file: str) -> None:
    """A real body of each sport is recorded byte for byte and every game of it is understood."""
    body = (real_data / f"espn/{file}.json").read_bytes()
    at_ns = 1_768_521_600_000_000_000
    url = real.scoreboard_url(LEAGUES[league].espn_path, at_ns)
    source = real.night(league, real.polled(f"espn.{league}", url, [(at_ns, body)]))
    tape = rerecord(source, tmp_path / league, BY_POLLS, league=league)
    (first,) = [it for it in tape.read(feeds=[f"espn.{league}"]) if it.payload == body][:1]
    scores = events_of([first], ScoreSeen)
    assert len(scores) == len(json.loads(body)["events"]) > 0
    assert {score.game.league for score in scores} == {league}
