from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.decode.polymarket import decode_polymarket
from replay.core.events import (
    ASK,
    BID,
    BestQuoted,
    BookSnapshot,
    ControlText,
    LevelChange,
    MarketListed,
    MarketResolved,
    TickSizeChanged,
    TradePrinted,
    Undecodable,
)

FEED = "polymarket.market"
MARKET = "0x" + "11" * 32
NS = 1_767_225_600_000_000_000


def read(message: Any, *, witness: bool = False) -> list[Any]:
    """Decode a message as the wire would carry it."""
    return decode_polymarket(FEED, json.dumps(message).encode(), witness=witness)


def levels(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"price": price, "size": size} for price, size in pairs]


def book(**changes: Any) -> dict[str, Any]:
    """The full synthetic snapshot of token 1001, all ten summary fields."""
    message: dict[str, Any] = {
        "event_type": "book",
        "market": MARKET,
        "asset_id": "1001",
        "timestamp": "1767225600000",
        "hash": "a27be07c89713953e2e9212b52079564554f7d57",
        "bids": levels(("0.48", "30"), ("0.49", "20"), ("0.5", "15")),
        "asks": levels(("0.54", "10"), ("0.53", "60"), ("0.52", "25")),
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": "0.51",
    }
    message.update(changes)
    return {key: value for key, value in message.items() if value is not ...}


def change(asset_id: str, price: Any, size: Any, side: str, **more: Any) -> dict[str, Any]:
    return {"asset_id": asset_id, "price": price, "size": size, "side": side, "hash": "ab", **more}


def price_change(*changes: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_type": "price_change",
        "market": MARKET,
        "timestamp": "1767225600450",
        "price_changes": list(changes),
    }


# book ----------------------------------------------------------------------------------------------------------


def test_a_book_is_sorted_best_first_whatever_the_wire_order() -> None:
    """Bids come highest first and asks lowest first, from either order on the wire."""
    [snapshot] = read(book())
    assert snapshot == BookSnapshot(
        token_id="1001",
        market_id=MARKET,
        bids=((500_000, 15_000_000), (490_000, 20_000_000), (480_000, 30_000_000)),
        asks=((520_000, 25_000_000), (530_000, 60_000_000), (540_000, 10_000_000)),
        hash="a27be07c89713953e2e9212b52079564554f7d57",
        source_ns=NS,
        tick_u6=10_000,
        size_min_u6=5_000_000,
        last_trade_u6=510_000,
        neg_risk=False,
        verified=True,
    )
    turned = book(bids=book()["bids"][::-1], asks=book()["asks"][::-1])
    [other] = read(turned)
    assert (other.bids, other.asks) == (snapshot.bids, snapshot.asks)


def test_empty_levels_vanish_and_the_last_of_two_equal_prices_counts() -> None:
    """A size of zero is no level, and 0.5 and 0.50 are one price."""
    [snapshot] = read(book(bids=levels(("0.5", "1"), ("0.50", "2"), ("0.4", "0"), (".3", "7")), asks=[]))
    assert snapshot.bids == ((500_000, 2_000_000), (300_000, 7_000_000))
    assert snapshot.asks == ()


@pytest.mark.parametrize("missing", ["min_order_size", "tick_size", "neg_risk", "last_trade_price"])
def test_a_book_without_all_hashed_fields_is_not_checked(missing: str) -> None:
    """A frame that leaves out a summary field is neither verified nor refuted."""
    [snapshot] = read(book(**{missing: ...}))
    assert snapshot.verified is None


@pytest.mark.parametrize(
    ("changes", "digest"),
    [
        ({}, "a27be07c89713953e2e9212b52079564554f7d57"),
        (
            {
                "asset_id": "1002",
                "bids": levels(("0.46", "10"), ("0.47", "60"), ("0.48", "25")),
                "asks": levels(("0.52", "30"), ("0.51", "20"), ("0.5", "15")),
                "last_trade_price": "0.49",
            },
            "3a57a98cfdc35111b915a59d347fd9a4d0686e9a",
        ),
        ({"bids": [], "asks": [], "last_trade_price": ""}, "f78faa6c340329e60917e8fab852ecb980dd6cfd"),
        (
            {
                "market": "0xaabbcc",
                "asset_id": "100",
                "timestamp": "123456789",
                "bids": levels(("0.3", "100"), ("0.4", "100")),
                "asks": levels(("0.6", "100"), ("0.7", "100")),
                "min_order_size": "100",
                "last_trade_price": "0.5",
            },
            "0458ea5755c9f73d64a14636fa5c36ed460ec394",
        ),
    ],
)
def test_the_venues_hash_is_recomputed(changes: dict[str, Any], digest: str) -> None:
    """The published rule gives the published digests; any other digest is refuted."""
    assert [event.verified for event in read(book(**changes, hash=digest))] == [True]
    assert [event.verified for event in read(book(**changes, hash="0" * 40))] == [False]


def test_a_rest_book_is_a_witness() -> None:
    """A book without `event_type` is read alike and says that it came as a second opinion."""
    [snapshot] = read(book(event_type=...), witness=True)
    assert (snapshot.witness, snapshot.verified, snapshot.bids[0]) == (True, True, (500_000, 15_000_000))
    assert read([book(event_type=...), book(event_type=..., asset_id="1002")], witness=True)[1].token_id == "1002"


@pytest.mark.parametrize("body", [b"PONG", b"<html>", b"", b"nope", b'{"error":"No orderbook exists"}'])
def test_a_rest_answer_that_is_no_book_is_undecodable(body: bytes) -> None:
    """Only the socket has control texts."""
    assert [type(event) for event in decode_polymarket("polymarket.book", body, witness=True)] == [Undecodable]


def test_an_empty_book_is_a_book() -> None:
    """After the wipe at the start both sides are empty, which is knowledge, not its absence."""
    [snapshot] = read(book(bids=[], asks=[], hash="f78faa6c340329e60917e8fab852ecb980dd6cfd", last_trade_price=""))
    assert (snapshot.bids, snapshot.asks, snapshot.last_trade_u6, snapshot.verified) == ((), (), None, True)


def test_a_31_byte_market_id_is_as_good_as_any() -> None:
    """Market ids are not measured."""
    assert read(book(market="0x" + "22" * 31))[0].market_id == "0x" + "22" * 31


# price_change --------------------------------------------------------------------------------------------------


def test_a_price_change_gives_one_event_a_change_in_wire_order() -> None:
    """Sizes are absolute, sides map to BID and ASK, and each token's last change is marked."""
    events = read(
        price_change(
            change("1001", "0.51", "40", "BUY", best_bid="0.51", best_ask="0.52"),
            change("1002", "0.49", "40", "SELL", best_bid="0.48", best_ask="0.49"),
            change("1001", "0.50", "0", "BUY", best_bid="0.51", best_ask="0.52"),
        )
    )
    assert events[0] == LevelChange(
        token_id="1001",
        market_id=MARKET,
        side=BID,
        price_u6=510_000,
        size_u6=40_000_000,
        best_bid_u6=510_000,
        best_ask_u6=520_000,
        source_ns=NS + 450_000_000,
        hash="ab",
        last=False,
    )
    assert [event.side for event in events] == [BID, ASK, BID]
    assert [event.last for event in events] == [False, True, True]
    assert [event.index_in_message for event in events] == [0, 1, 2]
    assert events[2].size_u6 == 0


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ({"best_bid": "0", "best_ask": "1"}, (None, None)),
        ({"best_bid": "", "best_ask": ""}, (None, None)),
        ({}, (None, None)),
        ({"best_bid": "0.5", "best_ask": "1"}, (500_000, None)),
        ({"best_bid": "0.000", "best_ask": "1.00"}, (None, None)),
        ({"best_bid": 0.5, "best_ask": 0.501}, (500_000, 501_000)),
        ({"best_bid": 0, "best_ask": 1}, (None, None)),
    ],
)
def test_sentinels_are_no_prices(best: dict[str, Any], expected: tuple[int | None, int | None]) -> None:
    """0, 1 and the empty text say that a side is empty."""
    [event] = read(price_change(change("1001", "0.5", "1", "BUY", **best)))
    assert (event.best_bid_u6, event.best_ask_u6) == expected


def test_json_numbers_are_read_by_their_text() -> None:
    """A number on the wire is exact: 0.1 is a tenth, not the float nearest to it."""
    frame = (
        b'{"event_type":"price_change","market":"m","timestamp":1767225600450,"price_changes":'
        b'[{"asset_id":"1","price":0.1,"size":219.217767,"side":"BUY"},{"asset_id":"1","price":1e-3,"size":3,"side":"SELL"}]}'
    )
    events = decode_polymarket(FEED, frame)
    assert [(event.price_u6, event.size_u6) for event in events] == [(100_000, 219_217_767), (1_000, 3_000_000)]
    assert [event.source_ns for event in events] == [NS + 450_000_000] * 2


@pytest.mark.parametrize(
    "bad",
    [
        change("1001", "0.5300001", "1", "BUY"),
        change("1001", "0.5", "-1", "BUY"),
        change("1001", "0.5", "NaN", "BUY"),
        change("1001", "0.5", "1", "buy"),
        change("1001", "0.5", {}, "BUY"),
        change("1001", None, "1", "BUY"),
        {"asset_id": "1001"},
        5,
    ],
)
def test_a_message_is_taken_whole_or_not_at_all(bad: Any) -> None:
    """One bad change costs the whole message, because half an update is a wrong book; its neighbours live."""
    frame = [book(), price_change(change("1001", "0.5", "1", "BUY"), bad), book(asset_id="1002")]
    first, middle, last = read(frame)
    assert isinstance(middle, Undecodable)
    assert (middle.feed, middle.index) == (FEED, 1)
    assert (first.index, last.index, last.token_id) == (0, 2, "1002")


def test_the_wire_before_september_2025_is_read() -> None:
    """Both old forms of `price_change` give the same events as today's, without the venue's best prices."""
    old = {"event_type": "price_change", "asset_id": "7", "market": "0x1", "timestamp": "1", "hash": "h"}
    flat = {**old, "price": "0.4", "side": "SELL", "size": "3300"}
    [one] = read(flat)
    assert (one.token_id, one.side, one.price_u6, one.size_u6, one.best_bid_u6) == (
        "7",
        ASK,
        400_000,
        3_300_000_000,
        None,
    )
    many = read(
        {
            **old,
            "changes": [{"price": "0.4", "side": "SELL", "size": "3300"}, {"price": "0.5", "side": "BUY", "size": "0"}],
        }
    )
    assert [event.last for event in many] == [False, True]
    assert [event.hash for event in many] == ["h", "h"]


# the others ----------------------------------------------------------------------------------------------------


def test_a_trade_is_the_takers_side() -> None:
    """BUY means that the taker bought; a missing size or hash is None."""
    message = {
        "event_type": "last_trade_price",
        "market": "0x1",
        "asset_id": "7",
        "price": "0.456",
        "size": "219.217767",
        "fee_rate_bps": "",
        "side": "BUY",
        "timestamp": "1750428146322",
        "transaction_hash": "0xaa",
    }
    [trade] = read(message)
    assert trade == TradePrinted(
        token_id="7",
        market_id="0x1",
        side=BID,
        price_u6=456_000,
        size_u6=219_217_767,
        source_ns=1_750_428_146_322_000_000,
        transaction_hash="0xaa",
    )
    bare = {key: value for key, value in message.items() if key not in {"size", "transaction_hash"}}
    assert [(event.size_u6, event.transaction_hash) for event in read(bare)] == [(None, None)]


def test_the_smaller_messages_are_read() -> None:
    """Tick sizes, best prices, listings and resolutions keep their tokens and times."""
    head = {"market": "0x1", "asset_id": "7", "timestamp": "1757908892351"}
    ns = 1_757_908_892_351_000_000
    frame = [
        {"event_type": "tick_size_change", **head, "old_tick_size": "0.01", "new_tick_size": "0.001"},
        {"event_type": "best_bid_ask", **head, "best_bid": "0.73", "best_ask": "", "spread": ""},
        {
            "event_type": "new_market",
            "id": "1",
            "market": "0x1",
            "slug": "s",
            "question": "Q?",
            "assets_ids": ["1", "2"],
            "outcomes": ["Suns", "Heat"],
            "timestamp": "1757908892351",
            "line": "",
        },
        {
            "event_type": "market_resolved",
            "market": "0x1",
            "assets_ids": ["1", "2"],
            "winning_asset_id": "2",
            "winning_outcome": "Heat",
            "timestamp": "1757908892351",
        },
        {"event_type": "market_resolved", "market": "0x1", "assets_ids": ["1", "2"], "timestamp": "1757908892351"},
    ]
    assert read(frame) == [
        TickSizeChanged(token_id="7", market_id="0x1", old_tick_u6=10_000, new_tick_u6=1_000, source_ns=ns, index=0),
        BestQuoted(token_id="7", market_id="0x1", best_bid_u6=730_000, best_ask_u6=None, source_ns=ns, index=1),
        MarketListed(
            market_id="0x1",
            slug="s",
            question="Q?",
            token_ids=("1", "2"),
            outcomes=("Suns", "Heat"),
            source_ns=ns,
            index=2,
        ),
        MarketResolved(
            market_id="0x1", token_ids=("1", "2"), winning_token_id="2", winning_outcome="Heat", source_ns=ns, index=3
        ),
        MarketResolved(
            market_id="0x1", token_ids=("1", "2"), winning_token_id=None, winning_outcome=None, source_ns=ns, index=4
        ),
    ]


@pytest.mark.parametrize("text", ["PONG", "NO NEW ASSETS", "INVALID OPERATION", "something new"])
def test_a_text_that_is_no_json_is_control(text: str) -> None:
    """Short printable texts are the server's words to the connection."""
    assert decode_polymarket(FEED, text.encode()) == [ControlText(feed=FEED, text=text)]


def test_an_unknown_message_is_named() -> None:
    """An event_type nobody has seen is kept with its name, and its neighbours are read."""
    unknown, known = read([{"event_type": "future_thing", "x": 1}, book()])
    assert isinstance(unknown, Undecodable)
    assert "future_thing" in unknown.reason
    assert isinstance(known, BookSnapshot)


def test_an_empty_array_means_nothing() -> None:
    """The server answers some subscriptions with `[]`."""
    assert read([]) == []


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"  ",
        b"\xff\xfe",
        b"<html>no</html>",
        b"{",
        b"[",
        b"[{}",
        b"{" * 50_000,
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b"x" * 300,
        b"\x00",
        b'{"event_type":NaN}',
        b'{"event_type":"\\ud800"}',
        b"{}",
        b'{"event_type":null}',
        b'{"event_type":7}',
        b'{"event_type":"book"}',
        b'{"event_type":"book","bids":' + b"9" * 5000 + b"}",
    ],
)
def test_bytes_that_mean_nothing_give_one_undecodable(frame: bytes) -> None:
    """Broken, binary, endless or foreign frames cost one event, never an error."""
    [event] = decode_polymarket(FEED, frame)
    assert isinstance(event, Undecodable)
    assert 0 < len(event.reason) <= 300


CENTS = st.integers(1, 99).map(lambda cents: f"0.{cents:02}")
SIZES = st.decimals(min_value=0, max_value=10**6, places=6).map(lambda size: f"{size:f}")


@given(st.lists(st.tuples(CENTS, SIZES)), st.lists(st.tuples(CENTS, SIZES)), st.booleans())
def test_any_full_book_is_read_and_verified(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], neg_risk: bool
) -> None:
    """Sides are sorted and without zeros, and a hash made by the published rule verifies."""
    message = book(event_type=..., bids=levels(*bids), asks=levels(*asks), neg_risk=neg_risk, hash="")
    digest = hashlib.sha1(json.dumps(message, separators=(",", ":")).encode()).hexdigest()
    [snapshot] = read({**message, "event_type": "book", "hash": digest})
    assert snapshot.verified is True
    assert list(snapshot.bids) == sorted(snapshot.bids, reverse=True)
    assert list(snapshot.asks) == sorted(snapshot.asks)
    assert all(size > 0 for _, size in snapshot.bids + snapshot.asks)
    assert {price for price, _ in snapshot.bids} <= {int(text[2:]) * 10_000 for text, _ in bids}
