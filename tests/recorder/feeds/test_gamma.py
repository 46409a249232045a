"""Polymarket's catalogue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from transcript import S, Transcript
from weather import Even, asked_at, ok

from recorder.feeds.base import Failed, Get, Note, Response, Start, Wake, WakeAt
from recorder.feeds.gamma import GammaFeed
from recorder.leagues import LEAGUES

BASE = "http://gamma"
DUSK = datetime(2026, 1, 16, 0, 0, tzinfo=UTC)
NOW = int(DUSK.timestamp()) * S
SPORTS = json.dumps(
    [
        {"id": 1, "sport": "nba", "series": "10345", "tags": "1,745,100639"},
        {"id": 2, "sport": "ncaab", "series": "39", "tags": "1,101178,100639"},
        {"id": 3, "sport": "cs2", "series": "10310"},
        {"id": 4, "sport": "nhl", "series": ""},
    ]
).encode()


def feed(*leagues: str) -> GammaFeed:
    return GammaFeed([LEAGUES[key] for key in leagues or ("nba",)], BASE, rng=Even())


def get(key: str, path: str) -> Get:
    return Get(key, BASE + path, 20 * S, {"Accept": "application/json", "User-Agent": "gametape"})


def listing(series: str, limit: int = 200, more: str = "") -> str:
    return (
        f"/events?series_id={series}&tag_id=100639&active=true&closed=false"
        f"&order=startTime&ascending=true&limit={limit}{more}"
    )


def events(*starts: tuple[str, float], closed: bool = False) -> bytes:
    """A listing of events: id, and hours from DUSK to the start."""
    return json.dumps(
        [
            {"id": name, "startTime": f"{DUSK + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}", "closed": closed}
            for name, hours in starts
        ]
    ).encode()


def known(*leagues: str) -> Transcript:
    """A transcript in which `/sports` has answered and the first listings are out."""
    return Transcript(feed(*leagues), NOW) >> Start() << ... >> ok("sports", SPORTS) << ...


def test_the_series_are_asked_once_and_then_every_leagues_events() -> None:
    """The series of a league comes from `/sports`; a league that it does not know is noted, not guessed."""
    assert (
        Transcript(feed("nba", "ncaamb", "nhl"), NOW)
        >> Start()
        << get("sports", "/sports")
        << WakeAt(NOW + 20 * S)
        >> (NOW + S, ok("sports", SPORTS))
        << Note("league_without_series", {"league": "nhl"})
        << get("events:nba", listing("10345"))
        << get("events:ncaamb", listing("39"))
        << WakeAt(NOW + 21 * S)
        >> ok("events:nba", events(("a", 1)))
        << ...
        >> ok("events:ncaamb", b"[]")
        << WakeAt(NOW + 61 * S)
        >> Wake()
        << get("events:nba", listing("10345"))
        << get("events:ncaamb", listing("39"))
        << ...
    )


def test_sports_is_asked_until_it_answers() -> None:
    """Without its series a league has no market, so a failure is asked again."""
    assert (
        Transcript(feed(), NOW)
        >> Start()
        << ...
        >> ok("sports", b"<html>", 200)
        << WakeAt(NOW + 2 * S)
        >> Wake()
        << get("sports", "/sports")
        << ...
        >> Failed("sports", "timeout")
        << WakeAt(NOW + 6 * S)
    )


def test_a_full_page_is_followed_by_the_next_as_far_as_a_day_and_a_half_ahead() -> None:
    """Two hundred events that end tonight are not all of them; a page that reaches the day after tomorrow is enough."""
    tonight = events(*((f"{number}", 1) for number in range(200)))
    later = events(*((f"{number}", 40) for number in range(200, 400)))
    assert (
        known()
        >> ok("events:nba", tonight)
        << get("events:nba", listing("10345", more="&offset=200"))
        << ...
        >> ok("events:nba", later)
        << WakeAt(NOW + 60 * S)
        >> Wake()
        << get("events:nba", listing("10345"))
        << ...
    )


def test_a_refused_deep_page_costs_a_period_and_not_the_first_page() -> None:
    """Where offsets are no longer answered, the first page is still asked once a minute."""
    tonight = events(*((f"{number}", 1) for number in range(200)))
    asked = asked_at(
        feed(),
        lambda get, _: ok(get.key, SPORTS if get.key == "sports" else tonight, 422 if "offset" in get.url else 200),
        from_ns=NOW,
        to_ns=NOW + 600 * S,
    )
    assert len([get for _, get in asked if get.key == "events:nba"]) <= 22


def test_an_answer_too_large_makes_the_pages_smaller() -> None:
    """What the recorder will not take whole is asked for in halves."""
    assert (
        known()
        >> Failed("events:nba", "body larger than 16777216 bytes", too_large=True)
        << ...
        >> Wake()
        << get("events:nba", listing("10345", limit=100))
        << ...
    )


def test_an_event_that_left_the_open_ones_is_asked_for_until_it_is_closed() -> None:
    """The result is wanted: a game that is no longer listed is asked for by id among the closed ones, every minute."""
    assert (
        known()
        >> ok("events:nba", events(("7", -2), ("8", 1), ("9", 80)))
        << WakeAt(NOW + 60 * S)
        >> Wake()
        << ...
        >> ok("events:nba", events(("8", 1)))
        << get("closing", "/events?closed=true&limit=20&id=7")
        << ...
        >> ok("closing", b"[]")
        << WakeAt(NOW + 120 * S)
        >> Wake()
        << get("events:nba", listing("10345"))
        << get("closing", "/events?closed=true&limit=20&id=7")
        << ...
        >> ok("closing", events(("7", -2), closed=True))
        << ...
        >> ok("events:nba", events(("8", 1)))
        << WakeAt(NOW + 180 * S)
        >> Wake()
        << get("events:nba", listing("10345"))
        << WakeAt(NOW + 200 * S)
    )


def test_an_event_that_comes_back_or_is_gone_for_a_day_is_not_asked_for() -> None:
    """An event listed again is open; one that neither list holds is given up after 24 hours."""

    def answer(get: Get, now_ns: int) -> Response:
        minute = (now_ns - NOW) // (60 * S)
        if get.key == "sports":
            return ok("sports", SPORTS)
        if get.key == "closing":
            return ok("closing", b"[]")
        back = (("back", 1),) if minute != 2 else ()
        return ok(get.key, events(*back, ("lost", -100)) if minute < 2 else events(*back))

    asked = asked_at(feed(), answer, from_ns=NOW, to_ns=NOW + 26 * 3600 * S)
    wanted = [((at_ns - NOW) // (60 * S), get.url.partition("&id=")[2]) for at_ns, get in asked if get.key == "closing"]
    assert wanted[0] == (2, "back&id=lost")
    assert {ids for minute, ids in wanted if minute >= 4} == {"lost"}
    assert 24 * 60 - 5 <= max(minute for minute, _ in wanted) <= 24 * 60 + 5


def test_not_modified_keeps_the_round() -> None:
    """A 304 says that the same events are open: none is missed."""
    assert (
        known()
        >> ok("events:nba", events(("7", -2)), etag='"a"')
        << WakeAt(NOW + 60 * S)
        >> Wake()
        << Get(
            "events:nba",
            BASE + listing("10345"),
            20 * S,
            {"Accept": "application/json", "User-Agent": "gametape", "If-None-Match": '"a"'},
        )
        << ...
        >> ok("events:nba", b"", 304)
        << WakeAt(NOW + 120 * S)
    )


def test_more_than_a_page_of_closing_events_take_turns() -> None:
    """Fifty games that ended together are asked for twenty at a time until each was asked for."""
    names = [f"{number:02}" for number in range(50)]
    seen: set[str] = set()

    def answer(get: Get, now_ns: int) -> Response:
        if get.key == "sports":
            return ok("sports", SPORTS)
        if get.key == "closing":
            seen.update(get.url.split("&id=")[1:])
            return ok("closing", b"[]")
        return ok(get.key, events(*((name, -1) for name in names)) if now_ns < NOW + 30 * S else b"[]")

    asked_at(feed(), answer, from_ns=NOW, to_ns=NOW + 300 * S)
    assert seen == set(names)


def test_tonight_is_the_source_s_and_not_the_clock_s() -> None:
    """A night of another year that is played back is asked about as it was: its games are tonight's, and are closed."""
    first, last = "Fri, 16 Jan 2026 00:00:00 GMT", "Fri, 16 Jan 2026 03:00:00 GMT"
    for apart_days in (-400, 400):
        now_ns = NOW + apart_days * 86_400 * S
        assert (
            Transcript(feed(), now_ns)
            >> Start()
            << ...
            >> ok("sports", SPORTS)
            << ...
            >> ok("events:nba", events(("a", 1), ("b", 100)), date=first)
            << WakeAt(now_ns + 60 * S)
            >> Wake()
            << ...
            # a is over, and so is b's listing: only tonight's is missed
            >> ok("events:nba", events(("c", 2)), date=last)
            << get("closing", "/events?closed=true&limit=20&id=a")
            << ...
        )
