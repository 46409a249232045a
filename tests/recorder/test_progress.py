from __future__ import annotations

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.progress import Tally

S = 1_000_000_000


def put(tally: Tally, feed: str, kind: Kind, *, at_s: int = 1, payload: bytes = b"", **facts: object) -> None:
    tally(Envelope(tally.events, at_s * S, feed, 0, kind, encode_meta(facts), payload))


def test_counts_answers_and_gaps() -> None:
    """Frames and bodies are answers; failures, silences and closed sockets are gaps, our own goodbye is not."""
    tally = Tally()
    put(tally, "recorder", Kind.PULSE)
    put(tally, "espn.nba", Kind.BODY, status=200, payload=b"1234")
    put(tally, "espn.nba", Kind.FAILED, why="timeout")
    put(tally, "polymarket.market", Kind.FRAME, payload=b"56")
    put(tally, "polymarket.market", Kind.SILENT, asset=None, since_ns=1)
    put(tally, "polymarket.market", Kind.CLOSED, code=1006, reason="", side="lost")
    put(tally, "polymarket.market", Kind.CLOSED, code=1000, reason="session ends", side="us")
    assert (tally.events, tally.bytes, tally.answers, tally.gaps) == (7, 6, 2, 3)
    assert tally.feeds["espn.nba"].last_why == "timeout"
    assert (tally.feeds["espn.nba"].gaps, tally.feeds["polymarket.market"].gaps) == (1, 2)


def test_the_line_says_what_is_worst_first() -> None:
    """A disk that refuses stands first, then the feed that was heard least lately."""
    tally = Tally()
    put(tally, "recorder", Kind.NOTE, note="plan", payload=b'{"games":[{"game_id":"a"},{"game_id":"b"}]}')
    put(tally, "a", Kind.BODY, at_s=90, status=200)
    put(tally, "b", Kind.BODY, at_s=60, status=304)
    put(tally, "b", Kind.FAILED, at_s=61, why="x")
    put(tally, "c", Kind.FAILED, at_s=61, why="x")
    line = "0:01:40 5 events (0/s), 2 games  c nothing yet, 1 gaps  b 41 s ago, 1 gaps  a 11 s ago"
    assert tally.line(101 * S) == line
    assert tally.line(101 * S, feeds_max=1).endswith("2 games  c nothing yet, 1 gaps  2 more")
    put(tally, "recorder", Kind.NOTE, at_s=90, note="disk_refused", why="full")
    assert tally.line(101 * S).startswith("DISK REFUSES: full  ")
    put(tally, "recorder", Kind.NOTE, at_s=90, note="disk_back")
    assert "DISK" not in tally.line(101 * S)


def test_decisions_are_no_feed() -> None:
    """What a live engine decides is counted, its forecasts are not; neither is an answer or a feed to be silent."""
    tally = Tally()
    put(tally, "espn.nba", Kind.BODY, status=200)
    put(tally, "live", Kind.DECISION, cause=0)
    put(tally, "forecast", Kind.DECISION, cause=0)
    assert (tally.decisions, tally.answers, list(tally.feeds)) == (1, 1, ["espn.nba"])


def test_a_body_that_says_nothing_is_no_answer() -> None:
    """A 429, a 500 and a page of HTML leave a feed unheard, with the last reason; one usable body ends that."""
    tally = Tally()
    put(tally, "espn.nba", Kind.BODY, status=429)
    put(tally, "gamma.markets", Kind.BODY, status=200, payload=b" \n<!doctype html>")
    put(tally, "nba.scoreboard", Kind.FAILED, why="timeout")
    put(tally, "polymarket.book", Kind.SILENT, asset=None, since_ns=1)
    put(tally, "nba.playbyplay", Kind.BODY, status=404)
    assert (tally.answers, tally.feeds["espn.nba"].heard_ns) == (0, 0)
    unheard = {"espn.nba": "status 429", "gamma.markets": "a page of HTML", "nba.scoreboard": "timeout"}
    assert tally.unheard == unheard
    put(tally, "espn.nba", Kind.BODY, status=200, payload=b"{}")
    assert list(tally.unheard) == ["gamma.markets", "nba.scoreboard"]
