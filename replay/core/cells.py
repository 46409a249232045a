"""
Views and cells: what a setting sees, and what it does.

A *view* is a way of seeing the night: a poll plan and a delay of the book. It has its own idea of where every game
stands and what is fair. A *cell* is one setting that decides on a view: threshold, policy, delays, sizing. All views
and cells share one market, so that a thousand settings cost one pass. Cells are numbered so that those of a view stand
together, by rising `wake_u6`.

Units: prices, edges, shares and cash in u6, times in ns. Every array is int64.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.core.fills import EATEN_WIDTH, MEMORY
from replay.core.state.game import GAME_WIDTH, new_games

__all__ = [
    "CELL_COLUMNS",
    "CURSOR_WIDTH",
    "EVALUATION_COLUMNS",
    "NO_EDGE",
    "ORDER_COLUMNS",
    "REPEATS",
    "SETTLED_ASK_U6",
    "SETTLED_NS",
    "SETTLED_TRUST",
    "SKIP_NAMES",
    "Cells",
    "Log",
    "OrderStatus",
    "Policy",
    "Sight",
    "Sizing",
    "Timeline",
    "new_cells",
    "new_log",
    "new_sight",
]

Ints = NDArray[np.int64]

NO_EDGE = -(1 << 60)


class Policy(IntEnum):
    """When an evaluation above the threshold becomes a signal."""

    EVERY = 0
    FIRST_CROSSING = 1


class Sizing(IntEnum):
    """What the size of a cell means."""

    SHARES = 0
    CASH = 1
    KELLY = 2


class OrderStatus(IntEnum):
    """What became of a signal's order."""

    PENDING = 0
    FILLED = 1
    PARTIAL = 2
    NO_LIQUIDITY = 3
    """Nothing stood at the limit or better when the order arrived."""
    IN_GAP = 4
    """The book was not known, or not trusted, when the order arrived."""
    TOO_SMALL = 5
    """Fewer shares, or less cash, than the venue takes."""
    CAPPED = 6
    """The position or the game's budget was full."""
    EXPIRED = 7
    """The tape ended before the order arrived."""


CELL_COLUMNS = (
    "view",
    "min_edge_u6",
    "rearm_u6",
    "policy",
    "cooldown_ns",
    "order_delay_ns",
    "venue_delay_ns",  # -1: what the market said at the time
    "sizing",
    "size_u6",  # shares, cash, or the Kelly fraction of the bankroll
    "bankroll_u6",
    "slip_u6",  # limit = ask seen + slip; -1: up to the price at which the edge is still min_edge
    "all_or_none",
    "cap_shares_u6",  # per token; -1 none
    "cap_cash_u6",  # per game; -1 none
    "exit_edge_u6",  # sell the position when the edge falls below; NO_EDGE: hold to settlement
    "wake_u6",  # while the edge stays below this, the cell has nothing to do: re-arm edge, or NO_EDGE with an exit
)

ORDER_COLUMNS = (
    "cell",
    "token",
    "side",  # +1 buy, -1 sale
    "seq",  # the fact that caused it
    "signal_ns",
    "due_ns",
    "fair_u6",
    "ask_u6",  # at the decision
    "ask_size_u6",
    "edge_u6",
    "game_age_ns",
    "book_age_ns",
    "limit_u6",
    "size_u6",
    "status",
    "filled_u6",
    "cash_u6",  # exchanged, without the fee
    "fee_u6",
    "fill_bid_u6",  # the touch when the order arrived, -1 for none
    "fill_ask_u6",
)

EVALUATION_COLUMNS = (
    "seq",
    "recv_ns",
    "token",
    "fair_u6",
    "ask_u6",
    "ask_size_u6",
    "edge_u6",
    "game_age_ns",
    "book_age_ns",
    "cause",  # 0 the book moved, 1 the score changed
)

SKIP_NAMES = (
    "evaluated",
    "not_live",
    "no_fair",
    "no_game",
    "book_unknown",
    "book_suspect",
    "no_ask",
    "book_stale",
    "game_stale",
)
"""What came of a look at a token: the columns of Sight.looks."""

# Columns of Sight.settled: a look at the token on any view finds what the latest one found, up to SETTLED_NS on the
# rows' clock, while the book's trust and its best ask are these. REPEATS counts such looks; Sight.looks lacks them.
SETTLED_NS = 0
SETTLED_TRUST = 1
SETTLED_ASK_U6 = 2
REPEATS = 3
_SETTLED_WIDTH = 4

CURSOR_WIDTH = 3
"""A view's place in its timeline: the next element, and its time and seq."""


class Sight(NamedTuple):
    """
    The views. V views, G games, T tokens.

    games (V, G, GAME_WIDTH); fair_u6 (V, G) home's, -1 none; delay_ns (V,) of the book; cells (V, 3) first and
    past-last cell, and 1 where all of them re-arm at their threshold and sell nothing; edge_u6 (V, T) at the latest
    evaluation, NO_EDGE for none; busy (V, T) 1 while a cell waits to act although nothing moved; found (V, T) what the
    latest look at the book came to, an index into SKIP_NAMES; looks (V, len(SKIP_NAMES)) how often, without the
    REPEATS; settled (T, 4); fresh (2,): the oldest book at a score change and the oldest game at a book change that may
    be acted on, ns; record (1,): 1 to log the evaluations of view 0.
    """

    games: Ints
    fair_u6: Ints
    delay_ns: Ints
    cells: Ints
    edge_u6: Ints
    busy: Ints
    found: Ints
    looks: Ints
    settled: Ints
    fresh: Ints
    record: Ints


class Timeline(NamedTuple):
    """
    When each view sees which observation, the stretches of the views one after the other, each by time.

    at_ns (n,): on the clock of the book as it was recorded, so less the view's book delay; seq (n,) breaks ties; state
    (n,) index into states; bounds (V, 2) next and past-last element of a view.
    """

    at_ns: Ints
    seq: Ints
    state: Ints
    bounds: Ints


class Cells(NamedTuple):
    """
    The cells. C cells, T tokens; cells stand side by side in memory, for they are asked one after the other.

    params (len(CELL_COLUMNS), C); armed, last_ns, position_u6, cash_u6 (fees included), outstanding (-1 where no
    order is under way): (T, C) each; eaten (T, C, MEMORY, EATEN_WIDTH); stake_u6 (2, C): the cash that is out, fees
    included, and the most that ever was.
    """

    params: Ints
    armed: Ints
    last_ns: Ints
    position_u6: Ints
    cash_u6: Ints
    outstanding: Ints
    eaten: Ints
    stake_u6: Ints


class Log(NamedTuple):
    """
    What was said.

    evaluations (n, len(EVALUATION_COLUMNS)), orders (n, len(ORDER_COLUMNS)), due (n, 2) a heap of due time and row of
    the order, counts (3,) how many of each; latest (len(EVALUATION_COLUMNS),) the evaluation that is being decided on.
    Rows leave the log when it is full and what became of them is known; those behind move up.
    """

    evaluations: Ints
    orders: Ints
    due: Ints
    counts: Ints
    latest: Ints


def new_sight(views: int, games: int, tokens: int, *, book_fresh_ns: int, game_fresh_ns: int, record: bool) -> Sight:
    """Return views that have seen nothing yet."""
    rows = np.broadcast_to(new_games(games), (views, games, GAME_WIDTH)).copy()
    return Sight(
        games=rows,
        fair_u6=np.full((views, games), -1, np.int64),
        delay_ns=np.zeros(views, np.int64),
        cells=np.zeros((views, 3), np.int64),
        edge_u6=np.full((views, tokens), NO_EDGE, np.int64),
        busy=np.zeros((views, tokens), np.int64),
        found=np.zeros((views, tokens), np.int64),
        looks=np.zeros((views, len(SKIP_NAMES)), np.int64),
        settled=np.full((tokens, _SETTLED_WIDTH), (-1, 0, 0, 0), np.int64),
        fresh=np.array([book_fresh_ns, game_fresh_ns], np.int64),
        record=np.array([int(record)], np.int64),
    )


def new_cells(params: Ints, tokens: int) -> Cells:
    """Return cells that have done nothing yet. Shape: params (cells, len(CELL_COLUMNS))."""
    count = len(params)
    return Cells(
        params=np.ascontiguousarray(params.T, np.int64),
        armed=np.ones((tokens, count), np.int64),
        last_ns=np.full((tokens, count), NO_EDGE, np.int64),
        position_u6=np.zeros((tokens, count), np.int64),
        cash_u6=np.zeros((tokens, count), np.int64),
        outstanding=np.full((tokens, count), -1, np.int64),
        eaten=np.zeros((tokens, count, MEMORY, EATEN_WIDTH), np.int64),
        stake_u6=np.zeros((2, count), np.int64),
    )


def new_log(evaluations: int, orders: int, due: int) -> Log:
    """Return an empty log with room for so many of each."""
    return Log(
        evaluations=np.zeros((evaluations, len(EVALUATION_COLUMNS)), np.int64),
        orders=np.zeros((orders, len(ORDER_COLUMNS)), np.int64),
        due=np.zeros((due, 2), np.int64),
        counts=np.zeros(3, np.int64),
        latest=np.zeros(len(EVALUATION_COLUMNS), np.int64),
    )
