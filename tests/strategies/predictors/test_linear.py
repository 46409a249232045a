"""The linear member."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_examples import simulated_examples

from strategies.predictors.examples import log_odds
from strategies.predictors.linear import Linear, fit_linear


def test_a_line_is_what_it_says() -> None:
    """Intercept, slope and weight are those of the minute, the horizon, and of what is known."""
    coefficients = np.zeros((2, 2, 18, 3))
    coefficients[1, 1, 4] = (1.0, 0.5, 2.0)
    coefficients[1, 0, 4] = (3.0, 0.25, 0.0)
    said = Linear(coefficients).margins(np.array([[9, 9, 9, 9, 8]] * 2, np.float64), np.array([1.5, np.nan]))
    assert said.tolist() == [[0.0, 1.0 + 4.0 + 3.0], [0.0, 3.0 + 2.0]]


def test_a_fit_finds_the_line_that_made_the_games() -> None:
    """Planted coefficients come back, and where the strength is unknown its average takes its place."""
    examples = simulated_examples(800, known=0.8)
    noise = np.random.default_rng(1).normal(0, 2, (800, 2))
    strength = np.nan_to_num(log_odds(examples.prior_u6))
    planted = 1.0 + 0.8 * examples.patterns[:, 17, None] + 2.0 * strength[:, None] + noise
    fitted = fit_linear(replace(examples, margins=np.rint(planted).astype(np.int64)))
    assert fitted.coefficients[1, 1, 17] == pytest.approx([1.0, 0.8, 2.0], abs=0.3)
    assert fitted.coefficients[1, 0, 17, 2] == 0


def test_a_fit_is_of_least_absolute_error() -> None:
    """Half of the games end above the line and half below, however skewed they are."""
    examples = simulated_examples(400)
    skewed = np.rint(np.random.default_rng(2).exponential(10, (400, 2))).astype(np.int64)
    examples = replace(examples, margins=skewed)
    strength = log_odds(examples.prior_u6)
    over = skewed - fit_linear(examples).margins(examples.patterns.astype(np.float64), strength)
    assert (over > 0).mean(axis=0) == pytest.approx(0.5, abs=0.05)
    assert over.mean() > 1
