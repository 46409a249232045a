"""Rows as columns."""

from __future__ import annotations

import numpy as np
import pytest

from replay.core import rows
from replay.core.roll import Roller
from replay.core.rows import POLL_COLUMNS, ROW_COLUMNS, RULES_COLUMNS, STATE_COLUMNS, Rows, frozen


def test_operations_do_not_collide() -> None:
    """Every operation has a number of its own, OP_LAST added to a level's included."""
    numbers = {name: getattr(rows, name) for name in rows.__all__ if name.startswith("OP_") and name != "OP_LAST"}
    sums = [rows.OP_BID + rows.OP_LAST, rows.OP_ASK + rows.OP_LAST]
    assert len({*numbers.values(), *sums}) == len(numbers) + 2


def test_columns_have_their_types() -> None:
    """The columns of an empty night are those that the docstring promises: 47 bytes a row, read-only."""
    night = Roller().roll([])
    assert list(ROW_COLUMNS) == list(Rows._fields)
    for name, kind in ROW_COLUMNS.items():
        assert getattr(night.rows, name).dtype == kind
        assert not getattr(night.rows, name).flags.writeable
    assert sum(np.dtype(kind).itemsize for kind in ROW_COLUMNS.values()) == 47
    for table, columns in ((night.states, STATE_COLUMNS), (night.polls, POLL_COLUMNS), (night.rules, RULES_COLUMNS)):
        assert table.shape == (0, len(columns))
        assert table.dtype == np.int64


def test_frozen_is_frozen() -> None:
    """Nobody writes into a frozen column."""
    column = frozen(np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1
