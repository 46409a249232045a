"""Scores of probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.calibration import BINS, judge, reliability

ONE = 1_000_000


def test_scores_by_hand() -> None:
    """Three states by hand: mean square, mean log, and the gap of each bin weighted by its states."""
    scores = judge(np.array([800_000, 800_000, 100_000]), np.array([True, False, False]), np.array([1, 1, 2]), seed=1)
    assert scores.brier == pytest.approx((0.04 + 0.64 + 0.01) / 3)
    assert scores.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.2) + math.log(0.9)) / 3)
    assert scores.ece == pytest.approx((abs(1.6 - 1) + abs(0.1 - 0)) / 3)
    assert (scores.n_states, scores.n_games, scores.skipped) == (3, 2, 0)


def test_no_answers_are_left_out() -> None:
    """States without an answer change no score and are counted; without any answer there is no score."""
    scores = judge(np.array([-1, 700_000]), np.array([True, True]), np.array([0, 1]), seed=1)
    assert (scores.n_states, scores.n_games, scores.skipped) == (1, 1, 1)
    assert scores.brier == pytest.approx(0.09)
    with pytest.raises(ValueError, match="no state"):
        judge(np.array([-1]), np.array([True]), np.array([0]), seed=1)


def test_certainty_is_charged_finitely() -> None:
    """A certain forecast that fails costs much but not infinity."""
    scores = judge(np.array([ONE, 0]), np.array([False, True]), np.array([0, 1]), seed=1)
    assert scores.log_loss == pytest.approx(-math.log(5e-7))
    assert scores.ece == 1


def test_intervals_are_clustered_by_game() -> None:
    """The same state repeated ten times in a game is no more evidence: the limits stay as they were."""
    generator = np.random.default_rng(1)
    prob = generator.integers(0, ONE, 60)
    won = generator.random(60) < prob / ONE
    game = np.arange(60)
    once = judge(prob, won, game, seed=3)
    often = judge(np.repeat(prob, 10), np.repeat(won, 10), np.repeat(game, 10), seed=3)
    assert once.intervals["brier"] == pytest.approx(often.intervals["brier"])
    assert once.intervals["brier"][0] < once.brier < once.intervals["brier"][1]


@given(st.lists(st.tuples(st.integers(-1, ONE), st.booleans()), min_size=1, max_size=60))
def test_the_diagram_adds_up(states: list[tuple[int, bool]]) -> None:
    """Every state with an answer is in one bin, within its edges, and the weighted gaps are the calibration error."""
    prob, won = (np.array(column) for column in zip(*states, strict=True))
    bins = reliability(prob, won)
    known = int((prob >= 0).sum())
    assert sum(bar.n_states for bar in bins) == known
    assert all(bar.low - 1e-9 <= bar.forecast <= bar.high + 1e-9 for bar in bins)
    assert len(bins) <= BINS
    if known:
        scores = judge(prob, won, np.arange(len(prob)), seed=1, draws=5)
        gap = sum(bar.n_states * abs(bar.forecast - bar.frequency) for bar in bins) / known
        assert scores.ece == pytest.approx(gap)
