"""
What the Polymarket market socket and the REST book say, in our words.

A frame is one JSON object, an array of objects (also empty), or a short text that is not JSON. Every message of a frame
stands alone: one that cannot be read becomes `Undecodable` with its index, the others keep their meaning. A message is
taken whole or not at all, because half a level update is a wrong book.

Coverage:

| message                              | role                  | becomes                       | evidence          |
|--------------------------------------|-----------------------|-------------------------------|-------------------|
| `book` on the socket                 | snapshot              | `BookSnapshot`                | captured sequence |
| `book` without `event_type` (REST)   | witness               | `BookSnapshot(witness=True)`  | documentation     |
| `price_change`, `price_changes`      | levels of both tokens | `LevelChange` each            | captured sequence |
| `price_change`, `changes` or flat    | levels until 2025-09  | `LevelChange`, no best prices | old documentation |
| `last_trade_price`                   | trade                 | `TradePrinted`                | documentation     |
| `tick_size_change`                   | price step            | `TickSizeChanged`             | documentation     |
| `best_bid_ask`                       | the venue's best      | `BestQuoted`                  | documentation     |
| `new_market`                         | listing, global       | `MarketListed`                | documentation     |
| `market_resolved`                    | pay-out, global       | `MarketResolved`              | documentation     |
| `PONG`, `NO NEW ASSETS`, other text  | control               | `ControlText`                 | client sources    |
| any other `event_type`               | unknown               | `Undecodable`, naming it      |                   |

Numbers come as text, rarely as JSON numbers; both are read exactly. `best_bid` "0", `best_ask` "1" and "" mean an empty
side and become None. The wire order of levels is not relied upon.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Literal

import msgspec

from replay.core.events import (
    ASK,
    BID,
    BestQuoted,
    BookSnapshot,
    ControlText,
    Event,
    LevelChange,
    MarketListed,
    MarketResolved,
    TickSizeChanged,
    TradePrinted,
    Undecodable,
)
from replay.core.exact import exact_u6, optional_u6, parse_ms_ns

__all__ = ["decode_polymarket"]

_CONTROL_LENGTH_MAX = 200
_ONE_U6 = 1_000_000
_MOVES_BOOKS = ("book", "price_change", "tick_size_change")

# A decimal is text or a JSON number, which the decoder hands over as its text (float_hook): never a float.
_Decimal = Any


class _Level(msgspec.Struct, gc=False):
    price: _Decimal
    size: _Decimal


class _Message(msgspec.Struct, tag_field="event_type", gc=False):
    pass


class _Book(_Message, tag="book", kw_only=True, gc=False):
    market: str
    asset_id: str
    timestamp: _Decimal
    hash: str
    bids: list[_Level]
    asks: list[_Level]
    min_order_size: _Decimal = None
    tick_size: _Decimal = None
    neg_risk: bool | None = None
    last_trade_price: _Decimal = None


class _Change(msgspec.Struct, gc=False):
    asset_id: str
    price: _Decimal
    size: _Decimal
    side: Literal["BUY", "SELL"]
    hash: str = ""
    best_bid: _Decimal = None
    best_ask: _Decimal = None


class _PriceChange(_Message, tag="price_change", gc=False):
    market: str
    price_changes: list[_Change]
    timestamp: _Decimal


class _Trade(_Message, tag="last_trade_price", kw_only=True, gc=False):
    market: str
    asset_id: str
    price: _Decimal
    size: _Decimal = None
    side: Literal["BUY", "SELL"]
    timestamp: _Decimal
    transaction_hash: str | None = None


class _TickSize(_Message, tag="tick_size_change", gc=False):
    market: str
    asset_id: str
    old_tick_size: _Decimal
    new_tick_size: _Decimal
    timestamp: _Decimal


class _Best(_Message, tag="best_bid_ask", gc=False):
    market: str
    asset_id: str
    best_bid: _Decimal
    best_ask: _Decimal
    timestamp: _Decimal


class _NewMarket(_Message, tag="new_market", kw_only=True, gc=False):
    market: str
    slug: str
    question: str
    assets_ids: list[str]
    outcomes: list[str]
    timestamp: _Decimal


class _Resolved(_Message, tag="market_resolved", kw_only=True, gc=False):
    market: str
    assets_ids: list[str]
    winning_asset_id: str | None = None
    winning_outcome: str | None = None
    timestamp: _Decimal


class _Head(msgspec.Struct, gc=False):
    event_type: Any = None
    price_changes: Any = None
    changes: Any = None
    bids: Any = None


class _LegacyLevel(msgspec.Struct, gc=False):
    price: _Decimal
    size: _Decimal
    side: Literal["BUY", "SELL"]


class _LegacyMany(msgspec.Struct, kw_only=True, gc=False):
    market: str
    asset_id: str
    changes: list[_LegacyLevel]
    timestamp: _Decimal
    hash: str = ""


class _LegacyOne(msgspec.Struct, kw_only=True, gc=False):
    market: str
    asset_id: str
    price: _Decimal
    size: _Decimal
    side: Literal["BUY", "SELL"]
    timestamp: _Decimal
    hash: str = ""


_OfToken = _Book | _Trade | _TickSize | _Best
_OfMarket = _NewMarket | _Resolved
_Known = _PriceChange | _OfToken | _OfMarket

_KNOWN: msgspec.json.Decoder[_Known] = msgspec.json.Decoder(_Known, float_hook=str)
_HEAD = msgspec.json.Decoder(_Head)
_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])
_LEGACY_MANY = msgspec.json.Decoder(_LegacyMany, float_hook=str)
_LEGACY_ONE = msgspec.json.Decoder(_LegacyOne, float_hook=str)


def decode_polymarket(feed: str, payload: bytes, *, witness: bool = False) -> list[Event]:
    """
    Read one frame of the market socket, or with witness one REST answer (`/book`, `/books`).

    Never raises; what cannot be read becomes `Undecodable`.
    """
    text = payload.strip()
    if text[:1] == b"{":
        return _decode_message(feed, text, 0, witness=witness)
    if text[:1] != b"[":
        return [Undecodable(feed=feed, reason="not JSON") if witness else _decode_text(feed, text)]
    try:
        messages = _MESSAGES.decode(text)
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error), may_move_books=True)]
    events: list[Event] = []
    for index, raw in enumerate(messages):
        events += _decode_message(feed, bytes(raw), index, witness=witness)
    return events


def _decode_text(feed: str, text: bytes) -> Event:
    """Read a frame that is no JSON object or array."""
    if not text:
        return Undecodable(feed=feed, reason="empty")
    try:
        control = text.decode()
    except UnicodeDecodeError as error:
        return Undecodable(feed=feed, reason=str(error), may_move_books=True)
    if len(control) > _CONTROL_LENGTH_MAX or control.startswith("<") or not control.isprintable():
        return Undecodable(feed=feed, reason="neither JSON nor a control text", may_move_books=True)
    return ControlText(feed=feed, text=control)


def _decode_message(feed: str, raw: bytes, index: int, *, witness: bool) -> list[Event]:
    """Read one message: all of its events, or one Undecodable."""
    try:
        try:
            message = _KNOWN.decode(raw)
        except msgspec.ValidationError:
            message = _second_look(raw)
        if isinstance(message, _PriceChange):
            return _level_changes(message, index)
        if isinstance(message, _NewMarket | _Resolved):
            return [_market_event(message, index)]
        return [_token_event(message, index, witness=witness)]
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300], index=index, may_move_books=_may_move_books(raw))]


def _may_move_books(raw: bytes) -> bool:
    """Say whether a message that cannot be read may have been about the levels of a book; a new kind is not."""
    try:
        kind = _HEAD.decode(raw).event_type
    except (ValueError, RecursionError):
        return True
    return kind is None or kind in _MOVES_BOOKS


def _second_look(raw: bytes) -> _Known:
    """Read a message that is not of today's socket: a REST book, an old recording; ValueError where it is neither."""
    head = _HEAD.decode(raw)
    if head.event_type is None:
        if head.bids is None:
            raise ValueError("no event_type")
        # a REST answer is a book that does not say so
        return _KNOWN.decode(b'{"event_type":"book",' + raw[1:])
    if head.event_type != "price_change" or head.price_changes is not None:
        return _KNOWN.decode(raw)
    if head.changes is None:
        one = _LEGACY_ONE.decode(raw)
        changes = [_Change(one.asset_id, one.price, one.size, one.side, one.hash)]
        return _PriceChange(one.market, changes, one.timestamp)
    many = _LEGACY_MANY.decode(raw)
    changes = [_Change(many.asset_id, level.price, level.size, level.side, many.hash) for level in many.changes]
    return _PriceChange(many.market, changes, many.timestamp)


def _level_changes(message: _PriceChange, index: int) -> list[Event]:
    """Return one event per change, in wire order."""
    changes, market_id = message.price_changes, message.market
    source_ns = parse_ms_ns(message.timestamp)
    last_by_token = {change.asset_id: at for at, change in enumerate(changes)}
    return [
        LevelChange(
            token_id=change.asset_id,
            market_id=market_id,
            side=BID if change.side == "BUY" else ASK,
            price_u6=_text_u6(change.price) if type(change.price) is str else _u6(change.price),
            size_u6=_text_u6(change.size) if type(change.size) is str else _u6(change.size),
            best_bid_u6=_text_quote_u6(bid) if type(bid := change.best_bid) is str else _quote_u6(bid),
            best_ask_u6=_text_quote_u6(ask) if type(ask := change.best_ask) is str else _quote_u6(ask),
            source_ns=source_ns,
            hash=change.hash,
            last=last_by_token[change.asset_id] == at,
            index=index,
            index_in_message=at,
        )
        for at, change in enumerate(changes)
    ]


def _token_event(message: _OfToken, index: int, *, witness: bool) -> Event:
    """Return what a message about one token means."""
    source_ns = parse_ms_ns(message.timestamp)
    match message:
        case _Book():
            return _book_snapshot(message, source_ns, index, witness=witness)
        case _Trade():
            return TradePrinted(
                token_id=message.asset_id,
                market_id=message.market,
                side=BID if message.side == "BUY" else ASK,
                price_u6=_u6(message.price),
                size_u6=optional_u6(message.size),
                source_ns=source_ns,
                transaction_hash=message.transaction_hash or None,
                index=index,
            )
        case _TickSize():
            return TickSizeChanged(
                token_id=message.asset_id,
                market_id=message.market,
                old_tick_u6=_u6(message.old_tick_size),
                new_tick_u6=_u6(message.new_tick_size),
                source_ns=source_ns,
                index=index,
            )
        case _Best():
            return BestQuoted(
                token_id=message.asset_id,
                market_id=message.market,
                best_bid_u6=_quote_u6(message.best_bid),
                best_ask_u6=_quote_u6(message.best_ask),
                source_ns=source_ns,
                index=index,
            )


def _market_event(message: _OfMarket, index: int) -> Event:
    """Return what an announcement about a market means."""
    source_ns = parse_ms_ns(message.timestamp)
    match message:
        case _NewMarket():
            return MarketListed(
                market_id=message.market,
                slug=message.slug,
                question=message.question,
                token_ids=tuple(message.assets_ids),
                outcomes=tuple(message.outcomes),
                source_ns=source_ns,
                index=index,
            )
        case _Resolved():
            return MarketResolved(
                market_id=message.market,
                token_ids=tuple(message.assets_ids),
                winning_token_id=message.winning_asset_id or None,
                winning_outcome=message.winning_outcome or None,
                source_ns=source_ns,
                index=index,
            )


def _book_snapshot(book: _Book, source_ns: int | None, index: int, *, witness: bool) -> BookSnapshot:
    """Return the whole book, sorted, without empty levels."""
    return BookSnapshot(
        token_id=book.asset_id,
        market_id=book.market,
        bids=_levels(book.bids, falling=True),
        asks=_levels(book.asks, falling=False),
        hash=book.hash,
        source_ns=source_ns,
        witness=witness,
        tick_u6=optional_u6(book.tick_size),
        size_min_u6=optional_u6(book.min_order_size),
        last_trade_u6=optional_u6(book.last_trade_price),
        neg_risk=book.neg_risk,
        verified=_verified(book),
        index=index,
    )


def _verified(book: _Book) -> bool | None:
    """Tell whether the hash is that of this book; None where a hashed field is left out or is not text."""
    texts = [book.timestamp, book.min_order_size, book.tick_size, book.last_trade_price]
    if book.neg_risk is None or not all(isinstance(text, str) for text in texts):
        return None
    if _book_hash(book) == book.hash.removeprefix("0x"):
        return True
    texts = [text for level in (*book.bids, *book.asks) for text in (level.price, level.size)]
    return False if all(isinstance(text, str) for text in texts) else None


def _book_hash(book: _Book) -> str:
    """
    Recompute the venue's hash of a book.

    Source: py-clob-client-v2 utilities; SHA-1 of compact JSON, keys in this order, hash empty, levels in wire order.
    """
    hashed = {
        "market": book.market,
        "asset_id": book.asset_id,
        "timestamp": book.timestamp,
        "hash": "",
        "bids": book.bids,
        "asks": book.asks,
        "min_order_size": book.min_order_size,
        "tick_size": book.tick_size,
        "neg_risk": book.neg_risk,
        "last_trade_price": book.last_trade_price,
    }
    return hashlib.sha1(msgspec.json.encode(hashed), usedforsecurity=False).hexdigest()


def _levels(levels: list[_Level], *, falling: bool) -> tuple[tuple[int, int], ...]:
    """Return (price_u6, size_u6) best first; of a price that stands twice the last one counts."""
    size_by_price: dict[int, int] = {}
    for level in levels:
        price, size = level.price, level.size
        price_u6 = _text_u6(price) if type(price) is str else _u6(price)
        size_by_price[price_u6] = _text_u6(size) if type(size) is str else _u6(size)
    return tuple(sorted(((price, size) for price, size in size_by_price.items() if size), reverse=falling))


def _u6(number: _Decimal) -> int:
    """Return a price or a size in micro-units; ValueError where it is negative or not exact."""
    value_u6 = exact_u6(number)
    if value_u6 < 0:
        raise ValueError(f"negative: {number}")
    return value_u6


def _quote_u6(number: _Decimal) -> int | None:
    """Return a best price; None where the venue says, with "0", "1" or "", that the side is empty."""
    if number is None or number == "":
        return None
    price_u6 = _text_u6(number) if type(number) is str else _u6(number)
    return price_u6 if 0 < price_u6 < _ONE_U6 else None


# The same few hundred prices and sizes come over and over. Only text is looked up, because 1, 1.0 and True are one key.
# Callers on the hot path ask for the type themselves: a second call would cost as much as the lookup.
_text_u6 = lru_cache(maxsize=16_384)(_u6)
_text_quote_u6 = lru_cache(maxsize=4_096)(_quote_u6)
