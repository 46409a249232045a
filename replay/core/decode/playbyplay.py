"""
What the NBA CDN's play-by-play of one game says, in our words.

A body is a whole version of the game: every play so far, rows inserted, edited and taken away since the version before.
So it is one event, and whoever folds versions decides what is new (`replay.core.plays`). A play that cannot be read is
left out and counted, the others keep their meaning.

Theory of operation: a version repeats the one before it nearly whole, so of each game the bytes that were read last are
kept, and where each row of them ends. The rows at the head that stand as they stood are replaced by one mark before the
JSON is read, so that only what follows them is. Where the mark does not come back as the first row, everything is read.

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

import re
from bisect import bisect_right
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from replay.core.decode.nba import clock_ms
from replay.core.events import Event, GameRef, Play, PlaysSeen, Undecodable
from replay.core.exact import parse_iso_ns

__all__ = ["decode_playbyplay"]

_SCORE_MAX = 9999
_ROWS = re.compile(rb'"gameId": ?"[^"]{1,20}", ?"actions": ?\[')
_COMMAS = (b",", b", ")
_MARK = b'{"rows":"as before"}'
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
        game_id, rows = _rows(payload)
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]
    plays = [play for play in rows if play is not None]
    plays.sort(key=attrgetter("order"))
    times = [at_ns for play in plays for at_ns in (play.source_ns, play.edited_ns) if at_ns is not None]
    seen = PlaysSeen(
        game=GameRef(source="nba", league="nba", id=game_id),
        plays=tuple(plays),
        version_ns=max(times, default=None),
        unread=len(rows) - len(plays),
    )
    return [seen]


class _Version(NamedTuple):
    """A version as it was read: the body, where its rows begin, where each ends from there on, and what each means."""

    body: bytes = b""
    begin: int = 0
    ends: tuple[int, ...] = ()
    rows: tuple[Play | None, ...] = ()


class _Latest:
    """The version of a game that was read last."""

    version = _Version()


# Keyed by what stands before the rows, which names the game; as many as are on in one night.
@lru_cache(maxsize=32)
def _latest(head: bytes) -> _Latest:  # noqa: ARG001
    return _Latest()


def _rows(payload: bytes) -> tuple[str, tuple[Play | None, ...]]:
    """
    Return the id of the game and its plays as they stand in the body, None for one that cannot be read.

    Raises:
        ValueError: this is no version of a game.
    """
    head = _ROWS.search(payload)
    if head is None:
        whole = _BODY.decode(payload).game
        return whole.game_id, tuple(_play(bytes(row)) for row in whole.actions)
    begin = head.end()
    latest = _latest(head[0])
    before = latest.version
    count = _standing(before, payload, begin)
    game = _read_after(payload, begin, before.ends[count - 1]) if count else None
    if game is None:
        count, game = 0, _BODY.decode(payload).game
    new = [bytes(row) for row in game.actions]
    rows = (*before.rows[:count], *map(_play, new))
    latest.version = _kept(payload, begin, before.ends[:count], new, rows)
    return game.game_id, rows


def _standing(before: _Version, payload: bytes, begin: int) -> int:
    """Say how many rows at the head of a body are, byte for byte, those of the version before."""
    size = min(before.ends[-1], len(payload) - begin) if before.ends else 0
    if size <= 0:
        return 0
    old = np.frombuffer(before.body, np.uint8, size, before.begin)
    same = old == np.frombuffer(payload, np.uint8, size, begin)
    return bisect_right(before.ends, size if same.all() else int(same.argmin()))


def _read_after(payload: bytes, begin: int, end: int) -> _Game | None:
    """Read a body but for its first rows, which end there; None where they are not the rows of its game."""
    rest = b"".join((payload[:begin], _MARK, payload[begin + end :]))
    try:
        game = _BODY.decode(rest).game
    except (ValueError, RecursionError):
        return None
    if not game.actions or bytes(game.actions[0]) != _MARK or rest.count(_MARK) != 1:
        return None
    del game.actions[0]
    return game


def _kept(
    payload: bytes, begin: int, ends: tuple[int, ...], new: list[bytes], rows: tuple[Play | None, ...]
) -> _Version:
    """Return a version as it is kept: none where more than commas stands between rows."""
    at = ends[-1] if ends else 0
    for comma in _COMMAS:
        text = comma.join((b"", *new) if ends else new)
        if payload.startswith(text, begin + at):
            sizes = np.fromiter(map(len, new), np.int64, len(new)) + len(comma)
            begins = at if ends else -len(comma)
            return _Version(payload, begin, (*ends, *(np.cumsum(sizes) + begins).tolist()), rows)
    return _Version()


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
