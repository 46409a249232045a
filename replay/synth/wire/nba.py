"""The league's scoreboard file, with its false `Z` on Eastern time and a `meta.time` that is no clock; no people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from replay.synth.teams import Club
from replay.synth.times import eastern, iso_second
from replay.synth.world import Game, Moment, Phase

__all__ = ["NbaWriter", "duration_text", "status_text", "team_text"]

_NOBODY = (
    '{"personId":0,"name":"","jerseyNum":"","position":"","teamTricode":"","playerSlug":null,'
    '"points":0,"rebounds":0,"assists":0}'
)
_REQUEST = "https://nba-prod-us-east-1-mediaops-stats.s3.amazonaws.com/NBA/liveData/scoreboard/todaysScoreboard_00.json"


def duration_text(clock_ms: int) -> str:
    """Return the league's clock: `PT05M23.00S`."""
    return f"PT{clock_ms // 60_000:02d}M{clock_ms // 1000 % 60:02d}.{clock_ms // 10 % 100:02d}S"


class NbaWriter:
    """Writes the file of one slate. A game is rendered once for each moment."""

    def __init__(self, games: Sequence[Game], date: str) -> None:
        """Prepare what never changes."""
        self._games = games
        self._date = date
        self._last: list[tuple[int, str]] = [(-1, "")] * len(games)

    def body(self, moments: Sequence[Moment], made_ns: int) -> bytes:
        """Return the file that shows each game at its moment; made_ns is when it was written."""
        texts = []
        for place, moment in enumerate(moments):
            index, text = self._last[place]
            if index != moment.index:
                text = _game(self._games[place], moment)
                self._last[place] = (moment.index, text)
            texts.append(text)
        at = eastern(made_ns)
        # twelve-hour Eastern time whose "fraction" repeats minute and second, as seen in every sample
        made = f"{at:%Y-%m-%d} {_hour(at):02d}:{at:%M:%S}.{at:%M%S}"
        return (
            f'{{"meta":{{"version":1,"request":"{_REQUEST}","time":"{made}","code":200}},'
            f'"scoreboard":{{"gameDate":"{self._date}","leagueId":"00","leagueName":"National Basketball Association",'
            f'"games":[{",".join(texts)}]}}}}'
        ).encode()


def status_text(moment: Moment, start: str) -> str:
    """Return the display text of a moment; start is what it says before the game."""
    period = f"Q{moment.period}" if moment.period <= 4 else f"OT{moment.period - 4}"
    if moment.phase is Phase.SCHEDULED:
        return start
    if moment.phase is Phase.LIVE:
        return f"{period} {moment.clock_ms // 60_000}:{moment.clock_ms // 1000 % 60:02d}"
    if moment.phase is Phase.HALFTIME:
        return "Half"
    if moment.phase is Phase.END_PERIOD:
        return f"End {period}"
    return "Final" if moment.period == 4 else "Final/OT"


def team_text(game: Game, moment: Moment, *, home: bool) -> str:
    """Return one team as the league's files show it."""
    club: Club = game.home if home else game.away
    points = moment.home_by_period if home else moment.away_by_period
    wins, losses = game.records[0 if home else 1].split("-")
    bonus = "null" if moment.phase in {Phase.SCHEDULED, Phase.FINAL} else '"0"'
    scores = points + (0,) * (4 - len(points))
    cells = ",".join(
        f'{{"period":{number},"periodType":"{"REGULAR" if number <= 4 else "OVERTIME"}","score":{score}}}'
        for number, score in enumerate(scores, 1)
    )
    return (
        f'{{"teamId":{club.nba_id},"teamName":"{club.name}","teamCity":"{club.place}","teamTricode":"{club.tricode}",'
        f'"wins":{wins},"losses":{losses},"score":{sum(points)},"seed":null,"inBonus":{bonus},'
        f'"timeoutsRemaining":{max(7 - moment.index // 30, 0)},"periods":[{cells}]}}'
    )


def _game(game: Game, moment: Moment) -> str:
    there = eastern(game.start_ns)
    start = f"{_hour(there)}:{there.minute:02d} pm ET"
    status = 1 if moment.phase is Phase.SCHEDULED else 3 if moment.phase is Phase.FINAL else 2
    clock = "" if status != 2 else duration_text(moment.clock_ms)
    return (
        f'{{"gameId":"{game.nba_id}","gameCode":"{game.date.replace("-", "")}/{game.away.tricode}{game.home.tricode}",'
        f'"gameStatus":{status},"gameStatusText":"{status_text(moment, start)}",'
        f'"period":{moment.period},"gameClock":"{clock}","gameTimeUTC":"{iso_second(game.start_ns)}",'
        f'"gameEt":"{there:%Y-%m-%dT%H:%M:%SZ}","regulationPeriods":4,"ifNecessary":false,"seriesGameNumber":"",'
        f'"seriesText":"","homeTeam":{team_text(game, moment, home=True)},'
        f'"awayTeam":{team_text(game, moment, home=False)},'
        f'"gameLeaders":{{"homeLeaders":{_NOBODY},"awayLeaders":{_NOBODY}}},'
        '"pbOdds":{"team":null,"odds":0.0,"suspended":1}}'
    )


def _hour(at: datetime) -> int:
    return (at.hour + 11) % 12 + 1
