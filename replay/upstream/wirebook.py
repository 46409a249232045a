"""
A book kept in the venue's own words: the raw price and size texts, as the market channel and `/book` print them.

The fold of `replay.core` keeps integers and forgets how a number was spelled; whoever answers in the venue's place must
spell it the same way, because the venue's hash is taken over the spelling.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

__all__ = ["WireBook", "WireChange", "WireMessage", "book_hash", "split_frame"]

_Number = str | int | float
_SUMMARY = ("min_order_size", "tick_size", "neg_risk", "last_trade_price")


class WireLevel(msgspec.Struct, frozen=True, gc=False):
    """One level as printed."""

    price: _Number
    size: _Number


class WireChange(msgspec.Struct, frozen=True, gc=False):
    """One entry of `price_changes`."""

    asset_id: str
    price: _Number
    size: _Number
    side: str


class WireMessage(msgspec.Struct, frozen=True, gc=False):
    """Any market-channel message, as far as a server must understand it. A REST book has no event_type."""

    event_type: str = "book"
    asset_id: str = ""
    market: str = ""
    timestamp: _Number = ""
    hash: str = ""
    bids: list[WireLevel] | None = None
    asks: list[WireLevel] | None = None
    price_changes: list[WireChange] = []
    assets_ids: list[str] = []
    price: _Number = ""
    new_tick_size: _Number = ""
    min_order_size: _Number | None = None
    tick_size: _Number | None = None
    neg_risk: bool | None = None
    last_trade_price: _Number | None = None

    def tokens(self) -> list[str]:
        """Return the tokens that the message names, in its own order."""
        changed = [change.asset_id for change in self.price_changes] if self.event_type == "price_change" else []
        named = changed or ([self.asset_id] if self.asset_id else self.assets_ids)
        return [token for token in dict.fromkeys(named) if token]


_message = msgspec.json.Decoder(WireMessage)
_array = msgspec.json.Decoder(list[msgspec.Raw])


def split_frame(payload: bytes) -> list[tuple[WireMessage, bytes]]:
    """
    Read a frame, object or array, into its messages, each with its own bytes.

    Raises:
        msgspec.MsgspecError: the frame is not JSON, or a message is not of the shapes of the channel.
    """
    try:
        if payload.lstrip()[:1] == b"[":
            return [(_message.decode(raw), bytes(raw)) for raw in _array.decode(payload)]
        return [(_message.decode(payload), payload)]
    except (RecursionError, UnicodeError) as error:
        raise msgspec.DecodeError(repr(error)) from error


def _text(number: _Number) -> str:
    return number if isinstance(number, str) else format(Decimal(repr(number)), "f")


def _value(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise InvalidOperation(text)
    return value


def book_hash(book: dict[str, Any]) -> str:
    """
    Compute the venue's hash of a book: SHA-1 over compact JSON in a fixed key order with an empty `hash`.

    Keys that the book lacks are left out; such a hash is a fingerprint of ours, not the venue's.

    Source: py-clob-client-v2 utilities.py, generate_orderbook_summary_hash.
    """
    keys = ("market", "asset_id", "timestamp", "hash", "bids", "asks", *_SUMMARY)
    text = msgspec.json.encode({key: "" if key == "hash" else book[key] for key in keys if key in book})
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()


class WireBook:
    """
    One token's book as the venue would print it now.

    `frame()` and `rest()` render it; an untouched snapshot comes back byte for byte.
    """

    def __init__(self, token_id: str) -> None:
        self.token_id = token_id
        self.known = False
        self._market = ""
        self._timestamp = ""
        self._sides: dict[str, dict[Decimal, tuple[str, str]]] = {"BUY": {}, "SELL": {}}
        self._summary: dict[str, str | bool] = {}
        self._frame: bytes | None = None
        self._witness: bytes | None = None

    def forget(self) -> None:
        """Know nothing any more, as after a lost connection; the market's own rules stay."""
        self.known = False
        self._sides = {"BUY": {}, "SELL": {}}
        self._frame = self._witness = None

    def see(self, message: WireMessage, raw: bytes) -> None:
        """Apply a message that names this token; after levels that cannot be read the book is unknown."""
        try:
            self._apply(message, raw)
        except InvalidOperation:
            self.forget()

    def see_witness(self, raw: bytes) -> None:
        """Take a REST answer as what `/book` says until the stream says something newer; it does not enter the fold."""
        self._witness = raw

    def frame(self) -> bytes | None:
        """Render the `book` message of a fresh subscription, or None while the book is unknown."""
        if not self.known:
            return None
        return self._frame or msgspec.json.encode({"event_type": "book", **self._fields()})

    def rest(self) -> bytes | None:
        """Render the `/book` answer, or None while nothing is known."""
        if self._witness is not None:
            return self._witness
        return msgspec.json.encode(self._fields()) if self.known else None

    def _apply(self, message: WireMessage, raw: bytes) -> None:
        match message.event_type:
            case "book":
                self._replace(message, raw)
            case "price_change":
                self._change(message)
            case "last_trade_price":
                self._touch(message)
                self._summary["last_trade_price"] = _text(message.price)
            case "tick_size_change":
                self._touch(message)
                self._summary["tick_size"] = _text(message.new_tick_size)
            case _:
                pass

    def _touch(self, message: WireMessage) -> None:
        self._frame = self._witness = None
        self._timestamp = _text(message.timestamp)

    def _replace(self, message: WireMessage, raw: bytes) -> None:
        self._touch(message)
        self._market = message.market
        for side, levels in (("BUY", message.bids or []), ("SELL", message.asks or [])):
            self._sides[side] = {_value(_text(it.price)): (_text(it.price), _text(it.size)) for it in levels}
        stated = {key: getattr(message, key) for key in _SUMMARY}
        news = {key: it if isinstance(it, bool) else _text(it) for key, it in stated.items() if it is not None}
        # Later books leave the summary out; a fresh subscriber is always given what is known of it.
        self._frame = raw if self._summary.keys() <= news.keys() else None
        self._summary |= news
        self.known = True

    def _change(self, message: WireMessage) -> None:
        self._touch(message)
        for change in message.price_changes:
            if change.asset_id != self.token_id or change.side not in self._sides:
                continue
            price, size = _text(change.price), _text(change.size)
            if _value(size) == 0:
                self._sides[change.side].pop(_value(price), None)
            else:
                self._sides[change.side][_value(price)] = (price, size)

    def _fields(self) -> dict[str, Any]:
        # Worst first on both sides, as the venue prints them: the best level is the last.
        bids = sorted(self._sides["BUY"].items())
        asks = sorted(self._sides["SELL"].items(), reverse=True)
        book: dict[str, Any] = {
            "market": self._market,
            "asset_id": self.token_id,
            "timestamp": self._timestamp,
            "hash": "",
            "bids": [{"price": price, "size": size} for _, (price, size) in bids],
            "asks": [{"price": price, "size": size} for _, (price, size) in asks],
            **{key: self._summary[key] for key in _SUMMARY if key in self._summary},
        }
        book["hash"] = book_hash(book)
        return book
