"""What is said of feeds."""

from __future__ import annotations

import pytest

from recorder.envelope import Envelope, Kind, encode_meta
from replay.live.health import FeedWatch

S = 1_000_000_000


class Scene:
    """Envelopes of one feed, at times in seconds."""

    def __init__(self, feed: str = "polymarket.market") -> None:
        self.watch = FeedWatch()
        self.feed = feed
        self.seq = -1

    def put(self, at_s: float, kind: Kind, **meta: object) -> Scene:
        self.seq += 1
        self.watch(Envelope(self.seq, int(at_s * S) + S, self.feed, 1, kind, encode_meta(meta) if meta else b"", b"x"))
        return self

    def at(self, at_s: float):
        return next(one for one in self.watch.facts(int(at_s * S) + S) if one.feed == self.feed)

    def chatter(self, until_s: int) -> Scene:
        self.put(0, Kind.OPENED, url="ws://x")
        for at_s in range(until_s + 1):
            self.put(at_s, Kind.FRAME)
        return self


def test_a_socket_that_talks_is_live_then_silent_then_stale() -> None:
    """Ten seconds without a word are silence, a minute is stale; and its rate is nothing then."""
    scene = Scene().chatter(20)
    assert [scene.at(at_s).state for at_s in (21, 29, 31, 79, 90)] == ["LIVE", "LIVE", "SILENT", "SILENT", "STALE"]
    assert (scene.at(21).per_s, scene.at(31).per_s) == (pytest.approx(1.0, rel=0.3), 0.0)


def test_a_closed_socket_reconnects_until_it_is_heard_again() -> None:
    """From CLOSED to the next frame the feed is RECONNECTING; that is one gap, one reconnect, and its stretch."""
    scene = Scene().chatter(20).put(22, Kind.CLOSED, code=1006, reason="", side="lost")
    assert scene.at(23).state == "RECONNECTING"
    scene.put(24, Kind.OPENED, url="ws://x")
    assert scene.at(24.5).state == "RECONNECTING"
    scene.put(25, Kind.FRAME)
    fact = scene.at(25)
    assert (fact.state, fact.gaps, fact.reconnects) == ("LIVE", 1, 1)
    assert [(gap.feed, gap.from_ns // S, gap.to_ns // S) for gap in scene.watch.take_gaps()] == [(scene.feed, 23, 26)]
    assert scene.watch.take_gaps() == []


def test_a_socket_that_we_closed_at_the_end_is_no_gap() -> None:
    """The end of a session is not weather."""
    scene = Scene().chatter(20).put(21, Kind.CLOSED, code=1000, reason="session ends", side="us")
    assert (scene.at(21).state, scene.at(21).gaps) == ("LIVE", 0)


def test_a_silent_asset_is_silence() -> None:
    """What the watchdog found is told at once."""
    assert Scene().chatter(20).put(21, Kind.SILENT, asset="A", since_ns=1).at(21).state == "SILENT"


def test_polls_have_rolling_statistics() -> None:
    """Last, mean, least and most round trip, and failures, over the last hundred polls."""
    scene = Scene("espn.nba")
    for at_s, trip_ms in ((1, 999), *((k, 10) for k in range(2, 101)), (101, 30)):
        scene.put(at_s, Kind.BODY, url="u", status=200, sent_ns=int(at_s * S) + S - trip_ms * 1_000_000)
    scene.put(102, Kind.FAILED, url="u", sent_ns=103 * S - 50_000_000, why="timeout")
    polls = scene.at(102).polls
    assert (polls.last_ms, polls.min_ms, polls.max_ms, polls.errors) == (50.0, 10.0, 50.0, 1)
    assert polls.mean_ms == pytest.approx((98 * 10 + 30 + 50) / 100)


def test_an_error_status_is_an_error_and_a_gap() -> None:
    """A 503 is no answer: the feed is reconnecting until one comes, and stale in the end."""
    scene = Scene("espn.nba")
    for at_s in range(20):
        scene.put(at_s, Kind.BODY, url="u", status=200, sent_ns=S)
    scene.put(20, Kind.BODY, url="u", status=503, sent_ns=S)
    assert (scene.at(20).state, scene.at(20).polls.errors, scene.at(20).gaps) == ("RECONNECTING", 1, 1)
    assert scene.at(120).state == "STALE"


def test_a_feed_that_is_asked_now_and_then_is_not_silent_between() -> None:
    """Catalogue and witnesses come once a minute: their age says nothing."""
    scene = Scene("gamma.markets")
    for at_s in range(0, 1_200, 60):
        scene.put(at_s, Kind.BODY, url="u", status=200, sent_ns=S)
    assert scene.at(1_199).state == "LIVE"


def test_the_disk_lags_by_what_it_does_not_have() -> None:
    """The lag is the age of the first envelope that is not durable; nothing waits where all are."""
    scene = Scene().put(0, Kind.FRAME).put(1, Kind.FRAME).put(2, Kind.FRAME)
    assert scene.watch.lag_ns(0, 5 * S) == 3 * S
    assert scene.watch.lag_ns(2, 5 * S) == 0
    assert scene.watch.next_seq == 3


def test_meta_that_cannot_be_read_stops_nobody() -> None:
    """A watch never raises: it would be cut."""
    watch = FeedWatch()
    for meta in (b"{", b"[]", b'{"status":"x"}', b"\xff", b"[" * 10_000):
        watch(Envelope(0, S, "espn.nba", 1, Kind.BODY, meta, b""))
    assert [fact.feed for fact in watch.facts(S)] == ["espn.nba"]
