"""ESPN's simulated bodies, read by the real decoder."""

from __future__ import annotations

import json

import pytest

from replay.core.decode.espn import decode_espn
from replay.core.events import GameStatus
from replay.synth.times import evening_ns
from replay.synth.wire.espn import EspnWriter, clock_text
from replay.synth.world import Phase, make_games

GAMES = make_games(3, 2, "2026-01-15", evening_ns("2026-01-15"))
STATUS = {
    Phase.SCHEDULED: GameStatus.SCHEDULED,
    Phase.LIVE: GameStatus.LIVE,
    Phase.END_PERIOD: GameStatus.BREAK,
    Phase.HALFTIME: GameStatus.BREAK,
    Phase.FINAL: GameStatus.FINAL,
}


@pytest.mark.parametrize(("clock_ms", "text"), [(720_000, "12:00"), (98_700, "1:38"), (58_399, "58.3"), (0, "0.0")])
def test_clocks(clock_ms, text):
    """Minutes and seconds, tenths below a minute."""
    assert clock_text(clock_ms) == text


def test_every_moment_reads_back():
    """Score, status, period and clock of every moment of a game come back from the body."""
    writer = EspnWriter(3, GAMES, "2026-01-15")
    other = GAMES[1].moments[0]
    for moment in GAMES[0].moments:
        seen = decode_espn("espn.nba", writer.body((moment, other)))[0]
        assert (moment.home, moment.away, moment.period) == (seen.home_score, seen.away_score, seen.period)
        assert STATUS[moment.phase] == seen.status
        assert moment.clock_ms // 100 * 100 == seen.clock_ms
        assert (GAMES[0].start_ns, ()) == (seen.start_ns, seen.warnings)


def test_only_a_final_names_a_winner():
    """`winner` is there at the end and says who won."""
    writer = EspnWriter(3, GAMES, "2026-01-15")
    before, after = (json.loads(writer.body((GAMES[0].moments[at], GAMES[1].moments[0]))) for at in (5, -1))
    sides = after["events"][0]["competitions"][0]["competitors"]
    assert "winner" not in before["events"][0]["competitions"][0]["competitors"][0]
    assert [side["winner"] for side in sides] == [GAMES[0].home_won, not GAMES[0].home_won]
