"""
The smallest typed reads that answer how to ask next: is a game on, is one about to be, is the day over?

Nothing here says what a body means; that is decoded later, from the tape. One item that cannot be read does not hide
the others; a body that cannot be read at all is weather.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from recorder.times import SECOND_NS, iso_ns

__all__ = ["Slot", "espn_slots", "instant_ns", "is_busy", "is_nba_game", "nba_live_ids", "nba_slots", "readable"]

_T = TypeVar("_T")
_MINUTE_NS = 60 * SECOND_NS
_EARLY_NS = 15 * _MINUTE_NS
_LATE_NS = 4 * 60 * _MINUTE_NS
_LONGEST_NS = 8 * 60 * _MINUTE_NS


@dataclass(frozen=True, slots=True)
class Slot:
    """One game of a scoreboard as far as asking goes: is it on, is it over, when was it to begin; id is its own."""

    live: bool
    over: bool
    start_ns: int | None
    id: str = ""


def is_busy(slots: list[Slot], now_ns: int) -> bool:
    """
    Tell whether a game is on or within 15 minutes of its start.

    A game that was to begin four hours ago and has not, or that has been on for eight, is suspended or wrongly dated:
    it is not worth asking about every other second.
    """
    for slot in slots:
        if slot.over:
            continue
        if slot.start_ns is None:
            if slot.live:
                return True
            continue
        since_ns = now_ns - slot.start_ns
        if slot.live and since_ns < _LONGEST_NS:
            return True
        if not slot.live and -_EARLY_NS <= since_ns < _LATE_NS:
            return True
    return False


def instant_ns(text: str | None) -> int | None:
    """
    Read an ISO instant in any of the upstreams' forms; None for none, for nonsense and for a time without a zone.

    Forms: `2026-01-15T19:30Z`, `2026-01-15T19:30:00.5Z`, `2026-01-15 19:30:00+00`, `2026-01-15 19:30:00.123456 +00`.
    """
    if not text:
        return None
    try:
        return iso_ns(text.replace(" +", "+"))
    except ValueError:
        return None


def readable(raws: list[msgspec.Raw], decoder: msgspec.json.Decoder[_T]) -> list[_T]:
    """Decode one by one and leave out what cannot be read."""
    found = []
    for raw in raws:
        try:
            found.append(decoder.decode(raw))
        except (msgspec.DecodeError, RecursionError):
            continue
    return found


# ESPN --------------------------------------------------------------------------------------------------------


class _EspnType(msgspec.Struct):
    state: str
    completed: bool = False


class _EspnStatus(msgspec.Struct):
    type: _EspnType


class _EspnCompetition(msgspec.Struct):
    status: _EspnStatus


class _EspnEvent(msgspec.Struct, kw_only=True):
    id: str = ""
    competitions: list[_EspnCompetition]
    date: str | None = None


class _EspnBody(msgspec.Struct):
    events: list[msgspec.Raw]


_espn_body = msgspec.json.Decoder(_EspnBody)
_espn_event = msgspec.json.Decoder(_EspnEvent)


def espn_slots(body: bytes) -> list[Slot] | None:
    """
    Read the slots of an ESPN scoreboard; None where the body is none.

    A game that was called off is over though it is not completed. An event that cannot be read counts as not over, so
    that a day which is asked about is not given up for it.
    """
    try:
        events = _espn_body.decode(body).events
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    slots = []
    for event in readable(events, _espn_event):
        for competition in event.competitions[:1]:
            kind = competition.status.type
            over = kind.completed or kind.state == "post"
            slots.append(Slot(live=kind.state == "in", over=over, start_ns=instant_ns(event.date), id=event.id))
    unread = len(events) - len(slots)
    return slots + [Slot(live=False, over=False, start_ns=None)] * unread


# NBA ---------------------------------------------------------------------------------------------------------


class _NbaGame(msgspec.Struct):
    game_status: int = msgspec.field(name="gameStatus")
    game_id: str = msgspec.field(name="gameId", default="")
    start: str | None = msgspec.field(name="gameTimeUTC", default=None)
    status_text: str = msgspec.field(name="gameStatusText", default="")


class _NbaScoreboard(msgspec.Struct):
    games: list[msgspec.Raw]


class _NbaBody(msgspec.Struct):
    scoreboard: _NbaScoreboard


_nba_body = msgspec.json.Decoder(_NbaBody)
_nba_game = msgspec.json.Decoder(_NbaGame)


def nba_slots(body: bytes) -> list[Slot] | None:
    """Read the slots of the NBA's own scoreboard; None where the body is none. Status 1 is to come, 2 live, 3 final."""
    try:
        games = _nba_body.decode(body).scoreboard.games
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return [
        Slot(
            live=game.game_status == 2,
            over=game.game_status == 3 or game.status_text.strip() == "PPD",
            start_ns=instant_ns(game.start),
            id=game.game_id,
        )
        for game in readable(games, _nba_game)
    ]


def nba_live_ids(body: bytes) -> tuple[str, ...] | None:
    """Read which games the NBA's own scoreboard shows as live; None where the body is none."""
    try:
        games = _nba_body.decode(body).scoreboard.games
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return tuple(game.game_id for game in readable(games, _nba_game) if game.game_status == 2 and game.game_id)


class _NbaFileGame(msgspec.Struct):
    game_id: str = msgspec.field(name="gameId")


class _NbaFile(msgspec.Struct):
    game: _NbaFileGame


_nba_file = msgspec.json.Decoder(_NbaFile)


def is_nba_game(body: bytes) -> bool:
    """Tell whether a body is a whole file about one game, as the play-by-play and the boxscore are."""
    try:
        return bool(_nba_file.decode(body).game.game_id)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
