"""The frames of the sports socket, as they are written."""

from __future__ import annotations

import json

from replay.synth.dice import Dice
from replay.synth.night import plan_night
from replay.synth.wire.sports import sports_frame, strangers_frame

GAMES = plan_night(7, 2, "2026-01-15", 0).games


def test_a_frame_has_no_slug_and_its_own_time() -> None:
    """As in captured frames; the time of the update stands in `eventState`, to a millisecond."""
    game = GAMES[0]
    frame = json.loads(sports_frame(game, game.moments[9], game.moments[9].at_ns))
    assert "slug" not in frame
    assert frame["score"] == f"{game.moments[9].home}-{game.moments[9].away}"
    assert len(frame["eventState"]["updatedAt"]) == len("2026-01-16T00:00:00.000Z")
    assert (frame["live"], frame["ended"]) == (True, False)


def test_the_slots_are_not_always_the_sides() -> None:
    """The second game stands with its sides swapped, scores and all."""
    game = GAMES[1]
    frame = json.loads(sports_frame(game, game.moments[-1], game.end_ns))
    assert (frame["homeTeam"], frame["awayTeam"]) == (game.away.tricode, game.home.tricode)
    assert frame["score"] == f"{game.moments[-1].away}-{game.moments[-1].home}"
    assert frame["ended"]
    assert "finishedTimestamp" in frame


def test_strangers_are_of_other_leagues() -> None:
    """The socket speaks of every league."""
    assert {json.loads(strangers_frame(Dice(n)))["leagueAbbreviation"] for n in range(30)} == {"mlb", "nhl", "epl"}
