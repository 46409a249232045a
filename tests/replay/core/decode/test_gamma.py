from __future__ import annotations

import json
from typing import Any

import pytest

from replay.core.decode.gamma import decode_gamma
from replay.core.events import MarketSeen, Undecodable

FEED = "gamma.markets"
WON, LOST, HALF = (1_000_000, 0), (0, 1_000_000), (500_000, 500_000)


def market(**more: Any) -> dict[str, Any]:
    """A moneyline as Gamma lists it before the game."""
    wire = {
        "id": "1878152",
        "conditionId": "0x" + "ab" * 32,
        "slug": "nba-gsw-phx-2026-02-05",
        "question": "Warriors vs. Suns",
        "outcomes": '["Warriors", "Suns"]',
        "outcomePrices": '["0.5050001", "0.4949999"]',
        "clobTokenIds": '["11", "22"]',
        "sportsMarketType": "moneyline",
        "gameId": "1427074",
        "gameStartTime": "2026-02-06 03:00:00+00",
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "secondsDelay": 1,
        "feesEnabled": True,
        "feeType": "sports_fees_v3",
        "feeSchedule": {"exponent": 1, "rate": 0.05, "takerOnly": True, "rebateRate": 0.15},
        "clearBookOnStart": True,
        "acceptingOrders": True,
        "closed": False,
        "events": [{"id": "1", "gameId": 1427074, "score": "3-2"}],
        **more,
    }
    return {key: value for key, value in wire.items() if value is not ...}


def read(body: Any) -> list[Any]:
    return decode_gamma(FEED, json.dumps(body).encode())


def one(body: Any) -> MarketSeen:
    [seen] = read(body)
    assert isinstance(seen, MarketSeen), seen
    return seen


def test_a_market_is_read_whole() -> None:
    """Arrays inside strings pair by position; numbers are exact; the delay and the fee are the market's own."""
    assert one(market()) == MarketSeen(
        market_id="0x" + "ab" * 32,
        slug="nba-gsw-phx-2026-02-05",
        question="Warriors vs. Suns",
        sports_type="moneyline",
        token_ids=("11", "22"),
        outcomes=("Warriors", "Suns"),
        venue_game_id="1427074",
        start_ns=1_770_346_800_000_000_000,
        tick_u6=10_000,
        size_min_u6=5_000_000,
        venue_delay_ms=1_000,
        fee_rate_u6=50_000,
        fee_exponent=1,
        clear_book_on_start=True,
        accepting_orders=True,
        closed=False,
    )


@pytest.mark.parametrize(
    "wrap",
    [
        lambda markets: markets,
        lambda markets: {"markets": markets, "next_cursor": "x"},
        lambda markets: [{"id": "1", "slug": "s", "markets": markets}],
        lambda markets: {"events": [{"id": "1", "markets": markets[:1]}, {"id": "2", "markets": markets[1:]}]},
        lambda markets: {"data": markets, "next_cursor": "LTE="},
    ],
    ids=["markets", "page of markets", "events", "page of events", "CLOB page"],
)
def test_every_listing_gives_its_markets_in_order(wrap: Any) -> None:
    """Lists, pages and events are only wrapping; the index counts through the whole body."""
    events = read(wrap([market(), market(conditionId=5), market(slug="other")]))
    assert [event.index for event in events] == [0, 1, 2]
    assert [type(event) for event in events] == [MarketSeen, Undecodable, MarketSeen]
    assert events[2].slug == "other"


@pytest.mark.parametrize(
    ("fees", "expected"),
    [
        ({}, 50_000),
        ({"feesEnabled": ...}, 50_000),
        ({"feesEnabled": False}, 0),
        ({"feesEnabled": False, "feeSchedule": ...}, 0),
        ({"feeType": "zero_fees", "feeSchedule": ...}, 0),
        ({"feeSchedule": {"exponent": 1, "rate": 0, "takerOnly": True}}, 0),
        ({"feeSchedule": ...}, None),
        ({"feeSchedule": None, "feesEnabled": ...}, None),
        ({"feeSchedule": {"rate": 0.0175, "exponent": 1.0}}, 17_500),
    ],
)
def test_the_fee_is_the_markets_own(fees: dict[str, Any], expected: int | None) -> None:
    """Off is 0, unsaid is None, and a schedule of rate 0 is 0."""
    assert one(market(**fees)).fee_rate_u6 == expected


@pytest.mark.parametrize(
    ("wire", "expected"),
    [("1427074", "1427074"), (1427074, "1427074"), (-1, None), ("-1", None), ("", None), (None, None), (..., None)],
)
def test_the_venues_game_id_has_many_ways_to_be_absent(wire: Any, expected: str | None) -> None:
    """Text on the market, number on the event, -1 or null for none."""
    assert one(market(gameId=wire)).venue_game_id == expected


@pytest.mark.parametrize("text", ["2026-02-06 03:00:00+00", "2026-02-06T03:00:00Z", "2026-02-06 03:00:00.000000+00"])
def test_every_form_of_the_start_is_read(text: str) -> None:
    """The catalogue writes one moment in three ways."""
    assert one(market(gameStartTime=text)).start_ns == 1_770_346_800_000_000_000


@pytest.mark.parametrize("text", ["", None, ..., "0001-01-01T00:00:00Z"])
def test_a_start_that_was_never_set_is_none(text: Any) -> None:
    """Empty, null, left out and the year 1 are all absence."""
    assert one(market(gameStartTime=text)).start_ns is None


@pytest.mark.parametrize(
    ("closed", "prices", "expected"),
    [
        (True, '["1", "0"]', WON),
        (True, '["0", "1"]', LOST),
        (True, '["0.5", "0.5"]', HALF),
        (True, '["1.0", "0.0"]', WON),
        (True, "[1, 0]", WON),
        (True, '["0.999", "0.001"]', None),
        (True, '["0", "0"]', None),
        (True, '["1", "1"]', None),
        (True, '["0.0000004", "0.9999996"]', None),
        (True, "", None),
        (True, "not json", None),
        (True, ..., None),
        (False, '["1", "0"]', None),
        (..., '["1", "0"]', None),
    ],
)
def test_a_payout_is_exact_and_only_of_a_closed_market(closed: Any, prices: Any, expected: Any) -> None:
    """Anything but 1/0, 0/1 or 0.5/0.5 of a closed market is no result."""
    assert one(market(closed=closed, outcomePrices=prices)).payout_u6 == expected


@pytest.mark.parametrize(
    "more",
    [
        {"outcomes": '["A", "B", "C"]', "clobTokenIds": '["1", "2", "3"]'},
        {"clobTokenIds": ""},
        {"clobTokenIds": ...},
        {"clobTokenIds": "[]"},
        {"clobTokenIds": '["11", ""]'},
        {"outcomes": None},
        {"conditionId": ""},
    ],
)
def test_what_cannot_be_traded_here_gives_no_event(more: dict[str, Any]) -> None:
    """Other than two outcomes, or tokens not yet assigned: no market of ours, and no damage."""
    assert read([market(**more), market()]) == [one([market(**more), market()])]


@pytest.mark.parametrize(
    "more",
    [
        {"outcomes": "Warriors"},
        {"outcomes": ["Warriors", "Suns"]},
        {"orderPriceMinTickSize": "cheap"},
        {"secondsDelay": -1},
        {"secondsDelay": 10**12},
        {"gameStartTime": "tonight"},
        {"feeSchedule": {"rate": "free"}},
        {"feeSchedule": {"rate": 0.05, "exponent": 1.5}},
        {"closed": "yes"},
    ],
)
def test_a_market_that_cannot_be_read_is_undecodable(more: dict[str, Any]) -> None:
    """A wrong type or value costs that market, not its neighbours."""
    assert [type(event) for event in read([market(**more), market()])] == [Undecodable, MarketSeen]


def clob(**more: Any) -> dict[str, Any]:
    """The long market object of the CLOB."""
    return {
        "condition_id": "0x1",
        "market_slug": "s",
        "question": "Q?",
        "tokens": [
            {"token_id": "11", "outcome": "Warriors", "price": 0.5, "winner": False},
            {"token_id": "22", "outcome": "Suns", "price": 0.5, "winner": False},
        ],
        "minimum_tick_size": 0.001,
        "minimum_order_size": 5,
        "seconds_delay": 3,
        "game_start_time": None,
        "accepting_orders": True,
        "is_50_50_outcome": False,
        "closed": False,
        **more,
    }


def test_the_clobs_long_market_is_read() -> None:
    """It knows the delay, but neither the fee nor the wipe."""
    seen = one(clob())
    assert (seen.token_ids, seen.outcomes, seen.tick_u6, seen.venue_delay_ms) == (
        ("11", "22"),
        ("Warriors", "Suns"),
        1_000,
        3_000,
    )
    assert (seen.fee_rate_u6, seen.clear_book_on_start, seen.start_ns, seen.payout_u6) == (None, None, None, None)


def test_the_clob_names_winners() -> None:
    """A closed market pays its winner, or both halves; no winner yet is no result."""
    tokens = clob()["tokens"]
    second_won = [tokens[0], {**tokens[1], "winner": True}]
    assert one(clob(closed=True, tokens=second_won)).payout_u6 == LOST
    assert one(clob(closed=False, tokens=second_won)).payout_u6 is None
    assert one(clob(closed=True, is_50_50_outcome=True)).payout_u6 == HALF
    assert one(clob(closed=True)).payout_u6 is None


def test_the_clobs_short_market_leaves_out_zero() -> None:
    """No `sd` is no delay, no `cbos` is no wipe; no `fd` says nothing about fees."""
    short = {"c": "0x1", "t": [{"t": "11", "o": "Warriors"}, {"t": "22", "o": "Suns"}], "mts": 0.01, "mos": 5}
    bare = one(short)
    assert (bare.venue_delay_ms, bare.clear_book_on_start, bare.fee_rate_u6) == (0, False, None)
    full = one({**short, "sd": 1, "cbos": True, "ao": True, "gst": "2026-02-06T03:00:00Z", "fd": {"r": 0.05, "e": 1}})
    assert (full.venue_delay_ms, full.clear_book_on_start, full.accepting_orders) == (1_000, True, True)
    assert (full.fee_rate_u6, full.fee_exponent, full.start_ns) == (50_000, 1, 1_770_346_800_000_000_000)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"events": []},
        {"events": [{"id": "1", "markets": []}]},
        [{"id": 1, "sport": "nba", "tags": "1,745,100639", "series": "10345"}],
        [{"id": "1", "label": "NBA", "slug": "nba"}],
        [{"id": 1, "name": "Lakers", "league": "NBA", "abbreviation": "LAL"}],
    ],
)
def test_a_directory_or_an_empty_page_means_nothing(body: Any) -> None:
    """Sports, tags and teams help the recorder to ask; they are no markets."""
    assert read(body) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"<html>",
        b'{"error":"x"}',
        b'{"events":5}',
        b"\xff",
        b"[" * 50_000,
        b'[{"conditionId":"0x1"',
        b'{"data":[' * 100 + b"1" + b"]}" * 100,
    ],
)
def test_a_body_that_is_no_catalogue_gives_one_undecodable(body: bytes) -> None:
    """Errors, HTML, truncated and endless bodies cost one event, never an error."""
    assert [type(event) for event in decode_gamma(FEED, body)] == [Undecodable]
