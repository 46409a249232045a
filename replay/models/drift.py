"""
Drift: whether tonight's games lie within what a model was fitted on.

A model is a formula and answers any state; that it never saw such a game does not show in the answer, so it is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.core.engine import states_of
from replay.core.models import GameStates, is_playable
from replay.core.roll import Catalogue
from replay.core.rows import STATE_COLUMNS, Night
from replay.models.card import read_card

__all__ = ["drift_of", "drift_of_night", "ranges_of"]

Ranges = Mapping[str, tuple[float, float]]

_GAME = STATE_COLUMNS.index("game")
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


def drift_of_night(model: str, night: Night, catalogue: Catalogue) -> list[str]:
    """
    Say of each league of a night whether its games leave what an installed model was fitted on.

    A model that is not installed, or has no card, says nothing of what it has seen, and nothing is said of it.
    """
    try:
        card = read_card(model)
    except UsageError:
        return []
    said = []
    leagues = np.array([game.league for game in catalogue.games])
    for league in sorted(set(leagues.tolist())):
        rows = night.states[(leagues == league)[night.states[:, _GAME]]]
        states = states_of(league, rows)
        if league in card.published and is_playable(states).any():
            said.append(f"{league}: {model} was never fitted to this league; its constants are published ones")
        if league in card.training:
            seen = card.training[league].ranges
            said += [f"{league} leaves what {model} was fitted on: {text}" for text in drift_of(states, seen)]
    return said


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
