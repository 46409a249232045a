"""The fold: what every URL answers, every book, and who is told what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.envelope import Envelope, Kind
from replay.upstream.address import address_of
from replay.upstream.timeline import OPENING_NS, Forward, HangUp, Opening, Timeline, subscribed_tokens

Make = Callable[..., dict[str, Any]]
S = 1_000_000_000
URL = "https://site.api.espn.com/apis/site/v2/sports/basketball/nba/scoreboard?dates=20260115&limit=300"


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    number = st.sampled_from(["0.5", ".50", "0", "x", "", "NaN", "-inf", "1e999999", 0.25, 7, None])
    level = st.fixed_dictionaries({"price": number, "size": number})
    change = st.fixed_dictionaries({"asset_id": st.sampled_from("12"), "side": st.sampled_from(["BUY", "SELL", ""])})
    message = {
        "event_type": draw(st.sampled_from(["book", "price_change", "last_trade_price", "tick_size_change", "other"])),
        "asset_id": draw(st.sampled_from(["1", "2", ""])),
        "bids": draw(st.lists(level, max_size=3)),
        "asks": draw(st.lists(level, max_size=3)),
        "price_changes": [it | draw(level) for it in draw(st.lists(change, max_size=3))],
    }
    return json.dumps(message).encode()


def _play(tape: Any, timeline: Timeline | None = None) -> tuple[Timeline, list[Forward | HangUp]]:
    timeline = timeline or Timeline()
    return timeline, [effect for it in tape.envelopes if (effect := timeline.apply(it))]


def test_newest_answer_holds_and_304_confirms_it(tape: Any) -> None:
    """A later body replaces an earlier one, whatever its status; a 304 leaves what it confirms."""
    tape.scores(0, b"a")
    tape.scores(1, b"b", status=503)
    tape.scores(2, b"", status=304)
    timeline, _ = _play(tape)
    answer = timeline.answers[address_of(URL)]
    assert (answer.status, answer.body, answer.at_ns) == (503, b"b", tape.envelopes[1].recv_ns)


def test_upcoming_names_only_what_changes(tape: Any) -> None:
    """An equal body, a 304, a book and a frame change no answer; another body or status does."""
    tape.scores(0, b"a")
    timeline, _ = _play(tape)
    tape.envelopes.clear()
    tape.scores(1, b"a")
    tape.scores(2, b"", status=304)
    tape.body(3, "https://clob.polymarket.com/books", b"[]", feed="polymarket.book")
    tape.frame(4, b"[]")
    tape.scores(5, b"a", status=500)
    tape.scores(6, b"b")
    changes = [timeline.upcoming(envelope) for envelope in tape.envelopes]
    assert changes == [None, None, None, None, address_of(URL), address_of(URL)]


def test_opening_holds_the_first_minute_only(tape: Any) -> None:
    """What was first answered within a minute is known from the start, with its first body; nothing later is."""
    tape.scores(1, b"first")
    tape.scores(2, b"second")
    tape.body(3, "https://gamma-api.polymarket.com/sports", b"[]", feed="gamma.markets")
    tape.scores(OPENING_NS / S + 2, b"late", day="20260114")
    opening = Opening.of(iter(tape.envelopes), tape.envelopes[0].recv_ns)
    assert {address.path: answer.body for address, answer in opening.answers.items()} == {
        address_of(URL).path: b"first",
        "/sports": b"[]",
    }
    assert opening.scores == {address_of(URL)}


def test_frames_say_whom_they_concern(tape: Any, book: Make, change: Make) -> None:
    """A frame concerns the tokens it names; one that names none, those of its connection; replies concern nobody."""
    tape.opened(0, ["1", "2"])
    tape.frame(1, [book("1", {}, {})])
    tape.frame(2, change(("2", "BUY", "0.1", "1"), ("3", "BUY", "0.1", "1")))
    tape.frame(3, b"[]")
    tape.frame(4, b"not json")
    tape.frame(5, b"NO NEW ASSETS")
    tape.frame(6, {"event_type": "best_bid_ask", "asset_id": "1", "best_bid": "0.1", "best_ask": ""})
    tape.frame(7, {"event_type": "new_market", "assets_ids": ["8"]})
    _, effects = _play(tape)
    frames = [effect for effect in effects if isinstance(effect, Forward)]
    told = [(list(frame.tokens), frame.everyone, frame.custom) for frame in frames]
    assert told == [
        (["1"], False, False),
        (["2", "3"], False, False),
        (["1", "2"], False, False),
        (["1", "2"], False, False),
        (["1"], False, True),
        (["8"], True, True),
    ]


def test_a_lost_connection_forgets_its_books_and_ours_does_not(tape: Any, book: Make) -> None:
    """After a close by the venue its tokens' books are unknown; where the recorder left, the last book stands."""
    tape.opened(0, ["1"], conn=1)
    tape.frame(0, [book("1", {"0.5": "1"}, {})], conn=1)
    tape.opened(0, ["2"], conn=2)
    tape.frame(0, [book("2", {"0.5": "1"}, {})], conn=2)
    tape.closed(1, 1006, side="lost", conn=1)
    tape.closed(2, 1000, side="us", conn=2)
    timeline, effects = _play(tape)
    assert (timeline.rest("1"), timeline.frame(["1"])) == (None, None)
    assert timeline.rest("2") is not None
    assert [(it.code, it.lost, list(it.tokens)) for it in effects if isinstance(it, HangUp)] == [(1006, True, ["1"])]


def test_witness_bodies_answer_for_books(tape: Any) -> None:
    """A recorded `/books` body speaks for each of its tokens; an error or a body that is none, for nobody."""
    books = "https://clob.polymarket.com/books"
    tape.body(0, books, b'[{"asset_id":"1","x":1},{"asset_id":"2"}]', feed="polymarket.book")
    tape.body(1, books, b'[{"asset_id":"3"}]', feed="polymarket.book", status=500)
    tape.body(2, books, b"<html>", feed="polymarket.book")
    timeline, _ = _play(tape)
    assert [timeline.rest(token) for token in "123"] == [b'{"asset_id":"1","x":1}', b'{"asset_id":"2"}', None]


def test_failures_are_answers_only_on_demand(tape: Any) -> None:
    """A failed poll is no answer, unless it is to be served as 503."""
    tape.add(0, "espn.nba", 0, Kind.FAILED, {"url": URL, "sent_ns": 0, "why": "timeout"})
    assert _play(tape)[0].answers == {}
    assert _play(tape, Timeline(failed_is_503=True))[0].answers[address_of(URL)].status == 503


def test_subscribed_tokens_reads_subscriptions_only() -> None:
    """The first message and `subscribe` hold tokens; PING, `unsubscribe` and junk hold none."""
    texts = [b'{"type":"market","assets_ids":["1"]}', b'{"operation":"subscribe","assets_ids":["2"]}']
    assert [subscribed_tokens(text) for text in texts] == [["1"], ["2"]]
    others = [b"PING", b'{"operation":"unsubscribe","assets_ids":["2"]}', b"{}", b"\xff"]
    assert [subscribed_tokens(text) for text in others] == [[], [], [], []]


@given(st.lists(st.one_of(st.binary(max_size=40), _messages()), max_size=8))
@settings(max_examples=150)
def test_no_frame_breaks_the_fold(payloads: list[bytes]) -> None:
    """Whatever a frame holds, it is passed on, and the books can be rendered or are unknown."""
    timeline = Timeline()
    for seq, payload in enumerate(payloads):
        timeline.apply(Envelope(seq, seq, "polymarket.market", 1, Kind.FRAME, b"", payload))
    frame = timeline.frame(["1", "2"])
    assert frame is None or {it["asset_id"] for it in json.loads(frame)} <= {"1", "2"}


def test_a_deep_frame_is_passed_on_too() -> None:
    """Nesting beyond any decoder is only a frame that names no token."""
    deep = b'{"bids":' + b"[" * 100_000
    assert isinstance(Timeline().apply(Envelope(0, 0, "polymarket.market", 1, Kind.FRAME, b"", deep)), Forward)
    assert subscribed_tokens(deep) == []
