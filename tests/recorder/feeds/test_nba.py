"""The NBA's own scoreboard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from transcript import S, Transcript
from weather import Even, ok

from recorder.feeds.base import Failed, Get, Start, Wake, WakeAt
from recorder.feeds.nba import NBA_HEADERS, NbaScoreboardFeed
from recorder.feeds.peek import nba_slots

NOW = int(datetime(2026, 1, 16, 1, 0, tzinfo=UTC).timestamp()) * S
URL = "http://nba/static/json/liveData/scoreboard/todaysScoreboard_00.json"


def board(status: int, start: str = "2026-01-16T00:30:00Z", text: str = "") -> bytes:
    game = {"gameId": "0022500001", "gameStatus": status, "gameStatusText": text, "gameTimeUTC": start}
    return json.dumps({"scoreboard": {"games": [game]}}).encode()


def test_it_is_asked_as_a_browser_on_nba_com_asks() -> None:
    """Without its Referer the file answers 403."""
    assert (
        Transcript(NbaScoreboardFeed("http://nba", rng=Even()), NOW)
        >> Start()
        << Get("scoreboard", URL, 10 * S, NBA_HEADERS)
        << WakeAt(NOW + 10 * S)
    )
    assert NBA_HEADERS["Referer"] == "https://www.nba.com/"


@pytest.mark.parametrize(
    ("body", "wait_s"),
    [
        (board(2), 2),
        (board(1), 2),
        (board(1, "2026-01-16T03:00:00Z"), 30),
        (board(3), 30),
        (board(1, text="PPD  "), 30),
        (b'{"scoreboard":{"games":[]}}', 30),
        (b"<html>", 2),
    ],
)
def test_the_pace_follows_the_games(body: bytes, wait_s: int) -> None:
    """Live and due games every 2 s; to come, over, postponed and none every 30 s."""
    feed = NbaScoreboardFeed("http://nba", rng=Even())
    assert Transcript(feed, NOW) >> Start() << ... >> ok("scoreboard", body) << WakeAt(NOW + wait_s * S)


def test_both_validators_are_sent_back_where_they_came() -> None:
    """ETag and Last-Modified make the next question conditional; a failure forgets them."""
    conditional = {**NBA_HEADERS, "If-None-Match": '"a"', "If-Modified-Since": "Fri, 16 Jan 2026 00:59:00 GMT"}
    answer = ok("scoreboard", board(2), etag='"a"', last_modified="Fri, 16 Jan 2026 00:59:00 GMT")
    assert (
        Transcript(NbaScoreboardFeed("http://nba", rng=Even()), NOW)
        >> Start()
        << ...
        >> answer
        << WakeAt(NOW + 2 * S)
        >> Wake()
        << Get("scoreboard", URL, 10 * S, conditional)
        << ...
        >> Failed("scoreboard", "timeout")
        << WakeAt(NOW + 4 * S)
        >> Wake()
        << Get("scoreboard", URL, 10 * S, NBA_HEADERS)
        << ...
    )


def test_the_real_scoreboard_can_be_peeked_at(real_data: Path) -> None:
    """The recorded file of 2023-04-20 holds two live games and one that is over."""
    slots = nba_slots((real_data / "nba_cdn/todaysScoreboard_00.json").read_bytes())
    assert slots is not None
    assert (sum(slot.live for slot in slots), sum(slot.over for slot in slots), len(slots)) == (2, 1, 3)
