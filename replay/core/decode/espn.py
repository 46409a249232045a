"""
What an ESPN scoreboard body says, in our words.

Every event of a body stands alone: one that cannot be read becomes `Undecodable` with its index, the others keep
their meaning. Where an event's own status and its competition's disagree, the competition's wins and a warning says so.

Coverage:

| part                             | role              | becomes                                    | evidence        |
|----------------------------------|-------------------|--------------------------------------------|-----------------|
| `events[]`                       | one game each     | `ScoreSeen`                                | captured bodies |
| `competitions[0].status`         | where the game is | `status`, `period`, `clock_ms`             | captured bodies |
| `competitors[].score`            | text or number    | the scores; absent is None                 | captured bodies |
| `competitors[].homeAway`         | sides             | `home`, `away`; order is not relied upon   | captured bodies |
| `status.type`, unknown name      | a new state       | by state and completed flag, and a warning | documentation   |
| `situation.possession`           | football          | `possession_team_id`                       | client sources  |
| `odds`, `leaders`, `records`     | context           | not read                                   |                 |
| no `events` (error object, HTML) | no answer         | `Undecodable`                              | client sources  |

Status: called off by name, then final by the completed flag, then delayed and breaks by name, then by state. Before the
start period and clock are 0 whatever the body says (baseball says period 1, football 15:00). Clocks run down except in
soccer, where they run up; baseball has none. The body carries no time of its own: `source_ns` is None.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec

from replay.core.events import Event, GameRef, GameStatus, ScoreSeen, Team, Undecodable
from replay.core.exact import parse_iso_ns

__all__ = ["ESPN_LEAGUES", "decode_espn"]

ESPN_LEAGUES = ("nba", "nhl", "mlb", "ncaamb", "wnba", "ncaawb", "nfl", "ncaaf", "mls", "epl", "ucl")
_SCORE_DIGITS_MAX = 4
_CLOCK_S_MAX = 100_000
_CLOCKLESS = frozenset({"mlb"})

_LIVE_NAMES = frozenset({
    "STATUS_IN_PROGRESS", "STATUS_IN_PROGRESS_2", "STATUS_FIRST_HALF", "STATUS_SECOND_HALF", "STATUS_OVERTIME",
    "STATUS_SHOOTOUT",
})  # fmt: skip
_BREAK_NAMES = frozenset({"STATUS_END_PERIOD", "STATUS_HALFTIME"})
_OTHER_NAMES = frozenset({
    "STATUS_SCHEDULED", "STATUS_TBD", "STATUS_FINAL", "STATUS_FINAL_PEN", "STATUS_FINAL_AET", "STATUS_FINAL_OT",
    "STATUS_FULL_TIME", "STATUS_WALKOVER", "STATUS_FORFEIT", "STATUS_UNCONTESTED",
})  # fmt: skip
_DISPLAY_CLOCK = re.compile(r"(?:(\d{1,3}):(\d{2})|(\d{1,4})(?:\.(\d{1,3}))?)", re.ASCII)


class _StatusType(msgspec.Struct, gc=False):
    name: str
    state: str
    completed: bool
    detail: str | None = None


class _Status(msgspec.Struct, gc=False):
    type: _StatusType
    clock: float | None = None
    displayClock: str | None = None  # noqa: N815 - the wire's name
    period: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None


class _Team(msgspec.Struct, rename="camel", gc=False):
    id: str
    display_name: str | None = None
    name: str | None = None
    abbreviation: str | None = None


class _Competitor(msgspec.Struct, rename="camel", gc=False):
    home_away: Literal["home", "away"]
    team: _Team
    score: str | int | None = None


class _Situation(msgspec.Struct, gc=False):
    possession: str | int | None = None


class _Competition(msgspec.Struct, rename="camel", gc=False):
    competitors: list[_Competitor]
    status: _Status
    date: str | None = None
    start_date: str | None = None
    neutral_site: bool | None = None
    situation: _Situation | None = None


class _Event(msgspec.Struct, gc=False):
    id: str
    competitions: list[_Competition]
    date: str | None = None
    status: _Status | None = None


class _Scoreboard(msgspec.Struct, gc=False):
    events: list[msgspec.Raw]


_SCOREBOARD = msgspec.json.Decoder(_Scoreboard)
_EVENT = msgspec.json.Decoder(_Event)


def decode_espn(feed: str, payload: bytes) -> list[Event]:
    """
    Read one scoreboard body of the league that the feed name ends in.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    league = feed.removeprefix("espn.")
    try:
        events = _SCOREBOARD.decode(payload).events
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]
    return [_decode_event(feed, league, bytes(raw), index) for index, raw in enumerate(events)]


@lru_cache(maxsize=128)
def _decode_event(feed: str, league: str, raw: bytes, index: int) -> Event:
    """Read one event of the body. Most games of most bodies stand as they stood two seconds before."""
    try:
        return _score_seen(league, _EVENT.decode(raw), index)
    except (ValueError, RecursionError) as error:
        return Undecodable(feed=feed, reason=str(error)[:300], index=index)


def _score_seen(league: str, event: _Event, index: int) -> ScoreSeen:
    """Return what one game looks like in this body; ValueError where it is not one home side against one away side."""
    if not event.competitions:
        raise ValueError("event without a competition")
    competition = event.competitions[0]
    if sorted(competitor.home_away for competitor in competition.competitors) != ["away", "home"]:
        raise ValueError("not one home and one away competitor")
    away, home = sorted(competition.competitors, key=lambda competitor: competitor.home_away)
    warnings: list[str] = []
    status = _status(competition.status.type, warnings)
    if event.status is not None and _gist(event.status) != _gist(competition.status):
        warnings.append("status disagree")
    started = competition.status.type.state != "pre"
    period = competition.status.period
    return ScoreSeen(
        game=GameRef(source="espn", league=league, id=event.id),
        status=status,
        status_name=competition.status.type.name,
        completed=competition.status.type.completed,
        home=_team(home.team),
        away=_team(away.team),
        home_score=_score(home.score),
        away_score=_score(away.score),
        period=period if started or period is None else 0,
        clock_ms=_clock_ms(league, competition.status, warnings) if started or league in _CLOCKLESS else 0,
        start_ns=_start_ns(competition.start_date or competition.date or event.date, warnings),
        neutral_site=bool(competition.neutral_site),
        possession_team_id=_possession(competition.situation),
        detail=competition.status.type.detail or "",
        index=index,
        warnings=tuple(warnings),
    )


def _status(kind: _StatusType, warnings: list[str]) -> GameStatus:
    """Return where the game is; an unknown name is decided by state and completed flag, and warned about."""
    name, state = kind.name, kind.state
    by_word = _status_by_word(name, state)
    if by_word is not None and not (by_word is GameStatus.DELAYED and kind.completed):
        return by_word
    if name not in _LIVE_NAMES | _BREAK_NAMES | _OTHER_NAMES:
        warnings.append("unknown status name")
    if kind.completed:
        return GameStatus.FINAL
    if state == "in":
        return GameStatus.BREAK if name in _BREAK_NAMES else GameStatus.LIVE
    return GameStatus.SCHEDULED if state == "pre" else GameStatus.UNKNOWN


def _status_by_word(name: str, state: str) -> GameStatus | None:
    """Return the status of games off their plan, which ESPN names in more ways than are known; None for all others."""
    if any(word in name for word in ("POSTPONED", "CANCEL", "ABANDON")) or ("SUSPEND" in name and state == "post"):
        return GameStatus.CALLED_OFF
    if "DELAY" in name or "SUSPEND" in name:
        return GameStatus.DELAYED
    return None


def _gist(status: _Status) -> tuple[Any, ...]:
    """Return the part of a status that decides."""
    return (status.type.name, status.type.state, status.type.completed, status.period, status.clock)


def _possession(situation: _Situation | None) -> str | None:
    """Return the id of the team that has the ball; None between plays and in other sports."""
    return str(situation.possession) if situation is not None and situation.possession else None


def _team(team: _Team) -> Team:
    """Return a team; one without a nickname is known by its display name."""
    return Team(
        id=team.id,
        name=team.name or team.display_name or team.abbreviation or "",
        abbreviation=team.abbreviation or "",
        display_name=team.display_name or "",
    )


def _score(score: str | int | None) -> int | None:
    """Return a score, None where absent; ValueError where it is not a count."""
    if score is None or score == "":
        return None
    text = str(score)
    if not (text.isdecimal() and text.isascii() and len(text) <= _SCORE_DIGITS_MAX):
        raise ValueError(f"not a score: {text[:20]!r}")
    return int(text)


def _clock_ms(league: str, status: _Status, warnings: list[str]) -> int | None:
    """Return the clock: the number where there is one, else the display text."""
    if league in _CLOCKLESS:
        return None
    if status.clock is not None:
        if not 0 <= status.clock <= _CLOCK_S_MAX:
            raise ValueError(f"not a clock: {status.clock}")
        return round(status.clock * 1000)
    match = _DISPLAY_CLOCK.fullmatch(status.displayClock or "")
    if match is None:
        if status.displayClock:
            warnings.append("clock unreadable")
        return None
    minutes, seconds, only_seconds, fraction = match.groups()
    if minutes is not None:
        return (int(minutes) * 60 + int(seconds)) * 1000
    return int(only_seconds) * 1000 + int((fraction or "0").ljust(3, "0"))


def _start_ns(date: str | None, warnings: list[str]) -> int | None:
    """Return the scheduled start; a date that cannot be read costs the date, not the score."""
    if not date:
        return None
    try:
        return parse_iso_ns(date)
    except ValueError:
        warnings.append("start unreadable")
        return None
