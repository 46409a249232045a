"""Cells and views begin with nothing done and nothing seen, and the columns are named once."""

from __future__ import annotations

import numpy as np

from replay.core.cells import CELL_COLUMNS, EVALUATION_COLUMNS, NO_EDGE, ORDER_COLUMNS, SKIP_NAMES, new_cells, new_sight


def test_no_column_is_named_twice() -> None:
    """A name stands for one column."""
    for names in (CELL_COLUMNS, EVALUATION_COLUMNS, ORDER_COLUMNS, SKIP_NAMES):
        assert len(set(names)) == len(names)


def test_cells_begin_armed_and_empty() -> None:
    """No position, no cash moved, no order under way."""
    cells = new_cells(np.zeros((3, len(CELL_COLUMNS)), np.int64), 2)
    assert (cells.armed == 1).all()
    assert (cells.outstanding == -1).all()
    assert not cells.position_u6.any()
    assert not cells.cash_u6.any()


def test_a_view_has_seen_no_edge() -> None:
    """Before the first look there is no edge, which is below every edge."""
    sight = new_sight(2, 3, 4, book_fresh_ns=5, game_fresh_ns=6, record=True)
    assert NO_EDGE < -1_000_000
    assert sight.fresh.tolist() == [5, 6]
    assert (sight.fair_u6 == -1).all()
