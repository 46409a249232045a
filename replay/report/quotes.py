"""Quotes: the touch of every token as the fold knows it, one row a change: a price for any moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from replay.core.jit import kernel
from replay.core.rows import OP_FORGET, Rows
from replay.core.state.book import ASK_ROW, BID_ROW, KNOWN, TRUST, best_price_u6
from replay.core.state.market import Market, apply_row, new_market
from replay.film import Film

__all__ = ["Quotes", "quotes_of"]

Ints = NDArray[np.int64]

_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Quotes:
    """
    All touches of a film, in receive order.

    table: int64 (n, 4): recv_ns, token, bid_u6, ask_u6; both prices -1 where the book is unknown or in doubt, one
    where its side is empty. game and side (tokens,) are those of Market; tokens_of (games, 2).
    """

    table: Ints
    game: Ints
    side: Ints
    tokens_of: Ints

    def of(self, token: int) -> Ints:
        """Return the rows of one token."""
        mine: Ints = self.table[self.table[:, 1] == token]
        return mine

    def frame(self, prefix: str) -> pl.DataFrame:
        """
        Return mids and asks as `replay.markout` reads them.

        Shape: token_id str (prefix and number), recv_ns i64, mid_u6 and ask_u6 i64 (null: not known then).
        """
        at, token, bid, ask = (self.table[:, k] for k in range(_COLUMNS))
        raw = pl.DataFrame({"token": token, "recv_ns": at, "bid": bid, "ask": ask})
        two_sided = (pl.col("bid") >= 0) & (pl.col("ask") >= 0)
        return raw.select(
            pl.format(prefix + "{}", "token").alias("token_id"),
            "recv_ns",
            mid_u6=pl.when(two_sided).then((pl.col("bid") + pl.col("ask")) // 2),
            ask_u6=pl.when(pl.col("ask") >= 0).then(pl.col("ask")),
        )


@kernel
def _walk(market: Market, rows: Rows, last: Ints, out: Ints) -> int:
    """Fold all rows and note every change of a touch; return how many there were."""
    count = 0
    for i in range(len(rows.recv_ns)):
        if not apply_row(market, rows, i) and rows.op[i] != OP_FORGET:
            continue
        token = int(rows.token[i])
        bid, ask = -1, -1
        if market.books[token, TRUST] == KNOWN:
            bid = best_price_u6(market.books, token, BID_ROW)
            ask = best_price_u6(market.books, token, ASK_ROW)
        if bid == last[token, 0] and ask == last[token, 1]:
            continue
        last[token, 0] = bid
        last[token, 1] = ask
        out[count, 0] = rows.recv_ns[i]
        out[count, 1] = token
        out[count, 2] = bid
        out[count, 3] = ask
        count += 1
    return count


def quotes_of(film: Film) -> Quotes:
    """Fold a film's books and return every touch."""
    tokens, games = max(len(film.catalogue.tokens), 1), max(len(film.catalogue.games), 1)
    market = new_market(tokens, games)
    out = np.empty((len(film.night.rows.recv_ns), _COLUMNS), np.int64)
    count = _walk(market, film.night.rows, np.full((tokens, 2), -1, np.int64), out)
    return Quotes(table=out[:count].copy(), game=market.game, side=market.side, tokens_of=market.tokens_of)
