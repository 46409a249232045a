"""The league's simulated file, read by the real decoder."""

from __future__ import annotations

import json

from replay.core.decode.nba import decode_nba
from replay.core.events import GameStatus
from replay.synth.times import evening_ns
from replay.synth.wire.nba import NbaWriter, duration_text
from replay.synth.world import Phase, make_games

GAMES = make_games(3, 2, "2026-01-15", evening_ns("2026-01-15"))


def test_clocks():
    """The clock is an ISO duration with hundredths."""
    assert duration_text(323_450) == "PT05M23.45S"


def test_every_moment_reads_back():
    """Score, period and clock of every moment of a game come back from the file."""
    writer = NbaWriter(GAMES, "2026-01-15")
    for moment in GAMES[0].moments:
        seen = decode_nba("nba.scoreboard", writer.body((moment, GAMES[1].moments[0]), moment.at_ns))[0]
        assert (moment.home, moment.away) == (seen.home_score, seen.away_score)
        assert (moment.phase is Phase.FINAL) == (seen.status is GameStatus.FINAL)
        assert seen.clock_ms is None or moment.clock_ms // 10 * 10 == seen.clock_ms
        assert GAMES[0].start_ns == seen.start_ns


def test_the_traps_are_there():
    """Eastern time carries a false `Z`; `meta.time` is twelve-hour and repeats minute and second."""
    body = json.loads(
        NbaWriter(GAMES, "2026-01-15").body([game.moments[0] for game in GAMES], evening_ns("2026-01-15"))
    )
    assert body["meta"]["time"] == "2026-01-15 07:00:00.0000"
    assert body["scoreboard"]["games"][0]["gameEt"] == "2026-01-15T19:00:00Z"
    assert body["scoreboard"]["games"][0]["gameStatusText"] == "7:00 pm ET"
