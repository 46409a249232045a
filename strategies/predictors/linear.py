"""The linear member: the margin so far and the teams' strength, one line a minute. What everything else has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from replay.core.patterns import PATTERN_MINUTES
from strategies.predictors.examples import HORIZONS, Examples, Floats, Margins, log_odds

__all__ = ["Linear", "fit_linear"]

_DIGITS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """
    Margin = intercept + slope * lead + weight * strength.

    Shape: coefficients (2, 2, 18, 3): by horizon, strength unknown or known, minute; intercept, slope and weight.
    """

    coefficients: Floats

    def margins(self, patterns: Floats, strength: Floats) -> Margins:
        """
        Forecast from patterns of one length.

        Shape: patterns (m, n); strength (m,), not a number where unknown.
        """
        known = ~np.isnan(strength)
        inputs = np.stack([np.ones(len(patterns)), patterns[:, -1], np.where(known, strength, 0.0)], axis=1)
        lines = self.coefficients[:, :, patterns.shape[1] - 1]
        return np.stack([(inputs * lines[number][known.astype(int)]).sum(axis=1) for number in range(2)], axis=1)


def fit_linear(examples: Examples) -> Linear:
    """Fit each line by least absolute deviations, for it is the absolute error that is judged."""
    known = examples.prior_u6 >= 0
    strength = log_odds(examples.prior_u6)
    coefficients = np.zeros((len(HORIZONS), 2, PATTERN_MINUTES, 3))
    for number in range(len(HORIZONS)):
        target = examples.margins[:, number].astype(np.float64)
        for minute in range(PATTERN_MINUTES):
            lead = examples.patterns[:, minute].astype(np.float64)
            coefficients[number, 0, minute, :2] = _line([lead], target)
            fitted = _line([lead[known], strength[known]], target[known])
            coefficients[number, 1, minute] = fitted
    return Linear(np.round(coefficients, _DIGITS))


def _line(inputs: Sequence[Floats], target: Floats) -> list[float]:
    from sklearn.linear_model import QuantileRegressor  # noqa: PLC0415 - needed for fitting alone

    fitted = QuantileRegressor(quantile=0.5, alpha=0.0, solver="highs").fit(np.stack(inputs, axis=1), target)
    return [float(fitted.intercept_), *map(float, fitted.coef_)]
