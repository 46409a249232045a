"""
What the NBA CDN's scoreboard of today and the boxscore of a game say, in our words.

Every game of a body stands alone: one that cannot be read becomes `Undecodable` with its index, the others keep their
meaning.

Coverage:

| part                                    | role                | becomes                          | evidence        |
|-----------------------------------------|---------------------|----------------------------------|-----------------|
| `scoreboard.games[]`                    | one game each       | `ScoreSeen`                      | captured bodies |
| `gameStatus` 1, 2, 3                    | where the game is   | `SCHEDULED`, `LIVE`, `FINAL`     | captured bodies |
| `gameStatus` 1 with text `PPD`          | postponed           | `CALLED_OFF`                     | client tests    |
| `gameStatus` 2, text `Half` or `End Q1` | break               | `BREAK`, also with the clock 0 | client sources  |
| `gameClock` empty, `PT05M23.00S`        | runs down           | `clock_ms`; empty is None        | captured bodies |
| `gameTimeUTC`                           | scheduled start     | `start_ns`                       | captured bodies |
| `gameEt`                                | Eastern, false `Z`  | never read                       | captured bodies |
| `meta.time`                             | no clock            | never read: `source_ns` is None  | captured bodies |
| `game` of a boxscore                    | one game            | `ScoreSeen`, source `boxscore`   | captured bodies |
| `{"Message": ...}`, HTML                | no answer           | `Undecodable`                    | client sources  |
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from replay.core.events import Event, GameRef, GameStatus, ScoreSeen, Team, Undecodable
from replay.core.exact import parse_iso_ns

__all__ = ["clock_ms", "decode_boxscore", "decode_nba"]

_CLOCK = re.compile(r"PT(\d{1,3})M(\d{1,2})(?:\.(\d{1,3}))?S", re.ASCII)
_SCHEDULED, _LIVE, _FINAL = 1, 2, 3

_Count = Annotated[int, msgspec.Meta(ge=0, le=9999)]


class _Team(msgspec.Struct, rename="camel", gc=False):
    team_id: int
    team_name: str | None
    team_city: str | None = None
    team_tricode: str | None = None
    score: _Count | None = None


class _Game(msgspec.Struct, rename="camel", gc=False):
    game_id: str
    game_status: Literal[1, 2, 3]
    home_team: _Team
    away_team: _Team
    game_status_text: str | None = None
    period: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None
    game_clock: str | None = None
    start: str | None = msgspec.field(name="gameTimeUTC", default=None)


class _Slate(msgspec.Struct, gc=False):
    games: list[msgspec.Raw]


class _Body(msgspec.Struct, gc=False):
    scoreboard: _Slate


class _Boxscore(msgspec.Struct, gc=False):
    game: _Game


_BODY = msgspec.json.Decoder(_Body)
_BOXSCORE = msgspec.json.Decoder(_Boxscore)
_GAME = msgspec.json.Decoder(_Game)


def decode_nba(feed: str, payload: bytes) -> list[Event]:
    """
    Read one `todaysScoreboard_00.json`.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    try:
        games = _BODY.decode(payload).scoreboard.games
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]
    return [_decode_game(feed, bytes(raw), index) for index, raw in enumerate(games)]


def decode_boxscore(feed: str, payload: bytes) -> list[Event]:
    """
    Read one `boxscore_{gameId}.json`: the same game, by another file.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    try:
        return [_score_seen(_BOXSCORE.decode(payload).game, 0, "boxscore")]
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]


def clock_ms(clock: str | None) -> int | None:
    """Return an ISO duration in milliseconds, None where empty; ValueError where it is something else."""
    text = (clock or "").strip()
    if not text:
        return None
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"not a clock: {text[:20]!r}")
    minutes, seconds, fraction = match.groups()
    return (int(minutes) * 60 + int(seconds)) * 1000 + int((fraction or "0").ljust(3, "0"))


@lru_cache(maxsize=128)
def _decode_game(feed: str, raw: bytes, index: int) -> Event:
    """Read one game of the body. Most games of most bodies stand as they stood two seconds before."""
    try:
        return _score_seen(_GAME.decode(raw), index)
    except (ValueError, RecursionError) as error:
        return Undecodable(feed=feed, reason=str(error)[:300], index=index)


def _score_seen(game: _Game, index: int, source: str = "nba") -> ScoreSeen:
    """Return what one game looks like in this body; ValueError where its clock is none."""
    text = (game.game_status_text or "").strip()
    left_ms = clock_ms(game.game_clock)
    warnings: list[str] = []
    return ScoreSeen(
        game=GameRef(source=source, league="nba", id=game.game_id),
        status=_status(game.game_status, text, left_ms, game.period),
        status_name=str(game.game_status),
        completed=game.game_status == _FINAL,
        home=_team(game.home_team),
        away=_team(game.away_team),
        home_score=game.home_team.score,
        away_score=game.away_team.score,
        period=game.period,
        clock_ms=left_ms,
        start_ns=_start_ns(game.start, warnings),
        detail=text,
        index=index,
        warnings=tuple(warnings),
    )


def _status(game_status: int, text: str, clock_ms: int | None, period: int | None) -> GameStatus:
    """Return where the game is. The text decides only what the number cannot say: called off, or between periods."""
    if game_status == _FINAL:
        return GameStatus.FINAL
    if game_status == _SCHEDULED:
        called_off = text.upper().startswith(("PPD", "POSTPONED", "CANCEL"))
        return GameStatus.CALLED_OFF if called_off else GameStatus.SCHEDULED
    between = text.startswith(("Half", "End ")) or (clock_ms == 0 and bool(period))
    return GameStatus.BREAK if between else GameStatus.LIVE


def _team(team: _Team) -> Team:
    """Return a team; one that is not yet known (a play-off slot) has no name."""
    return Team(
        id=str(team.team_id),
        name=team.team_name or "",
        abbreviation=team.team_tricode or "",
        display_name=f"{team.team_city or ''} {team.team_name or ''}".strip(),
    )


def _start_ns(time: str | None, warnings: list[str]) -> int | None:
    """Return the scheduled start; a time that cannot be read costs the time, not the score."""
    if not time:
        return None
    try:
        return parse_iso_ns(time)
    except ValueError:
        warnings.append("start unreadable")
        return None
