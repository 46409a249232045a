"""
Policies: which evaluations a cell turns into orders.

`every` acts on each evaluation at or above the threshold; `first-crossing` acts once, and again only after the edge has
fallen below the re-arm edge. Either has at most one order under way per token, keeps its cooldown and its caps, and
sizes by shares, cash or a fraction of Kelly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.cells import CELL_COLUMNS, ORDER_COLUMNS, Cells, Log, OrderStatus, Policy, Sight, Sizing
from replay.core.jit import inner
from replay.core.orders import submit
from replay.core.state.book import BID_ROW, TICK_U6, best_price_u6
from replay.core.state.market import SIZE_MIN_U6, VENUE_DELAY_NS, Market

__all__ = ["decide"]

Ints = NDArray[np.int64]

(
    _VIEW,
    _MIN_EDGE,
    _REARM,
    _POLICY,
    _COOLDOWN,
    _ORDER_DELAY,
    _VENUE_DELAY,
    _SIZING,
    _SIZE,
    _BANKROLL,
    _SLIP,
    _ALL_OR_NONE,
    _CAP_SHARES,
    _CAP_CASH,
    _EXIT_EDGE,
    _WAKE,
) = range(len(CELL_COLUMNS))
_EVERY = int(Policy.EVERY)
_CASH = int(Sizing.CASH)
_KELLY = int(Sizing.KELLY)
_TOO_SMALL = int(OrderStatus.TOO_SMALL)
_CAPPED = int(OrderStatus.CAPPED)
_O_STATUS = ORDER_COLUMNS.index("status")
_ORDERS = 1

_DOLLAR_U6 = 1_000_000
_LOT_U6 = 10_000  # orders have two decimals
_NOTIONAL_MIN_U6 = 1_000_000  # a marketable order is for a dollar at least


@inner
def _size_u6(params: Ints, cell: int, limit_u6: int, ask_u6: int, edge_u6: int) -> int:
    """Return the size of the order in shares, whole lots."""
    size = params[_SIZE, cell]
    if params[_SIZING, cell] == _CASH:
        size = size * _DOLLAR_U6 // limit_u6
    elif params[_SIZING, cell] == _KELLY:
        # The Kelly stake of a bet that pays 1 at price a with chance f is (f - a) / (1 - a) of the bankroll.
        stake = params[_BANKROLL, cell] * edge_u6 // (_DOLLAR_U6 - ask_u6) * size // _DOLLAR_U6
        size = stake * _DOLLAR_U6 // limit_u6
    return int(size // _LOT_U6 * _LOT_U6)


@inner
def _limit_u6(market: Market, params: Ints, cell: int, token: int, fair_u6: int, ask_u6: int) -> int:
    """Return the worst price that the order accepts, on the tick grid."""
    if params[_SLIP, cell] < 0:
        limit = max(fair_u6 - params[_MIN_EDGE, cell], ask_u6)
    else:
        limit = ask_u6 + params[_SLIP, cell]
    tick = market.books[token, TICK_U6]
    limit = min(limit // tick * tick, _DOLLAR_U6 - tick)
    return int(max(limit, ask_u6))


@inner
def _spent_u6(market: Market, cells: Cells, cell: int, token: int) -> int:
    """Return what the cell has paid, net, for both tokens of the token's game."""
    game = market.game[token]
    spent = 0
    for k in range(2):
        other = market.tokens_of[game, k]
        if other >= 0:
            spent -= cells.cash_u6[other, cell]
    return spent


@inner
def _write(
    market: Market, cells: Cells, log: Log, cell: int, token: int, side: int, evaluation: Ints, limit: int, size: int
) -> None:
    """Log a signal's order and send it, unless venue or caps forbid it."""
    params = cells.params
    number = log.counts[_ORDERS]
    log.counts[_ORDERS] += 1
    row = log.orders[number]
    venue_ns = params[_VENUE_DELAY, cell]
    if venue_ns < 0:
        venue_ns = market.rules[token, VENUE_DELAY_NS]
    row[0] = cell
    row[1] = token
    row[2] = side
    row[3] = evaluation[0]
    row[4] = evaluation[1]
    row[5] = evaluation[1] + params[_ORDER_DELAY, cell] + venue_ns
    for k in range(3, 9):
        row[3 + k] = evaluation[k]
    row[12] = limit
    row[13] = size
    for k in range(14, len(row)):
        row[k] = 0
    cells.last_ns[token, cell] = evaluation[1]
    if size < market.rules[token, SIZE_MIN_U6] or size * limit < _NOTIONAL_MIN_U6 * _DOLLAR_U6:
        row[_O_STATUS] = _TOO_SMALL
        return
    cap_shares = params[_CAP_SHARES, cell]
    cap_cash = params[_CAP_CASH, cell]
    if side > 0 and (
        (cap_shares >= 0 and cells.position_u6[token, cell] + size > cap_shares)
        or (cap_cash >= 0 and _spent_u6(market, cells, cell, token) + size * limit // _DOLLAR_U6 > cap_cash)
    ):
        row[_O_STATUS] = _CAPPED
        return
    submit(cells, log, number)


@inner
def _first(sight: Sight, params: Ints, view: int, token: int, lowest_u6: int) -> int:
    """
    Return the first cell of a view that may have something to do; lowest_u6: the lower edge of this look and the last.

    A cell whose threshold is not above that acted at the last look, or still waits to act: then the token is busy.
    """
    first = sight.cells[view, 0]
    past = sight.cells[view, 1]
    if sight.cells[view, 2] == 0 or sight.busy[view, token] == 1:
        return int(first)
    while first < past:
        middle = (first + past) // 2
        if params[_WAKE, middle] > lowest_u6:
            past = middle
        else:
            first = middle + 1
    return int(first)


@inner
def decide(market: Market, sight: Sight, cells: Cells, log: Log, view: int, token: int, before_u6: int) -> bool:
    """
    Let the cells of a view act on the latest evaluation; True where one still wants to act though nothing moves.

    before_u6 is the edge at the look before: cells whose thresholds lie beyond both have nothing to do.
    """
    params = cells.params
    evaluation = log.latest
    edge = evaluation[6]
    highest = max(edge, before_u6)
    waits = False
    for cell in range(_first(sight, params, view, token, min(edge, before_u6)), sight.cells[view, 1]):
        if params[_WAKE, cell] > highest:
            break
        if edge < params[_REARM, cell]:
            cells.armed[token, cell] = 1
        acts = edge >= params[_MIN_EDGE, cell] and (params[_POLICY, cell] == _EVERY or cells.armed[token, cell] == 1)
        leaves = edge < params[_EXIT_EDGE, cell]
        # What is under way may arrive into an edge that has gone: then it is sold at the next look, moved or not.
        waits = waits or (leaves and cells.outstanding[token, cell] >= 0)
        if not acts and not (leaves and cells.position_u6[token, cell] > 0):
            continue
        if cells.outstanding[token, cell] >= 0 or evaluation[1] - cells.last_ns[token, cell] < params[_COOLDOWN, cell]:
            waits = True
            continue
        if acts:
            side = 1
            limit = _limit_u6(market, params, cell, token, evaluation[3], evaluation[4])
            size = _size_u6(params, cell, limit, evaluation[4], edge)
            cells.armed[token, cell] = 0
        else:
            side = -1
            limit = best_price_u6(market.books, token, BID_ROW)
            size = cells.position_u6[token, cell]
        if limit > 0:
            _write(market, cells, log, cell, token, side, evaluation, limit, size)
        waits = waits or not acts or params[_POLICY, cell] == _EVERY
    return waits
