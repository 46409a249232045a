from __future__ import annotations

import json

from script import S, Score, Script

from recorder.envelope import Kind, encode_meta
from replay.core.roll import Roller
from replay.core.rows import Night
from replay.core.witnesses import BOXSCORE, PLAY_COLUMNS, PLAYS, SIGHTING_COLUMNS, VENUE

CDN = "https://cdn.nba.com/static/json/liveData/"
PLAYS_URL, BOX_URL = CDN + "playbyplay/playbyplay_00401.json", CDN + "boxscore/boxscore_00401.json"


def plays(script: Script, *scores: tuple[int, int], game: str = "00401") -> Script:
    actions = [
        {
            "actionNumber": number,
            "orderNumber": number * 10_000,
            "actionType": "2pt",
            "period": 1,
            "clock": "PT10M00.00S",
            "scoreHome": str(home),
            "scoreAway": str(away),
            "timeActual": f"2026-01-16T02:14:{number:02d}.0Z",
        }
        for number, (home, away) in enumerate(scores, 1)
    ]
    body = json.dumps({"game": {"gameId": game, "actions": actions}}).encode()
    return script.answer(body, feed="nba.playbyplay", url=PLAYS_URL)


def box(script: Script, home: int, away: int) -> Script:
    teams = [{"teamId": 1, "teamName": "Pacers", "score": home}, {"teamId": 2, "teamName": "Knicks", "score": away}]
    game = {"gameId": "00401", "gameStatus": 2, "homeTeam": teams[0], "awayTeam": teams[1]}
    return script.answer(json.dumps({"game": game}).encode(), feed="nba.boxscore", url=BOX_URL)


def sports(script: Script, home: str, away: str, score: str, game: int = 77) -> Script:
    frame = {"gameId": game, "homeTeam": home, "awayTeam": away, "score": score}
    return script.add(Kind.FRAME, "polymarket.sports", json.dumps(frame).encode(), conn=1)


def sighted(night: Night) -> list[tuple[int, ...]]:
    columns = [SIGHTING_COLUMNS.index(name) for name in ("game", "source", "home", "away")]
    return [tuple(row) for row in night.sightings[:, columns].tolist()]


def rolled(script: Script) -> Night:
    return Roller().roll(script.envelopes)


def test_every_look_at_a_game_is_a_sighting_and_moves_no_state() -> None:
    """Boxscore, plays and 304 of either are looks at the score; nothing is decided on them."""
    script = Script().plan().scores(Score(2, 0))
    for take in (lambda: box(script, 2, 0), lambda: plays(script, (2, 0)), lambda: plays(script, (2, 0), (2, 3))):
        script.wait(1)
        take()
    script.wait(1).unchanged(PLAYS_URL, feed="nba.playbyplay").unchanged(BOX_URL, feed="nba.boxscore")
    night = rolled(script)
    seen = [(BOXSCORE, 2, 0), (PLAYS, 2, 0), (PLAYS, 2, 3), (PLAYS, 2, 3), (BOXSCORE, 2, 0)]
    assert sighted(night) == [(0, *look) for look in seen]
    assert len(night.states) == 1
    sent, recv = (night.sightings[0, SIGHTING_COLUMNS.index(name)] for name in ("sent_ns", "recv_ns"))
    assert recv - sent == 50_000_000


def test_a_play_is_a_row_once_with_its_own_time() -> None:
    """Versions repeat plays; rows do not."""
    script = Script().plan()
    for scores in (((2, 0),), ((2, 0), (2, 3)), ((2, 0), (2, 3))):
        plays(script.wait(1), *scores)
    night = rolled(script)
    rows = [dict(zip(PLAY_COLUMNS, row, strict=True)) for row in night.plays.tolist()]
    assert [(row["number"], row["home"], row["away"], row["change"]) for row in rows] == [(1, 2, 0, 0), (2, 2, 3, 0)]
    assert rows[1]["source_ns"] - rows[0]["source_ns"] == S


def test_the_sports_socket_is_joined_by_the_venues_id_and_the_teams_names() -> None:
    """The wire's slots may be swapped; a frame whose teams are not the game's, or of another game, says nothing."""
    script = Script().scores(Score()).plan().scores(Score()).market("home-token", "away-token", gameId="77")
    sports(script, "Pacers", "Knicks", "5-3")
    sports(script, "knicks", "PACERS", "3-7")
    sports(script, "Nets", "Knicks", "9-9")
    sports(script, "Pacers", "Knicks", "1-1", game=78)
    assert sighted(rolled(script)) == [(0, VENUE, 5, 3), (0, VENUE, 7, 3)]


def test_plays_of_a_game_that_nobody_knows_are_no_rows() -> None:
    """Without a scoreboard or a plan that knows the id there is no game to put them to."""
    night = rolled(plays(Script(), (2, 0)))
    assert (len(night.plays), len(night.sightings)) == (0, 0)


def test_a_stretch_at_a_time_gives_the_same_rows() -> None:
    """What a version repeats is remembered over the cut."""
    script = Script().plan()
    for count in range(1, 5):
        plays(script.wait(1), *[(number, 0) for number in range(count)])
    roller = Roller()
    parts = [roller.roll([envelope]) for envelope in script.envelopes]
    whole = rolled(script)
    assert [row for part in parts for row in part.plays.tolist()] == whole.plays.tolist()
    assert [row for part in parts for row in part.sightings.tolist()] == whole.sightings.tolist()


def test_notes_and_meta_without_facts_are_no_error() -> None:
    """A body whose meta says nothing of when it was asked counts as asked when it came."""
    script = Script().plan()
    body = json.dumps({"game": {"gameId": "00401", "actions": []}}).encode()
    script.add(Kind.BODY, "nba.playbyplay", body, encode_meta({"status": 200}))
    assert len(rolled(script).sightings) == 0
