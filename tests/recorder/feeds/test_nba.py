"""The NBA's own files: the scoreboard, and those of one game."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from transcript import S, Transcript
from weather import Even, asked_at, ok

from recorder.feeds.base import Failed, GamesOn, Get, Response, Start, Wake, WakeAt
from recorder.feeds.nba import NBA_HEADERS, NbaGameFeed, NbaScoreboardFeed
from recorder.feeds.peek import is_nba_game, nba_slots

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
        (board(1), 2),
        (board(1, "2026-01-16T03:00:00Z"), 30),
        (board(3), 30),
        (board(1, text="PPD  "), 30),
        (b'{"scoreboard":{"games":[]}}', 30),
        (b"<html>", 2),
    ],
)
def test_the_pace_follows_the_games(body: bytes, wait_s: int) -> None:
    """Due games every 2 s; to come, over, postponed and none every 30 s."""
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
        << GamesOn
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


# The files of one game ---------------------------------------------------------------------------------------


def plays_url(game: str) -> str:
    return f"http://nba/static/json/liveData/playbyplay/playbyplay_{game}.json"


def game_feed(every_s: float = 30.0) -> NbaGameFeed:
    return NbaGameFeed("playbyplay", "http://nba", rng=Even(), every_s=every_s)


def plays(game: str) -> bytes:
    return json.dumps({"meta": {}, "game": {"gameId": game, "actions": []}}).encode()


def test_the_scoreboard_says_which_games_are_on_when_that_changes() -> None:
    """A live game is told to the other feeds once, and its end too; what cannot be read changes nothing."""
    feed = NbaScoreboardFeed("http://nba", rng=Even())
    assert (
        Transcript(feed, NOW)
        >> Start()
        << ...
        >> ok("scoreboard", board(2))
        << GamesOn("nba", ("0022500001",))
        << WakeAt(NOW + 2 * S)
        >> Wake()
        << ...
        >> ok("scoreboard", board(2))
        << WakeAt(NOW + 4 * S)
        >> Wake()
        << ...
        >> ok("scoreboard", b'{"scoreboard":')
        << WakeAt
        >> Wake()
        << ...
        >> ok("scoreboard", board(3))
        << GamesOn("nba", ())
        << WakeAt
    )


def test_a_game_is_asked_about_while_it_is_on_and_ten_minutes_on() -> None:
    """Nothing is asked before a game is live; after its end its file is asked on, for corrections, and then no more."""
    first = (Start(), GamesOn("nba", ("1",)), GamesOn("nba", ()))

    def world(get: Get, _: int) -> Response:
        return ok(get.key, plays("1"))

    asked = asked_at(game_feed(), world, from_ns=NOW, to_ns=NOW + 3600 * S, first=first)
    assert {get.url for _, get in asked} == {plays_url("1")}
    assert asked[0][1].headers == NBA_HEADERS
    assert 19 <= len(asked) <= 21
    assert asked[-1][0] <= NOW + 600 * S
    assert not asked_at(game_feed(), world, from_ns=NOW, to_ns=NOW + 60 * S)


def test_games_of_another_source_are_not_asked_about() -> None:
    """Ids hold for the source that gave them."""
    assert Transcript(game_feed(), NOW) >> GamesOn("espn", ("1",)) << WakeAt(NOW + 30 * S)


def test_many_games_keep_to_the_budget_of_the_host() -> None:
    """However many games begin at once, and however badly they answer, questions go out a quarter of a second apart."""
    games = tuple(str(number) for number in range(15))
    worlds = (lambda get, _: ok(get.key, plays(get.key)), lambda get, _: Failed(get.key, "refused"))
    for world in worlds:
        first = (Start(), GamesOn("nba", games))
        asked = asked_at(game_feed(), world, from_ns=NOW, to_ns=NOW + 300 * S, first=first)
        times = [at_ns for at_ns, _ in asked]
        assert {get.key for _, get in asked} == set(games)
        assert min(after - before for before, after in itertools.pairwise(times)) >= S // 4
        assert len(times) <= 15 * (300 // 30 + 4)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (ok("1", plays("1")), 30),
        (ok("1", b"", 304), 30),
        (ok("1", b"<html>Access Denied</html>", 403), 10),
        (ok("1", b"<html>"), 2),
        (ok("1", plays("1")[:-5]), 2),
        (ok("1", b'{"Message":"An error has occurred."}'), 2),
        (ok("1", b"", 503, retry_after="40"), 40),
        (Failed("1", "timeout"), 2),
    ],
)
def test_a_file_that_is_none_is_asked_again(answer: Response | Failed, wait_s: int) -> None:
    """Refusals, error pages, cut bodies and silence wait by their kind; a whole file and 304 keep the pace."""
    transcript = Transcript(game_feed(), NOW) >> GamesOn("nba", ("1",)) << Get << WakeAt >> answer << WakeAt
    assert transcript.alarm_ns == NOW + min(wait_s, 30) * S
    if wait_s > 30:
        assert transcript >> Wake() << WakeAt(NOW + wait_s * S)


def test_one_game_that_fails_delays_no_other() -> None:
    """Each file waits for itself."""

    def world(get: Get, _: int) -> Response | Failed:
        return ok(get.key, plays(get.key)) if get.key == "1" else ok(get.key, b"", 403)

    first = (Start(), GamesOn("nba", ("1", "2")))
    asked = asked_at(game_feed(), world, from_ns=NOW, to_ns=NOW + 600 * S, first=first)
    assert 19 <= sum(get.key == "1" for _, get in asked) <= 21
    assert sum(get.key == "2" for _, get in asked) < 10


@pytest.mark.parametrize("name", ["playbyplay_0022000001", "boxscore_0022000001", "boxscore_0042200123"])
def test_the_real_files_are_whole(real_data: Path, name: str) -> None:
    """Recorded play-by-play and boxscores pass for files of a game; half of one does not."""
    body = (real_data / f"nba_cdn/{name}.json").read_bytes()
    assert is_nba_game(body)
    assert not is_nba_game(body[: len(body) // 2])
