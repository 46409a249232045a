"""
Conformal intervals: as wide as past forecasts were wrong, so that the stated share of games falls within.

Errors are those of forecasts for seasons that were left out of the fit. They are taken apart by the size of the lead
(its terciles), minute by minute: a close game is not as open as a decided one (Vovk's Mondrian conformal prediction).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strategies.predictors.examples import Floats, Ints

__all__ = ["GROUPS", "Intervals", "half_width", "lead_group", "tercile_edges"]

GROUPS = 3
"""The terciles."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """
    Half-widths of the intervals.

    Shape: edges (18, 2), the terciles of the lead's size by minute; widths (2, 2, 18, 3), by horizon, strength unknown
    or known, minute, tercile.
    """

    coverage: float
    edges: Floats
    widths: Floats

    def around(self, horizon: int, lead: float, minutes: int, *, is_known: bool) -> float:
        """Return how far the interval reaches to either side."""
        group = int(lead_group(np.array([lead]), self.edges[minutes - 1])[0])
        return float(self.widths[horizon, int(is_known), minutes - 1, group])


def tercile_edges(lead: Ints) -> Floats:
    """Return the two sizes of lead above which the next tercile begins."""
    return np.asarray(np.quantile(np.abs(lead), [1 / 3, 2 / 3], method="higher"), np.float64)


def lead_group(lead: NDArray[np.int64] | Floats, edges: Floats) -> Ints:
    """Return the tercile that each lead is in, 0 to 2."""
    return np.searchsorted(edges, np.abs(lead), side="left").astype(np.int64)


def half_width(errors: Floats, coverage: float) -> float:
    """
    Return the half-width that covers a further game with at least the stated probability.

    Raises:
        ValueError: there are too few errors for that.
    """
    from mapie.regression import SplitConformalRegressor  # noqa: PLC0415 - needed for fitting alone

    class _Nought:
        """A forecast of nothing, so that what is left to explain are the errors themselves."""

        is_fitted = True

        def fit(self, inputs: Floats, target: Floats) -> _Nought:
            del inputs, target
            return self

        def predict(self, inputs: Floats) -> Floats:
            return np.zeros(len(inputs))

    regressor = SplitConformalRegressor(_Nought(), confidence_level=coverage, prefit=True)
    regressor.conformalize(np.zeros((len(errors), 1)), errors)
    _, limits = regressor.predict_interval(np.zeros((1, 1)))
    return float(limits[0, 1, 0])
