"""
The book of each token as a dense price ladder, and the functions that move it.

`books` has one row of int64 facts a token, `levels` one ladder a side: `levels[token, 0]` bids, `levels[token, 1]`
asks, the size in u6 at cell `price_u6 // unit_u6`. The unit starts at one cent and shrinks to whatever step the venue's
prices need (a tick change, the 0.0025 grid), so that the best price is a few cells from the one it replaces and a
ladder stays in cache. The best cells are kept; -1 says that a side is empty.

What a book may be used for is one word, TRUST:

- UNKNOWN: nothing since the connection began or broke. No decision.
- KNOWN: a snapshot, and every change since.
- SUSPECT: crossed, locked, or contradicted by the venue's own best prices at the end of the latest message. No
  decision; nothing is clamped. The next message whose best prices agree makes it KNOWN again, for then nothing near the
  touch is missing.
- UNSEEDED: changes arrive, but no snapshot did; a REST witness may seed it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.jit import inlined, inner

__all__ = [
    "ASK_ROW",
    "BEST_ASK",
    "BEST_BID",
    "BID_ROW",
    "BOOK_FRESH_NS",
    "BOOK_NS",
    "BOOK_WIDTH",
    "CELLS",
    "DIVERGED",
    "DROPPED_OLD",
    "KNOWN",
    "OFF_GRID",
    "SEEDING",
    "SNAPSHOT_MS",
    "SUSPECT",
    "TICK_U6",
    "TRUST",
    "UNIT_U6",
    "UNKNOWN",
    "UNSEEDED",
    "apply_level",
    "best_price_u6",
    "clear_book",
    "close_message",
    "forget_book",
    "is_book_fresh",
    "new_books",
    "new_levels",
    "size_at_best",
]

Ints = NDArray[np.int64]

UNKNOWN = 0
KNOWN = 1
SUSPECT = 2
UNSEEDED = 3

# Columns of a row of books. Prices in u6, times in ns since the epoch, counters from 0.
TRUST = 0
UNIT_U6 = 1
BEST_BID = 2  # cell of the best bid, -1 for none
BEST_ASK = 3
BOOK_NS = 4  # when the latest message about it was received
SEEDING = 5  # 1 while a snapshot's levels are being applied, 0 while they are to be passed over
SNAPSHOT_MS = 6  # the venue's time of the latest snapshot, -1 for none
TICK_U6 = 7
DIVERGED = 8  # messages after which our best prices were not the venue's, or crossed
DROPPED_OLD = 9  # changes older than the snapshot they followed
OFF_GRID = 10  # prices outside 0..1 or finer than a hundredth of a cent
_WORST_BID = 11  # while there are bids, none stands below this cell; so clearing a book touches little
_WORST_ASK = 12  # while there are asks, none stands above this cell
_PER_CENT = 13  # cells a cent has: finding the cell of a price by it takes no division by what only the run knows
BOOK_WIDTH = 16  # two cache lines

BID_ROW = 0
ASK_ROW = 1

DOLLAR_U6 = 1_000_000
UNIT_WIDEST_U6 = 10_000
BOOK_FRESH_NS = 5_000_000_000
UNIT_FINEST_U6 = 100
CELLS = DOLLAR_U6 // UNIT_FINEST_U6 + 1
_CELL_BITS = 0x3FFF  # says that a cell is not negative: no index counts from the end


def new_books(tokens: int) -> Ints:
    """Return the facts of so many unknown books, shape (tokens, BOOK_WIDTH)."""
    books = np.zeros((tokens, BOOK_WIDTH), np.int64)
    books[:, UNIT_U6] = UNIT_WIDEST_U6
    books[:, _PER_CENT] = 1
    books[:, BEST_BID] = -1
    books[:, BEST_ASK] = -1
    books[:, _WORST_BID] = CELLS
    books[:, _WORST_ASK] = -1
    books[:, SNAPSHOT_MS] = -1
    books[:, TICK_U6] = UNIT_WIDEST_U6
    return books


def new_levels(tokens: int) -> Ints:
    """Return empty ladders, shape (tokens, 2, CELLS), sizes in u6. Pages are only touched where levels are."""
    return np.zeros((tokens, 2, CELLS), np.int64)


@inner
def clear_book(books: Ints, levels: Ints, token: int) -> None:
    """Empty both ladders and go back to the widest unit."""
    if books[token, BEST_BID] >= 0:
        levels[token, BID_ROW, books[token, _WORST_BID] : books[token, BEST_BID] + 1] = 0
    if books[token, BEST_ASK] >= 0:
        levels[token, ASK_ROW, books[token, BEST_ASK] : books[token, _WORST_ASK] + 1] = 0
    books[token, UNIT_U6] = UNIT_WIDEST_U6
    books[token, _PER_CENT] = 1
    books[token, BEST_BID] = -1
    books[token, BEST_ASK] = -1
    books[token, _WORST_BID] = CELLS
    books[token, _WORST_ASK] = -1


@inner
def forget_book(books: Ints, levels: Ints, token: int) -> None:
    """A gap: what we knew is no longer known."""
    clear_book(books, levels, token)
    books[token, TRUST] = UNKNOWN
    books[token, SNAPSHOT_MS] = -1


@inner
def _refine(books: Ints, levels: Ints, token: int, price_u6: int) -> bool:
    """Shrink the ladder's unit so that this price has a cell; False where none is fine enough."""
    old = books[token, UNIT_U6]
    unit, rest = old, price_u6
    while rest != 0:
        unit, rest = rest, unit % rest
    if unit < UNIT_FINEST_U6 or unit % UNIT_FINEST_U6 != 0:
        return False
    stretch = old // unit
    for row in range(2):
        best, worst = books[token, BEST_BID + row], books[token, _WORST_BID + row]
        if best < 0:
            continue
        for cell in range(max(best, worst), min(best, worst) - 1, -1):
            size = levels[token, row, cell]
            if size != 0:
                levels[token, row, cell] = 0
                levels[token, row, cell * stretch] = size
        books[token, BEST_BID + row] = best * stretch
        books[token, _WORST_BID + row] = worst * stretch
    books[token, UNIT_U6] = unit
    books[token, _PER_CENT] = UNIT_WIDEST_U6 // unit
    return True


@inner
def _takes(books: Ints, levels: Ints, token: int, price_u6: int, size_u6: int) -> bool:
    """Say whether this can be a level, after making the ladder as fine as it must be; count it where it cannot."""
    in_range = 0 < price_u6 < DOLLAR_U6 and size_u6 >= 0
    if not in_range or not _refine(books, levels, token, price_u6):
        books[token, OFF_GRID] += 1
        return False
    return True


@inner
def _next_best(levels: Ints, token: int, row: int, cell: int, worst: int) -> int:
    """Return the best cell behind one that was emptied; -1 where the side is empty."""
    step = 2 * row - 1
    while cell != worst:
        cell += step
        if levels[token, row, cell] != 0:
            return cell
    return -1


@inlined
def apply_level(books: Ints, levels: Ints, token: int, row: int, price_u6: int, size_u6: int) -> bool:
    """Set one level to its new absolute size, zero removing it; False where the price cannot be a price."""
    places = price_u6 * books[token, _PER_CENT]
    if price_u6 <= 0 or price_u6 >= DOLLAR_U6 or size_u6 < 0 or places % UNIT_WIDEST_U6 != 0:
        if not _takes(books, levels, token, price_u6, size_u6):
            return False
        places = price_u6 * books[token, _PER_CENT]
    cell = places // UNIT_WIDEST_U6 & _CELL_BITS
    levels[token, row, cell] = size_u6
    best, worst = books[token, BEST_BID + row], books[token, _WORST_BID + row]
    if (size_u6 == 0) & (cell == best):
        books[token, BEST_BID + row] = _next_best(levels, token, row, cell, worst)
        return True
    # Both sides by the same words, and nothing skipped: which side it is, and whether it is better, nobody can guess.
    sign = 1 - 2 * row
    is_there, is_first = size_u6 > 0, best < 0
    books[token, BEST_BID + row] = cell if is_there & (is_first | ((cell - best) * sign > 0)) else best
    books[token, _WORST_BID + row] = cell if is_there & (is_first | ((worst - cell) * sign > 0)) else worst
    return True


@inlined
def best_price_u6(books: Ints, token: int, row: int) -> int:
    """Return the best bid (row 0) or ask (row 1) in u6; -1 where the side is empty."""
    cell = books[token, BEST_BID + row]
    if cell < 0:
        return -1
    return int(cell * books[token, UNIT_U6])


@inlined
def size_at_best(books: Ints, levels: Ints, token: int, row: int) -> int:
    """Return the size in u6 at the best price; 0 where the side is empty."""
    cell = books[token, BEST_BID + row]
    if cell < 0:
        return 0
    return int(levels[token, row, cell])


@inlined
def close_message(books: Ints, token: int, their_bid_u6: int, their_ask_u6: int) -> None:
    """
    End a message about a book: compare with the venue's own best prices and settle the trust.

    Units: their prices in u6; -1 where the venue named none.
    """
    if books[token, TRUST] != KNOWN and books[token, TRUST] != SUSPECT:
        return
    bid = best_price_u6(books, token, BID_ROW)
    ask = best_price_u6(books, token, ASK_ROW)
    agrees = bid < 0 or ask < 0 or bid < ask
    if their_bid_u6 >= 0 and bid != their_bid_u6:
        agrees = False
    if their_ask_u6 >= 0 and ask != their_ask_u6:
        agrees = False
    if agrees:
        books[token, TRUST] = KNOWN
    else:
        books[token, TRUST] = SUSPECT
        books[token, DIVERGED] += 1


@inlined
def is_book_fresh(books: Ints, token: int, now_ns: int, age_max_ns: int = BOOK_FRESH_NS) -> bool:
    """Say whether a message about the token's book was heard within age_max_ns before now_ns, the limit included."""
    return bool(now_ns - books[token, BOOK_NS] <= age_max_ns)
