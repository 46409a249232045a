from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from recorder.leagues import LEAGUES
from replay.core.decode.espn import ESPN_LEAGUES, decode_espn
from replay.core.events import GameRef, GameStatus, ScoreSeen, Team, Undecodable

FEED = "espn.nba"


def status(
    name: str = "STATUS_IN_PROGRESS", state: str = "in", *, completed: bool = False, **more: Any
) -> dict[str, Any]:
    """A status as it stands on the wire, in the second quarter unless said otherwise."""
    wire = {
        "clock": 98,
        "displayClock": "1:38",
        "period": 2,
        "type": {"id": "2", "name": name, "state": state, "completed": completed, "detail": "1:38 - 2nd Quarter"},
        **more,
    }
    return {key: value for key, value in wire.items() if value is not ...}


def event(wire_status: dict[str, Any] | None = None, **competition: Any) -> dict[str, Any]:
    """One event of a scoreboard, shaped as ESPN sends it."""
    wire_status = wire_status or status()
    return {
        "id": "401474846",
        "uid": "s:40~l:46~e:401474846",
        "date": "2022-10-02T22:00Z",
        "name": "Utah Jazz at Toronto Raptors",
        "competitions": [
            {
                "id": "401474846",
                "date": "2022-10-02T22:00Z",
                "startDate": "2022-10-02T22:00Z",
                "neutralSite": True,
                "competitors": [
                    {
                        "id": "28",
                        "homeAway": "home",
                        "score": "47",
                        "team": {
                            "id": "28",
                            "name": "Raptors",
                            "abbreviation": "TOR",
                            "displayName": "Toronto Raptors",
                        },
                    },
                    {
                        "id": "26",
                        "homeAway": "away",
                        "score": "41",
                        "linescores": [{"value": 22}],
                        "team": {"id": "26", "name": "Jazz", "abbreviation": "UTAH", "displayName": "Utah Jazz"},
                    },
                ],
                "odds": [None],
                "status": wire_status,
                **competition,
            }
        ],
        "status": copy.deepcopy(wire_status),
    }


def read(*events: Any, feed: str = FEED) -> list[Any]:
    return decode_espn(feed, json.dumps({"leagues": [], "events": list(events)}).encode())


def test_a_live_game_is_read_whole() -> None:
    """Teams, scores, period, clock, start and detail come from the competition."""
    assert read(event()) == [
        ScoreSeen(
            game=GameRef(source="espn", league="nba", id="401474846"),
            status=GameStatus.LIVE,
            status_name="STATUS_IN_PROGRESS",
            completed=False,
            home=Team(id="28", name="Raptors", abbreviation="TOR", display_name="Toronto Raptors"),
            away=Team(id="26", name="Jazz", abbreviation="UTAH", display_name="Utah Jazz"),
            home_score=47,
            away_score=41,
            period=2,
            clock_ms=98_000,
            start_ns=1_664_748_000_000_000_000,
            neutral_site=True,
            detail="1:38 - 2nd Quarter",
        )
    ]


def test_sides_come_from_home_away_not_from_the_order() -> None:
    """An event that lists the visitors first reads the same."""
    turned = event()
    turned["competitions"][0]["competitors"].reverse()
    assert read(turned) == read(event())


@pytest.mark.parametrize(
    ("name", "state", "completed", "expected"),
    [
        ("STATUS_SCHEDULED", "pre", False, GameStatus.SCHEDULED),
        ("STATUS_TBD", "pre", False, GameStatus.SCHEDULED),
        ("STATUS_IN_PROGRESS", "in", False, GameStatus.LIVE),
        ("STATUS_SECOND_HALF", "in", False, GameStatus.LIVE),
        ("STATUS_OVERTIME", "in", False, GameStatus.LIVE),
        ("STATUS_END_PERIOD", "in", False, GameStatus.BREAK),
        ("STATUS_HALFTIME", "in", False, GameStatus.BREAK),
        ("STATUS_DELAYED", "in", False, GameStatus.DELAYED),
        ("STATUS_DELAYED", "pre", False, GameStatus.DELAYED),
        ("STATUS_RAIN_DELAY", "in", False, GameStatus.DELAYED),
        ("STATUS_SUSPENDED", "in", False, GameStatus.DELAYED),
        ("STATUS_FINAL", "post", True, GameStatus.FINAL),
        ("STATUS_FULL_TIME", "post", True, GameStatus.FINAL),
        ("STATUS_FINAL_PEN", "post", True, GameStatus.FINAL),
        ("STATUS_FORFEIT", "post", True, GameStatus.FINAL),
        ("STATUS_POSTPONED", "post", False, GameStatus.CALLED_OFF),
        ("STATUS_CANCELED", "post", False, GameStatus.CALLED_OFF),
        ("STATUS_CANCELED", "post", True, GameStatus.CALLED_OFF),
        ("STATUS_SUSPENDED", "post", False, GameStatus.CALLED_OFF),
        ("STATUS_ABANDONED", "post", False, GameStatus.CALLED_OFF),
        ("STATUS_FINAL", "post", False, GameStatus.UNKNOWN),
    ],
)
def test_state_completed_and_name_decide(name: str, state: str, completed: bool, expected: GameStatus) -> None:
    """The documented table of states, without a glance at ids or display texts."""
    [seen] = read(event(status(name, state, completed=completed)))
    assert (seen.status, seen.status_name, seen.completed, seen.warnings) == (expected, name, completed, ())


@pytest.mark.parametrize(
    ("state", "completed", "expected"),
    [
        ("pre", False, GameStatus.SCHEDULED),
        ("in", False, GameStatus.LIVE),
        ("post", True, GameStatus.FINAL),
        ("post", False, GameStatus.UNKNOWN),
        ("intermission", False, GameStatus.UNKNOWN),
    ],
)
def test_an_unknown_name_is_decided_by_state_and_warned_about(
    state: str, completed: bool, expected: GameStatus
) -> None:
    """A status ESPN has just invented still means something, and says that it is new."""
    [seen] = read(event(status("STATUS_NEW_THING", state, completed=completed)))
    assert (seen.status, seen.warnings) == (expected, ("unknown status name",))


@pytest.mark.parametrize(
    ("clock", "display", "expected"),
    [
        (98, "1:38", 98_000),
        (58.3, "58.3", 58_300),
        (0.0, "0.0", 0),
        (..., "1:38", 98_000),
        (..., "58.3", 58_300),
        (None, "12:00", 720_000),
        (..., "0:00", 0),
        (..., "", None),
        (..., ..., None),
    ],
)
def test_the_clock_is_the_number_or_else_the_display(clock: Any, display: Any, expected: int | None) -> None:
    """Seconds as a number are taken first; the display text stands in; neither is absence."""
    [seen] = read(event(status(clock=clock, displayClock=display)))
    assert (seen.clock_ms, seen.warnings) == (expected, ())


def test_a_display_clock_of_an_unknown_form_is_a_warning() -> None:
    """A clock that cannot be read costs the clock, not the score."""
    [seen] = read(event(status(clock=..., displayClock="Q2")))
    assert (seen.clock_ms, seen.home_score, seen.warnings) == (None, 47, ("clock unreadable",))


def test_baseball_has_no_clock_and_no_inning_before_the_start() -> None:
    """ESPN says inning 1 and clock 0 of a baseball game that is hours away."""
    scheduled = status("STATUS_SCHEDULED", "pre", clock=0, displayClock="0:00", period=1)
    [before] = read(event(scheduled), feed="espn.mlb")
    assert (before.period, before.clock_ms) == (0, None)
    [during] = read(event(status(clock=0, displayClock="0:00", period=5)), feed="espn.mlb")
    assert (during.period, during.clock_ms) == (5, None)


def test_football_near_kickoff_has_not_begun() -> None:
    """A scheduled game with a full first quarter on its clock is at period 0."""
    scheduled = status("STATUS_SCHEDULED", "pre", clock=900, displayClock="15:00", period=1)
    [seen] = read(event(scheduled), feed="espn.nfl")
    assert (seen.period, seen.clock_ms, seen.status) == (0, 0, GameStatus.SCHEDULED)


def test_soccer_counts_up() -> None:
    """The clock is what has passed, and stands at 90:00 in stoppage time."""
    stoppage = status("STATUS_SECOND_HALF", clock=5400, displayClock="90'+8'")
    [seen] = read(event(stoppage), feed="espn.epl")
    assert seen.clock_ms == 5_400_000


def test_possession_is_a_team_id() -> None:
    """Football says who has the ball; between plays it does not."""
    assert [read(event(situation={"possession": wire}))[0].possession_team_id for wire in ("28", 28)] == ["28", "28"]
    assert [read(event(situation=wire))[0].possession_team_id for wire in ({}, None)] == [None, None]


def test_what_is_left_out_is_none() -> None:
    """A postponed game without a period, a game without scores yet, a date nobody can read."""
    [postponed] = read(event(status("STATUS_POSTPONED", "post", period=..., clock=..., displayClock=...)))
    assert (postponed.period, postponed.clock_ms) == (None, None)
    bare = event()
    for side in bare["competitions"][0]["competitors"]:
        del side["score"]
    assert [(seen.home_score, seen.away_score) for seen in read(bare)] == [(None, None)]
    [undated] = read(event(startDate="soon"))
    assert (undated.start_ns, undated.warnings) == (None, ("start unreadable",))


def test_scores_may_be_numbers() -> None:
    """Text or number, it is the same score."""
    numbers = event()
    for side in numbers["competitions"][0]["competitors"]:
        side["score"] = int(side["score"])
    assert read(numbers) == read(event())


def test_a_team_not_yet_known_is_named_by_what_there_is() -> None:
    """A nickname may be missing or null; the display name stands in, then the abbreviation."""
    wire = event()
    home, away = wire["competitions"][0]["competitors"]
    home["team"] = {"id": "28", "name": None, "displayName": "Duke Blue Devils"}
    away["team"] = {"id": "-1", "abbreviation": "TBD"}
    [seen] = read(wire)
    assert (seen.home.name, seen.home.abbreviation, seen.away.name) == ("Duke Blue Devils", "", "TBD")


def test_a_disagreement_is_the_competitions_to_win() -> None:
    """The event's own status is ignored where it differs, and a warning says that it did."""
    torn = event()
    torn["status"]["type"] = {"name": "STATUS_FINAL", "state": "post", "completed": True}
    [seen] = read(torn)
    assert (seen.status, seen.warnings) == (GameStatus.LIVE, ("status disagree",))


def broken(path: list[Any], value: Any) -> dict[str, Any]:
    """An event with one part replaced."""
    wire = event()
    at: Any = wire
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return wire


@pytest.mark.parametrize(
    "bad",
    [
        5,
        {},
        broken(["id"], 401474846),
        broken(["competitions"], []),
        broken(["competitions", 0, "competitors"], []),
        broken(["competitions", 0, "competitors", 0, "homeAway"], "away"),
        broken(["competitions", 0, "competitors", 0, "homeAway"], "neutral"),
        broken(["competitions", 0, "competitors", 0, "score"], "forty"),
        broken(["competitions", 0, "competitors", 0, "score"], -2),
        broken(["competitions", 0, "competitors", 0, "score"], 10**30),
        broken(["competitions", 0, "competitors", 0, "team"], None),
        broken(["competitions", 0, "status", "type"], {}),
        broken(["competitions", 0, "status", "period"], -1),
        broken(["competitions", 0, "status", "period"], 10**20),
        broken(["competitions", 0, "status", "clock"], -5),
        broken(["competitions", 0, "status", "clock"], 1e300),
    ],
)
def test_one_bad_event_does_not_cost_the_others(bad: Any) -> None:
    """The bad one becomes Undecodable with its index."""
    first, middle, last = read(event(), bad, event())
    assert isinstance(middle, Undecodable)
    assert (middle.feed, middle.index) == (FEED, 1)
    assert (first.index, last.index, last.home_score) == (0, 2, 47)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"code":400,"message":"Failed to get events endpoint."}',
        b'{"events":null}',
        b'{"events":[{"id":"4',
        b"\xff",
        b'{"events":' + b"[" * 50_000,
        b'{"a":NaN,"events":[]}',
    ],
)
def test_a_body_that_is_no_scoreboard_gives_one_undecodable(body: bytes) -> None:
    """HTML, an error object, a truncated or an endless body cost one event, never an error."""
    assert [type(seen) for seen in decode_espn(FEED, body)] == [Undecodable]


def test_a_night_without_games_means_nothing() -> None:
    """An empty list is an answer."""
    assert read() == []


def test_every_league_of_the_recorder_is_read() -> None:
    """What can be recorded can be decoded."""
    assert set(ESPN_LEAGUES) == set(LEAGUES)
