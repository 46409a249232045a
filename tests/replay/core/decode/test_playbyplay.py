from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from replay.core.decode.playbyplay import decode_playbyplay
from replay.core.events import GameRef, Play, PlaysSeen, Undecodable

FEED = "nba.playbyplay"
ACTION: dict[str, Any] = {
    "actionNumber": 7,
    "orderNumber": 70000,
    "actionType": "3pt",
    "period": 2,
    "clock": "PT05M23.50S",
    "scoreHome": "49",
    "scoreAway": "30",
    "timeActual": "2021-01-16T02:14:17.3Z",
    "edited": "2021-01-16T02:14:20Z",
}


def seen(*actions: Any) -> PlaysSeen:
    body = json.dumps({"meta": {"time": "junk"}, "game": {"gameId": "0022000181", "actions": actions}}).encode()
    (event,) = decode_playbyplay(FEED, body)
    assert isinstance(event, PlaysSeen)
    return event


def test_a_play_has_its_own_time_clock_and_score() -> None:
    """The scorer's time counts to a tenth of a second; the version is as new as its newest time."""
    version = seen(ACTION)
    assert version.game == GameRef(source="nba", league="nba", id="0022000181")
    assert version.plays == (
        Play(
            number=7,
            order=70_000,
            kind="3pt",
            period=2,
            clock_ms=323_500,
            home_score=49,
            away_score=30,
            source_ns=1_610_763_257_300_000_000,
            edited_ns=1_610_763_260_000_000_000,
        ),
    )
    assert version.version_ns == 1_610_763_260_000_000_000


def test_plays_stand_in_their_own_order() -> None:
    """A row that was inserted late stands where it belongs, not where it was written."""
    rows = [ACTION | {"actionNumber": number, "orderNumber": order} for number, order in ((2, 20000), (9, 15000))]
    assert [play.number for play in seen(*rows).plays] == [9, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"scoreHome": "x"},
        {"scoreHome": 4},
        {"scoreAway": "-1"},
        {"clock": "5:23"},
        {"period": -1},
        {"actionNumber": "7"},
    ],
)
def test_a_play_that_cannot_be_read_is_counted_and_the_others_stand(change: dict[str, Any]) -> None:
    """One broken row does not cost the version."""
    version = seen(ACTION | change, ACTION | {"actionNumber": 8})
    assert ([play.number for play in version.plays], version.unread) == ([8], 1)


def test_a_time_that_cannot_be_read_costs_the_time_only() -> None:
    """Absence is a value: no stand-in for a missing time."""
    version = seen(ACTION | {"timeActual": "yesterday", "edited": None})
    assert [(play.source_ns, play.edited_ns) for play in version.plays] == [(None, None)]
    assert version.version_ns is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Message":"An error has occurred."}', b'{"game":{"gameId":"1"}}'])
def test_no_version_is_undecodable(body: bytes) -> None:
    """Error pages and cut bodies stay on the tape and say so."""
    (event,) = decode_playbyplay(FEED, body)
    assert isinstance(event, Undecodable)


def test_a_recorded_game_is_read_whole(real_data: Path) -> None:
    """610 plays, 120 changes of the score up to 125-99, every play with its time, none out of its order."""
    (version,) = decode_playbyplay(FEED, (real_data / "nba_cdn/playbyplay_0022000001.json").read_bytes())
    assert isinstance(version, PlaysSeen)
    scores = [(play.home_score, play.away_score) for play in version.plays]
    assert (len(scores), version.unread, scores[-1]) == (610, 0, (125, 99))
    assert sum(before != after for before, after in itertools.pairwise(scores)) == 120
    assert all(play.source_ns is not None for play in version.plays)
    assert version.plays[0].source_ns == 1_608_681_979_000_000_000
