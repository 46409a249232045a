"""The book in the venue's own words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from replay.upstream.wirebook import WireBook, book_hash, split_frame

Make = Callable[..., dict[str, Any]]


def _levels(**pairs: str) -> list[dict[str, str]]:
    return [{"price": price.replace("p", "0."), "size": size} for price, size in pairs.items()]


@pytest.mark.parametrize(
    ("market", "asset", "timestamp", "sides", "rules", "expected"),
    [
        (
            "0xaabbcc",
            "100",
            "123456789",
            (_levels(p3="100", p4="100"), _levels(p6="100", p7="100")),
            ("100", "0.5"),
            "0458ea5755c9f73d64a14636fa5c36ed460ec394",
        ),
        (
            "0x" + "1" * 64,
            "1001",
            "1767225600000",
            (_levels(p48="30", p49="20", p5="15"), _levels(p54="10", p53="60", p52="25")),
            ("5", "0.51"),
            "a27be07c89713953e2e9212b52079564554f7d57",
        ),
        ("0x" + "1" * 64, "1001", "1767225600000", ([], []), ("5", ""), "f78faa6c340329e60917e8fab852ecb980dd6cfd"),
    ],
)
def test_hash_is_the_venues(market: str, asset: str, timestamp: str, sides: Any, rules: Any, expected: str) -> None:
    """Every published vector of the book hash comes out."""
    book = {
        "last_trade_price": rules[1],
        "neg_risk": False,
        "tick_size": "0.01",
        "min_order_size": rules[0],
        "asks": sides[1],
        "bids": sides[0],
        "timestamp": timestamp,
        "asset_id": asset,
        "market": market,
    }
    assert book_hash(book | {"hash": "whatever"}) == expected


def _fed(token: str, *messages: dict[str, Any]) -> WireBook:
    book = WireBook(token)
    for message in messages:
        for parsed, raw in split_frame(json.dumps(message, separators=(",", ":")).encode()):
            book.see(parsed, raw)
    return book


def test_untouched_snapshot_comes_back_byte_for_byte(book: Make) -> None:
    """A subscriber who comes before any change is given the recorded message itself."""
    message = book("1", {"0.48": "30", "0.50": "15"}, {"0.54": "10", "0.52": "25"})
    assert _fed("1", message).frame() == json.dumps(message, separators=(",", ":")).encode()


def test_change_keeps_spelling_order_and_hash(book: Make, change: Make) -> None:
    """After changes both sides still run worst to best, spelled as on the wire, under a hash that verifies."""
    fed = _fed(
        "1",
        book("1", {"0.48": "30", "0.50": "15"}, {"0.54": "10", "0.52": "25"}),
        change(
            ("1", "BUY", "0.5", "0"), ("1", "BUY", ".49", "7.50"), ("1", "SELL", "0.53", "4"), ("2", "BUY", "0.4", "9")
        ),
    )
    frame = json.loads(fed.frame() or b"")
    assert frame["bids"] == [{"price": "0.48", "size": "30"}, {"price": ".49", "size": "7.50"}]
    assert [it["price"] for it in frame["asks"]] == ["0.54", "0.53", "0.52"]
    assert frame["timestamp"] == "1768521601000"
    assert frame["hash"] == book_hash(frame)
    rest = json.loads(fed.rest() or b"")
    assert rest == {key: value for key, value in frame.items() if key != "event_type"}


def test_later_book_without_summary_is_completed(book: Make) -> None:
    """Books after trades leave the summary out; a fresh subscriber still gets all of it."""
    short = book("1", {"0.40": "1"}, {"0.60": "1"})
    for key in ("min_order_size", "tick_size", "neg_risk", "last_trade_price"):
        del short[key]
    trade = {"event_type": "last_trade_price", "asset_id": "1", "price": "0.53", "side": "BUY", "timestamp": "5"}
    tick = {"event_type": "tick_size_change", "asset_id": "1", "new_tick_size": "0.001", "timestamp": "6"}
    frame = json.loads(_fed("1", book("1", {"0.48": "30"}, {}), trade, tick, short).frame() or b"")
    summary = {key: frame[key] for key in ("min_order_size", "tick_size", "neg_risk", "last_trade_price")}
    assert summary == {"min_order_size": "5", "tick_size": "0.001", "neg_risk": False, "last_trade_price": "0.53"}
    assert frame["bids"] == [{"price": "0.40", "size": "1"}]


def test_witness_stands_until_the_stream_moves_on(book: Make, change: Make) -> None:
    """A recorded REST answer is repeated as it was; after a newer frame the stream answers."""
    fed = _fed("1", book("1", {"0.48": "30"}, {"0.52": "25"}))
    fed.see_witness(b'{"asset_id":"1","ghost":true}')
    assert fed.rest() == b'{"asset_id":"1","ghost":true}'
    for parsed, raw in split_frame(json.dumps(change(("1", "BUY", "0.47", "1"))).encode()):
        fed.see(parsed, raw)
    assert [it["price"] for it in json.loads(fed.rest() or b"")["bids"]] == ["0.47", "0.48"]


def test_forgotten_book_is_unknown(book: Make) -> None:
    """After a gap there is no book, rather than an old one."""
    fed = _fed("1", book("1", {"0.48": "30"}, {}))
    fed.forget()
    assert (fed.frame(), fed.rest()) == (None, None)


def test_numbers_instead_of_texts_are_understood(book: Make) -> None:
    """The venue's SDK accepts JSON numbers for decimals, so does this fold."""
    message = book("1", {}, {}) | {"bids": [{"price": 0.48, "size": 30}]}
    assert [it.price for it in split_frame(json.dumps(message).encode())[0][0].bids or []] == [0.48]
    fed = _fed(
        "1",
        message,
        {
            "event_type": "price_change",
            "timestamp": 7,
            "price_changes": [{"asset_id": "1", "price": 0.001, "size": 2.5, "side": "BUY"}],
        },
    )
    assert json.loads(fed.frame() or b"")["bids"] == [
        {"price": "0.001", "size": "2.5"},
        {"price": "0.48", "size": "30"},
    ]
