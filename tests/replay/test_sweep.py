"""Sweeps: many cells at once are what each is alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest

from recorder.errors import RegressionError, UsageError
from replay import sweep as sweep_module
from replay.backtest import replay_film, sum_settings
from replay.core.cells import ORDER_COLUMNS
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View, grid
from replay.sweep import run_sweep

STRATEGY, MODEL = load_strategy("fusion"), load_model("brownian")
SETTINGS = grid(
    Setting(),
    min_edges_u6=[20_000, 50_000, 80_000],
    views=[View(), View(poll_ms=10_000), View(poll_ms=10_000, phase=1)],
    order_delays_ms=[0, 1_000],
    venue_delays_ms=[-1],
)


@pytest.fixture(scope="module")
def swept(sample_film):
    return run_sweep([sample_film], STRATEGY, MODEL, SETTINGS, recheck=len(SETTINGS))


def test_every_cell_is_what_it_is_alone(swept) -> None:
    """The re-check folds as many cells again as asked, and all of them agree."""
    assert swept.rechecked == len(swept.cells) == len(SETTINGS)
    assert [cell.setting for cell in swept.cells] == SETTINGS


def test_a_cell_is_a_replay(swept, sample_film) -> None:
    """Signals, fills, fees and profit of a cell are those of the ledger of its setting."""
    for cell in swept.cells[::5]:
        ledger = replay_film(sample_film, STRATEGY, MODEL, cell.setting)
        facts = ledger.summary()
        assert (cell.signals, cell.orders, cell.fills) == (facts["signals"], facts["orders"], facts["fills"])
        assert (cell.fees_u6, cell.pnl_u6) == (facts["fees_u6"], facts["pnl_u6"])
        assert cell.pnl_u6 == int(cell.pnl_by_game_u6.sum())


def test_a_planted_disagreement_is_a_regression(sample_film, monkeypatch) -> None:
    """Where a cell is not the same alone, by one micro-dollar, the sweep fails and names tape and setting."""

    def tampered(film, strategy, model, settings, **options):
        part = sum_settings(film, strategy, model, settings, **options)
        return part if len(settings) > 1 else replace(part, pnl_u6=part.pnl_u6 + 1)

    monkeypatch.setattr(sweep_module, "sum_settings", tampered)
    with pytest.raises(RegressionError, match=r"cell \d+ of sample is not what it is alone") as failed:
        run_sweep([sample_film], STRATEGY, MODEL, SETTINGS)
    assert failed.value.exit_code == 4
    assert "min_edge_u6" in failed.value.why


def test_the_digest_is_over_settings_and_results(swept, sample_film) -> None:
    """The same grid gives the same digest, however often it is re-checked; another order delay another one."""
    again = run_sweep([sample_film], STRATEGY, MODEL, SETTINGS, recheck=0)
    other = [replace(setting, order_delay_ms=2_000) for setting in SETTINGS]
    assert again.digest() == swept.digest()
    assert run_sweep([sample_film], STRATEGY, MODEL, other, recheck=0).digest() != swept.digest()


def test_the_order_of_a_grid_does_not_matter(swept, sample_film) -> None:
    """Cells come back in the order that was asked, with the same results."""
    back = run_sweep([sample_film], STRATEGY, MODEL, SETTINGS[::-1], recheck=0)
    assert [cell.decisions for cell in back.cells] == [cell.decisions for cell in swept.cells[::-1]]
    assert all(
        np.array_equal(one.pnl_by_game_u6, two.pnl_by_game_u6)
        for one, two in zip(back.cells, swept.cells[::-1], strict=True)
    )


def test_intervals_hold_their_means(swept) -> None:
    """The bootstrap interval of a cell lies around its mean profit per game; the games are those of the plan."""
    assert len(swept.game_ids) == 3
    for cell in swept.cells:
        assert cell.ci_low <= cell.pnl_per_game <= cell.ci_high
        assert cell.pnl_per_game == pytest.approx(cell.pnl_u6 / 3 / 1e6)


def test_rates_and_risks_of_a_cell(swept, sample_film) -> None:
    """Return, hit rate, drawdown, stake and the edge that fills paid for are those of the cell's own ledger."""
    cell = max(swept.cells, key=lambda cell: cell.fills)
    orders = replay_film(sample_film, STRATEGY, MODEL, cell.setting).orders
    rows = [dict(zip(ORDER_COLUMNS, row, strict=True)) for row in orders.tolist()]
    fills = sorted((row for row in rows if row["filled_u6"]), key=lambda row: row["due_ns"])
    assert {row["side"] for row in fills} == {1}
    out = list(accumulate(row["cash_u6"] + row["fee_u6"] for row in fills))
    shares = sum(row["filled_u6"] for row in fills)
    worth = sum(row["fair_u6"] * row["filled_u6"] // 10**6 for row in fills)
    dollars = cell.pnl_by_game_u6.tolist()
    sums = list(accumulate(dollars, initial=0))
    assert cell.stake_u6 == out[-1]
    assert cell.fill_edge_c == pytest.approx((worth - out[-1]) / shares * 100, abs=1e-4)
    assert cell.roi == pytest.approx(cell.pnl_u6 / sum(row["cash_u6"] for row in fills), abs=1e-6)
    assert cell.hit_rate == pytest.approx(sum(one > 0 for one in dollars) / sum(one != 0 for one in dollars), abs=1e-6)
    assert cell.drawdown_u6 == max(max(sums[: k + 1]) - sums[k] for k in range(len(sums)))


def test_cash_of_one_night_is_there_for_the_next(sample_film) -> None:
    """Over two nights figures add up, but what was out at once is that of the heavier night."""
    setting = SETTINGS[:1]
    one = run_sweep([sample_film], STRATEGY, MODEL, setting, recheck=0).cells[0]
    two = run_sweep([sample_film, sample_film], STRATEGY, MODEL, setting, recheck=0).cells[0]
    assert (two.fills, two.cost_u6, two.stake_u6) == (2 * one.fills, 2 * one.cost_u6, one.stake_u6)


def test_more_views_than_fit_at_once(sample_film) -> None:
    """A grid with many views runs in batches, with the results of small grids."""
    views = [View(poll_ms=10_000, phase=phase) for phase in range(40)]
    settings = [Setting(view=view) for view in views]
    many = run_sweep([sample_film], STRATEGY, MODEL, settings, recheck=0)
    few = run_sweep([sample_film], STRATEGY, MODEL, settings[35:38], recheck=0)
    assert [cell.decisions for cell in many.cells[35:38]] == [cell.decisions for cell in few.cells]


def test_progress_is_told(sample_film) -> None:
    """on_progress hears how many cells of how many are done, up to all of them."""
    told: list[tuple[int, int]] = []
    run_sweep(
        [sample_film], STRATEGY, MODEL, SETTINGS, recheck=0, on_progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (len(SETTINGS), len(SETTINGS))


def test_a_plan_faster_than_the_recording_is_refused(sample_film) -> None:
    """What was not recorded cannot be polled."""
    with pytest.raises(UsageError):
        run_sweep([sample_film], STRATEGY, MODEL, [Setting(view=View(poll_ms=100))])
