"""ESPN's scoreboards."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from transcript import S, Transcript
from weather import Even, asked_at, ok

from recorder.feeds.base import Failed, Get, Response, Start, Wake, WakeAt
from recorder.feeds.espn import EspnFeed
from recorder.feeds.peek import espn_slots
from recorder.feeds.polling import Pace
from recorder.leagues import LEAGUES

BASE = "http://espn"
NBA = LEAGUES["nba"]
# 2026-01-15 20:00 in New York.
NOON = datetime(2026, 1, 16, 1, 0, tzinfo=UTC)
NOW = int(NOON.timestamp()) * S
TODAY, YESTERDAY = "20260115", "20260114"


def feed(**more) -> EspnFeed:
    return EspnFeed(NBA, BASE, rng=Even(), **more)


def url(day: str) -> str:
    return f"{BASE}/apis/site/v2/sports/basketball/nba/scoreboard?dates={day}&limit=300"


def get(day: str, **headers: str) -> Get:
    return Get(day, url(day), 10 * S, {name.replace("_", "-"): value for name, value in headers.items()})


def board(*games: tuple[str, int]) -> bytes:
    """A scoreboard of games: state, and minutes from NOON to its start."""
    events = [
        {
            "id": str(number),
            "date": f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ}",
            "competitions": [{"status": {"type": {"state": state.rstrip("*"), "completed": state == "post"}}}],
        }
        for number, (state, minutes) in enumerate(games)
    ]
    return json.dumps({"events": events}).encode()


OVER = board(("post", -1440))


def test_both_days_are_asked_at_once_and_yesterday_no_more_when_it_is_over() -> None:
    """Today and yesterday are asked by day; yesterday's last question is the one that finds all games over."""
    assert (
        Transcript(feed(), NOW)
        >> Start()
        << get(TODAY)
        << get(YESTERDAY)
        << WakeAt(NOW + 10 * S)
        >> (NOW + S // 10, ok(YESTERDAY, OVER))
        << WakeAt(NOW + 10 * S)
        >> (NOW + S // 5, ok(TODAY, board(("pre", 120))))
        << WakeAt(NOW + 30 * S)
        >> Wake()
        << get(TODAY)
        << WakeAt(NOW + 40 * S)
    )


@pytest.mark.parametrize(
    ("games", "wait_s"),
    [
        ((), 30),
        ((("pre", 16),), 30),
        ((("pre", 15),), 2),
        ((("pre", -30),), 2),
        ((("pre", -241),), 30),
        ((("in", -60),), 2),
        ((("in", -481),), 30),
        ((("post", -60),), 30),
        ((("post*", -60),), 30),
        ((("post", -60), ("in", -10)), 2),
    ],
)
def test_the_pace_follows_the_games(games: tuple[tuple[str, int], ...], wait_s: int) -> None:
    """Live games and those due in 15 minutes or overdue by less than four hours are worth 2 s, else 30 s."""
    assert (
        Transcript(feed(), NOW)
        >> Start()
        << ...
        >> ok(YESTERDAY, OVER)
        << ...
        >> ok(TODAY, board(*games))
        << WakeAt(NOW + wait_s * S)
    )


def test_a_slow_answer_does_not_slow_the_rhythm() -> None:
    """The period runs from question to question; an answer later than that is followed by the next question at once."""
    live = board(("in", -60))
    assert (
        Transcript(feed(), NOW)
        >> Start()
        << ...
        >> ok(YESTERDAY, OVER)
        << ...
        >> (NOW + S, ok(TODAY, live))
        << WakeAt(NOW + 2 * S)
        >> Wake()
        << get(TODAY)
        << WakeAt(NOW + 12 * S)
        >> (NOW + 7 * S, ok(TODAY, live))
        << get(TODAY)
        << WakeAt(NOW + 17 * S)
    )


def test_one_day_failing_does_not_delay_the_other() -> None:
    """Yesterday's refusal costs yesterday; today goes on every two seconds."""
    world = asked_at(
        feed(),
        lambda get, _: ok(get.key, board(("in", -60))) if get.key == TODAY else ok(get.key, b"", 503),
        from_ns=NOW,
        to_ns=NOW + 60 * S,
    )
    today = [at_ns for at_ns, asked in world if asked.key == TODAY]
    yesterday = [at_ns - NOW for at_ns, asked in world if asked.key == YESTERDAY]
    assert {after - before for before, after in pairwise(today)} == {2 * S}
    assert [round(at_ns / S, 1) for at_ns in yesterday] == [0.0, 2.1, 6.2, 14.3, 30.4]


def test_a_validator_is_sent_back_and_not_modified_keeps_the_pace() -> None:
    """An ETag turns the next question into a conditional one, and 304 says that the game is still on."""
    assert (
        Transcript(feed(), NOW)
        >> Start()
        << ...
        >> ok(YESTERDAY, OVER)
        << ...
        >> ok(TODAY, board(("in", -60)), etag='"a"')
        << ...
        >> Wake()
        << get(TODAY, If_None_Match='"a"')
        << ...
        >> ok(TODAY, b"", 304)
        << WakeAt(NOW + 4 * S)
        >> Wake()
        << get(TODAY, If_None_Match='"a"')
        << ...
        >> ok(TODAY, b"<html>", etag='"b"')
        << WakeAt(NOW + 6 * S)
        >> Wake()
        << get(TODAY)
        << ...
    )


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b'{"code":400}', b"[]", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_scoreboard_is_weather(body: bytes) -> None:
    """HTML, emptiness and nonsense with status 200 are asked again after 2 s, then 4 s."""
    assert (
        Transcript(feed(), NOW)
        >> Start()
        << ...
        >> ok(YESTERDAY, OVER)
        << ...
        >> ok(TODAY, body)
        << WakeAt(NOW + 2 * S)
        >> Wake()
        << ...
        >> ok(TODAY, body)
        << WakeAt(NOW + 6 * S)
    )


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (Failed(TODAY, "timeout"), 2),
        (ok(TODAY, b"", 500), 2),
        (ok(TODAY, b"", 403), 10),
        (ok(TODAY, b"", 429), 10),
        (ok(TODAY, b"", 429, retry_after="42"), 42),
        (ok(TODAY, b"", 503, retry_after="Fri, 16 Jan 2026 01:01:30 GMT"), 90),
        (ok(TODAY, b"", 503, retry_after="Fri, 16 Jan 2026 00:01:30 GMT"), 2),
        (ok(TODAY, b"", 503, retry_after="soon"), 2),
        (ok(TODAY, b"", 503, retry_after="9" * 400), 900),
    ],
)
def test_how_long_a_failure_costs(answer: Response | Failed, wait_s: int) -> None:
    """Weather costs 2 s at first, a refusal 10 s; what the source asks for counts if longer, up to 15 minutes."""
    transcript = Transcript(feed(pace=Pace(idle_s=3000)), NOW) >> Start() << ... >> ok(YESTERDAY, OVER) << ...
    assert transcript >> answer << WakeAt(NOW + wait_s * S)


def test_at_midnight_today_becomes_yesterday_and_keeps_its_pace() -> None:
    """A game that runs past midnight is asked about every two seconds before and after."""
    midnight = NOW + 4 * 3600 * S

    def answer(get: Get, _: int) -> Response:
        return ok(get.key, {TODAY: board(("in", 150)), "20260116": board(("pre", 1200))}.get(get.key, OVER))

    asked = asked_at(feed(), answer, from_ns=midnight - 60 * S, to_ns=midnight + 60 * S)
    live = [at_ns for at_ns, get in asked if get.key == TODAY]
    assert {after - before for before, after in pairwise(live)} == {2 * S}
    first_of_new_day = min(at_ns for at_ns, get in asked if get.key == "20260116")
    assert midnight <= first_of_new_day < midnight + 2 * S
    assert [get.key for at_ns, get in asked if at_ns >= midnight].count(YESTERDAY) == 0


def test_college_slates_are_asked_whole() -> None:
    """Without its group a college scoreboard holds the ranked teams only."""
    first = Transcript(EspnFeed(LEAGUES["ncaamb"], BASE, rng=Even()), NOW).step(Start())[0]
    assert isinstance(first, Get)
    assert first.url.endswith(f"/basketball/mens-college-basketball/scoreboard?dates={TODAY}&limit=300&groups=50")


@pytest.mark.parametrize("status", [0, 403, 500])
def test_a_day_of_outage_stays_within_a_request_budget(status: int) -> None:
    """Through 24 hours without an answer each day is asked at most 125 times an hour, never twice within a second."""

    def answer(get: Get, _: int) -> Response | Failed:
        return ok(get.key, b"", status) if status else Failed(get.key, "refused")

    asked = asked_at(EspnFeed(NBA, BASE, rng=Random(7)), answer, from_ns=NOW, to_ns=NOW + 24 * 3600 * S)
    for key in {get.key for _, get in asked}:
        times = [at_ns for at_ns, get in asked if get.key == key]
        assert all(after - before >= S for before, after in pairwise(times))
        for hour in range(24):
            start = NOW + hour * 3600 * S
            assert sum(start <= at_ns < start + 3600 * S for at_ns in times) <= 125


def test_after_an_outage_the_pace_is_back_within_a_minute() -> None:
    """When the source is well again, the next question comes within 45 s and the live pace with its answer."""
    heals = NOW + 3600 * S

    def answer(get: Get, now_ns: int) -> Response | Failed:
        return ok(get.key, board(("in", 0))) if now_ns >= heals else Failed(get.key, "timeout")

    asked = asked_at(EspnFeed(NBA, BASE, rng=Random(7)), answer, from_ns=NOW, to_ns=heals + 120 * S)
    healed = [at_ns for at_ns, get in asked if get.key == TODAY and at_ns >= heals]
    assert healed[0] - heals <= 45 * S
    assert healed[10] - healed[0] <= 21 * S + S // 10


def test_real_scoreboards_of_all_sports_can_be_peeked_at(real_data: Path) -> None:
    """Every recorded ESPN scoreboard yields one slot per event, each with a start."""
    files = sorted((real_data / "espn").glob("*scoreboard*.json"))
    assert len(files) >= 9
    for file in files:
        slots = espn_slots(file.read_bytes())
        events = json.loads(file.read_bytes())["events"]
        assert slots is not None
        assert [slot.over for slot in slots] == [
            event["competitions"][0]["status"]["type"]["state"] == "post" for event in events
        ]
        assert all(slot.start_ns is not None for slot in slots)
