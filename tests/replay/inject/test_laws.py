"""The laws hold on bad nights, and a strategy that breaks one is caught."""

from __future__ import annotations

import numpy as np
import pytest
from reel import Reel, stretch

from replay.core.cells import CELL_COLUMNS, Cells
from replay.core.rows import OP_FORGET, OP_LAST, OP_TRADE_BUY
from replay.find import load_strategy
from replay.inject.faults import apply_faults
from replay.inject.language import parse_faults
from replay.inject.laws import LAWS, Checked, check_tape
from replay.models import load_model
from strategies.fusion import run

_MIN_EDGE, _ORDER_DELAY = CELL_COLUMNS.index("min_edge_u6"), CELL_COLUMNS.index("order_delay_ns")
BAD = "disconnect 30s; freeze scores 60s; truncate; drop 10% book; reorder 20ms"


def judged(strategy: object = None, text: str = BAD) -> Checked:
    reel = Reel(apply_faults(stretch().envelopes, parse_faults(text), 3))
    return check_tape(reel, strategy or load_strategy("fusion"), load_model("brownian"))


# Strategies that break a law, each in its own way ---------------------------------------------------------------


class Forgets:
    """Does not hear of gaps."""

    name = "hears of no gap"
    law = "known books"

    def run(self, rows, *rest):
        op = np.where(rows.op == OP_FORGET, OP_TRADE_BUY, rows.op).astype(rows.op.dtype)
        op.setflags(write=False)
        return run(rows._replace(op=op), *rest)


class Doubles(Forgets):
    """Sees every size twice as large."""

    law = "true books"

    def run(self, rows, *rest):
        size = rows.size_u6 * np.where(rows.op < OP_LAST + 2, 2, 1)
        size.setflags(write=False)
        return run(rows._replace(size_u6=size), *rest)


class NeverStale(Forgets):
    """Holds that nothing grows old."""

    law = "fresh inputs"

    def run(self, rows, rules, states, fairs, timeline, market, sight, *rest):
        sight.fresh[:] = 1 << 60
        return run(rows, rules, states, fairs, timeline, market, sight, *rest)


class ByChunk(Forgets):
    """Thinks otherwise when it is shown more at once."""

    law = "one ledger"

    def run(self, rows, rules, states, fairs, *rest):
        leaning = np.where(fairs < 0, fairs, np.minimum(fairs + len(rows.op) % 7 * 3_000, 990_000))
        return run(rows, rules, states, leaning, *rest)


class Changes(Forgets):
    """Changes one parameter of its cells behind everybody's back."""

    def __init__(self, law: str, column: int, old: int, new: int) -> None:
        self.law, self.change = law, (column, old, new)

    def run(self, *columns):
        column, old, new = self.change
        cells = next(one for one in columns if isinstance(one, Cells))
        params = cells.params[column]
        params[params == old] = new
        return run(*columns)


BREAKERS = [
    Forgets(),
    Doubles(),
    NeverStale(),
    ByChunk(),
    Changes("more edge, fewer signals", _MIN_EDGE, 10_000, 900_000),
    Changes("later is not earlier", _ORDER_DELAY, 1_000_000_000, 0),
]


@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda one: one.law)
def test_a_breach_is_caught(breaker: Forgets) -> None:
    """The law that is broken is named, with a place and a reason."""
    found = judged(breaker)
    assert breaker.law in {breach.law for breach in found.violations}
    assert all(breach.why and breach.law in LAWS for breach in found.violations)


def test_the_same_night_without_a_breach() -> None:
    """The night on which the breakers are caught breaks no law itself."""
    found = judged()
    assert found.violations == []
    assert found.undecodable > 0
