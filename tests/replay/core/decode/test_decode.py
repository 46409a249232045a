from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.envelope import Envelope, Kind, encode_meta
from replay.core.decode import KNOWN_FEEDS, decode, decode_payload
from replay.core.events import (
    BookSnapshot,
    ClockStepped,
    Event,
    FeedGap,
    PollMissed,
    PollUnchanged,
    Pulse,
    Undecodable,
    event_as_dict,
)

LEVEL = {"price": "0.5", "size": "10"}
BOOK = {"market": "0x1", "asset_id": "7", "timestamp": "1", "hash": "", "bids": [LEVEL], "asks": [], "neg_risk": False}
CHANGE = {"asset_id": "7", "price": "0.5", "size": "0", "side": "BUY", "hash": "h", "best_bid": "0", "best_ask": "1"}
STATUS = {"clock": 1, "period": 2, "type": {"name": "STATUS_IN_PROGRESS", "state": "in", "completed": False}}
TEAM = {"id": "1", "name": "Suns", "displayName": "Phoenix Suns"}
SIDES = [{"homeAway": side, "score": "3", "team": TEAM} for side in ("home", "away")]
CDN_TEAM = {"teamId": 1, "teamName": "Suns", "score": 3}
PLAY = {
    "actionNumber": 1,
    "orderNumber": 10000,
    "actionType": "2pt",
    "period": 1,
    "clock": "PT11M58.00S",
    "scoreHome": "2",
    "scoreAway": "0",
    "timeActual": "2021-01-16T02:14:17.3Z",
    "edited": "2021-01-16T02:14:20Z",
}
BODIES: dict[str, Any] = {
    "polymarket.market": [
        {"event_type": "book", **BOOK},
        {"event_type": "price_change", "market": "0x1", "timestamp": "1", "price_changes": [CHANGE, CHANGE]},
    ],
    "polymarket.book": [BOOK],
    "espn.nba": {"events": [{"id": "1", "competitions": [{"competitors": SIDES, "status": STATUS}], "status": STATUS}]},
    "nba.scoreboard": {
        "scoreboard": {
            "games": [
                {
                    "gameId": "1",
                    "gameStatus": 2,
                    "gameClock": "PT05M23.00S",
                    "homeTeam": CDN_TEAM,
                    "awayTeam": CDN_TEAM,
                    "gameTimeUTC": "2021-01-16T00:30:00Z",
                }
            ]
        }
    },
    "nba.boxscore": {"game": {"gameId": "1", "gameStatus": 2, "homeTeam": CDN_TEAM, "awayTeam": CDN_TEAM}},
    "nba.playbyplay": {"game": {"gameId": "1", "actions": [PLAY, PLAY | {"actionNumber": 2, "orderNumber": 20000}]}},
    "polymarket.sports": {"gameId": 7, "score": "3-4", "live": True, "eventState": {"updatedAt": PLAY["timeActual"]}},
    "gamma.markets": [
        {
            "markets": [
                {
                    "conditionId": "0x1",
                    "outcomes": '["A","B"]',
                    "clobTokenIds": '["1","2"]',
                    "outcomePrices": '["1","0"]',
                    "closed": True,
                    "feeSchedule": {"rate": 0.05, "exponent": 1},
                    "gameStartTime": "2026-04-05 15:10:00+00",
                }
            ]
        },
        {"c": "0x2", "t": [{"t": "1", "o": "A"}, {"t": "2", "o": "B"}], "fd": {"r": 0.05}},
        {"condition_id": "0x3", "tokens": [{"token_id": "1", "outcome": "A"}, {"token_id": "2", "outcome": "B"}]},
    ],
}


def envelope(kind: Kind, feed: str = "espn.nba", payload: bytes = b"", conn: int = 0, **meta: Any) -> Envelope:
    return Envelope(0, 0, feed, conn, kind, encode_meta(meta), payload)


@pytest.mark.parametrize("kind", [Kind.OPENED, Kind.SENT, Kind.DECISION])
def test_what_we_did_ourselves_means_nothing(kind: Kind) -> None:
    """Opening, sending and deciding are facts on the tape, not news from the world."""
    assert decode(envelope(kind, payload=b"PING", url="wss://x")) == []


def test_a_pulse_is_time_itself() -> None:
    """A second has passed, and nothing more."""
    assert decode(envelope(Kind.PULSE, "recorder")) == [Pulse()]


def test_a_closed_socket_and_a_silent_asset_are_gaps() -> None:
    """A gap names its connection, its reason and, where it is one asset's, the asset."""
    closed = envelope(Kind.CLOSED, "polymarket.market", conn=3, code=1006, reason="", side="lost")
    assert decode(closed) == [FeedGap(feed="polymarket.market", conn=3, why="closed lost 1006")]
    silent = envelope(Kind.SILENT, "polymarket.market", conn=3, asset="7", since_ns=5)
    assert decode(silent) == [FeedGap(feed="polymarket.market", conn=3, why="silent", token_id="7")]
    whole = envelope(Kind.SILENT, "polymarket.market", conn=3, asset=None, since_ns=5)
    assert decode(whole) == [FeedGap(feed="polymarket.market", conn=3, why="silent", token_id=None)]


def test_a_poll_without_an_answer_is_missed() -> None:
    """No answer, a refusal and an error status say nothing about the game, whatever the body."""
    assert decode(envelope(Kind.FAILED, why="timeout")) == [PollMissed(feed="espn.nba", why="timeout")]
    for status in (400, 403, 404, 429, 500, 204):
        assert decode(envelope(Kind.BODY, payload=b"<html>", status=status)) == [
            PollMissed(feed="espn.nba", why=f"status {status}", status=status)
        ]


def test_not_modified_is_an_answer() -> None:
    """304 says that what was known still holds."""
    assert decode(envelope(Kind.BODY, status=304)) == [PollUnchanged(feed="espn.nba")]


@pytest.mark.parametrize("feed", BODIES)
def test_a_body_is_read_by_its_feed(feed: str) -> None:
    """Each feed has its decoder; every message of the samples is understood."""
    payload = json.dumps(BODIES[feed]).encode()
    events = decode(envelope(Kind.BODY, feed, payload, status=200))
    assert events
    assert not [event for event in events if isinstance(event, Undecodable)]
    assert events == decode_payload(feed, payload, Kind.BODY)


def test_a_book_from_the_socket_is_no_witness_and_one_from_rest_is() -> None:
    """The stream and the second opinion are told apart by how they came."""
    payload = json.dumps(BODIES["polymarket.book"]).encode()
    from_socket = decode_payload("polymarket.market", payload, Kind.FRAME)
    from_rest = decode_payload("polymarket.book", payload, Kind.BODY)
    assert [book.witness for book in from_socket + from_rest if isinstance(book, BookSnapshot)] == [False, True]


@pytest.mark.parametrize("feed", ["", "espn", "espn.cricket", "nba.odds", "polymarket", "recorder", "x.y"])
def test_a_feed_without_a_decoder_is_undecodable(feed: str) -> None:
    """Nothing is guessed from a feed's name."""
    assert decode(envelope(Kind.FRAME, feed, b"{}")) == [Undecodable(feed=feed, reason="no decoder for this feed")]


@pytest.mark.parametrize("meta", [b"[]", b"{", b'{"status":"200"}', b"\xff", b"[" * 50_000])
def test_a_broken_meta_is_undecodable(meta: bytes) -> None:
    """Damage to our own facts is one event like any other damage."""
    assert [type(event) for event in decode(Envelope(0, 0, "espn.nba", 0, Kind.BODY, meta, b"{}"))] == [Undecodable]


def test_a_note_is_read_wherever_it_stands() -> None:
    """Notes come from the recorder or from a feed."""
    assert decode(envelope(Kind.NOTE, "recorder", note="clock_step", step_ns=9)) == [ClockStepped(step_ns=9)]
    assert decode(envelope(Kind.NOTE, "espn.nba", note="feed")) == []


def check_total(events: list[Event]) -> None:
    """Every event is of our vocabulary, can be written down, and counts no time or number beyond 64 bits."""
    for event in events:
        assert isinstance(event, Event)
        line = event_as_dict(event)
        json.dumps(line)
        check_bounds(line)


def check_bounds(value: Any) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            check_bounds(item)
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63


@given(st.sampled_from(KNOWN_FEEDS), st.binary(max_size=200), st.sampled_from(list(Kind)), st.binary(max_size=40))
def test_any_bytes_give_events_and_never_an_error(feed: str, payload: bytes, kind: Kind, meta: bytes) -> None:
    """Arbitrary payloads and metas under every kind and feed."""
    check_total(decode(Envelope(0, 0, feed, 1, kind, meta, payload)))
    check_total(decode_payload(feed, payload, Kind.FRAME))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=8)
    | st.sampled_from(["", "0", "1", "-1", "1e400", "NaN", "[]", "9" * 30, "\ud800", "0001-01-01T00:00:00Z", "BUY"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with one place replaced."""
    if not path:
        return new
    head, *rest = path
    if isinstance(value, dict):
        return {**value, head: replaced(value[head], tuple(rest), new)}
    return [replaced(item, tuple(rest), new) if index == head else item for index, item in enumerate(value)]


@settings(max_examples=200)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_valid_body_with_any_part_replaced_is_still_no_error(feed: str, data: st.DataObject) -> None:
    """Whatever JSON stands where the decoder expects something else, there are events and no error."""
    body = BODIES[feed]
    path = data.draw(st.sampled_from(paths(body)))
    payload = json.dumps(replaced(body, path, data.draw(JSON))).encode()
    for kind in (Kind.FRAME, Kind.BODY):
        check_total(decode_payload(feed, payload, kind))


@settings(max_examples=150)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_valid_body_with_any_byte_changed_or_cut_is_still_no_error(feed: str, data: st.DataObject) -> None:
    """Truncation and flipped bytes are weather."""
    payload = bytearray(json.dumps(BODIES[feed]).encode())
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(payload), at]))
    events = decode_payload(feed, bytes(payload[:cut]), Kind.BODY)
    check_total(events)
    assert cut or events
