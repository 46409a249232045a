"""Error bars by game."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.stats import (
    Drawdown,
    GameBootstrap,
    deflated_sharpe,
    drawdown,
    games_needed,
    minimum_detectable,
    sum_by_game,
    t_quantile,
)


def test_the_same_seed_gives_the_same_limits() -> None:
    """Limits are a function of data and seed; another seed moves them a little."""
    profits = np.array([5, -3, 8, 1, -2, 4, 0, 7])
    one, same, other = (GameBootstrap(8, seed=seed).mean(profits) for seed in (1, 1, 2))
    assert (one.low, one.high) == (same.low, same.high)
    assert one.low != other.low
    assert one.estimate == profits.mean()
    assert one.low < one.estimate < one.high


def test_cells_are_resampled_together() -> None:
    """A cell alone and the same cell among others have the same limits, and two equal cells differ by exactly zero."""
    generator = np.random.default_rng(3)
    cells = generator.integers(-(10**9), 10**9, (12, 5))
    bootstrap = GameBootstrap(12, seed=7)
    together = bootstrap.mean(cells)
    for cell in range(5):
        alone = bootstrap.mean(cells[:, cell])
        assert (alone.low, alone.high) == (together.low[cell], together.high[cell])
    same = bootstrap.difference(cells[:, 0], cells[:, 0])
    assert (same.estimate, same.low, same.high) == (0, 0, 0)
    assert not same.excludes_zero


def test_pairing_sees_what_two_separate_intervals_cannot() -> None:
    """A small steady difference between two noisy settings is found because their games are paired."""
    generator = np.random.default_rng(1)
    noise = generator.integers(-1000, 1000, 20)
    better = noise + generator.integers(5, 15, 20)
    bootstrap = GameBootstrap(20, seed=1)
    assert bootstrap.difference(better, noise).excludes_zero
    assert not bootstrap.mean(better).excludes_zero
    against_many = bootstrap.difference(np.stack([better, noise], axis=1), noise[:, None])
    assert against_many.excludes_zero.tolist() == [True, False]


def test_the_unit_is_the_game_not_the_trade() -> None:
    """Splitting every game's profit into ten trades does not narrow anything."""
    generator = np.random.default_rng(2)
    trades = np.repeat(generator.integers(-100, 110, 15), 10)
    game = np.repeat(np.arange(15), 10)
    by_game = sum_by_game(trades, game, 15)
    interval = GameBootstrap(15, seed=1).mean(by_game)
    spread = by_game.std(ddof=1) / math.sqrt(15)
    assert interval.high - interval.low > 3.5 * spread


def test_coverage_with_a_dozen_games() -> None:
    """For 12 games a 95 % interval covers the truth in about 95 % of 400 simulated seasons, not in the plain 90 %."""
    generator = np.random.default_rng(5)
    seasons = generator.normal(3.0, 10.0, (12, 400))
    found = GameBootstrap(12, seed=5).mean(seasons)
    covered = float(((found.low < 3.0) & (found.high > 3.0)).mean())
    assert 0.92 <= covered <= 0.98


def test_ratios_of_sums() -> None:
    """A ratio is total over total; without any denominator it is unknown and excludes nothing."""
    over = np.array([[2, 0], [4, 0], [0, 0]])
    under = np.array([[1, 0], [1, 0], [2, 0]])
    found = GameBootstrap(3, seed=1).ratio(over, under)
    assert found.estimate[0] == 1.5
    assert math.isnan(found.estimate[1])
    assert (found.low[1], found.high[1]) == (-math.inf, math.inf)
    assert found.excludes_zero.tolist() == [False, False]


def test_one_game_says_nothing() -> None:
    """From one game there is an estimate and no limit."""
    found = GameBootstrap(1, seed=1).mean(np.array([5]))
    assert (found.estimate, found.low, found.high) == (5, -math.inf, math.inf)


def test_bad_arguments() -> None:
    """No games, a wrong level and another number of games are refused."""
    for games, draws, level in ((0, 1, 0.9), (1, 0, 0.9), (1, 1, 1.0)):
        with pytest.raises(ValueError, match="no bootstrap"):
            GameBootstrap(games, seed=1, draws=draws, level=level)
    with pytest.raises(ValueError, match="3 games where 2"):
        GameBootstrap(2, seed=1).mean(np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="no game"):
        minimum_detectable(1.0, 0)


@given(st.lists(st.integers(-(10**9), 10**9), max_size=40))
def test_drawdown_is_the_worst_pair(profits: list[int]) -> None:
    """The drawdown is the largest fall between any two points of the equity curve, the start included."""
    found = drawdown(np.array(profits, np.int64))
    equity = list(itertools.accumulate(profits, initial=0))
    worst = max((equity[a] - equity[b] for a in range(len(equity)) for b in range(a, len(equity))), default=0)
    assert found.depth_u6 == worst == equity[found.peak + 1] - equity[found.trough + 1]
    assert -1 <= found.peak <= found.trough


def test_drawdown_examples() -> None:
    """No fall is depth 0 at the start; a loss from the start has its peak there."""
    assert drawdown(np.array([1, 2], np.int64)) == Drawdown(0, -1, -1)
    assert drawdown(np.array([-5, 2, -1], np.int64)) == Drawdown(5, -1, 0)
    assert drawdown(np.array([4, -1, 2, -6, 1], np.int64)) == Drawdown(6, 2, 3)


@given(st.floats(0.01, 100), st.floats(0.1, 100))
def test_needed_and_detectable_are_inverse(effect: float, deviation: float) -> None:
    """With the games needed the effect is detectable, with one game fewer it is not."""
    games = games_needed(effect, deviation)
    assert games is not None
    assert minimum_detectable(deviation, games) <= effect * (1 + 1e-9)
    if games > 1:
        assert minimum_detectable(deviation, games - 1) > effect * (1 - 1e-9)
    assert games_needed(-effect, deviation) == games


def test_games_needed_examples() -> None:
    """An effect of a tenth of a deviation takes the textbook's 785 games; none takes infinitely many."""
    assert games_needed(0.1, 1.0) == 785
    assert games_needed(0.0, 1.0) is None


def test_t_quantiles() -> None:
    """The quantiles are the tables' to two tenths of a percent, and approach the normal ones."""
    tables = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 9: 2.26216, 30: 2.04227}
    for freedom, value in tables.items():
        assert t_quantile(0.975, freedom) == pytest.approx(value, rel=2e-3)
    assert t_quantile(0.975, 10**6) == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-5)


def test_deflation() -> None:
    """With one trial it is the plain probability; the more trials, the less remains; nonsense is refused."""
    profits = np.array([3, 1, -2, 4, 2, 0, 5, -1, 2, 3])
    alone, among_ten, among_many = (deflated_sharpe(profits, n, 0.05) for n in (1, 10, 1000))
    assert 0.9 < alone < 1
    assert alone > among_ten > among_many
    for bad, trials in ((np.array([1, 2]), 1), (np.array([1, 1, 1]), 1), (profits, 0)):
        with pytest.raises(ValueError, match="no deflated"):
            deflated_sharpe(bad, trials, 0.05)


def test_sums_by_game_are_exact() -> None:
    """Sums stay integers beyond what a float holds, and games without a row are 0."""
    values = np.array([2**60, 1, 5])
    assert sum_by_game(values, np.array([0, 0, 2]), 4).tolist() == [2**60 + 1, 0, 5, 0]
