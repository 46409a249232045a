"""Scoreboards made from plays, on a game small enough to read."""

from __future__ import annotations

import json
from typing import Any

from recorder.envelope import Envelope, Kind
from replay.core.decode import decode
from replay.core.events import GameStatus, ScoreSeen
from replay.upstream import real

S = 1_000_000_000
START_NS = 1_768_521_600 * S


def _play(at: str, period: int, clock: str, score: tuple[int, int], kind: str = "92") -> dict[str, Any]:
    return {
        "id": at,
        "type": {"id": kind, "text": "x"},
        "text": "x",
        "scoreValue": 2,
        "awayScore": score[0],
        "homeScore": score[1],
        "period": {"number": period, "displayValue": f"{period} Quarter"},
        "clock": {"displayValue": clock},
        "wallclock": f"2026-01-16T{at}Z",
    }


def _summary(*plays: dict[str, Any]) -> bytes:
    def side(number: str, name: str, home_away: str, *, won: bool) -> dict[str, Any]:
        team = {"id": number, "uid": number, "location": name, "name": name, "abbreviation": name, "displayName": name}
        return {"id": number, "uid": number, "order": 0, "homeAway": home_away, "winner": won, "team": team}

    sides = [side("1", "Homes", "home", won=True), side("2", "Aways", "away", won=False)]
    competition = {"uid": "c", "date": "2026-01-16T00:00Z", "neutralSite": False, "competitors": sides}
    header = {"id": "9", "uid": "e", "season": {"year": 2026, "type": 2}, "competitions": [competition]}
    return json.dumps({"header": header, "plays": plays}).encode()


def _scores(feed: str, bodies: list[real.Dated]) -> list[ScoreSeen]:
    (url,) = {real.NBA_URL if feed == "nba.scoreboard" else real.scoreboard_url("basketball/nba", START_NS)}
    envelopes: list[Envelope] = list(real.night("x", real.polled(feed, url, bodies)).read())
    return [event for envelope in envelopes for event in decode(envelope) if isinstance(event, ScoreSeen)]


def test_espn_states_follow_the_plays() -> None:
    """Scheduled, in play, end of a period, half-time, overtime and final come out as the decoder knows them."""
    bodies = real.espn_bodies(
        _summary(
            _play("00:10:00", 1, "11:40", (0, 2)),
            _play("00:40:00", 1, "0.0", (3, 2), "412"),
            _play("00:39:00", 2, "58.3", (3, 4)),
            _play("01:10:00", 2, "0.0", (3, 4), "412"),
            _play("02:40:00", 5, "0.0", (3, 7), "402"),
        )
    )
    assert [(at_ns - START_NS) // (60 * S) for at_ns, _ in bodies] == [-15, 10, 40, 40, 70, 160]
    told = [(it.status, it.period, it.clock_ms, it.away_score, it.home_score) for it in _scores("espn.nba", bodies)]
    assert told[1:] == [
        (GameStatus.LIVE, 1, 700_000, 0, 2),
        (GameStatus.BREAK, 1, 0, 3, 2),
        (GameStatus.LIVE, 2, 58_300, 3, 4),
        (GameStatus.BREAK, 2, 0, 3, 4),
        (GameStatus.FINAL, 5, 0, 3, 7),
    ]
    assert told[0][0] is GameStatus.SCHEDULED
    names = [json.loads(body)["events"][0]["status"]["type"]["name"] for _, body in bodies]
    assert names[2:5] == ["STATUS_END_PERIOD", "STATUS_IN_PROGRESS", "STATUS_HALFTIME"]
    home = json.loads(bodies[-1][1])["events"][0]["competitions"][0]["competitors"][0]
    assert ([it["value"] for it in home["linescores"]], home["winner"]) == ([2, 2, 0, 0, 3], True)


def test_nba_states_follow_the_actions() -> None:
    """Actions in their order give status, clock and quarter scores; the end of the game is final."""

    def team(number: int, name: str) -> dict[str, Any]:
        return {"teamId": number, "teamName": name, "teamCity": name, "teamTricode": name[:3].upper()}

    def action(
        order: int, at: str, period: int, clock: str, score: tuple[int, int], kind: str = "2pt"
    ) -> dict[str, Any]:
        said = {"actionType": kind} | ({"subType": "end"} if kind in {"period", "game"} else {})
        home, away = (str(points) for points in score)
        when = {"orderNumber": order, "timeActual": f"2026-01-16T{at}Z", "period": period, "clock": clock}
        return {**said, **when, "scoreHome": home, "scoreAway": away}

    boxscore = {
        "gameId": "0022500001",
        "gameCode": "20260115/AWAHOM",
        "gameTimeUTC": "2026-01-16T00:00:00Z",
        "gameEt": "2026-01-15T19:00:00-05:00",
        "regulationPeriods": 4,
        "homeTeam": team(1, "Homes"),
        "awayTeam": team(2, "Aways"),
    }
    actions = [
        action(30, "00:40:00.0", 1, "PT00M00.00S", (5, 2), "period"),
        action(20, "00:12:00.3", 1, "PT11M20.50S", (2, 0)),
        action(40, "01:10:00.0", 2, "PT00M00.00S", (6, 2), "period"),
        action(50, "02:30:00.0", 4, "PT00M00.00S", (9, 2), "game"),
    ]
    bodies = real.nba_bodies(
        json.dumps({"game": {"actions": actions}}).encode(), json.dumps({"game": boxscore}).encode()
    )
    told = [
        (it.status, it.period, it.clock_ms, it.home_score, it.away_score) for it in _scores("nba.scoreboard", bodies)
    ]
    assert [it[0] for it in told] == [
        GameStatus.SCHEDULED,
        GameStatus.LIVE,
        GameStatus.BREAK,
        GameStatus.BREAK,
        GameStatus.FINAL,
    ]
    assert told[1][1:] == (1, 680_500, 2, 0)
    games = [json.loads(body)["scoreboard"]["games"][0] for _, body in bodies]
    assert [it["gameStatusText"] for it in games] == ["7:00 pm ET", "Q1 11:20", "End Q1", "Half", "Final"]
    assert [it["score"] for it in games[-1]["homeTeam"]["periods"]] == [5, 1, 0, 3]
    assert games[0]["gameEt"] == "2026-01-15T19:00:00Z"


def test_frames_keep_their_distance_and_the_night_its_order() -> None:
    """The first message is the array of a subscription; times are shifted as one; rows of all sources are merged."""
    sequence = json.dumps([{"timestamp": "1000"}, {"timestamp": "3500"}, {"timestamp": "3000"}]).encode()
    frames = real.market_frames(sequence, START_NS)
    assert [((at_ns - START_NS) // 1_000_000, payload[:1]) for at_ns, payload in frames] == [
        (0, b"["),
        (2500, b"{"),
        (2500, b"{"),
    ]
    market = real.streamed(frames, ["1", "2"])
    catalogue = real.gamma_bodies("nba-a-b-2026-01-15", "2026-01-16T00:00:00Z", "0x1", ("A", "B"), ("1", "2"))
    envelopes = list(real.night("x", market, catalogue).read())
    assert [it.seq for it in envelopes] == list(range(7))
    assert [it.kind for it in envelopes[2:5]] == [Kind.OPENED, Kind.SENT, Kind.FRAME]
