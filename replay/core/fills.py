"""
What an order would have traded: the walk through a book, the fee, and the liquidity already taken.

The recorded future does not know about our orders. So that the same resting size is not filled twice, each cell
remembers what it took from a level, and cannot take it again until the level's size has changed. A level that comes
back with the very same size counts as the same liquidity: the doubt goes against us.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.jit import inner
from replay.core.state.book import ASK_ROW, BEST_BID, DOLLAR_U6, UNIT_U6
from replay.core.state.market import FEE_RATE_U6, Market

__all__ = ["EATEN_WIDTH", "MEMORY", "fee_u6", "take"]

Ints = NDArray[np.int64]

MEMORY = 16
"""How many levels a cell remembers to have taken from, per token."""

# Columns of eaten[token, cell, slot]. Slots fill from the front: where a price is 0, that one and all behind are empty.
_ROW = 0
_PRICE_U6 = 1
_SIZE_U6 = 2  # the level's size when we took from it
_TAKEN_U6 = 3
EATEN_WIDTH = 4


@inner
def fee_u6(shares_u6: int, price_u6: int, rate_u6: int) -> int:
    """
    Return the taker's fee: shares x rate x p x (1 - p), rounded half up to five decimals, in u6.

    Exact in 64 bits up to 300,000 shares. Prices are multiples of a hundredth of a cent. Source: the venue's fee page,
    as of 2026-07-27.
    """
    a = price_u6 // 100
    per_share = rate_u6 * (a * (10_000 - a))  # millionths x 1e-8
    high = per_share // 1_000_000
    low = per_share % 1_000_000
    scaled = shares_u6 * high + (shares_u6 * low) // 1_000_000
    return int((scaled + 500_000_000) // 1_000_000_000 * 10)


@inner
def _left(eaten: Ints, cell: int, token: int, row: int, price_u6: int, size_u6: int) -> int:
    """Return what of a level this cell has not taken yet."""
    for slot in range(MEMORY):
        if eaten[token, cell, slot, _PRICE_U6] == 0:
            break
        if (
            eaten[token, cell, slot, _PRICE_U6] == price_u6
            and eaten[token, cell, slot, _ROW] == row
            and eaten[token, cell, slot, _SIZE_U6] == size_u6
        ):
            return int(max(size_u6 - eaten[token, cell, slot, _TAKEN_U6], 0))
    return size_u6


@inner
def _remember(eaten: Ints, cell: int, token: int, row: int, price_u6: int, size_u6: int, taken_u6: int) -> None:
    """Note how much of a level is taken; the slot of the same level is used again, else the one used longest ago."""
    slot = MEMORY - 1
    for k in range(MEMORY):
        known = eaten[token, cell, k, _PRICE_U6]
        if known == 0 or (known == price_u6 and eaten[token, cell, k, _ROW] == row):
            slot = k
            break
    for k in range(slot, 0, -1):
        for column in range(EATEN_WIDTH):
            eaten[token, cell, k, column] = eaten[token, cell, k - 1, column]
    eaten[token, cell, 0, _ROW] = row
    eaten[token, cell, 0, _PRICE_U6] = price_u6
    eaten[token, cell, 0, _SIZE_U6] = size_u6
    eaten[token, cell, 0, _TAKEN_U6] = taken_u6


@inner
def _available(market: Market, eaten: Ints, cell: int, token: int, row: int, limit_u6: int) -> int:
    """Return the size that stands at the limit or better, less what this cell took already."""
    unit = market.books[token, UNIT_U6]
    step = 1 if row == ASK_ROW else -1
    at = market.books[token, BEST_BID + row]
    total = 0
    while 0 < at < DOLLAR_U6 // unit and (at * unit - limit_u6) * step <= 0:
        size = market.levels[token, row, at]
        if size > 0:
            total += _left(eaten, cell, token, row, at * unit, size)
        at += step
    return total


@inner
def take(
    market: Market, eaten: Ints, cell: int, token: int, row: int, limit_u6: int, size_u6: int, all_or_none: int
) -> tuple[int, int, int]:
    """
    Walk the asks (row 1, a buy) or bids (row 0, a sale) to the limit; return what was filled, paid and charged.

    Returns size filled, cash exchanged and fee, in u6. Cash is rounded half up and the fee charged at every level
    walked. all_or_none 1 is FOK, 0 FAK.
    """
    if all_or_none == 1 and _available(market, eaten, cell, token, row, limit_u6) < size_u6:
        return 0, 0, 0
    unit = market.books[token, UNIT_U6]
    rate = market.rules[token, FEE_RATE_U6]
    step = 1 if row == ASK_ROW else -1
    first = market.books[token, BEST_BID + row]
    at = first
    last = first
    taken_last = 0
    filled = 0
    cash = 0
    fee = 0
    while filled < size_u6 and 0 < at < DOLLAR_U6 // unit and (at * unit - limit_u6) * step <= 0:
        size = market.levels[token, row, at]
        price = at * unit
        if size > 0:
            left = _left(eaten, cell, token, row, price, size)
            part = min(left, size_u6 - filled)
            filled += part
            cash += (part * price + DOLLAR_U6 // 2) // DOLLAR_U6
            fee += fee_u6(part, price, rate)
            last = at
            taken_last = size - left + part
        at += step
    if filled > 0:
        # Every level walked is taken whole, but the last. Noted only now: a note may push out what was yet to be read.
        for k in range((last - first) * step + 1):
            at = first + k * step
            size = market.levels[token, row, at]
            if size > 0:
                _remember(eaten, cell, token, row, at * unit, size, taken_last if at == last else size)
    return filled, cash, fee
