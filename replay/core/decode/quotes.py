"""
What an imported quote says, in our words: the top of a book and nothing behind it.

This feed is of our own making: `gametape import quotes` renders each row of a table as one body, every column kept. A
quote becomes a book of at most one level a side; where the table quotes one side of a market of two outcomes, the other
outcome's book is its mirror, for two shares of both always pay one dollar.

Coverage:

| part                   | role                             | becomes                 | evidence       |
|------------------------|----------------------------------|-------------------------|----------------|
| `token`                | the outcome that is quoted       | `BookSnapshot`          | our own format |
| `mirror`               | the other outcome, null for none | the same, prices from 1 | our own format |
| `bid`, `ask`           | text; null, 0, 1: an empty side  | its one level           | captured table |
| `bid_size`, `ask_size` | shares at it; assumed ones too   | its size                | our own format |
| `row`                  | the row as it came               | not read                |                |

The time of a quote is that of its envelope: `source_ns` is None.
"""

from __future__ import annotations

import msgspec

from replay.core.events import BookSnapshot, Event, Undecodable
from replay.core.exact import exact_u6

__all__ = ["decode_quotes"]

_ONE_U6 = 1_000_000


class _Quote(msgspec.Struct, gc=False):
    market: str
    token: str
    bid: str | None
    ask: str | None
    bid_size: str
    ask_size: str
    mirror: str | None = None


_QUOTE = msgspec.json.Decoder(_Quote)


def decode_quotes(feed: str, payload: bytes) -> list[Event]:
    """
    Read one quote.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    try:
        quote = _QUOTE.decode(payload)
        bids = _side(quote.bid, quote.bid_size)
        asks = _side(quote.ask, quote.ask_size)
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]
    books: list[Event] = [_book(quote.market, quote.token, bids, asks, 0)]
    if quote.mirror is not None:
        mirrored = [tuple((_ONE_U6 - price, size) for price, size in side) for side in (asks, bids)]
        books.append(_book(quote.market, quote.mirror, mirrored[0], mirrored[1], 1))
    return books


def _side(price: str | None, size: str) -> tuple[tuple[int, int], ...]:
    """Return the one level of a side; none where the side is empty."""
    if price is None:
        return ()
    price_u6, size_u6 = exact_u6(price), exact_u6(size)
    if not 0 <= price_u6 <= _ONE_U6 or size_u6 < 0:
        raise ValueError(f"neither a price nor a size: {price} of {size}")
    return ((price_u6, size_u6),) if 0 < price_u6 < _ONE_U6 and size_u6 else ()


def _book(
    market: str, token: str, bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...], index: int
) -> BookSnapshot:
    return BookSnapshot(token_id=token, market_id=market, bids=bids, asks=asks, hash="", source_ns=None, index=index)
