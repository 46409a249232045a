"""What predictors learn from: games of the past up to minute 18, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["HORIZONS", "Examples", "Floats", "Ints", "Margins", "log_odds"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Margins = NDArray[np.float64]
"""(n, 2): the margins at half-time and at the end, home minus away, in points."""

HORIZONS = ("half", "final")

_CERTAIN_U6 = 1_000_000
# A rating that is surer than this has seen too little.
_SUREST_U6 = 990_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """
    Games in the order they were played.

    Shape: patterns (n, 18); margins (n, 2); all others (n,).

    Units: points, home minus away; dates YYYYMMDD; seasons by ending year; prior_u6 the home team's probability as it
        was known before the game, -1 where it was not.
    """

    game_ids: Sequence[str]
    seasons: Ints
    dates: Ints
    home: Sequence[str]
    away: Sequence[str]
    patterns: Ints
    margins: Ints
    prior_u6: Ints

    def __len__(self) -> int:
        """Return the number of games."""
        return len(self.patterns)

    def where(self, chosen: NDArray[np.bool_]) -> Examples:
        """Return the chosen games."""
        kept = np.flatnonzero(chosen).tolist()
        return Examples(
            game_ids=[self.game_ids[k] for k in kept],
            seasons=self.seasons[chosen],
            dates=self.dates[chosen],
            home=[self.home[k] for k in kept],
            away=[self.away[k] for k in kept],
            patterns=self.patterns[chosen],
            margins=self.margins[chosen],
            prior_u6=self.prior_u6[chosen],
        )


def log_odds(prior_u6: Ints) -> Floats:
    """Return how much stronger the home team was held to be, as log odds; not a number where nobody knows."""
    sure = np.clip(prior_u6, _CERTAIN_U6 - _SUREST_U6, _SUREST_U6) / _CERTAIN_U6
    return np.where(prior_u6 < 0, np.nan, np.log(sure / (1 - sure)))
