"""Markouts of every cell."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from replay.cellmarks import Mids, add_marks, cell_markouts
from replay.core.cells import ORDER_COLUMNS
from replay.counterfactual import PollPlan
from replay.film import Film
from replay.find import load_strategy
from replay.markout import HORIZONS_MS
from replay.models import load_model
from replay.report.evidence import gather
from replay.settings import Setting, View, grid
from replay.sweep import Sweep, run_sweep

S = 1_000_000_000
IDEAS = load_strategy("fusion"), load_model("brownian")
SETTINGS = grid(
    Setting(),
    min_edges_u6=[20_000, 50_000, 900_000],
    views=[View(), View(poll_ms=10_000)],
    order_delays_ms=[0, 3_000],
    venue_delays_ms=[-1],
)


@pytest.fixture(scope="module")
def swept(sample_film: Film) -> Sweep:
    return run_sweep([sample_film], *IDEAS, SETTINGS, recheck=0)


@pytest.fixture(scope="module")
def marked(swept: Sweep, sample_film: Film) -> pl.DataFrame:
    return cell_markouts([sample_film], *IDEAS, swept, polls=PollPlan())


def test_a_cell_s_markouts_are_those_of_its_report(swept, marked, sample_film) -> None:
    """Fills, means and limits of a cell are those that its own evidence draws, in whichever batch it was folded."""
    for number in (0, 3, 6):
        decay = gather([sample_film], *IDEAS, swept, number).decay
        mine = marked.filter((pl.col("cell") == number) & pl.col("horizon_ms").is_not_null())
        drawn = {point.horizon_ms: point for point in decay.markout}
        assert mine["horizon_ms"].to_list() == list(HORIZONS_MS)
        for row in mine.iter_rows(named=True):
            point = drawn[row["horizon_ms"]]
            assert row["fills"] == point.trades
            assert (row["mean_c"], row["low_c"], row["high_c"]) == pytest.approx(
                (point.mean_c, point.low_c, point.high_c), abs=1e-4
            )


def test_a_cell_that_never_traded_has_no_mark(swept, marked) -> None:
    """Counts are zero and means null; every cell has a row for each horizon and for the closing line."""
    assert len(marked) == len(SETTINGS) * (len(HORIZONS_MS) + 1)
    idle = [number for number, cell in enumerate(swept.cells) if not cell.fills]
    assert idle
    none = marked.filter(pl.col("cell").is_in(idle))
    assert (none["fills"].sum(), none["mean_c"].null_count()) == (0, len(none))


def order(token: int, side: int, due_s: int, price_c: int) -> list[int]:
    values = {"token": token, "side": side, "due_ns": due_s * S, "filled_u6": 2_000_000, "cash_u6": price_c * 20_000}
    return [values.get(name, 0) for name in ORDER_COLUMNS]


def test_marks_of_fills_before_and_after_tip_off() -> None:
    """By hand: a closing line before tip-off only, sales the other way round, nothing where no mid was known."""
    # Token 0: 50 c from 10 s, 54 c from 20 s, unknown from 100 s; token 1 was never known.
    mids = Mids(
        at_ns=np.array([10, 20, 100]) * S,
        mid_u6=np.array([500_000, 540_000, -1]),
        first=np.array([0, 3, 3]),
        closing_u6=np.array([540_000, -1]),
        start_ns=np.array([50, 50]) * S,
        game=np.array([0, 0]),
        home=np.array([0]),
    )
    orders = np.array([order(0, 1, 12, 51), order(0, -1, 15, 52), order(0, 1, 60, 53), order(1, 1, 12, 51)])
    sums, counts = np.zeros((1, len(HORIZONS_MS) + 1), np.int64), np.zeros((1, len(HORIZONS_MS) + 1), np.int64)
    add_marks(orders, mids, 70 * S, np.array([0, -1]), sums, counts)
    cents = dict(zip([*HORIZONS_MS, None], (sums[0] / 10_000).tolist(), strict=True))
    seen = dict(zip([*HORIZONS_MS, None], counts[0].tolist(), strict=True))
    # A second later: bought at 51 for a mid of 50, sold at 52, and bought at 53 for 54.
    assert (cents[1_000], seen[1_000]) == (-1 + 2 + 1, 3)
    assert (cents[10_000], seen[10_000]) == (3 - 2 + 1, 3)
    # Half a minute later the third is beyond the end of the tape, two minutes later all are.
    assert (cents[30_000], seen[30_000]) == (3 - 2, 2)
    assert (cents[120_000], seen[120_000]) == (0, 0)
    assert (cents[None], seen[None]) == (3 - 2, 2)


def test_progress_counts_cells_night_by_night(swept, sample_film) -> None:
    """The last word is all cells of all nights."""
    told: list[tuple[int, int]] = []
    cell_markouts([sample_film], *IDEAS, swept, polls=PollPlan(), on_progress=lambda *done: told.append(done))
    assert told[-1] == (len(SETTINGS), len(SETTINGS))
    assert np.all(np.diff([done for done, _ in told]) > 0)
