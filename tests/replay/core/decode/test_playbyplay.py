from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core.decode import playbyplay
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


Rows = list[Any]
MARK = json.loads(playbyplay._MARK)


def body_of(rows: Rows, form: int = 0) -> bytes:
    """A version with these rows, in one of many forms."""
    game = {"gameId": "0022000181", "actions": rows}
    wide = json.dumps({"meta": {"time": "x" * len(rows)}, "game": game})
    thin = json.dumps({"game": game}, separators=(",", ":"))
    return [
        thin,
        thin,
        wide,
        wide,
        json.dumps({"game": game}, indent=1),
        thin[:-9],
        thin.replace("},{", "}, {", 1),
        thin.replace("},{", "} ,{", 1),
        thin[:-1] + ',"game":{"gameId":"2","actions":[]}}',
        '{"meta":' + thin[8:-1] + f',"game":{{"gameId":"2","actions":[{json.dumps(MARK)}]}}}}',
        '{"meta":' + thin[8:-1] + ',"game":{"gameId":"2","actions":[{"rows":"as before"}]}}',
        thin.replace("]}}", "]]}}"),
    ][form].encode()


@st.composite
def versions(draw: st.DrawFn) -> list[bytes]:
    """Versions as they grow, with rows that are edited, taken away and put in, or are none."""
    strange = st.sampled_from([7, 77, "x", None, [], {}, MARK, {"a": {"actions": []}}, ACTION | {"scoreHome": "?"}])
    rows: Rows = [ACTION | {"actionNumber": number, "orderNumber": number} for number in range(3)]
    bodies = []
    for number in range(draw(st.integers(2, 8))):
        at = draw(st.integers(0, len(rows)))
        match draw(st.integers(0, 7)):
            case 0:
                rows = [*rows[:at], *rows[at + 1 :]]
            case 1:
                rows = [*rows[:at], draw(strange), *rows[at:]]
            case 2:
                rows = [*rows[:at], *[ACTION | {"clock": "PT01M00.00S"}][: len(rows) - at], *rows[at + 1 :]]
            case _:
                new = range(draw(st.integers(0, 3)))
                rows = [*rows, *(ACTION | {"actionNumber": 10 * number + k, "orderNumber": -k} for k in new)]
        bodies.append(body_of(rows, draw(st.sampled_from([0] * 12 + list(range(12))))))
    return bodies


@given(versions())
@settings(max_examples=200, deadline=None)
def test_a_version_means_the_same_whatever_was_read_before(bodies: list[bytes]) -> None:
    """Rows that are not read again change nothing: each version is what it is to who reads it first."""
    playbyplay._latest.cache_clear()
    in_turn = [decode_playbyplay(FEED, body) for body in bodies]
    alone = []
    for body in bodies:
        playbyplay._latest.cache_clear()
        alone.append(decode_playbyplay(FEED, body))
    assert in_turn == alone


@pytest.mark.parametrize("form", [0, 2])
def test_rows_that_stand_are_not_read_again(form: int) -> None:
    """Of a version that is the one before with a row edited and a row more, two rows are read."""
    rows = [ACTION | {"actionNumber": number, "edited": None} for number in range(300, 320)]
    playbyplay._latest.cache_clear()
    decode_playbyplay(FEED, body_of(rows, form))
    edited = [*rows[:-1], rows[-1] | {"scoreHome": "50"}, rows[0] | {"actionNumber": 320}]
    before = playbyplay._play.cache_info()
    (version,) = decode_playbyplay(FEED, body_of(edited, form))
    after = playbyplay._play.cache_info()
    assert isinstance(version, PlaysSeen)
    assert [play.number for play in version.plays] == list(range(300, 321))
    assert (after.hits + after.misses) - (before.hits + before.misses) == 2


def test_a_recorded_game_is_read_whole(real_data: Path) -> None:
    """610 plays, 120 changes of the score up to 125-99, every play with its time, none out of its order."""
    (version,) = decode_playbyplay(FEED, (real_data / "nba_cdn/playbyplay_0022000001.json").read_bytes())
    assert isinstance(version, PlaysSeen)
    scores = [(play.home_score, play.away_score) for play in version.plays]
    assert (len(scores), version.unread, scores[-1]) == (610, 0, (125, 99))
    assert sum(before != after for before, after in itertools.pairwise(scores)) == 120
    assert all(play.source_ns is not None for play in version.plays)
    assert version.plays[0].source_ns == 1_608_681_979_000_000_000
