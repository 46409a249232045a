"""Is the chosen cell more than the luckiest of many?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recorder.tape.reader import open_tape
from replay.controls import Control
from replay.counterfactual import PollPlan
from replay.executors import PoolExecutor, SerialExecutor
from replay.film import build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.runs import featured_cell
from replay.selection import _has_vanished, choice_of, judge_grid, overfit_of, run_controls, walk_forward
from replay.settings import Setting
from replay.stats import deflated_sharpe, minimum_detectable
from replay.sweep import Sweep, run_sweep
from replay.synth.night import plan_night, write_night

IDEAS = (load_strategy("fusion"), load_model("brownian"))
SETTINGS = [Setting(min_edge_u6=edge) for edge in (20_000, 40_000, 60_000, 900_000)]


@pytest.fixture(scope="module")
def swept(nights) -> Sweep:
    return run_sweep(nights, *IDEAS, SETTINGS, recheck=0)


def invented(swept, by_game, games_of=()) -> Sweep:
    """A sweep with these profits in u6, shape (games, cells)."""
    games, cells = by_game.shape
    return replace(
        swept,
        cells=[replace(swept.cells[0], pnl_by_game_u6=by_game[:, k].astype(np.int64)) for k in range(cells)],
        game_ids=[f"nba:{k}" for k in range(games)],
        games_of=games_of or (games,),
        tapes=[f"night {k}" for k in range(len(games_of) or 1)],
    )


def test_the_choice_is_deflated_by_every_trial(swept) -> None:
    """The ratio is that of the featured cell at the number of settings ever tried; more trials, less certainty."""
    few, many = choice_of(swept, 0), choice_of(swept, 10_000)
    number = featured_cell(swept)
    by_game = np.stack([cell.pnl_by_game_u6 for cell in swept.cells], axis=1)
    spread = by_game.std(axis=0, ddof=1)
    ratios = by_game.mean(axis=0)[spread > 0] / spread[spread > 0]
    assert (few.cell, few.games, few.trials, many.trials) == (number, 5, len(SETTINGS), 10_000)
    assert few.deflated_sharpe == deflated_sharpe(by_game[:, number], len(SETTINGS), float(ratios.var(ddof=1)))
    assert many.deflated_sharpe < few.deflated_sharpe
    assert few.minimum_detectable == minimum_detectable(float(spread[number]) / 1e6, 5)


def test_a_choice_among_nothing(swept) -> None:
    """Two games, or cells that never traded, give no ratio and no detectable profit rather than a made-up one."""
    idle = choice_of(invented(swept, np.zeros((5, 3))), 3)
    assert (idle.deflated_sharpe, idle.minimum_detectable, idle.games_needed) == (None, None, None)
    assert choice_of(invented(swept, np.array([[1_000_000], [3_000_000]])), 1).deflated_sharpe is None


def test_a_walk_never_chooses_by_the_night_it_is_judged_on(swept) -> None:
    """The cell of each step is the best of all nights before; what the night itself would have chosen is beside it."""
    dollars = np.array([[1, 5], [2, 6], [9, -4], [8, -4], [7, -9], [3, -1]]) * 1_000_000
    steps = walk_forward(invented(swept, dollars, games_of=(2, 2, 2)))
    assert [step.tape for step in steps] == ["night 1", "night 2"]
    assert [step.chosen for step in steps] == [1, 0]
    assert [(step.pnl_per_game, step.best) for step in steps] == [(-4.0, 8.5), (5.0, 5.0)]


def test_one_night_walks_nowhere(swept, sample_film) -> None:
    """With a single night nothing is left to evaluate on."""
    assert walk_forward(run_sweep([sample_film], *IDEAS, SETTINGS[:1], recheck=0)) == []
    assert [step.games for step in walk_forward(swept)] == [2]


def test_a_grid_of_noise_is_told_from_one_with_profit(swept) -> None:
    """Twenty cells of noise: no cell is better than nothing. One with a real mean among them: that one, and only it."""
    draw = np.random.Generator(np.random.PCG64(4))
    noise = draw.normal(0, 5e6, (60, 20))
    found = judge_grid(invented(swept, noise))
    assert found.p_value > 0.05
    assert (found.superior, found.tested) == ([], 20)
    noise[:, 7] += 4e6
    found = judge_grid(invented(swept, noise))
    assert found.p_value < 0.01
    assert found.superior == [7]


def test_equal_and_idle_cells_are_not_counted(swept) -> None:
    """Cells with the same profits are one hypothesis, judged alike; those that never traded are none."""
    draw = np.random.Generator(np.random.PCG64(5))
    good = draw.normal(6e6, 3e6, 40)
    grid = np.stack([good, np.zeros(40), good, draw.normal(0, 3e6, 40)], axis=1)
    found = judge_grid(invented(swept, grid))
    assert (found.superior, found.tested) == ([0, 2], 2)


def test_few_games_test_no_grid(swept) -> None:
    """Five games, or a grid that never traded, are no basis for a test."""
    assert judge_grid(swept) is None
    assert judge_grid(invented(swept, np.zeros((20, 3)))) is None


def test_noise_is_overfitted_and_profit_is_not(swept) -> None:
    """The best of many equal cells is a coin's throw on the other half; one that is truly better is best there too."""
    draw = np.random.default_rng(5)
    noise = np.rint(draw.normal(0, 3e6, (40, 50)))
    found = overfit_of(invented(swept, noise))
    assert (found.splits, found.cells) == (924, 50)
    assert 0.25 < found.probability < 0.75
    noise[:, 7] += 4_000_000
    assert overfit_of(invented(swept, noise)).probability < 0.01


def test_what_is_best_on_one_half_alone_is_overfitted(swept) -> None:
    """Each cell earns in a game of its own and loses in all others: whatever one half chooses loses on the other."""
    lucky = np.eye(8) * 50e6 - 1e6 + np.random.default_rng(1).normal(0, 1e5, (8, 8))
    assert overfit_of(invented(swept, np.rint(lucky))).probability == 1.0


def test_few_games_or_equal_cells_tell_nothing_of_overfitting(swept) -> None:
    """Below eight games, and where there was nothing to choose, there is no figure."""
    assert overfit_of(invented(swept, np.arange(14).reshape(7, 2))) is None
    assert overfit_of(invented(swept, np.ones((9, 3)))) is None


def test_controls_are_run_in_every_way(swept, nights) -> None:
    """Each way of breaking the nights is run, shuffles in several draws; the result is the same in other processes."""
    held = swept.cells[0].pnl_per_game
    here = run_controls(nights, SerialExecutor(*IDEAS), SETTINGS[0], held)
    there = run_controls(nights, PoolExecutor("fusion", "brownian", 2), SETTINGS[0], held)
    assert [broken.control for broken in here] == list(Control)
    assert here == there
    assert [(broken.applies, broken.draws) for broken in here] == [(True, 5), (True, 1), (True, 5)]
    alone = run_sweep(nights, *IDEAS, SETTINGS[:1], control=Control.TIME_SHIFT, polls=PollPlan()).cells[0]
    shifted = next(broken for broken in here if broken.control == Control.TIME_SHIFT)
    assert shifted.pnl_per_game == pytest.approx(alone.pnl_per_game)
    assert shifted.vanished is True


@pytest.mark.parametrize(
    ("held", "mean", "low", "games", "told"),
    [
        (2.0, 0.9, -3.0, 3, True),
        (2.0, 1.1, 0.1, 8, False),
        (2.0, 1.1, 0.1, 7, None),
        (2.0, 1.1, -0.1, 80, None),
        (-1.0, 5.0, 4.0, 80, None),
    ],
)
def test_profit_vanishes_stays_or_cannot_be_told(held, mean, low, games, told) -> None:
    """Less than half left has vanished; more has stayed only where enough games tell it apart from nothing."""
    assert _has_vanished(held, mean, low, games) is told


def test_a_night_of_one_game_is_only_shifted(tmp_path) -> None:
    """Where there is nothing to shuffle, the controls say that they do not apply."""
    write_night(tmp_path / "one", plan_night(2, 1, "2026-01-15", 300))
    found = run_controls([build_film(open_tape(tmp_path / "one"))], SerialExecutor(*IDEAS), SETTINGS[0], 0.0)
    assert [(broken.control, broken.applies, broken.vanished) for broken in found] == [
        (Control.SHUFFLE_GAMES, False, None),
        (Control.TIME_SHIFT, True, None),
        (Control.SHUFFLE_LABELS, False, None),
    ]
