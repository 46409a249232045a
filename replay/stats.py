"""
Honest error bars: everything is resampled by game, because what happens within a game is one bet, not many.

Floats begin here and never flow back into a decision or a digest. Sums of money enter as integers; a resampled sum is
a sum of products of integers below 2**53, so it is exact and the same in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Drawdown",
    "GameBootstrap",
    "Interval",
    "deflated_sharpe",
    "drawdown",
    "games_needed",
    "minimum_detectable",
    "sum_by_game",
    "t_quantile",
]

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Interval:
    """
    Estimates with their confidence limits, one per cell.

    Shape: three float64 arrays of the cells' shape; () for one cell. With fewer than two games the limits are infinite.
    """

    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def excludes_zero(self) -> NDArray[np.bool_]:
        """Tell where zero lies outside the limits; a cell without an estimate never does."""
        return np.asarray((self.low > 0) | (self.high < 0))


class GameBootstrap:
    """
    A set of resamples of the same games, shared by all cells, so that differences between cells are paired.

    Limits are expanded percentile limits (Hesterberg, "What Teachers Should Know About the Bootstrap", The American
    Statistician 2015, section 3.4): plain percentile limits are too narrow for the dozen games of a night.
    """

    def __init__(self, games: int, *, seed: int, draws: int = 2_000, level: float = 0.95) -> None:
        """
        Draw the resamples.

        Raises:
            ValueError: there is no game, no draw, or level is not within 0..1.
        """
        if games < 1 or draws < 1 or not 0 < level < 1:
            raise ValueError(f"no bootstrap of {games} games, {draws} draws, level {level}")
        self.games = games
        self.level = level
        generator = np.random.Generator(np.random.PCG64(seed))
        self._weights = np.empty((draws, games), np.float64)
        """How often each resample holds each game."""
        for weights in self._weights:
            weights[:] = np.bincount(generator.integers(0, games, games), minlength=games)

    def mean(self, by_game: NDArray[np.int64] | NDArray[np.float64]) -> Interval:
        """
        Return the mean per game and its limits.

        Shape: by_game (games,) or (games, cells), 0 for a game in which a cell did nothing.

        Raises:
            ValueError: by_game has another number of games.
        """
        return self.statistic(by_game, lambda sums: sums / self.games)

    def difference(self, ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> Interval:
        """
        Return the mean paired difference per game, ours minus theirs, and its limits.

        Shape: as `mean`; the two broadcast against each other, so one cell can be held against many.
        """
        return self.mean(ours - theirs)

    def ratio(self, over: NDArray[np.int64], under: NDArray[np.int64]) -> Interval:
        """
        Return a ratio of sums, such as profit over cost, and its limits; nan where under sums to 0.

        Shape: as `mean`; the two have the same shape.
        """
        both = np.stack([over, under], axis=-1)

        def divided(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            known = sums[..., 1] != 0
            return np.where(known, sums[..., 0], np.nan) / np.where(known, sums[..., 1], 1.0)

        return self.statistic(both, divided)

    def statistic(
        self,
        by_game: NDArray[np.int64] | NDArray[np.float64],
        function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> Interval:
        """
        Return any function of the sums over games, and its limits.

        Shape: by_game (games, ...); function takes sums (n, ...) of n resamples and returns (n, cells...).

        Raises:
            ValueError: by_game has another number of games.
        """
        if len(by_game) != self.games:
            raise ValueError(f"{len(by_game)} games where {self.games} were drawn")
        flat = np.asarray(by_game, np.float64).reshape(self.games, -1)
        shape = by_game.shape[1:]
        estimate = function(flat.sum(axis=0).reshape(1, *shape))[0]
        drawn = function((self._weights @ flat).reshape(len(self._weights), *shape))
        if self.games < 2:
            return Interval(estimate, np.full_like(estimate, -np.inf), np.full_like(estimate, np.inf))
        z = t_quantile((1 + self.level) / 2, self.games - 1) * math.sqrt(self.games / (self.games - 1))
        tail = _NORMAL.cdf(-z)
        low, high = _limits(drawn, tail)
        return Interval(np.asarray(estimate), low, high)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """
    The deepest fall of an equity curve from an earlier high.

    Units: depth_u6 is positive or 0. peak and trough are positions in the curve; peak is -1 where the high is the
        start.
    """

    depth_u6: int
    peak: int
    trough: int


def drawdown(profits_u6: NDArray[np.int64]) -> Drawdown:
    """
    Find the deepest drawdown of profits taken in order; the first of equal ones.

    Shape: profits_u6 (n,), one per bet or game.
    """
    equity = np.concatenate([np.zeros(1, np.int64), np.cumsum(profits_u6, dtype=np.int64)])
    fallen = np.maximum.accumulate(equity) - equity
    trough = int(np.argmax(fallen))
    peak = int(np.argmax(equity[: trough + 1]))
    return Drawdown(int(fallen[trough]), peak - 1, trough - 1)


def sum_by_game(values: NDArray[np.int64], game: NDArray[np.int64], games: int) -> NDArray[np.int64]:
    """
    Sum integers by game, exactly.

    Shape: values (n,) or (n, cells); game (n,), numbers from 0; returns (games,) or (games, cells).
    """
    total = np.zeros((games, *values.shape[1:]), np.int64)
    np.add.at(total, game, values)
    return total


def minimum_detectable(deviation: float, games: int, *, power: float = 0.8, level: float = 0.95) -> float:
    """
    Return the smallest mean per game that this many games would show, with the given power, in a two-sided test.

    Units: those of deviation, the standard deviation per game.

    Raises:
        ValueError: there is no game.
    """
    if games < 1:
        raise ValueError("no game, nothing to detect")
    return _reach(power, level) * deviation / math.sqrt(games)


def games_needed(effect: float, deviation: float, *, power: float = 0.8, level: float = 0.95) -> int | None:
    """
    Return how many games it takes to show a mean of this size; None where the effect is zero and no number would do.

    Units: effect and deviation in the same unit, per game.
    """
    if effect == 0:
        return None
    return max(1, math.ceil((_reach(power, level) * deviation / effect) ** 2))


def deflated_sharpe(by_game: NDArray[np.int64], trials: int, trial_variance: float) -> float:
    """
    Return the probability that the true Sharpe ratio per game is above what luck gives the best of so many trials.

    Shape: by_game (games,), profits of the chosen setting.

    Units: trial_variance is the variance of the Sharpe ratios per game over all settings tried.

    Raises:
        ValueError: fewer than three games, no spread in them, or no trial.

    Source: Bailey and Lopez de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 2014.
    """
    games = len(by_game)
    profits = np.asarray(by_game, np.float64)
    deviation = float(profits.std(ddof=1)) if games > 2 else 0.0
    if deviation == 0 or trials < 1:
        raise ValueError(f"no deflated Sharpe ratio from {games} games and {trials} trials")
    scaled = (profits - profits.mean()) / profits.std()
    sharpe = float(profits.mean()) / deviation
    luck = 0.0
    if trials > 1:
        luck = math.sqrt(trial_variance) * (
            (1 - _EULER_MASCHERONI) * _NORMAL.inv_cdf(1 - 1 / trials)
            + _EULER_MASCHERONI * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
        )
    skew, kurtosis = float((scaled**3).mean()), float((scaled**4).mean())
    spread = max(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2, 1e-12)
    return _NORMAL.cdf((sharpe - luck) * math.sqrt(games - 1) / math.sqrt(spread))


def t_quantile(probability: float, freedom: int) -> float:
    """
    Return the quantile of Student's t distribution.

    Exact for one and two degrees of freedom; else within 0.2 % at the 97.5th percentile, and closer from four on.

    Source: Abramowitz and Stegun 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        return (2 * probability - 1) * math.sqrt(2 / (4 * probability * (1 - probability)))
    z = _NORMAL.inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return math.fsum(term / float(freedom) ** power for power, term in enumerate(terms))


def _reach(power: float, level: float) -> float:
    return _NORMAL.inv_cdf((1 + level) / 2) + _NORMAL.inv_cdf(power)


def _limits(drawn: NDArray[np.float64], tail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the quantiles of the resamples that have a value; infinite where none has."""
    known = ~np.isnan(drawn)
    if known.all():
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        return np.asarray(low), np.asarray(high)
    cells = drawn.reshape(len(drawn), -1)
    limits = np.empty((2, cells.shape[1]))
    for cell, column in enumerate(cells.T):
        values = column[~np.isnan(column)]
        limits[:, cell] = np.quantile(values, [tail, 1 - tail]) if len(values) else (-np.inf, np.inf)
    return limits[0].reshape(drawn.shape[1:]), limits[1].reshape(drawn.shape[1:])
