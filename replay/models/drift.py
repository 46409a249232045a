"""
Drift: whether tonight's games lie within what a model was fitted on.

A model is a formula and answers any state; that it never saw such a game does not show in the answer, so it is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from replay.core.models import GameStates, is_playable

__all__ = ["drift_of", "ranges_of"]

Ranges = Mapping[str, tuple[float, float]]

_MINUTE_MS = 60_000
# The points of a game's first minutes say nothing about its pace.
_PACE_FROM_MS = 6 * _MINUTE_MS
_NAMES = {"lead": "points of lead", "score": "points of one side", "pace": "points a minute by both sides"}


def ranges_of(states: GameStates) -> dict[str, tuple[float, float]]:
    """
    Return the least and greatest lead, score and pace of states with a score; empty where there is none.

    Units: lead and score in points, pace in points a minute of both sides, from six minutes on.
    """
    return {
        name: (math.floor(values.min() * 1000) / 1000, math.ceil(values.max() * 1000) / 1000)
        for name, values in _measures(states).items()
        if len(values)
    }


def drift_of(states: GameStates, seen: Ranges) -> list[str]:
    """Say in words which of the states' measures leave the ranges that a model has seen, and how often."""
    said = []
    for name, values in _measures(states).items():
        low, high = seen.get(name, (-np.inf, np.inf))
        outside = values[(values < low) | (values > high)]
        if len(outside):
            furthest = float(outside[np.abs(outside - (low + high) / 2).argmax()])
            said.append(
                f"{len(outside):,} of {len(values):,} states have {furthest:.3g} {_NAMES[name]} or the like, "
                f"outside the {low:g} to {high:g} of the training"
            )
    return said


def _measures(states: GameStates) -> dict[str, NDArray[np.float64]]:
    """Return the measured values of regulation by name; overtime only goes on from where regulation ended."""
    is_live = is_playable(states) & (states.home_score >= 0) & (states.away_score >= 0) & (states.remaining_ms > 0)
    home, away, elapsed = (column[is_live] for column in (states.home_score, states.away_score, states.elapsed_ms))
    paced = elapsed >= _PACE_FROM_MS
    return {
        "lead": (home - away).astype(np.float64),
        "score": np.maximum(home, away).astype(np.float64),
        "pace": (home + away)[paced] * _MINUTE_MS / elapsed[paced],
    }
