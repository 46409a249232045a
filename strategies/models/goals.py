"""
Goals as two Poisson processes: leagues in which a score is rare and worth one.

Each side scores at a constant rate over what is left; more goals win, and as many as the other go to overtime, which
the first goal decides. A normal lead would call a one-goal lead safe minutes too early. Nothing is fitted here: the
rates are published means, and the goalkeeper who is pulled for a sixth skater is not in them.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from strategies.models.normal import exp

__all__ = ["Goals", "goals_probability"]

Floats = NDArray[np.float64]

_GOALS_MAX = 16  # of one side from here on: one game in ten million sees more
_RATE_MIN = 0.02
# Draws that go to overtime favour the favourite: with this the game before its start is within half a percent of a
# prior from 10 to 90 %.
_APART = 0.92


class Goals(msgspec.Struct, frozen=True, kw_only=True, tag="goals", tag_field="kind"):
    """
    Published rates.

    Units: home and away are goals a game, length the minutes of regulation.
    """

    home: float
    away: float
    length: float
    source: str = ""


def goals_probability(rates: Goals, lead: Floats, left: Floats, prior_z: Floats) -> Floats:
    """
    Return P(home) for leads in goals and minutes left.

    prior_z is the normal quantile of a pre-game probability, nan where there is none: the rates then move apart, their
    sum unchanged, until the game before its start is about that likely.

    Shape: all (n,); returns (n,).
    """
    both = rates.home + rates.away
    apart = np.where(np.isnan(prior_z), rates.home - rates.away, _APART * prior_z * np.sqrt(both))
    home = np.maximum((both + apart) / 2, _RATE_MIN) / rates.length
    away = np.maximum((both - apart) / 2, _RATE_MIN) / rates.length
    ours, theirs = _poisson(home * left), _poisson(away * left)
    behind = np.cumsum(theirs, axis=0) - theirs  # the other side scores fewer than k
    first = home / (home + away)
    ahead, level = np.zeros_like(lead), np.zeros_like(lead)
    columns = np.arange(len(lead))
    for scored in range(_GOALS_MAX + 1):
        end = np.rint(lead).astype(np.int64) + scored
        inside = (end >= 0) & (end <= _GOALS_MAX)
        at = np.clip(end, 0, _GOALS_MAX)
        ahead = ahead + ours[scored] * np.where(end > _GOALS_MAX, 1.0, np.where(inside, behind[at, columns], 0.0))
        level = level + ours[scored] * np.where(inside, theirs[at, columns], 0.0)
    return np.minimum(ahead + level * first, 1.0)


def _poisson(mean: Floats) -> Floats:
    """Return the chances of 0 to _GOALS_MAX goals, shape (_GOALS_MAX + 1, n); they add up to a whole."""
    chances = [exp(-mean)]
    for count in range(1, _GOALS_MAX + 1):
        chances.append(chances[-1] * mean / count)
    table = np.stack(chances)
    return np.asarray(table / table.sum(axis=0), np.float64)
