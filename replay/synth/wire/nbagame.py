"""
The league's files of one game, play-by-play and boxscore; no people.

A play is written by the scorer's table: up to 1.2 s after it happened, by a clock that is up to 0.4 s off all night,
to a tenth of a second. Rebounds are written in between, later; a basket that is taken away after a review stays as a
miss, and the review is a play of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder.times import utc
from replay.synth.dice import Dice
from replay.synth.times import eastern, iso_second
from replay.synth.wire.nba import duration_text, status_text, team_text
from replay.synth.world import Game, Moment, Phase

__all__ = ["PlaysWriter", "boxscore_body"]

_REVIEW = "Replay review"
_BASE_URL = "http://nba.cloud/games"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the file: from which moment on it is there, and what it says before and after a review."""

    from_index: int
    order: int
    text: str
    edited_index: int
    edited_text: str


class PlaysWriter:
    """Writes the play-by-play of one game."""

    def __init__(self, dice: Dice, game: Game, skew_ns: int) -> None:
        """Write down every play of the game; skew_ns is how far the table's clock is ahead."""
        self._dice = dice
        self._game = game
        self._skew_ns = skew_ns
        rows: list[_Row] = []
        for moment in game.moments[1:]:
            rows += self._rows(moment)
        self._sorted_rows = sorted(rows, key=lambda row: row.order)

    def body(self, shown: Moment, made_ns: int) -> bytes:
        """Return the file as it stands when a moment is the latest that it shows."""
        index = shown.index
        texts = [
            row.edited_text if 0 <= row.edited_index <= index else row.text
            for row in self._sorted_rows
            if row.from_index <= index
        ]
        made = f"{eastern(made_ns):%Y-%m-%d %H:%M:%S}.{made_ns // 1000 % 1_000_000:06d}"
        game_id = self._game.nba_id
        return (
            f'{{"meta":{{"version":1,"code":200,"request":"{_BASE_URL}/{game_id}/playbyplay?Format=json",'
            f'"time":"{made}"}},"game":{{"gameId":"{game_id}","actions":[{",".join(texts)}]}}}}'
        ).encode()

    def _rows(self, moment: Moment) -> list[_Row]:
        moments, index = self._game.moments, moment.index
        told_ns = moment.at_ns + self._dice.ns_between(0.1, 1.2) + self._skew_ns
        edited_ns = told_ns + self._dice.ns_between(0.3, 3)
        text = self._text(moment, index, index * 10_000, _kind(moment), moment, told_ns, edited_ns)
        after = moments[index + 1] if index + 1 < len(moments) else None
        if after is not None and after.play.startswith(_REVIEW):
            again_ns = after.at_ns + self._dice.ns_between(1, 4) + self._skew_ns
            edited = self._text(moment, index, index * 10_000, _kind(moment), after, told_ns, again_ns)
            rows = [_Row(index, index * 10_000, text, after.index, edited)]
        else:
            rows = [_Row(index, index * 10_000, text, -1, "")]
        if moment.play.startswith("misses") and index + 2 < len(moments):
            # who took the rebound is written down one or two plays later, in its place
            order, number = index * 10_000 + 5_000, 1_000 + index
            late = self._text(moment, number, order, "rebound", moment, told_ns, edited_ns + 12_000_000_000)
            rows.append(_Row(index + self._dice.whole(0, 2), order, late, -1, ""))
        return rows

    def _text(
        self, moment: Moment, number: int, order: int, kind: str, score: Moment, told_ns: int, edited_ns: int
    ) -> str:
        team = "" if moment.play_home is None else self._team(home=moment.play_home)
        is_shot = kind in {"2pt", "3pt"}
        made = "Made" if score.home + score.away > _before(self._game, moment) else "Missed"
        return (
            f'{{"actionNumber":{number},"clock":"{duration_text(moment.clock_ms)}",'
            f'"timeActual":"{utc(told_ns):%Y-%m-%dT%H:%M:%S}.{told_ns // 100_000_000 % 10}Z",'
            f'"period":{moment.period},"periodType":"{"REGULAR" if moment.period <= 4 else "OVERTIME"}",{team}'
            f'"actionType":"{kind}","subType":"{_sub_kind(moment, kind)}","qualifiers":[],"personId":0,'
            f'"x":null,"y":null,"possession":0,"scoreHome":"{score.home}","scoreAway":"{score.away}",'
            f'"edited":"{iso_second(edited_ns)}","orderNumber":{order},"xLegacy":null,"yLegacy":null,'
            f'"isFieldGoal":{int(is_shot)},"side":null,'
            + (f'"shotResult":"{made}",' if is_shot else "")
            + f'"description":"{moment.play}","personIdsFilter":[]}}'
        )

    def _team(self, *, home: bool) -> str:
        club = self._game.home if home else self._game.away
        return f'"teamId":{club.nba_id},"teamTricode":"{club.tricode}",'


def _before(game: Game, moment: Moment) -> int:
    before = game.moments[moment.index - 1]
    return before.home + before.away


def _kind(moment: Moment) -> str:
    if moment.phase is Phase.FINAL:
        return "game"
    if moment.phase in {Phase.END_PERIOD, Phase.HALFTIME} or moment.play.startswith("Start of"):
        return "period"
    for start, kind in (("Jumpball", "jumpball"), (_REVIEW, "instantreplay"), ("offensive foul", "foul")):
        if moment.play.startswith(start):
            return kind
    if "free throw" in moment.play and "layup" not in moment.play:
        return "freethrow"
    if "three point" in moment.play:
        return "3pt"
    return "turnover" if moment.play == "turnover" else "2pt"


def _sub_kind(moment: Moment, kind: str) -> str:
    if kind in {"period", "game"}:
        return "start" if moment.phase is Phase.LIVE else "end"
    return "overturned" if kind == "instantreplay" else ""


def boxscore_body(game: Game, moment: Moment, made_ns: int) -> bytes:
    """Return the boxscore of a game at a moment; its times carry their zones."""
    there = eastern(game.start_ns)
    local = f"{there:%Y-%m-%dT%H:%M:%S}{there:%z}"
    local = f"{local[:-2]}:{local[-2:]}"
    status = 1 if moment.phase is Phase.SCHEDULED else 3 if moment.phase is Phase.FINAL else 2
    made = f"{eastern(made_ns):%Y-%m-%d %H:%M:%S}.{made_ns // 1000 % 1_000_000:06d}"
    home, away = (team_text(game, moment, home=side)[:-1] + ',"players":[],"statistics":{}}' for side in (True, False))
    return (
        f'{{"meta":{{"version":1,"code":200,"request":"{_BASE_URL}/{game.nba_id}/boxscore?Format=json","time":"{made}"}},'
        f'"game":{{"gameId":"{game.nba_id}","gameTimeLocal":"{local}","gameTimeUTC":"{iso_second(game.start_ns)}",'
        f'"gameTimeHome":"{local}","gameTimeAway":"{local}","gameEt":"{local}","duration":0,'
        f'"gameCode":"{game.date.replace("-", "")}/{game.away.tricode}{game.home.tricode}",'
        f'"gameStatusText":"{status_text(moment, "")}","gameStatus":{status},"regulationPeriods":4,'
        f'"period":{moment.period},"gameClock":"{duration_text(moment.clock_ms)}","attendance":0,"sellout":"0",'
        f'"arena":{{}},"officials":[],"homeTeam":{home},"awayTeam":{away}}}}}'
    ).encode()
