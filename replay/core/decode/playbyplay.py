"""
What the NBA CDN's play-by-play of one game says, in our words.

A body is a whole version of the game: every play so far, rows inserted, edited and taken away since the version before.
So it is one event, and whoever folds versions decides what is new (`replay.core.plays`). A play that cannot be read is
left out and counted, the others keep their meaning.

Coverage:

| part                          | role                       | becomes                              | evidence       |
|-------------------------------|----------------------------|--------------------------------------|----------------|
| `game.actions[]`              | every play so far          | `PlaysSeen`, by `orderNumber`        | captured body  |
| `actionNumber`, `orderNumber` | identity, place            | `number`, `order`                    | captured body  |
| `timeActual`                  | when it happened, UTC      | `source_ns`                          | captured body  |
| `edited`                      | when the row was written   | `edited_ns`; the newest `version_ns` | captured body  |
| `clock`, `period`             | runs down                  | `clock_ms`, `period`                 | captured body  |
| `scoreHome`, `scoreAway`      | text, score after the play | `home_score`, `away_score`           | captured body  |
| players, places, descriptions | who and where              | never read                           | captured body  |
| `meta.time`                   | Eastern, no zone           | never read                           | captured body  |
| `{"Message": ...}`, HTML      | no answer                  | `Undecodable`                        | client sources |
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import msgspec

from replay.core.decode.nba import clock_ms
from replay.core.events import Event, GameRef, Play, PlaysSeen, Undecodable
from replay.core.exact import parse_iso_ns

__all__ = ["decode_playbyplay"]

_SCORE_MAX = 9999
_Whole = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53))]


class _Action(msgspec.Struct, rename="camel", gc=False):
    action_number: _Whole
    order_number: _Whole
    action_type: str
    period: Annotated[int, msgspec.Meta(ge=0, le=99)]
    score_home: str
    score_away: str
    clock: str | None = None
    time_actual: str | None = None
    edited: str | None = None


class _Game(msgspec.Struct, rename="camel", gc=False):
    game_id: str
    actions: list[msgspec.Raw]


class _Body(msgspec.Struct, gc=False):
    game: _Game


_BODY = msgspec.json.Decoder(_Body)
_ACTION = msgspec.json.Decoder(_Action)


def decode_playbyplay(feed: str, payload: bytes) -> list[Event]:
    """
    Read one `playbyplay_{gameId}.json`.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    try:
        game = _BODY.decode(payload).game
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]
    plays = [play for raw in game.actions if (play := _play(bytes(raw))) is not None]
    plays.sort(key=lambda play: play.order)
    times = [at_ns for play in plays for at_ns in (play.source_ns, play.edited_ns) if at_ns is not None]
    seen = PlaysSeen(
        game=GameRef(source="nba", league="nba", id=game.game_id),
        plays=tuple(plays),
        version_ns=max(times, default=None),
        unread=len(game.actions) - len(plays),
    )
    return [seen]


# Sized for the plays of a whole slate: nearly all of a version stood in the one before.
@lru_cache(maxsize=16_384)
def _play(raw: bytes) -> Play | None:
    """Read one play; None where it is none."""
    try:
        action = _ACTION.decode(raw)
        return Play(
            number=action.action_number,
            order=action.order_number,
            kind=action.action_type,
            period=action.period,
            clock_ms=clock_ms(action.clock),
            home_score=_score(action.score_home),
            away_score=_score(action.score_away),
            source_ns=_instant_ns(action.time_actual),
            edited_ns=_instant_ns(action.edited),
        )
    except (ValueError, RecursionError):
        return None


def _score(text: str) -> int:
    """Return a score; ValueError where it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_SCORE_MAX))):
        raise ValueError(f"not a score: {text[:20]!r}")
    return int(text)


def _instant_ns(text: str | None) -> int | None:
    """Return a time; one that cannot be read costs the time, not the play."""
    try:
        return parse_iso_ns(text) if text else None
    except ValueError:
        return None
