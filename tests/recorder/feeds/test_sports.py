"""Polymarket's sports socket."""

from __future__ import annotations

from transcript import S, Transcript
from weather import Even

from recorder.feeds.base import Close, Closed, Message, Open, Opened, Send, Silent, Start, Wake, WakeAt
from recorder.feeds.sports import SportsSocketFeed

URL = "wss://sports/ws"


def opened() -> Transcript:
    feed = SportsSocketFeed(URL, rng=Even())
    return Transcript(feed) >> Start() << Open(1, URL) << WakeAt(15 * S) >> Opened(1) << WakeAt(15 * S)


def test_nothing_is_subscribed_and_a_ping_is_answered() -> None:
    """The server pings in lower case and is answered at once; a frame about a game needs no answer."""
    assert (
        opened()
        >> (5 * S, Message(1, b"ping"))
        << Send(1, "pong")
        >> (6 * S, Message(1, b'{"gameId":1}'))
        >> (7 * S, Message(1, b"PING"))
    )


def test_a_quiet_night_is_no_fault_while_the_server_pings() -> None:
    """Frames come with events only: pings alone keep the socket."""
    transcript = opened()
    for second in range(5, 600, 5):
        transcript = transcript >> (second * S, Message(1, b"ping")) << Send(1, "pong")
        if transcript.alarm_ns is not None and transcript.alarm_ns <= second * S:
            transcript = transcript >> (second * S, Wake()) << WakeAt(second * S + 15 * S)
    assert transcript


def test_three_missed_pings_cost_the_socket() -> None:
    """Silence is on the tape since the last frame, and a new socket opens as soon as the old one is closed."""
    assert (
        opened()
        >> (5 * S, Message(1, b"ping"))
        << Send(1, "pong")
        >> Wake()
        << WakeAt(20 * S)
        >> Wake()
        << Silent(1, 5 * S)
        << Close(1, "silent")
        << WakeAt(25 * S)
        >> (21 * S, Closed(1, 1000, "silent"))
        << Open(2, URL)
        << WakeAt(36 * S)
    )


def test_a_socket_that_will_not_close_is_left() -> None:
    """Five seconds after it was given up a new socket opens, whatever the old one says."""
    silent = opened() >> Wake() << Silent(1, 0) << Close(1, "silent") << WakeAt(20 * S)
    assert silent >> (16 * S, Message(1, b"ping")) << WakeAt(20 * S) >> Wake() << Open(2, URL) << WakeAt(35 * S)


def test_a_lost_socket_is_opened_again_with_patience() -> None:
    """One second, doubling to thirty, and one second again once something was heard."""
    transcript = opened() >> (S, Closed(1, 1006, "")) << WakeAt(2 * S)
    now_s, conn = 2, 2
    for wait_s in (2, 4, 8, 16, 30, 30):
        transcript = transcript >> Wake() << Open(conn, URL) << WakeAt
        transcript = transcript >> (now_s * S, Closed(conn, 0, "refused")) << WakeAt((now_s + wait_s) * S)
        now_s, conn = now_s + wait_s, conn + 1
    transcript = transcript >> Wake() << Open(conn, URL) << WakeAt >> Opened(conn) << WakeAt
    assert (
        transcript >> Message(conn, b"ping") << Send(conn, "pong") >> Closed(conn, 1006, "") << WakeAt((now_s + 1) * S)
    )
