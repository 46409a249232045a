from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replay.core.decode.nba import decode_boxscore, decode_nba
from replay.core.events import GameRef, GameStatus, ScoreSeen, Team, Undecodable

FEED = "nba.scoreboard"


def game(**more: Any) -> dict[str, Any]:
    """One game of the CDN's scoreboard, live in the third quarter unless said otherwise."""
    wire = {
        "gameId": "0022000181",
        "gameCode": "20210115/NYKCLE",
        "gameStatus": 2,
        "gameStatusText": "Q3 5:23   ",
        "period": 3,
        "gameClock": "PT05M23.00S",
        "gameTimeUTC": "2021-01-16T00:30:00Z",
        "gameEt": "2021-01-15T19:30:00Z",
        "homeTeam": {
            "teamId": 1610612739,
            "teamName": "Cavaliers",
            "teamCity": "Cleveland",
            "teamTricode": "CLE",
            "score": 66,
            "inBonus": None,
        },
        "awayTeam": {
            "teamId": 1610612752,
            "teamName": "Knicks",
            "teamCity": "New York",
            "teamTricode": "NYK",
            "score": 61,
            "inBonus": "1",
        },
        **more,
    }
    return {key: value for key, value in wire.items() if value is not ...}


def read(*games: Any) -> list[Any]:
    body = {
        "meta": {"time": "2021-01-16 11:11:39.1139"},
        "scoreboard": {"gameDate": "2021-01-15", "games": list(games)},
    }
    return decode_nba(FEED, json.dumps(body).encode())


def test_a_live_game_is_read_whole() -> None:
    """The start is the UTC time, not the Eastern one under a false Z, and the body carries no time of its own."""
    assert read(game()) == [
        ScoreSeen(
            game=GameRef(source="nba", league="nba", id="0022000181"),
            status=GameStatus.LIVE,
            status_name="2",
            completed=False,
            home=Team(id="1610612739", name="Cavaliers", abbreviation="CLE", display_name="Cleveland Cavaliers"),
            away=Team(id="1610612752", name="Knicks", abbreviation="NYK", display_name="New York Knicks"),
            home_score=66,
            away_score=61,
            period=3,
            clock_ms=323_000,
            start_ns=1_610_757_000_000_000_000,
            detail="Q3 5:23",
            source_ns=None,
        )
    ]


@pytest.mark.parametrize(
    ("status", "text", "clock", "period", "expected"),
    [
        (1, "7:00 pm ET", "", 0, GameStatus.SCHEDULED),
        (1, "PPD", "", 0, GameStatus.CALLED_OFF),
        (1, "PPD  ", "", 0, GameStatus.CALLED_OFF),
        (2, "Q1 12:00", "PT12M00.00S", 1, GameStatus.LIVE),
        (2, "End Q1", "PT00M00.00S", 1, GameStatus.BREAK),
        (2, "Half", "", 2, GameStatus.BREAK),
        (2, "Q2", "PT0M0.00S", 2, GameStatus.BREAK),
        (2, "0Q", "PT00M00.00S", 0, GameStatus.LIVE),
        (3, "Final", "", 4, GameStatus.FINAL),
        (3, "Final/OT", "PT00M00.00S", 5, GameStatus.FINAL),
    ],
)
def test_the_status_number_decides(status: int, text: str, clock: str, period: int, expected: GameStatus) -> None:
    """The text adds only what the number cannot say: postponed, and between periods."""
    [seen] = read(game(gameStatus=status, gameStatusText=text, gameClock=clock, period=period))
    assert (seen.status, seen.completed) == (expected, status == 3)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("", None),
        (None, None),
        (..., None),
        ("PT05M23.00S", 323_000),
        ("PT00M58.30S", 58_300),
        ("PT0M0.00S", 0),
        ("PT00M00.00S", 0),
        ("PT12M00S", 720_000),
    ],
)
def test_every_form_of_the_clock_is_read(clock: Any, expected: int | None) -> None:
    """Empty is absence; both forms of zero are zero."""
    [seen] = read(game(gameClock=clock))
    assert seen.clock_ms == expected


def test_a_start_that_cannot_be_read_is_a_warning() -> None:
    """A date costs the date, not the score."""
    [seen] = read(game(gameTimeUTC="TBD"))
    assert (seen.start_ns, seen.home_score, seen.warnings) == (None, 66, ("start unreadable",))


def test_a_play_off_slot_without_a_team_is_read() -> None:
    """A team nobody knows yet has no name and costs nothing."""
    empty = {"teamId": 0, "teamName": None, "teamCity": None, "teamTricode": None, "score": 0}
    [seen] = read(game(homeTeam=empty, gameStatus=1, gameStatusText=None))
    assert (seen.home.name, seen.home.display_name, seen.status) == ("", "", GameStatus.SCHEDULED)


@pytest.mark.parametrize(
    "bad",
    [
        5,
        {},
        game(gameId=22000181),
        game(gameStatus=4),
        game(gameClock="5:23"),
        game(homeTeam={}),
        game(period=-1),
        game(homeTeam={"teamId": 1, "teamName": "X", "score": -1}),
        game(homeTeam={"teamId": 1, "teamName": "X", "score": "66"}),
    ],
)
def test_one_bad_game_does_not_cost_the_others(bad: Any) -> None:
    """The bad one becomes Undecodable with its index."""
    first, middle, last = read(game(), bad, game())
    assert isinstance(middle, Undecodable)
    assert (middle.index, first.index, last.index) == (1, 0, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<HTML><HEAD>Access Denied",
        b'{"Message":"An error has occurred."}',
        b"[]",
        b'{"scoreboard":{}}',
        b"\xff",
        b'{"scoreboard":{"games":[{',
        b"[" * 50_000,
    ],
)
def test_a_body_that_is_no_scoreboard_gives_one_undecodable(body: bytes) -> None:
    """The CDN's refusals and errors cost one event, never an error."""
    assert [type(seen) for seen in decode_nba(FEED, body)] == [Undecodable]


def test_an_off_day_means_nothing() -> None:
    """An empty list of games is an answer."""
    assert read() == []


# The boxscore ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "score"), [("0022000001", (125, 99)), ("0042200123", (97, 102))])
def test_a_recorded_boxscore_is_the_game_of_another_source(real_data: Path, name: str, score: tuple[int, int]) -> None:
    """The file of one game says what the scoreboard says, under a source name of its own."""
    (event,) = decode_boxscore("nba.boxscore", (real_data / f"nba_cdn/boxscore_{name}.json").read_bytes())
    assert isinstance(event, ScoreSeen)
    assert (event.game.source, event.game.id, event.status) == ("boxscore", name, GameStatus.FINAL)
    assert (event.home_score, event.away_score) == score


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"game":{}}', b'{"Message":"An error has occurred."}'])
def test_no_boxscore_is_undecodable(body: bytes) -> None:
    """What is no game stays on the tape and says so."""
    assert isinstance(decode_boxscore("nba.boxscore", body)[0], Undecodable)
