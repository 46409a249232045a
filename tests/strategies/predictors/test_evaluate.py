"""Judging predictors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from simulated_examples import simulated_examples

from replay.core.predictions import Explanation, Forecast
from strategies.predictors.evaluate import evaluate, evaluation_text

EXAMPLES = simulated_examples(600, known=0.5)
TRUTH = {tuple(pattern): margins for pattern, margins in zip(EXAMPLES.patterns.tolist(), EXAMPLES.margins, strict=True)}


class Knowing:
    """Says the truth and so many points more, within an interval that reaches so far to either side."""

    name = "knowing"
    leagues = ("nba",)

    def __init__(self, off: float, reach: float, linear: float | None = None) -> None:
        self.off, self.reach, self.linear = off, reach, linear

    def predict(self, pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
        truth = TRUTH[tuple(pattern)]
        return tuple(
            Forecast(
                horizon="half" if number == 0 else "final",
                point_forecast=truth[number] + self.off,
                interval_lower=truth[number] + self.off - self.reach,
                interval_upper=truth[number] + self.off + self.reach,
                coverage=0.9,
                explanation=Explanation(linear=None if self.linear is None else truth[number] + self.linear),
            )
            for number in range(2)
        )


def test_errors_and_gains_are_what_they_are() -> None:
    """Two points off everywhere is an error of two, certain, and what the lead or the linear member costs beside it."""
    found = evaluate(Knowing(off=2.0, reach=1.0, linear=5.0), EXAMPLES)
    assert found["n_games"] == 600
    assert found["n_priors"] == int((EXAMPLES.prior_u6 >= 0).sum())
    for number, horizon in enumerate(("half", "final")):
        scores = found[horizon]
        carried = np.abs(EXAMPLES.margins[:, number] - EXAMPLES.patterns[:, 17]).mean()
        assert scores["mae"] == 2
        assert scores["mae_interval"] == [2, 2]
        assert scores["carried_mae"] == pytest.approx(carried, abs=1e-4)
        assert scores["gain"] == pytest.approx(carried - 2, abs=1e-4)
        low, high = scores["gain_interval"]
        assert low < scores["gain"] < high
        assert scores["gain_linear"] == 3
        assert scores["members"] == {"linear": 5}
        assert scores["coverage"] == 0
        assert scores["width"] == 2


def test_coverage_is_counted_within_every_tercile() -> None:
    """Terciles share all games between them; an interval that reaches the truth holds it."""
    found = evaluate(Knowing(off=2.0, reach=2.0), EXAMPLES)
    for horizon in ("half", "final"):
        terciles = found[horizon]["terciles"]
        assert sum(part["n_games"] for part in terciles) == 600
        assert [part["coverage"] for part in terciles] == [1, 1, 1]
        assert terciles[0]["lead"][0] == 0
        assert terciles[0]["lead"][1] < terciles[1]["lead"][0]
    assert "gain_linear" not in found["half"]
    assert found["half"]["members"] == {}


def test_a_text_says_it_for_people() -> None:
    """Errors, gains with their limits, and how many games fell within."""
    text = evaluation_text(evaluate(Knowing(off=2.0, reach=2.0, linear=2.0), EXAMPLES))
    assert "600 games" in text
    assert "MAE 2.000 (2.000 to 2.000)" in text
    assert "less than the linear member by 0.000 (0.000 to 0.000)" in text
    assert "90 % intervals hold 100.0 % (100.0 to 100.0), 4.0 points wide" in text
