"""
Selection: is the chosen cell more than the luckiest of many?

The best of a thousand settings looks good on any night. Here the choice itself is judged: against the number of
settings ever tried (deflated Sharpe ratio), against all others of the grid at once (SPA, StepM), on nights that had no
part in choosing it (walk-forward), on the other half of the games (overfitting), on nights that were broken on purpose
(controls), and against the smallest profit that this many games could show at all. The unit is the game throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.controls import Control
from replay.counterfactual import PollPlan
from replay.executors import Executor, Task
from replay.film import Film
from replay.judgements import Broken, GridTest, Overfit, Step
from replay.runs import featured_cell
from replay.settings import Setting
from replay.stats import GameBootstrap, deflated_sharpe, games_needed, minimum_detectable
from replay.sweep import Sweep

__all__ = [
    "Choice",
    "choice_of",
    "judge_grid",
    "overfit_of",
    "run_controls",
    "walk_forward",
]

Ints = NDArray[np.int64]

_DRAWS = 5
_GAMES_MIN = 8
"""Fewer games give resamples so few shapes that a test over a grid says nothing."""
_BLOCKS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """
    What is to be said of the featured cell.

    deflated_sharpe is a probability, None with fewer than three games or without spread.

    Units: minimum_detectable in dollars per game, the smallest true mean that the games at hand would show four times
    out of five.
    """

    cell: int
    games: int
    trials: int
    deflated_sharpe: float | None
    minimum_detectable: float | None
    games_needed: int | None


def choice_of(sweep: Sweep, trials: int) -> Choice:
    """Judge the featured cell, given how many settings were ever tried on these tapes (at least those of the sweep)."""
    number = featured_cell(sweep)
    by_game = _by_game(sweep)
    ours = by_game[:, number]
    games = len(ours)
    deviation = float(ours.std(ddof=1)) / 1e6 if games > 1 else 0.0
    tried = max(trials, len(sweep.cells))
    deflated = None
    if games > 2 and deviation > 0:
        spread = by_game.std(axis=0, ddof=1)
        ratios = by_game.mean(axis=0)[spread > 0] / spread[spread > 0]
        deflated = deflated_sharpe(ours, tried, float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0)
    mean = float(ours.mean()) / 1e6 if games else 0.0
    return Choice(
        cell=number,
        games=games,
        trials=tried,
        deflated_sharpe=deflated,
        minimum_detectable=minimum_detectable(deviation, games) if deviation > 0 else None,
        games_needed=games_needed(mean, deviation) if deviation > 0 else None,
    )


def walk_forward(sweep: Sweep) -> list[Step]:
    """
    Choose on the nights before, evaluate on the next, night by night in the order of the tapes.

    Chosen is the cell with the best mean over its spread, the first of equal ones. One night walks nowhere.
    """
    by_game = _by_game(sweep)
    ends = np.cumsum(sweep.games_of).tolist()
    steps = []
    for night in range(1, len(ends)):
        past, here = by_game[: ends[night - 1]], by_game[ends[night - 1] : ends[night]]
        if not len(past) or not len(here):
            continue
        chosen = int(np.argmax(_score(past)))
        means = here.mean(axis=0) / 1e6
        steps.append(
            Step(
                tape=sweep.tapes[night],
                chosen=chosen,
                games=len(here),
                pnl_per_game=float(means[chosen]),
                best=float(means.max()),
            )
        )
    return steps


def judge_grid(sweep: Sweep, *, reps: int = 1_000) -> GridTest | None:
    """
    Test all cells of the grid at once; None with fewer than eight games, or where no two cells differ.

    Raises:
        UsageError: arch is not installed.

    Source: Hansen, "A Test for Superior Predictive Ability", JBES 2005; Romano and Wolf, "Stepwise Multiple Testing as
    Formalized Data Snooping", Econometrica 2005.
    """
    try:
        from arch.bootstrap import SPA, StepM
    except ModuleNotFoundError as error:
        raise UsageError("testing a grid needs arch", hint="pip install -e '.[research]'") from error
    by_game = _by_game(sweep)
    # Cells that never traded lose nothing and have no spread to be measured by; equal cells are one hypothesis.
    traded = np.flatnonzero(by_game.std(axis=0) > 0)
    _, first, same = np.unique(by_game[:, traded], axis=1, return_index=True, return_inverse=True)
    if len(by_game) < _GAMES_MIN or not len(first):
        return None
    losses = -by_game[:, traded[first]] / 1e6
    nothing = np.zeros(len(losses))
    # Games are independent of each other, so blocks are one game long.
    made: dict[str, Any] = {"block_size": 1, "reps": reps, "seed": sweep.seed}
    spa = SPA(nothing, losses, **made)
    spa.compute()
    steps = StepM(nothing, losses, size=0.05, **made)
    steps.compute()
    superior: list[Any] = list(steps.superior_models)
    better = np.isin(same.ravel(), superior)
    return GridTest(p_value=float(spa.pvalues["consistent"]), superior=traded[better].tolist(), tested=len(first))


def overfit_of(sweep: Sweep) -> Overfit | None:
    """
    Return the probability of backtest overfitting; None with fewer than eight games or where no two cells differ.

    Games are cut into an even number of blocks in their order, and every half of the blocks chooses a cell for the
    other half.

    Source: Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting", Journal of Computational
    Finance 2017.
    """
    by_game = np.unique(_by_game(sweep), axis=1)
    games, cells = by_game.shape
    if games < _GAMES_MIN or cells < 2:
        return None
    blocks = min(games // 2 * 2, _BLOCKS_MAX)
    of_block = np.arange(games) * blocks // games
    halves = list(combinations(range(blocks), blocks // 2))
    worse = 0
    for half in halves:
        is_in = np.isin(of_block, half)
        chosen = int(np.argmax(_score(by_game[is_in])))
        outside = _score(by_game[~is_in])
        below, equal = int((outside < outside[chosen]).sum()), int((outside == outside[chosen]).sum()) - 1
        # As many cells above as below is the median: a coin's throw, which no choice should be.
        worse += below + equal / 2 <= (cells - 1) / 2
    return Overfit(probability=worse / len(halves), splits=len(halves), cells=cells)


def run_controls(
    films: Sequence[Film],
    executor: Executor,
    setting: Setting,
    held: float,
    *,
    polls: PollPlan = PollPlan(),  # noqa: B008 - frozen
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Broken]:
    """
    Run one setting on nights broken in every way there is, shuffles several times.

    Units: held is what it earned on the nights as they were, dollars per game.
    """
    planned = [[k for k, game in enumerate(film.catalogue.games) if game.plan is not None] for film in films]
    can_shuffle = all(len(numbers) > 1 for numbers in planned)
    applicable = [control for control in Control if can_shuffle or control is Control.TIME_SHIFT]
    asked = [
        (control, draw, night)
        for control in applicable
        for draw in range(1 if control is Control.TIME_SHIFT else _DRAWS)
        for night in range(len(films))
    ]
    tasks = [
        Task(film=films[night], settings=[setting], polls=polls, control=control, draw=draw)
        for control, draw, night in asked
    ]
    sums = {(control, night): np.zeros(len(planned[night])) for control, _, night in asked}
    for done, (number, part) in enumerate(executor.fold(tasks), 1):
        control, _, night = asked[number]
        sums[control, night] += part.pnl_u6[0, planned[night]]
        if on_progress is not None:
            on_progress(done, len(tasks))
    return [
        _broken(control, sums, asked, held, polls)
        if control in applicable
        else Broken(control=control.value, applies=False)
        for control in Control
    ]


def _broken(
    control: Control,
    sums: dict[tuple[Control, int], NDArray[np.float64]],
    asked: Sequence[tuple[Control, int, int]],
    held: float,
    polls: PollPlan,
) -> Broken:
    draws = len({draw for one, draw, _ in asked if one is control})
    by_game = np.concatenate([total for (one, _), total in sums.items() if one is control]) / draws / 1e6
    interval = GameBootstrap(max(len(by_game), 1), seed=polls.seed).mean(by_game if len(by_game) else np.zeros(1))
    low, high = float(interval.low), float(interval.high)
    mean = float(interval.estimate)
    return Broken(
        control=control.value,
        applies=True,
        draws=draws,
        pnl_per_game=mean,
        ci_low=low if math.isfinite(low) else None,
        ci_high=high if math.isfinite(high) else None,
        vanished=_has_vanished(held, mean, low, len(by_game)),
    )


def _has_vanished(held: float, mean: float, low: float, games: int) -> bool | None:
    if held <= 0:
        return None
    # Not "no longer significant", which mere noise would do.
    if mean < held / 2:
        return True
    return False if low > 0 and games >= _GAMES_MIN else None


def _by_game(sweep: Sweep) -> Ints:
    """Return profits in u6, shape (games, cells)."""
    if not sweep.game_ids:
        return np.zeros((0, len(sweep.cells)), np.int64)
    return np.stack([cell.pnl_by_game_u6 for cell in sweep.cells], axis=1)


def _score(by_game: Ints) -> NDArray[np.float64]:
    """Return what a cell is chosen by: its mean over its spread; the mean alone where there is one game."""
    mean = by_game.mean(axis=0)
    if len(by_game) < 2:
        return np.asarray(mean, np.float64)
    spread = by_game.std(axis=0, ddof=1)
    return np.asarray(np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0))
