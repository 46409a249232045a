"""Drift: games that leave what a model was fitted on."""

from __future__ import annotations

from replay.core.models import GameStates
from replay.models.drift import drift_of, ranges_of


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
