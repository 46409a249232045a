"""ESPN scoreboard bodies, field for field what a decoder reads, compact as ESPN sends them; no people in them."""

from __future__ import annotations

from collections.abc import Sequence

from replay.synth.dice import Dice
from replay.synth.teams import Club
from replay.synth.times import iso_minute
from replay.synth.world import Game, Moment, Phase

__all__ = ["EspnWriter", "clock_text"]

_ORDINALS = ("", "1st", "2nd", "3rd", "4th")
_STATUS = {
    Phase.SCHEDULED: ("1", "STATUS_SCHEDULED", "pre", "false", "Scheduled"),
    Phase.LIVE: ("2", "STATUS_IN_PROGRESS", "in", "false", "In Progress"),
    Phase.END_PERIOD: ("22", "STATUS_END_PERIOD", "in", "false", "End of Period"),
    Phase.HALFTIME: ("23", "STATUS_HALFTIME", "in", "false", "Halftime"),
    Phase.FINAL: ("3", "STATUS_FINAL", "post", "true", "Final"),
}


def clock_text(clock_ms: int) -> str:
    """Return ESPN's clock: minutes and seconds, below one minute seconds and tenths."""
    if clock_ms < 60_000:
        return f"{clock_ms // 1000}.{clock_ms // 100 % 10}"
    return f"{clock_ms // 60_000}:{clock_ms // 1000 % 60:02d}"


class EspnWriter:
    """Writes the scoreboard of one day. An event is rendered once for each moment of its game."""

    def __init__(self, seed: int, games: Sequence[Game], date: str) -> None:
        """Prepare what never changes in the day's bodies."""
        year = int(date[:4]) + (1 if int(date[5:7]) >= 8 else 0)
        season = f'"season":{{"type":2,"year":{year}}}'
        self._head = (
            '{"leagues":[{"id":"46","uid":"s:40~l:46","name":"National Basketball Association","abbreviation":"NBA",'
            f'"slug":"nba","season":{{"year":{year},"displayName":"{year - 1}-{year % 100:02d}",'
            '"type":{"id":"2","type":2,"name":"Regular Season","abbreviation":"reg"}},"calendarType":"day",'
            f'"calendar":["{date}T08:00Z"]}}],{season},"day":{{"date":"{date}"}},"events":['
        )
        self._statics = [_Static(Dice(seed, "espn", game.espn_id), game, year) for game in games]
        self._games = games
        self._last: list[tuple[int, str]] = [(-1, "")] * len(games)

    def body(self, moments: Sequence[Moment]) -> bytes:
        """Return the body that shows each game at its moment."""
        events = []
        for place, moment in enumerate(moments):
            index, text = self._last[place]
            if index != moment.index:
                text = self._statics[place].event(self._games[place], moment)
                self._last[place] = (moment.index, text)
            events.append(text)
        return f'{self._head}{",".join(events)}],"provider":{{"id":"100","name":"Draft Kings","priority":0}}}}'.encode()


class _Static:
    """The unchanging parts of one event."""

    def __init__(self, dice: Dice, game: Game, year: int) -> None:
        date, home, away = iso_minute(game.start_ns), game.home, game.away
        self.head = (
            f'{{"id":"{game.espn_id}","uid":"s:40~l:46~e:{game.espn_id}","date":"{date}",'
            f'"name":"{away.display_name} at {home.display_name}",'
            f'"shortName":"{away.espn_abbreviation} @ {home.espn_abbreviation}",'
            f'"season":{{"year":{year},"type":2,"slug":"regular-season"}},'
            f'"competitions":[{{"id":"{game.espn_id}","uid":"s:40~l:46~e:{game.espn_id}~c:{game.espn_id}","date":"{date}",'
            f'"attendance":0,"type":{{"id":"1","abbreviation":"STD"}},"timeValid":true,"neutralSite":false,'
            '"conferenceCompetition":false,"playByPlayAvailable":true,"recent":true,'
        )
        self.start = date
        self.teams = (_team(home), _team(away))
        self.odds = "[null]" if dice.hit(0.2) else _odds(game)
        self.lowest_play = int(game.espn_id) * 1000

    def event(self, game: Game, moment: Moment) -> str:
        """Render the event at a moment."""
        final, scheduled = moment.phase is Phase.FINAL, moment.phase is Phase.SCHEDULED
        home = self._competitor(game, moment, home=True)
        away = self._competitor(game, moment, home=False)
        extra = (
            f'"odds":{self.odds},' if scheduled else "" if final else f'"situation":{self._situation(game, moment)},'
        )
        status = _status(moment, self.start)
        return (
            f'{self.head}"competitors":[{home},{away}],"notes":[],{extra}"status":{status},"broadcasts":[],'
            f'"format":{{"regulation":{{"periods":4}}}},"startDate":"{self.start}"}}],"status":{status}}}'
        )

    def _competitor(self, game: Game, moment: Moment, *, home: bool) -> str:
        club = game.home if home else game.away
        points = moment.home_by_period if home else moment.away_by_period
        winner = ""
        if moment.phase is Phase.FINAL:
            winner = f'"winner":{"true" if home == game.home_won else "false"},'
        lines = ""
        if points:
            cells = ",".join(
                f'{{"value":{value}.0,"displayValue":"{value}","period":{period}}}'
                for period, value in enumerate(points, 1)
            )
            lines = f'"linescores":[{cells}],'
        record = game.records[0 if home else 1]
        return (
            f'{{"id":"{club.espn_id}","uid":"s:40~l:46~t:{club.espn_id}","type":"team","order":{0 if home else 1},'
            f'"homeAway":"{"home" if home else "away"}",{winner}"team":{self.teams[0 if home else 1]},'
            f'"score":"{sum(points)}",{lines}"statistics":[],'
            f'"records":[{{"name":"overall","abbreviation":"Total","type":"total","summary":"{record}"}}]}}'
        )

    def _situation(self, game: Game, moment: Moment) -> str:
        club = None if moment.play_home is None else game.home if moment.play_home else game.away
        text = f"{club.name} {moment.play}" if club else moment.play
        team = f',"team":{{"id":"{club.espn_id}"}}' if club else ""
        return (
            f'{{"lastPlay":{{"id":"{self.lowest_play + moment.index}","type":{{"id":"0","text":"Play"}},'
            f'"text":"{text}",'
            f'"scoreValue":{max(moment.play_points, 0)}{team}}}}}'
        )


def _team(club: Club) -> str:
    return (
        f'{{"id":"{club.espn_id}","uid":"s:40~l:46~t:{club.espn_id}","location":"{club.place}","name":"{club.name}",'
        f'"abbreviation":"{club.espn_abbreviation}","displayName":"{club.display_name}","shortDisplayName":"{club.name}",'
        f'"color":"{club.color}","isActive":true}}'
    )


def _odds(game: Game) -> str:
    favored, points = (game.home, game.strength) if game.strength > 0 else (game.away, -game.strength)
    halves = max(int(points * 2), 1)
    line = f"{halves // 2}.{halves % 2 * 5}"
    return (
        f'[{{"provider":{{"id":"100","name":"Draft Kings","priority":1}},'
        f'"details":"{favored.espn_abbreviation} -{line}",'
        '"overUnder":234.5}]'
    )


def _status(moment: Moment, start: str) -> str:
    number, name, state, completed, description = _STATUS[moment.phase]
    clock = clock_text(moment.clock_ms)
    period = moment.period
    ordinal = _ORDINALS[period] if period <= 4 else "OT" if period == 5 else f"{period - 4}OT"
    quarter = f"{ordinal} Quarter" if period <= 4 else ordinal
    detail, short = description, description
    if moment.phase is Phase.SCHEDULED:
        # a text in local time for people; no program may read it
        detail, short = f"{start} (scheduled)", start
    elif moment.phase is Phase.LIVE:
        detail, short = f"{clock} - {quarter}", f"{clock} - {ordinal}"
    elif moment.phase is Phase.END_PERIOD:
        detail, short = f"End of {quarter}", f"End of {ordinal}"
    elif moment.phase is Phase.FINAL and period > 4:
        detail = short = f"Final/{ordinal}"
    tenths = moment.clock_ms // 100
    return (
        f'{{"clock":{tenths // 10}.{tenths % 10},"displayClock":"{clock}","period":{period},"type":{{"id":"{number}",'
        f'"name":"{name}","state":"{state}","completed":{completed},"description":"{description}","detail":"{detail}",'
        f'"shortDetail":"{short}"}}}}'
    )
