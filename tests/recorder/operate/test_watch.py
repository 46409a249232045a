from __future__ import annotations

from recorder.envelope import Kind
from recorder.operate.watch import Watch

S = 1_000_000_000
T0_NS = 1_768_505_400 * S


def watching(script) -> Watch:
    watch = Watch()
    for envelope in script.envelopes:
        watch(envelope)
    return watch


def test_counts_each_feed(script) -> None:
    """Answers, gaps, reconnects and lags of each feed; a refusal is a gap, and trouble until the next answer."""
    night = script()
    night.plan(0)
    night.opened(1, 1)
    night.books(2, 1)
    night.closed(3, 1)
    night.opened(4, 2)
    night.espn(5, "in")
    night.espn(6, "in", status=429)
    watch = watching(night)
    market, espn = watch.feeds["polymarket.market"], watch.feeds["espn.nba"]
    assert (market.answers, market.gaps, market.reconnects, market.open_conns) == (1, 1, 1, {2})
    assert (espn.answers, espn.gaps, espn.last_why, espn.is_troubled) == (1, 1, "status 429", True)
    assert (market.lag_ms(0.5), espn.lag_ms(0.99)) == (50.0, 100.0)
    assert set(watch.games) == {"nba:401"}
    assert watch.tokens["222"].heard_ns == T0_NS + 2 * S
    night.espn(7, "in")
    assert not watching(night).feeds["espn.nba"].is_troubled


def test_the_rate_is_that_of_the_last_minute(script) -> None:
    """What was said more than a minute ago no longer counts for the rate, but for the usual one."""
    night = script()
    for second in range(120):
        night.change(second, 1, second)
    feed = watching(night).feeds["polymarket.market"]
    assert (feed.rate(T0_NS + 119 * S), feed.usual_rate(T0_NS + 120 * S)) == (1.0, 1.0)
    assert feed.rate(T0_NS + 149 * S) == 0.5
    assert feed.rate(T0_NS + 400 * S) == 0.0
    assert feed.usual_rate(T0_NS + 240 * S) == 0.5


def test_a_frame_shows_that_its_socket_is_open(script) -> None:
    """Whoever begins to watch in the middle takes a socket that speaks for open."""
    night = script()
    night.change(1, 4)
    assert watching(night).feeds["polymarket.market"].open_conns == {4}


def test_a_silence_lasts_until_the_next_word(script) -> None:
    """A silent feed is silent until any frame, a silent token until one that names it."""
    night = script()
    night.opened(0, 1)
    night.put(50, "polymarket.market", Kind.SILENT, asset=None, since_ns=7)
    night.put(50, "polymarket.market", Kind.SILENT, asset="111", since_ns=8)
    assert watching(night).feeds["polymarket.market"].silent == {None: 7, "111": 8}
    night.change(51, 1)
    assert watching(night).feeds["polymarket.market"].silent == {"111": 8}
    night.books(52, 1)
    assert watching(night).feeds["polymarket.market"].silent == {}


def test_notes_tell_of_clock_disk_and_stalls(script) -> None:
    """Steps, stalls and a refusing disk are kept until they are over; a new session has no socket."""
    night = script()
    night.opened(0, 1)
    night.put(1, "recorder", Kind.NOTE, note="clock_step", step_ns=-3)
    night.put(2, "recorder", Kind.NOTE, note="stalled", since_ns=1)
    night.put(3, "recorder", Kind.NOTE, note="disk_refused", why="full")
    watch = watching(night)
    assert (watch.steps, watch.stalls, watch.disk) == ([(T0_NS + S, -3)], [T0_NS + 2 * S], "full")
    night.put(4, "recorder", Kind.NOTE, note="disk_back")
    night.put(5, "recorder", Kind.NOTE, note="session")
    watch = watching(night)
    assert (watch.disk, watch.sessions, watch.feeds["polymarket.market"].open_conns) == ("", 1, set())


def test_keeps_the_last_good_body_of_each_address(script) -> None:
    """A refusal or an unchanged answer does not push out the body that somebody may want to decode."""
    night = script()
    night.espn(1, "in", url="http://a")
    night.espn(2, "in", url="http://b")
    night.espn(3, "in", url="http://a", status=304)
    night.espn(4, "in", url="http://b", status=500)
    assert {key: body.seq for key, body in watching(night).bodies.items()} == {
        ("espn.nba", "http://a"): 0,
        ("espn.nba", "http://b"): 1,
    }
