"""Frames of the simulated venue."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from replay.synth.dice import Dice
from replay.synth.wire.polymarket import PRICES, Quill, new_market_frame, size_text, subscribe_text

QUILL = Quill(Dice(1), "0x" + "1" * 64, ("1001", "1002"))


@given(st.integers(0, 10**9))
def test_sizes_are_written_exactly(size):
    """A size's text is the number it stands for, without needless zeros."""
    text = size_text(size)
    whole, _, cents = text.partition(".")
    assert int(whole) * 100 + int(cents.ljust(2, "0") or 0) == size
    assert not cents.endswith("0")


def test_prices_are_written_short():
    """Prices carry no needless zeros; the empty sides' words are 0 and 1."""
    assert [PRICES[mills] for mills in (0, 1, 10, 480, 500, 999, 1000)] == [
        "0",
        "0.001",
        "0.01",
        "0.48",
        "0.5",
        "0.999",
        "1",
    ]


def test_a_change_shows_in_both_tokens_as_a_mirror():
    """A bid at p of the first token is an ask at 1 - p of the second, same size; so are the best prices."""
    frame = json.loads(QUILL.price_change(1767225600450, (510, 4000, True), (510, 520)))
    first, second = frame["price_changes"]
    assert list(frame) == ["event_type", "market", "timestamp", "price_changes"]
    assert list(first) == ["asset_id", "price", "size", "side", "hash", "best_bid", "best_ask"]
    assert [first[key] for key in ("price", "size", "side", "best_bid", "best_ask")] == [
        "0.51",
        "40",
        "BUY",
        "0.51",
        "0.52",
    ]
    assert [second[key] for key in ("price", "size", "side", "best_bid", "best_ask")] == [
        "0.49",
        "40",
        "SELL",
        "0.48",
        "0.49",
    ]
    assert len(first["hash"]) == 40


def test_the_book_is_the_documented_one():
    """The documented example of two mirrored books, hashes included, comes out byte for byte."""
    bids, asks = {480: 3000, 490: 2000, 500: 1500}, {540: 1000, 530: 6000, 520: 2500}
    hashes = []
    for index, last_trade in ((0, 510), (1, 490)):
        facts = QUILL.facts(10, last_trade)
        body = QUILL.book(1767225600000, index, (bids, asks), facts)
        hashes.append(json.loads(f"{{{body}{facts}}}")["hash"])
    assert hashes == ["a27be07c89713953e2e9212b52079564554f7d57", "3a57a98cfdc35111b915a59d347fd9a4d0686e9a"]


def test_the_hash_is_taken_over_the_whole_book():
    """The hash is the SHA-1 of the compact book with an empty hash, keys in the documented order."""
    facts = QUILL.facts(1, 3)
    book = json.loads(f"{{{QUILL.book(5, 1, ({}, {7: 123}), facts)}{facts}}}")
    assert list(book) == [
        *("market", "asset_id", "timestamp", "hash", "bids", "asks"),
        *("min_order_size", "tick_size", "neg_risk", "last_trade_price"),
    ]
    digest = book["hash"]
    book["hash"] = ""
    assert hashlib.sha1(json.dumps(book, separators=(",", ":")).encode()).hexdigest() == digest
    assert book["bids"] == [{"price": "0.993", "size": "1.23"}]


def test_an_empty_side_has_no_best_price():
    """`best_bid_ask` leaves empty text where nobody quotes, and no spread."""
    first, second = (json.loads(frame) for frame in QUILL.best_bid_ask(9, (0, 520)))
    assert (first["best_bid"], first["best_ask"], first["spread"]) == ("", "0.52", "")
    assert (second["best_bid"], second["best_ask"], second["spread"]) == ("0.48", "", "")


def test_a_subscription_is_the_documented_one():
    """The subscription holds the tokens and asks for the extra events."""
    assert json.loads(subscribe_text(["1", "2"])) == {
        "assets_ids": ["1", "2"],
        "type": "market",
        "initial_dump": True,
        "level": 2,
        "custom_feature_enabled": True,
    }


def test_a_strange_market_is_announced_whole():
    """A `new_market` frame has all required fields."""
    frame = json.loads(new_market_frame(Dice(2), 5))
    assert {"id", "question", "market", "slug", "assets_ids", "outcomes", "timestamp"} <= set(frame)
