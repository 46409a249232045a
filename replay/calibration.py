"""How good probabilities are: Brier score, log loss, calibration error and the reliability diagram, by game."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.stats import GameBootstrap, Interval

__all__ = ["BINS", "Bin", "BrierParts", "Scores", "brier_parts", "gains", "judge", "reliability"]

BINS = 20

_ONE_U6 = 1_000_000
# Half of the last digit of prob_u6: what was rounded to certain is charged as nearly so, not as infinitely wrong.
_NEARLY = 5e-7


@dataclass(frozen=True, slots=True)
class Scores:
    """
    Scores of a set of probabilities.

    ece is the mean absolute gap between forecast and frequency over 20 equal bins, weighted by states. Its limits lie
    above it more often than not, because noise never makes a gap smaller on average. skipped counts states without an
    answer. The intervals are clustered by game.
    """

    brier: float
    log_loss: float
    ece: float
    n_states: int
    n_games: int
    skipped: int
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bin:
    """
    One bar of a reliability diagram.

    Units: low and high are the bin's edges, forecast the mean probability in it, frequency how often it came true.
    """

    low: float
    high: float
    n_states: int
    forecast: float
    frequency: float


class BrierParts(NamedTuple):
    """
    What a Brier score is made of: reliability - resolution + uncertainty + within.

    reliability is what miscalibration costs, resolution what telling games apart earns, uncertainty the score of always
    saying how often it happens; within is what forecasts that share a bin differ by.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def judge(
    prob_u6: NDArray[np.int64],
    is_win: NDArray[np.bool_],
    game: NDArray[np.int64],
    *,
    seed: int,
    draws: int = 500,
) -> Scores:
    """
    Score probabilities against what happened; negative ones are no answers and are left out.

    Shape: all (n,); game numbers what belongs together.

    Raises:
        ValueError: no state has an answer.
    """
    known = prob_u6 >= 0
    if not known.any():
        raise ValueError("no state has an answer")
    games, index = np.unique(game[known], return_inverse=True)
    sums = _sums_by_game(prob_u6[known], is_win[known], index, len(games))
    bootstrap = GameBootstrap(len(games), seed=seed, draws=draws)
    found = bootstrap.statistic(sums, _scores_of_sums)
    brier, log_loss, ece = (float(value) for value in found.estimate)
    return Scores(
        brier=brier,
        log_loss=log_loss,
        ece=ece,
        n_states=int(known.sum()),
        n_games=len(games),
        skipped=int((~known).sum()),
        intervals=_named(found),
    )


def gains(
    ours_u6: NDArray[np.int64],
    theirs_u6: NDArray[np.int64],
    is_win: NDArray[np.bool_],
    game: NDArray[np.int64],
    *,
    seed: int,
    draws: int = 2_000,
) -> dict[str, tuple[float, float, float]]:
    """
    Say by how much our Brier score and log loss are lower than theirs, state by state, with limits by game.

    Shape: all (n,); states that either has no answer for are left out.

    Raises:
        ValueError: no state has an answer of both.
    """
    known = (ours_u6 >= 0) & (theirs_u6 >= 0)
    if not known.any():
        raise ValueError("no state has an answer of both")
    games, index = np.unique(game[known], return_inverse=True)
    ours, theirs = (_sums_by_game(prob[known], is_win[known], index, len(games)) for prob in (ours_u6, theirs_u6))
    by_game = np.concatenate([ours[:, :1], theirs[:, 1:3] - ours[:, 1:3]], axis=1)
    found = GameBootstrap(len(games), seed=seed, draws=draws).statistic(by_game, lambda sums: sums[:, 1:] / sums[:, :1])
    triples = zip(found.estimate.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    return dict(zip(("brier", "log_loss"), triples, strict=True))


def brier_parts(prob_u6: NDArray[np.int64], is_win: NDArray[np.bool_], bins: int = BINS) -> BrierParts:
    """
    Take a Brier score apart over equal bins; negative probabilities are left out.

    Source: Murphy, "A New Vector Partition of the Probability Score", Journal of Applied Meteorology 1973; the part
    within bins as Stephenson, Coelho and Jolliffe, "Two Extra Components in the Brier Score Decomposition", Weather and
    Forecasting 2008.

    Raises:
        ValueError: no state has an answer.
    """
    bars = reliability(prob_u6, is_win, bins)
    if not bars:
        raise ValueError("no state has an answer")
    known = prob_u6 >= 0
    share = np.array([bar.n_states for bar in bars]) / known.sum()
    forecast, frequency = (np.array([getattr(bar, name) for bar in bars]) for name in ("forecast", "frequency"))
    rate = float(is_win[known].mean())
    reliable = float((share * (forecast - frequency) ** 2).sum())
    resolved = float((share * (frequency - rate) ** 2).sum())
    uncertain = rate * (1 - rate)
    brier = float(((prob_u6[known] / _ONE_U6 - is_win[known]) ** 2).mean())
    return BrierParts(reliable, resolved, uncertain, brier - (reliable - resolved + uncertain))


def reliability(prob_u6: NDArray[np.int64], is_win: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """
    Return the reliability diagram: only bins that hold a state; negative probabilities are left out.

    Shape: prob_u6 and is_win (n,).
    """
    known = prob_u6 >= 0
    where = _bin(prob_u6[known], bins)
    counts = np.bincount(where, minlength=bins)
    forecasts = np.bincount(where, prob_u6[known], minlength=bins) / _ONE_U6
    wins = np.bincount(where, is_win[known], minlength=bins)
    return [
        Bin(n / bins, (n + 1) / bins, int(counts[n]), float(forecasts[n] / counts[n]), float(wins[n] / counts[n]))
        for n in np.flatnonzero(counts).tolist()
    ]


def _bin(prob_u6: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    return np.minimum(prob_u6 * bins // _ONE_U6, bins - 1)


def _sums_by_game(
    prob_u6: NDArray[np.int64],
    is_win: NDArray[np.bool_],
    game: NDArray[np.int64],
    games: int,
) -> NDArray[np.float64]:
    """Return (games, 3 + BINS): states, squared errors, log losses, and forecast minus outcome by bin."""
    forecast = prob_u6 / _ONE_U6
    chance = np.clip(np.where(is_win, forecast, 1 - forecast), _NEARLY, 1 - _NEARLY)
    columns = [np.bincount(game, weights, minlength=games) for weights in (None, (1 - chance) ** 2, -np.log(chance))]
    gaps = np.bincount(game * BINS + _bin(prob_u6, BINS), forecast - is_win, minlength=games * BINS)
    return np.concatenate([np.stack(columns, axis=1), gaps.reshape(games, BINS)], axis=1)


def _scores_of_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    scores = np.stack([sums[:, 1], sums[:, 2], np.abs(sums[:, 3:]).sum(axis=1)], axis=1)
    return scores / sums[:, :1]


def _named(found: Interval) -> dict[str, tuple[float, float]]:
    names = ("brier", "log_loss", "ece")
    limits = zip(found.low.tolist(), found.high.tolist(), strict=True)
    return dict(zip(names, limits, strict=True))
