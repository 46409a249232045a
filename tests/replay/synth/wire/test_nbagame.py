"""The league's files of one game, as they are written."""

from __future__ import annotations

import json

import pytest

from replay.synth.dice import Dice
from replay.synth.night import plan_night
from replay.synth.wire.nbagame import PlaysWriter, boxscore_body

GAME = plan_night(7, 1, "2026-01-15", 0).games[0]
MADE_NS = GAME.end_ns
# What every row of a recorded game has.
ALWAYS = {
    *("actionNumber", "clock", "timeActual", "period", "periodType", "actionType", "qualifiers", "personId"),
    *("personIdsFilter", "x", "y", "xLegacy", "yLegacy", "possession", "scoreHome", "scoreAway", "isFieldGoal"),
    *("side", "orderNumber", "edited"),
}


@pytest.fixture(scope="module")
def writer() -> PlaysWriter:
    return PlaysWriter(Dice(1, "test"), GAME, 0)


def actions(writer: PlaysWriter, index: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(writer.body(GAME.moments[index], MADE_NS))["game"]["actions"]
    return found


def test_every_row_has_the_fields_that_are_always_there(writer) -> None:
    """Rows stand by orderNumber, which is ten thousand times the number but for what was inserted."""
    rows = actions(writer, -1)
    assert all(row.keys() >= ALWAYS for row in rows)
    orders = [row["orderNumber"] for row in rows]
    assert orders == sorted(set(orders))
    assert {row["orderNumber"] - row["actionNumber"] * 10_000 for row in rows if row["actionType"] != "rebound"} == {0}
    assert {"period", "2pt", "3pt", "rebound", "instantreplay", "game"} <= {row["actionType"] for row in rows}


def test_a_version_shows_what_was_known_then(writer) -> None:
    """A basket that is taken away counts until the review, and is a miss after it; the review is a row of its own."""
    review = next(moment for moment in GAME.moments if moment.play.startswith("Replay review"))
    before, after = (
        {row["actionNumber"]: row for row in actions(writer, index)} for index in (review.index - 1, review.index)
    )
    basket = review.index - 1
    assert before[basket]["scoreHome"] != after[basket]["scoreHome"] or before[basket] != after[basket]
    assert before[basket]["edited"] < after[basket]["edited"]
    assert review.index not in before
    assert after[review.index]["actionType"] == "instantreplay"
    told = (after[review.index]["scoreHome"], after[review.index]["scoreAway"])
    assert told == (str(review.home), str(review.away))


def test_a_boxscore_has_its_zone_and_no_people() -> None:
    """Its Eastern times carry their offset; players and officials are left empty."""
    game = json.loads(boxscore_body(GAME, GAME.moments[-1], MADE_NS))["game"]
    assert game["gameEt"].endswith("-05:00")
    assert (game["officials"], game["homeTeam"]["players"], game["gameStatus"]) == ([], [], 3)
    assert (game["homeTeam"]["score"], game["awayTeam"]["score"]) == (GAME.moments[-1].home, GAME.moments[-1].away)
