"""Polymarket's market socket."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random

import pytest
from transcript import S, Transcript
from weather import Even

from recorder.feeds.base import (
    AskBooks,
    Close,
    Closed,
    Message,
    Open,
    Opened,
    PlanChanged,
    Send,
    Silent,
    Start,
    Wake,
    WakeAt,
)
from recorder.feeds.polymarket import MarketSocketFeed

URL = "ws://market/ws/market"


def feed(**more) -> MarketSocketFeed:
    return MarketSocketFeed(URL, rng=Even(), **more)


def subscription(*tokens: str) -> str:
    """The first frame, to the letter."""
    ids = ",".join(f'"{token}"' for token in tokens)
    return f'{{"assets_ids":[{ids}],"type":"market","initial_dump":true,"level":2,"custom_feature_enabled":true}}'


def joined(*tokens: str) -> str:
    ids = ",".join(f'"{token}"' for token in tokens)
    return f'{{"operation":"subscribe","assets_ids":[{ids}],"custom_feature_enabled":true}}'


def left(*tokens: str) -> str:
    ids = ",".join(f'"{token}"' for token in tokens)
    return f'{{"operation":"unsubscribe","assets_ids":[{ids}]}}'


def books(conn: int, *tokens: str) -> Message:
    frame = [{"event_type": "book", "asset_id": token, "bids": [], "asks": []} for token in tokens]
    return Message(conn, json.dumps(frame).encode())


def change(conn: int) -> Message:
    return Message(conn, b'{"event_type":"price_change","market":"0x1","price_changes":[]}')


def opened(tokens: tuple[str, ...] = ("1", "2"), **more) -> Transcript:
    """A transcript whose socket 1 is open at 0 and subscribed to the tokens, whose books have not come."""
    return (
        Transcript(feed(**more))
        >> Start()
        << WakeAt(10 * S)
        >> PlanChanged(tokens)
        << Open(1, URL)
        << WakeAt(10 * S)
        >> Opened(1)
        << Send(1, subscription(*tokens))
        << AskBooks(tokens)
        << WakeAt(10 * S)
    )


def flowing(tokens: tuple[str, ...] = ("1", "2"), **more) -> Transcript:
    """A transcript whose socket 1 is open at 0 with all books there."""
    return opened(tokens, **more) >> books(1, *tokens)


def test_nothing_is_opened_before_there_is_a_plan() -> None:
    """A session without games has no socket, but an alarm."""
    assert Transcript(feed()) >> Start() << WakeAt(10 * S) >> Wake() << WakeAt(20 * S)


def test_ping_every_ten_seconds_and_only_after_the_subscription() -> None:
    """An early PING would close the socket; PONG and other text are no business of ours."""
    assert (
        flowing()
        >> Wake()
        << Send(1, "PING")
        << WakeAt(20 * S)
        >> (11 * S, Message(1, b"PONG"))
        >> (12 * S, Message(1, b"NO NEW ASSETS"))
        >> (13 * S, Message(1, b"INVALID OPERATION"))
        >> Wake()
        << Send(1, "PING")
        << WakeAt(30 * S)
    )


def test_a_plan_of_five_hundred_tokens_takes_three_sockets() -> None:
    """At most 200 assets go on one socket, in plan order."""
    tokens = tuple(str(number) for number in range(500))
    transcript = Transcript(feed()) >> Start() << ... >> PlanChanged(tokens)
    assert transcript << Open(1, URL) << Open(2, URL) << Open(3, URL) << ...
    sent = [transcript.step(Opened(conn))[0] for conn in (2, 3, 1)]
    assert sent == [
        Send(2, subscription(*tokens[200:400])),
        Send(3, subscription(*tokens[400:])),
        Send(1, subscription(*tokens[:200])),
    ]


def test_a_changed_plan_changes_the_open_socket() -> None:
    """Tokens that left are unsubscribed and new ones joined; the same plan again does nothing."""
    assert (
        flowing()
        >> PlanChanged(("2", "3"))
        << Send(1, left("1"))
        << Send(1, joined("3"))
        << AskBooks(("3",))
        << WakeAt(10 * S)
        >> PlanChanged(("2", "3"))
        << WakeAt(10 * S)
        >> PlanChanged(())
        << Close(1, "not wanted any more")
        << WakeAt(10 * S)
    )


def test_a_plan_that_changes_while_the_socket_opens_goes_into_the_first_subscription() -> None:
    """There is one first frame, and it names what is wanted by then."""
    assert (
        Transcript(feed())
        >> PlanChanged(("1",))
        << ...
        >> PlanChanged(("1", "2"))
        << WakeAt(10 * S)
        >> Opened(1)
        << Send(1, subscription("1", "2"))
        << ...
    )


def test_a_lost_socket_is_replaced_under_a_new_number() -> None:
    """The first try comes after half a second, a failed one after 1 s, and data sets that back."""
    assert (
        flowing()
        >> (5 * S, Closed(1, 1006, "lost"))
        << WakeAt(5 * S + S // 2)
        >> Wake()
        << Open(2, URL)
        << ...
        >> (6 * S, Closed(2, 0, "refused"))
        << WakeAt(7 * S)
        >> Wake()
        << Open(3, URL)
        << ...
        >> Opened(3)
        << Send(3, subscription("1", "2"))
        << AskBooks(("1", "2"))
        << ...
        >> books(3, "1", "2")
        >> (8 * S, Closed(3, 1011, "keepalive"))
        << WakeAt(8 * S + S // 2)
    )


def test_a_socket_without_data_is_replaced_though_it_answers_pings() -> None:
    """Pongs, empty arrays and the venue's news of other markets are no data: after 60 s the socket goes."""
    transcript = flowing()
    for second in (10, 20, 30, 40, 50):
        transcript = transcript >> (second * S, Wake()) << Send(1, "PING") << ...
        transcript = transcript >> Message(1, b"PONG") >> Message(1, b"[]")
        transcript = transcript >> Message(1, b'{"event_type":"new_market","id":"9"}')
        transcript = transcript >> Message(1, b'{"event_type":"market_resolved","id":"9"}')
    assert (
        transcript
        >> Wake()
        << Silent(1, 0)
        << Close(1, "silent")
        << WakeAt(65 * S)
        >> change(1)
        >> (61 * S, Closed(1, 1000, ""))
        << Open(2, URL)
        << WakeAt(71 * S)
        >> change(1)
        >> Opened(2)
        << Send(2, subscription("1", "2"))
        << ...
    )


def test_a_socket_that_does_not_close_is_not_waited_for() -> None:
    """Without the end of the old socket the new one opens after five seconds."""
    transcript = flowing()
    while not any(isinstance(command, Close) for command in transcript.step(Wake())):
        pass
    assert transcript.now_ns == 60 * S
    assert transcript >> Wake() << Open(2, URL) << WakeAt(75 * S) >> Closed(1, 1006, "") << WakeAt(75 * S)


def test_data_puts_the_watchdog_off() -> None:
    """A change at 55 s moves the deadline to 115 s."""
    transcript = flowing() >> (55 * S, change(1))
    silent = []
    while not silent:
        silent = [command for command in transcript.step(Wake()) if isinstance(command, Silent)]
    assert (silent, transcript.now_ns) == ([Silent(1, 55 * S)], 115 * S)


def replacements(transcript: Transcript, until_ns: int, *, with_books: bool) -> list[int]:
    """Run an upstream that opens every socket and says nothing, or sends books only; return when it was left."""
    at_ns = []
    while transcript.now_ns < until_ns:
        done = transcript.step(Wake())
        for command in list(done):
            if isinstance(command, Close):
                at_ns.append(transcript.now_ns)
                done += transcript.step(Closed(command.conn, 1000, ""))
        for command in done:
            if isinstance(command, Open):
                transcript.step(Opened(command.conn))
                if with_books:
                    transcript.step(books(command.conn, "1", "2"))
    return at_ns


def test_an_idle_market_is_left_in_peace() -> None:
    """Where books come and nothing after, patience doubles to five minutes."""
    at_ns = replacements(flowing(), 1320 * S, with_books=True)
    assert [ns // S for ns in at_ns] == [60, 180, 420, 720, 1020, 1320]


def test_a_stall_is_not_mistaken_for_an_idle_market() -> None:
    """Where books that once came do not come again, the socket is replaced every minute."""
    at_ns = replacements(flowing(), 600 * S, with_books=False)
    assert {after - before for before, after in pairwise(at_ns)} == {60 * S}


def test_patience_shrinks_when_the_market_wakes_up() -> None:
    """Each change that flows halves the patience that idleness had doubled."""
    transcript = flowing()
    replacements(transcript, 400 * S, with_books=True)
    conn = max(transcript.open)
    now_ns = transcript.now_ns
    for _ in range(5):
        transcript.step(change(conn))
    silent = []
    while not silent:
        silent = [command for command in transcript.step(Wake()) if isinstance(command, Silent)]
    assert transcript.now_ns - now_ns == 60 * S


def test_a_token_without_its_first_book_is_subscribed_again_and_then_moves() -> None:
    """After 30 s a late token is subscribed anew, after 60 s it gets its own socket; its sibling keeps the old one."""
    assert (
        opened()
        >> books(1, "1")
        >> (29 * S, change(1))
        >> (30 * S, Wake())
        << Silent(1, 0, "2")
        << Send(1, left("2"))
        << Send(1, joined("2"))
        << AskBooks(("2",))
        << Send(1, "PING")
        << WakeAt(40 * S)
        >> (59 * S, change(1))
        >> (60 * S, Wake())
        << Silent(1, 0, "2")
        << Send(1, left("2"))
        << Send(1, "PING")
        << Open(2, URL)
        << WakeAt(70 * S)
        >> (61 * S, Opened(2))
        << Send(2, subscription("2"))
        << AskBooks(("2",))
        << WakeAt(70 * S)
        >> books(2, "2")
        >> (65 * S, Closed(1, 1006, ""))
        << ...
        >> Wake()
        << Open(3, URL)
        << ...
        >> Opened(3)
        << Send(3, subscription("1"))
        << ...
    )


def test_a_book_in_any_framing_counts() -> None:
    """The first book may come as an object, in an array, or after an empty array."""
    assert (
        opened()
        >> Message(1, b"[]")
        >> Message(1, b'{"event_type":"book","asset_id":"1","bids":[],"asks":[]}')
        >> books(1, "2")
        >> (29 * S, change(1))
        >> (30 * S, Wake())
        << Send(1, "PING")
        << ...
    )


@pytest.mark.parametrize("data", [b"", b"{", b"[1,2]", b"\xff\xfe", b"[" * 5000, b'{"event_type":7}', b"{}"])
def test_no_frame_can_break_the_feed(data: bytes) -> None:
    """Whatever arrives, the socket lives on."""
    assert flowing() >> Message(1, data) >> Wake() << Send(1, "PING") << ...


def test_a_token_that_never_has_a_book_costs_less_and_less() -> None:
    """A market that is not open yet takes few sockets in an hour, and its sibling none."""
    transcript = opened() >> books(1, "1")
    conns, tokens = {1: ("1", "2")}, {}
    while transcript.now_ns < 3600 * S:
        for command in transcript.step(Wake()):
            if isinstance(command, Open):
                sent = transcript.step(Opened(command.conn))[0]
                assert isinstance(sent, Send)
                tokens[command.conn] = json.loads(sent.text)["assets_ids"]
        transcript.step(change(1))
    assert conns[1] == ("1", "2")
    assert all(wanted == ["2"] for wanted in tokens.values())
    assert len(tokens) <= 20


def test_a_day_of_outage_is_no_reconnect_storm() -> None:
    """Through 24 hours in which no socket opens each shard tries at most 375 times an hour, never twice in 0.5 s."""
    transcript = Transcript(MarketSocketFeed(URL, rng=Random(7)))
    tried = [transcript.now_ns for c in transcript.step(PlanChanged(("1",))) if isinstance(c, Open)]
    conn = 1
    while transcript.now_ns < 24 * 3600 * S:
        done = transcript.step((transcript.now_ns + S // 100, Closed(conn, 0, "refused")))
        while not any(isinstance(command, Open) for command in done):
            done = transcript.step(Wake())
        conn += 1
        tried.append(transcript.now_ns)
    assert len(tried) <= 24 * 375
    assert all(after - before >= S // 2 for before, after in pairwise(tried))
