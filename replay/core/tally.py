"""
Tally: what cells came to, added up while the orders pass by, so that a sweep need not keep them.

Units: cash, fees and shares in u6.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.core.jit import kernel

__all__ = ["FIGURES", "SHA_WIDTH", "Tally", "add_up"]

Ints = NDArray[np.int64]

FIGURES = (
    "signals",
    "orders",
    "fills",
    "shares_u6",
    "cost_u6",
    "fees_u6",
    "edge_u6",
    "bought_u6",
    "gained_u6",
    "stake_u6",
)
"""
What is told of a cell.

edge_u6 is the sum over signals; bought_u6 the shares of buys; gained_u6 by how much the fair value at the signal was
above what its buys paid, fees included; stake_u6 the most cash that was out at once, with nothing settled before the
night was over.
"""

SHA_WIDTH = 32

_CELL, _SIDE, _FAIR, _EDGE, _STATUS, _FILLED, _CASH, _FEE = (
    ORDER_COLUMNS.index(name)
    for name in ("cell", "side", "fair_u6", "edge_u6", "status", "filled_u6", "cash_u6", "fee_u6")
)
_SIGNALS, _ORDERS, _FILLS, _SHARES, _COST, _FEES, _EDGES, _BOUGHT, _GAINED, _STAKE = range(len(FIGURES))
_TOO_SMALL, _CAPPED = int(OrderStatus.TOO_SMALL), int(OrderStatus.CAPPED)
_DOLLAR_U6 = 1_000_000


class Tally:
    """The figures of cells so far, and a digest over the orders of each."""

    def __init__(self, cells: int) -> None:
        """Begin with no order."""
        self._figures = np.zeros((cells, len(FIGURES)), np.int64)
        self._digests = [hashlib.sha256() for _ in range(cells)]
        self._ends = np.zeros(cells, np.int64)
        self._by_cell = np.zeros((0, len(ORDER_COLUMNS) - 1), np.int64)

    def take(self, orders: Ints) -> None:
        """Add a block of orders, in the order of their signals. Shape: (n, len(ORDER_COLUMNS))."""
        if len(self._by_cell) < len(orders):
            self._by_cell = np.zeros((len(orders), len(ORDER_COLUMNS) - 1), np.int64)
        add_up(orders, self._figures)
        _sort(orders, self._by_cell, self._ends)
        said = self._by_cell.data.cast("B")
        width = self._by_cell.itemsize * self._by_cell.shape[1]
        first = 0
        for digest, end in zip(self._digests, self._ends.tolist(), strict=True):
            if end > first:
                digest.update(said[first * width : end * width])
                first = end

    def figures(self, stake_u6: Ints) -> Ints:
        """Return the figures, shape (cells, len(FIGURES)); stake_u6 (cells,) the most cash that was out at once."""
        figures = self._figures.copy()
        figures[:, _STAKE] = stake_u6
        return figures

    def decisions(self) -> NDArray[np.uint8]:
        """Return the sha256 over each cell's orders, but for the number of the cell: u8 (cells, SHA_WIDTH)."""
        told = b"".join(digest.digest() for digest in self._digests)
        return np.frombuffer(told, np.uint8).reshape(len(self._digests), SHA_WIDTH)


@kernel
def add_up(orders: Ints, figures: Ints) -> None:
    """Add orders to the figures of their cells, all but the stake. Shape: figures (cells, len(FIGURES))."""
    for row in range(len(orders)):
        order = orders[row]
        figure = figures[order[_CELL]]
        figure[_SIGNALS] += 1
        figure[_EDGES] += order[_EDGE]
        if order[_STATUS] != _TOO_SMALL and order[_STATUS] != _CAPPED:
            figure[_ORDERS] += 1
        filled = order[_FILLED]
        if filled == 0:
            continue
        figure[_FILLS] += 1
        figure[_SHARES] += filled
        figure[_FEES] += order[_FEE]
        if order[_SIDE] > 0:
            figure[_COST] += order[_CASH]
            figure[_BOUGHT] += filled
            figure[_GAINED] += order[_FAIR] * filled // _DOLLAR_U6 - order[_CASH] - order[_FEE]


@kernel
def _sort(orders: Ints, by_cell: Ints, ends: Ints) -> None:
    """
    Sort orders by cell; those of a cell keep their order.

    Shape: by_cell, at least as long as orders, takes their columns but the first; ends (cells,) where each cell's end
    in it.
    """
    for cell in range(len(ends)):
        ends[cell] = 0
    for row in range(len(orders)):
        ends[orders[row, _CELL]] += 1
    first = 0
    for cell in range(len(ends)):
        count = ends[cell]
        ends[cell] = first
        first += count
    for row in range(len(orders)):
        order = orders[row]
        at = ends[order[_CELL]]
        ends[order[_CELL]] = at + 1
        for column in range(by_cell.shape[1]):
            by_cell[at, column] = order[column + 1]
