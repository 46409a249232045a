"""Drift: games that leave what a model was fitted on."""

from __future__ import annotations

import numpy as np

from replay.core.models import GameStates
from replay.core.roll import Catalogue, Game, Roller
from replay.core.rows import STATE_COLUMNS, Night
from replay.models.drift import drift_of, drift_of_night, ranges_of


def states(home: list[int], away: list[int], clock_ms: int = 360_000, status: int = 1) -> GameStates:
    return GameStates.from_columns("nba", period=2, clock_ms=clock_ms, status=status, home_score=home, away_score=away)


def test_what_was_seen_does_not_drift() -> None:
    """The states that gave the ranges lie within them."""
    seen = states([30, 50, 40], [45, 45, 40])
    assert ranges_of(seen) == {"lead": (-15.0, 5.0), "score": (40.0, 50.0), "pace": (4.166, 5.278)}
    assert drift_of(seen, ranges_of(seen)) == []


def test_each_measure_that_leaves_is_named() -> None:
    """A lead, a score and a pace beyond the training are counted and named, with the furthest."""
    seen = ranges_of(states([30, 50, 40], [45, 45, 40]))
    said = drift_of(states([40, 80, 90], [40, 40, 40]), seen)
    assert [line.split(",")[0] for line in said] == [
        "2 of 3 states have 50 points of lead or the like",
        "2 of 3 states have 90 points of one side or the like",
        "2 of 3 states have 7.22 points a minute by both sides or the like",
    ]


def test_states_that_nobody_can_play_do_not_drift() -> None:
    """A final, a game that is off and an absent score say nothing about drift."""
    seen = ranges_of(states([40], [40]))
    assert drift_of(states([90], [10], status=4), seen) == []
    assert drift_of(states([-1], [10]), seen) == []
    assert ranges_of(states([90], [10], status=4)) == {}


def night(league: str, *scores: tuple[int, int]) -> tuple[Night, Catalogue]:
    """A night of one game of a league with these scores, in the second period."""
    rows = []
    for seq, (home, away) in enumerate(scores):
        row = dict.fromkeys(STATE_COLUMNS, 0)
        row |= {"seq": seq, "status": 1, "period": 2, "clock_ms": 300_000, "home": home, "away": away}
        rows.append([row[name] for name in STATE_COLUMNS])
    empty = Roller().roll([])
    return empty._replace(states=np.array(rows)), Catalogue(games=[Game(f"{league}:1", league, "A", "B")])


def test_a_night_beyond_the_training_is_named_with_its_league() -> None:
    """A hundred points of lead are beyond what the shipped model saw; an everyday score is not."""
    assert drift_of_night("brownian", *night("nba", (40, 45), (42, 45))) == []
    said = drift_of_night("brownian", *night("nba", (40, 45), (145, 45)))
    assert "nba leaves what brownian was fitted on: 1 of 2 states have 100 points of lead" in said[0]


def test_a_league_of_published_constants_is_named() -> None:
    """Nobody fitted hockey: that is said of every night with a game of it, and of no other."""
    (said,) = drift_of_night("brownian", *night("nhl", (1, 0)))
    assert said == "nhl: brownian was never fitted to this league; its constants are published ones"
    assert drift_of_night("brownian", *night("mls", (1, 0))) == []


def test_a_model_that_is_not_installed_is_not_judged() -> None:
    """Without a card nobody knows what it has seen."""
    assert drift_of_night("nobody", *night("nba", (200, 0))) == []
