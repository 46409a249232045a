"""Orders under way: a heap by due time, and what happens when one arrives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.cells import Cells, Log
from replay.core.fills import take
from replay.core.jit import inlined, inner
from replay.core.state.book import ASK_ROW, BID_ROW, KNOWN, TRUST, best_price_u6
from replay.core.state.market import Market

__all__ = ["arrive", "next_due_ns", "submit"]

Ints = NDArray[np.int64]

NEVER_NS = 1 << 62

# Numbers of ORDER_COLUMNS and CELL_COLUMNS, as constants that a kernel can read.
_CELL, _TOKEN, _SIDE, _DUE, _LIMIT, _SIZE, _STATUS, _FILLED, _CASH, _FEE, _BID, _ASK = (
    0,
    1,
    2,
    5,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
)
_ALL_OR_NONE = 11
_FILLED_ALL, _PARTIAL, _NO_LIQUIDITY, _IN_GAP = 1, 2, 3, 4
_DUES = 2


@inlined
def next_due_ns(log: Log) -> int:
    """Return when the next order arrives; NEVER_NS where none is under way."""
    if log.counts[_DUES] == 0:
        return NEVER_NS
    return int(log.due[0, 0])


@inlined
def _before(due: Ints, a: int, b: int) -> bool:
    """Order the heap by due time, then by row of the log."""
    return bool(due[a, 0] < due[b, 0] or (due[a, 0] == due[b, 0] and due[a, 1] < due[b, 1]))


@inlined
def _swap(due: Ints, a: int, b: int) -> None:
    for column in range(2):
        kept = due[a, column]
        due[a, column] = due[b, column]
        due[b, column] = kept


@inner
def submit(cells: Cells, log: Log, order: int) -> None:
    """Send the order in this row of the log on its way; it is complete up to status."""
    due = log.due
    cells.outstanding[log.orders[order, _TOKEN], log.orders[order, _CELL]] = order
    at = log.counts[_DUES]
    log.counts[_DUES] += 1
    due[at, 0] = log.orders[order, _DUE]
    due[at, 1] = order
    while at > 0 and _before(due, at, (at - 1) // 2):
        _swap(due, at, (at - 1) // 2)
        at = (at - 1) // 2


@inner
def _pop(log: Log) -> int:
    """Take the next order off the heap and return its row."""
    due = log.due
    order = int(due[0, 1])
    log.counts[_DUES] -= 1
    count = log.counts[_DUES]
    _swap(due, 0, count)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= count:
            return order
        if child + 1 < count and _before(due, child + 1, child):
            child += 1
        if not _before(due, child, at):
            return order
        _swap(due, at, child)
        at = child


@inner
def arrive(market: Market, cells: Cells, log: Log) -> None:
    """Match the next order against the book as it stands now."""
    order = _pop(log)
    row = log.orders[order]
    cell = row[_CELL]
    token = row[_TOKEN]
    cells.outstanding[token, cell] = -1
    row[_BID] = best_price_u6(market.books, token, BID_ROW)
    row[_ASK] = best_price_u6(market.books, token, ASK_ROW)
    if market.books[token, TRUST] != KNOWN:
        row[_STATUS] = _IN_GAP
        return
    buys = row[_SIDE] > 0
    filled, cash, fee = take(
        market,
        cells.eaten,
        cell,
        token,
        ASK_ROW if buys else BID_ROW,
        row[_LIMIT],
        row[_SIZE],
        cells.params[_ALL_OR_NONE, cell],
    )
    row[_FILLED] = filled
    row[_CASH] = cash
    row[_FEE] = fee
    if filled == 0:
        row[_STATUS] = _NO_LIQUIDITY
        return
    row[_STATUS] = _FILLED_ALL if filled == row[_SIZE] else _PARTIAL
    if buys:
        cells.position_u6[token, cell] += filled
        cells.cash_u6[token, cell] -= cash + fee
        cells.stake_u6[0, cell] += cash + fee
    else:
        cells.position_u6[token, cell] -= filled
        cells.cash_u6[token, cell] += cash - fee
        cells.stake_u6[0, cell] -= cash - fee
    cells.stake_u6[1, cell] = max(cells.stake_u6[1, cell], cells.stake_u6[0, cell])
