"""
What the venue's sports socket says, in our words.

A frame is one JSON object about one game of any league, or the text `ping`. Everything but an id may be missing.

Coverage:

| part                              | role                        | becomes                    | evidence        |
|-----------------------------------|-----------------------------|----------------------------|-----------------|
| object with `gameId`              | one game                    | `VenueScoreSeen`           | captured frames |
| `metadataGameId` for `gameId`     | cricket                     | `VenueScoreSeen`           | captured frames |
| `score` "62-78"                   | by the wire's slots         | `home_score`, `away_score` | captured frames |
| any other `score`, as in esports  | compound                    | scores None                | documentation   |
| `eventState.updatedAt`            | when the venue updated it   | `source_ns`                | captured frames |
| `elapsed`                         | a clock of unsure direction | text                       | documentation   |
| `ended`                           | over, but may come back     | `ended`                    | captured frames |
| `ping`, other text                | control                     | `ControlText`              | documentation   |
| object without an id, other JSON  | not a game                  | `Undecodable`              |                 |
"""

from __future__ import annotations

import re

import msgspec

from replay.core.events import ControlText, Event, Undecodable, VenueScoreSeen
from replay.core.exact import parse_iso_ns

__all__ = ["decode_sports"]

_CONTROL_LENGTH_MAX = 200
_SCORE = re.compile(r"([0-9]{1,4})-([0-9]{1,4})", re.ASCII)


class _State(msgspec.Struct, rename="camel", gc=False):
    updated_at: str | None = None


class _Frame(msgspec.Struct, rename="camel", gc=False):
    game_id: int | str | None = None
    metadata_game_id: int | str | None = None
    league_abbreviation: str | None = None
    home_team: str | None = None
    away_team: str | None = None
    status: str | None = None
    score: str | None = None
    period: str | None = None
    elapsed: str | None = None
    live: bool | None = None
    ended: bool | None = None
    event_state: _State | None = None


_FRAME = msgspec.json.Decoder(_Frame)


def decode_sports(feed: str, payload: bytes) -> list[Event]:
    """
    Read one frame.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    if payload[:1] not in (b"{", b"[") and len(payload) <= _CONTROL_LENGTH_MAX:
        text = payload.decode(errors="replace")
        if text.isprintable() and text:
            return [ControlText(feed=feed, text=text)]
    try:
        return [_venue_score(_FRAME.decode(payload))]
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]


def _venue_score(frame: _Frame) -> VenueScoreSeen:
    """Return what a frame says of its game; ValueError where it names none."""
    game = frame.game_id if frame.game_id is not None else frame.metadata_game_id
    if game is None:
        raise ValueError("no gameId")
    scored = _SCORE.fullmatch((frame.score or "").strip())
    updated = None if frame.event_state is None else frame.event_state.updated_at
    return VenueScoreSeen(
        venue_game_id=str(game)[:40],
        league=(frame.league_abbreviation or "").lower(),
        home=frame.home_team or "",
        away=frame.away_team or "",
        home_score=int(scored[1]) if scored else None,
        away_score=int(scored[2]) if scored else None,
        status=frame.status or "",
        period=frame.period or "",
        elapsed=frame.elapsed or "",
        live=frame.live,
        ended=frame.ended,
        source_ns=_instant_ns(updated),
    )


def _instant_ns(text: str | None) -> int | None:
    """Return a time; one that cannot be read costs the time, not the score."""
    try:
        return parse_iso_ns(text) if text else None
    except ValueError:
        return None
