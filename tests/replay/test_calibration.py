"""Scores of probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.calibration import BINS, brier_parts, gains, judge, reliability

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


@given(st.lists(st.tuples(st.integers(0, 1_000_000), st.booleans()), min_size=1, max_size=50))
def test_the_parts_of_a_brier_score_add_up(said: list[tuple[int, bool]]) -> None:
    """Reliability less resolution plus uncertainty plus what is within bins is the score; the first three are >= 0."""
    prob_u6, won = np.array([one[0] for one in said]), np.array([one[1] for one in said])
    parts = brier_parts(prob_u6, won)
    brier = float(((prob_u6 / 1e6 - won) ** 2).mean())
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within == pytest.approx(brier, abs=1e-12)
    assert min(parts[:3]) >= 0


def test_what_each_part_of_a_brier_score_says() -> None:
    """The base rate is uncertainty alone; certain and right, resolution pays; certain and wrong costs a whole."""
    won = np.array([True, False])
    half, right, wrong = np.array([500_000, 500_000]), np.array([1_000_000, 0]), np.array([0, 1_000_000])
    assert brier_parts(half, won) == (0, 0, 0.25, 0)
    assert brier_parts(right, won) == (0, 0.25, 0.25, 0)
    assert brier_parts(wrong, won) == (1, 0.25, 0.25, 0)
    with pytest.raises(ValueError, match="no state"):
        brier_parts(np.array([-1]), np.array([True]))


def test_a_gain_is_the_paired_difference() -> None:
    """The gain is their score less ours over the states that both answer, with limits by game around it."""
    generator = np.random.default_rng(3)
    game = np.repeat(np.arange(200), 5)
    chance = generator.uniform(0.1, 0.9, 200)[game]
    won = (generator.uniform(size=200) < chance[::5])[game]
    ours, theirs = np.rint(chance * 1e6).astype(int), np.full(1_000, 500_000)
    found = gains(ours, theirs, won, game, seed=1, draws=200)
    brier, low, high = found["brier"]
    assert brier == pytest.approx(0.25 - ((ours / 1e6 - won) ** 2).mean())
    assert 0 < low < brier < high
    assert found["log_loss"][0] > 0
    ours[0] = -1
    assert gains(ours, theirs, won, game, seed=1, draws=9)["brier"][0] != brier
    with pytest.raises(ValueError, match="no state"):
        gains(ours * 0 - 1, theirs, won, game, seed=1)
