"""Whether a game is on goes by the source's time."""

from __future__ import annotations

import json
from random import Random

import pytest

from recorder.feeds.base import Get, Response, Start, WakeAt
from recorder.feeds.espn import EspnFeed
from recorder.feeds.polling import Pace, their_now_ns
from recorder.leagues import LEAGUES

S = 1_000_000_000
NOW_NS = 1_795_000_000 * S
LIVE = {"state": "in", "completed": False}


@pytest.mark.parametrize(
    ("date", "expected"),
    [("Fri, 16 Jan 2026 00:30:00 GMT", 1_768_523_400 * S), ("", NOW_NS), ("soon", NOW_NS), (None, NOW_NS)],
)
def test_date_is_their_time(date: str | None, expected: int) -> None:
    """An answer's Date counts; without one, or with nonsense, our own time does."""
    assert their_now_ns({} if date is None else {"date": date}, NOW_NS) == expected


@pytest.mark.parametrize(
    ("date", "wait_s"), [("Fri, 16 Jan 2026 00:30:00 GMT", 2), ("Sun, 15 Mar 2026 00:00:00 GMT", 30)]
)
def test_an_old_night_played_back_is_live(date: str, wait_s: int) -> None:
    """A game of months ago is polled fast while the answers are dated to its night, and no longer when they are not."""
    feed = EspnFeed(LEAGUES["nba"], "http://x", rng=Random(1), pace=Pace(live_s=2, idle_s=30))
    event = {"date": "2026-01-16T00:00Z", "competitions": [{"status": {"type": LIVE}}], "status": {"type": LIVE}}
    body = json.dumps({"events": [event]}).encode()
    asked = [command for command in feed.step(Start(), NOW_NS) if isinstance(command, Get)]
    said = [feed.step(Response(get.key, 200, {"date": date}, body), NOW_NS) for get in asked][-1]
    (wake,) = [command for command in said if isinstance(command, WakeAt)]
    assert (wake.at_ns - NOW_NS) // S == wait_s
