"""
Rows: what envelopes mean, as integer columns in `seq` order: the form in which the fold reads a night.

One night is four tables. `rows` hold everything about books, one row a level; `states` one observation of a game each;
`polls` one answer (or failure) of a polled source each; `rules` the trading rules of a market as they were known at
that moment. Tokens, games, feeds and URLs are numbered in order of first appearance; the `Catalogue` maps numbers to
names. All columns are read-only, so that a column built here and one mapped from a file are the same type to the
compiler.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "OP_ASK",
    "OP_BID",
    "OP_FORGET",
    "OP_LAST",
    "OP_LINK",
    "OP_RULES",
    "OP_SNAPSHOT",
    "OP_SNAPSHOT_ASK",
    "OP_SNAPSHOT_BID",
    "OP_SNAPSHOT_END",
    "OP_TICK",
    "OP_TRADE_BUY",
    "OP_TRADE_SELL",
    "OP_WITNESS",
    "POLL_COLUMNS",
    "ROW_COLUMNS",
    "RULES_COLUMNS",
    "STATE_COLUMNS",
    "TOKEN_BITS",
    "Night",
    "Rows",
    "frozen",
]

_Number = TypeVar("_Number", bound=np.generic)

# Row operations. A level of a change is OP_BID or OP_ASK; OP_LAST is added on the last one of a message about a token.
OP_BID = 0
OP_ASK = 1
OP_LAST = 2
OP_SNAPSHOT = 4  # a snapshot begins
OP_WITNESS = 5  # a REST answer begins
OP_SNAPSHOT_BID = 6
OP_SNAPSHOT_ASK = 7
OP_SNAPSHOT_END = 8
OP_FORGET = 9
OP_TICK = 10  # price_u6 is the new tick
OP_RULES = 11  # price_u6 is the index into rules
OP_TRADE_BUY = 12
OP_TRADE_SELL = 13
OP_LINK = 14  # price_u6 is the number of the game, size_u6 +1 for its home side, -1 for its away side, 0 for no longer

TOKEN_BITS = 0x7FFF
"""A token's number has no others: a kernel that is told so need not ask whether an index counts from the end."""


class Rows(NamedTuple):
    """
    The book rows, one element a row in every column.

    seq i64; recv_ns i64; op i8; token i16; price_u6 i32; size_u6 i64; bid_u6 and ask_u6 i32 (the venue's own best
    prices, -1 where it said none); source_ms i64 (-1 where absent). 47 bytes a row.
    """

    seq: NDArray[np.int64]
    recv_ns: NDArray[np.int64]
    op: NDArray[np.int8]
    token: NDArray[np.int16]
    price_u6: NDArray[np.int32]
    size_u6: NDArray[np.int64]
    bid_u6: NDArray[np.int32]
    ask_u6: NDArray[np.int32]
    source_ms: NDArray[np.int64]


ROW_COLUMNS: dict[str, type[np.generic]] = {
    "seq": np.int64,
    "recv_ns": np.int64,
    "op": np.int8,
    "token": np.int16,
    "price_u6": np.int32,
    "size_u6": np.int64,
    "bid_u6": np.int32,
    "ask_u6": np.int32,
    "source_ms": np.int64,
}

# Columns of states, int64 (n, len): one observation of one game. -1 stands for absent.
STATE_COLUMNS = (
    "seq",
    "recv_ns",
    "game",
    "source",
    "status",
    "period",
    "clock_ms",
    "counts_up",
    "home",
    "away",
    "poll",
    "possession",
)
# Columns of polls, int64 (n, len). outcome: 0 answered, 1 unchanged (304), 2 missed. first_state, states: its slice of
# states.
POLL_COLUMNS = ("seq", "sent_ns", "recv_ns", "feed", "outcome", "first_state", "states", "url")
# Columns of rules, int64 (n, len). -1 stands for not said.
RULES_COLUMNS = ("seq", "recv_ns", "token", "venue_delay_ns", "fee_rate_u6", "tick_u6", "size_min_u6")


_NOTHING = np.zeros((0, 0), np.int64)


class Night(NamedTuple):
    """
    A night in columns, or any stretch of one.

    rows: Rows. states: i64 (n, len(STATE_COLUMNS)). polls: i64 (n, len(POLL_COLUMNS)). rules: i64 (n,
    len(RULES_COLUMNS)). sightings and plays: i64, columns as in replay.core.witnesses; nothing is decided on them.
    """

    rows: Rows
    states: NDArray[np.int64]
    polls: NDArray[np.int64]
    rules: NDArray[np.int64]
    sightings: NDArray[np.int64] = _NOTHING
    plays: NDArray[np.int64] = _NOTHING


def frozen(array: NDArray[_Number]) -> NDArray[_Number]:
    """Return the array made read-only."""
    array.setflags(write=False)
    return array
