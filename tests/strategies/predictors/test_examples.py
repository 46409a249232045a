"""Games of the past as predictors take them."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_examples import simulated_examples

from strategies.predictors.examples import log_odds


def test_chosen_games_keep_everything_that_is_theirs() -> None:
    """A choice takes the same games from every column."""
    examples = simulated_examples(10)
    chosen = examples.where(np.arange(10) % 3 == 0)
    assert len(chosen) == 4
    assert list(chosen.game_ids) == [examples.game_ids[k] for k in (0, 3, 6, 9)]
    assert list(chosen.home) == [examples.home[k] for k in (0, 3, 6, 9)]
    assert list(chosen.away) == [examples.away[k] for k in (0, 3, 6, 9)]
    for name in ("patterns", "margins", "prior_u6", "dates", "seasons"):
        assert np.array_equal(getattr(chosen, name), getattr(examples, name)[[0, 3, 6, 9]])


def test_strength_is_log_odds_within_reason() -> None:
    """Even teams are at nought, the sides mirror each other, nobody is surer than 99 %, and unknown stays unknown."""
    even, stronger, weaker, surest, surer, unknown = log_odds(
        np.array([500_000, 750_000, 250_000, 990_000, 1_000_000, -1], np.int64)
    )
    assert even == 0
    assert stronger == pytest.approx(np.log(3))
    assert weaker == pytest.approx(-stronger)
    assert surer == surest
    assert np.isnan(unknown)
