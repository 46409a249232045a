"""The market as the fold sees it: every token's book, its trading rules, and the game and side it stands for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.core.jit import inlined, inner, wide
from replay.core.rows import (
    OP_ASK,
    OP_FORGET,
    OP_LAST,
    OP_LINK,
    OP_SNAPSHOT,
    OP_SNAPSHOT_ASK,
    OP_SNAPSHOT_BID,
    OP_SNAPSHOT_END,
    OP_TICK,
    OP_WITNESS,
    TOKEN_BITS,
    Rows,
)
from replay.core.state.book import (
    ASK_ROW,
    BID_ROW,
    BOOK_NS,
    DROPPED_OLD,
    KNOWN,
    SEEDING,
    SNAPSHOT_MS,
    SUSPECT,
    TICK_U6,
    TRUST,
    UNKNOWN,
    UNSEEDED,
    apply_level,
    clear_book,
    close_message,
    forget_book,
    new_books,
    new_levels,
)

__all__ = [
    "FEE_RATE_U6",
    "RULE_WIDTH",
    "SIZE_MIN_U6",
    "VENUE_DELAY_NS",
    "Market",
    "apply_rare",
    "apply_row",
    "apply_rules",
    "grown_market",
    "new_market",
]

Ints = NDArray[np.int64]

# Columns of the current rules of a token.
VENUE_DELAY_NS = 0
FEE_RATE_U6 = 1
SIZE_MIN_U6 = 2
RULE_WIDTH = 3

# Where the catalogue has said nothing yet: no delay known, the sports fee since 2026-07-10, five shares.
# Sources: docs/venue-rules.md.
_RULES_BEFORE = (0, 50_000, 5_000_000)

_UNSAID = wide(-1)  # typed, because a literal argument makes numba compile a copy of the callee
_GHOST_BID_U6 = 10_000
_GHOST_ASK_U6 = 990_000


class Market(NamedTuple):
    """
    All tokens' books and rules.

    books i64 (tokens, BOOK_WIDTH); levels i64 (tokens, 2, CELLS); rules i64 (tokens, RULE_WIDTH); game i64 (tokens,),
    -1 for none; side i64 (tokens,), +1 home, -1 away, 0 for none; tokens_of i64 (games, 2), home and away token, -1 for
    none. A token whose game moved to another market keeps its game, for the accounts, but stands for no side of it.
    """

    books: Ints
    levels: Ints
    rules: Ints
    game: Ints
    side: Ints
    tokens_of: Ints


def new_market(tokens: int, games: int) -> Market:
    """Return a market of which nothing is known."""
    rules = np.empty((tokens, RULE_WIDTH), np.int64)
    rules[:] = _RULES_BEFORE
    return Market(
        books=new_books(tokens),
        levels=new_levels(tokens),
        rules=rules,
        game=np.full(tokens, -1, np.int64),
        side=np.zeros(tokens, np.int64),
        tokens_of=np.full((games, 2), -1, np.int64),
    )


def grown_market(market: Market, tokens: int, games: int) -> Market:
    """Return the same market with room for more tokens and games."""
    grown = new_market(tokens, games)
    for name in Market._fields:
        old = getattr(market, name)
        getattr(grown, name)[: len(old)] = old
    return grown


@inner
def _begin_snapshot(market: Market, token: int, source_ms: int) -> None:
    """A snapshot is the truth on arrival: start over."""
    clear_book(market.books, market.levels, token)
    market.books[token, SEEDING] = 1
    market.books[token, SNAPSHOT_MS] = source_ms


@inner
def _begin_witness(market: Market, token: int, bid_u6: int, ask_u6: int, source_ms: int) -> None:
    """
    A REST answer seeds a book that the stream left unseeded or suspect, and no other.

    In a gap it seeds nothing: the stream would not tell when it ceases to be true. The venue is known to serve ghosts
    of 0.01 to 0.99 (py-clob-client issue 180), so such an answer is no witness.
    """
    trust = market.books[token, TRUST]
    ghost = bid_u6 <= _GHOST_BID_U6 and (ask_u6 < 0 or ask_u6 >= _GHOST_ASK_U6)
    if (trust == SUSPECT or trust == UNSEEDED) and not ghost:
        _begin_snapshot(market, token, source_ms)
    else:
        market.books[token, SEEDING] = 0


@inlined
def _change_level(market: Market, token: int, op: int, price_u6: int, size_u6: int, source_ms: int) -> bool:
    """Apply one level of a change; False where the change is older than the snapshot or there is nothing to change."""
    books = market.books
    if books[token, TRUST] == UNKNOWN:
        books[token, TRUST] = UNSEEDED
    if books[token, TRUST] == UNSEEDED:
        return False
    if source_ms >= 0 and source_ms < books[token, SNAPSHOT_MS]:
        books[token, DROPPED_OLD] += 1
        return False
    row = ASK_ROW if (op & 1) == OP_ASK else BID_ROW
    if not apply_level(books, market.levels, token, row, price_u6, size_u6):
        books[token, TRUST] = SUSPECT
    return True


@inlined
def apply_row(market: Market, rows: Rows, i: int) -> bool:
    """Fold one row into the market; True where a message about a usable book ends, so that it is worth a look."""
    op = wide(rows.op[i])
    token = wide(rows.token[i]) & TOKEN_BITS
    books = market.books
    if op < OP_LAST + 2:
        source_ms = wide(rows.source_ms[i])
        applied = _change_level(market, token, op, wide(rows.price_u6[i]), wide(rows.size_u6[i]), source_ms)
        if op < OP_LAST or not applied:
            return False
        books[token, BOOK_NS] = rows.recv_ns[i]
        close_message(books, token, wide(rows.bid_u6[i]), wide(rows.ask_u6[i]))
        return True
    if op == OP_SNAPSHOT_BID or op == OP_SNAPSHOT_ASK:
        if books[token, SEEDING] == 1:
            row = ASK_ROW if op == OP_SNAPSHOT_ASK else BID_ROW
            apply_level(books, market.levels, token, row, wide(rows.price_u6[i]), wide(rows.size_u6[i]))
        return False
    if op == OP_SNAPSHOT_END:
        if books[token, SEEDING] == 0:
            return False
        books[token, SEEDING] = 0
        books[token, TRUST] = KNOWN
        books[token, BOOK_NS] = rows.recv_ns[i]
        close_message(books, token, _UNSAID, _UNSAID)
        return True
    apply_rare(market, rows, i, op, token)
    return False


@inner
def apply_rare(market: Market, rows: Rows, i: int, op: int, token: int) -> None:
    """Fold a row that is no level and ends no message: snapshots begin, books are forgotten, ticks and links change."""
    if op == OP_SNAPSHOT:
        _begin_snapshot(market, token, wide(rows.source_ms[i]))
    elif op == OP_WITNESS:
        _begin_witness(market, token, wide(rows.bid_u6[i]), wide(rows.ask_u6[i]), wide(rows.source_ms[i]))
    elif op == OP_FORGET:
        forget_book(market.books, market.levels, token)
    elif op == OP_TICK:
        market.books[token, TICK_U6] = rows.price_u6[i]
    elif op == OP_LINK:
        _link(market, token, wide(rows.price_u6[i]), wide(rows.size_u6[i]))


@inner
def _link(market: Market, token: int, game: int, side: int) -> None:
    """Let a token stand for a side of a game, or for none; it ceases to stand for what it stood for."""
    before = market.game[token]
    if before >= 0:
        for k in range(2):
            if market.tokens_of[before, k] == token:
                market.tokens_of[before, k] = -1
    market.game[token] = game
    market.side[token] = side
    if side != 0:
        market.tokens_of[game, 0 if side > 0 else 1] = token


@inner
def apply_rules(market: Market, token: int, rules: Ints, k: int) -> None:
    """Take over the rules of row k of a rules table; what it does not say stays as it was."""
    if rules[k, 3] >= 0:
        market.rules[token, VENUE_DELAY_NS] = rules[k, 3]
    if rules[k, 4] >= 0:
        market.rules[token, FEE_RATE_U6] = rules[k, 4]
    if rules[k, 5] >= 0:
        market.books[token, TICK_U6] = rules[k, 5]
    if rules[k, 6] >= 0:
        market.rules[token, SIZE_MIN_U6] = rules[k, 6]
