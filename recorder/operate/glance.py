"""
The smallest reads that an operator's questions need: which games does an answer list, which tokens does a frame name?

As with `recorder.feeds.peek`, nothing here says what a body means, and what cannot be read is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from recorder.envelope import Envelope
from recorder.feeds.peek import Slot, espn_slots, nba_slots

__all__ = ["FrameGlance", "GameGlance", "PlannedGame", "games_in", "glance_frame", "planned_games"]


class GameGlance(msgspec.Struct, frozen=True):
    """A game as a score source lists it: its id there, whether it is on, whether it is over."""

    id: str
    is_on: bool
    is_over: bool


class _Ref(msgspec.Struct, frozen=True):
    source: str
    league: str
    id: str


class PlannedGame(msgspec.Struct, frozen=True):
    """A game of the plan as the tape tells it; `recorder.plan.PlannedGame` writes it."""

    game_id: str
    league: str
    start_ns: int | None
    home: str
    away: str
    refs: tuple[_Ref, ...]
    home_token_id: str
    away_token_id: str

    @property
    def tokens(self) -> tuple[str, str]:
        """Both tokens of its market."""
        return self.home_token_id, self.away_token_id


class _Plan(msgspec.Struct):
    games: tuple[PlannedGame, ...]


_plan = msgspec.json.Decoder(_Plan)


def planned_games(note: Envelope) -> tuple[PlannedGame, ...]:
    """Return the games of a NOTE `plan`; none where it is of a form that this program does not know."""
    try:
        return _plan.decode(note.payload).games
    except msgspec.DecodeError:
        return ()


# Scores ------------------------------------------------------------------------------------------------------


def games_in(feed: str, body: bytes) -> list[GameGlance]:
    """Return the games that a scoreboard lists; none for a feed that lists no games and for what cannot be read."""
    slots: list[Slot] | None = []
    if feed == "nba.scoreboard":
        slots = nba_slots(body)
    elif feed.startswith("espn."):
        slots = espn_slots(body)
    return [GameGlance(slot.id, slot.live, slot.over) for slot in slots or [] if slot.id]


# Books -------------------------------------------------------------------------------------------------------


class _Change(msgspec.Struct, gc=False):
    asset_id: str = ""


class _Message(msgspec.Struct, gc=False):
    event_type: str = ""
    asset_id: str = ""
    timestamp: str | int = 0
    price_changes: tuple[_Change, ...] = ()


@dataclass(slots=True)
class FrameGlance:
    """
    What a frame is about: the tokens that it names, those of which it holds the whole book, and when it was sent.

    Units: sent_ns is UTC nanoseconds by the venue's clock, None where the frame does not say.
    """

    tokens: set[str] = field(default_factory=set)
    books: set[str] = field(default_factory=set)
    sent_ns: int | None = None


_NOTHING = FrameGlance()
_frame = msgspec.json.Decoder(_Message | list[_Message])


def glance_frame(frame: bytes) -> FrameGlance:
    """Look at a frame of the market socket, or at a body of books; what cannot be read names nothing."""
    try:
        read = _frame.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _NOTHING
    glance = FrameGlance()
    for message in read if isinstance(read, list) else (read,):
        if message.asset_id:
            glance.tokens.add(message.asset_id)
            if message.event_type == "book":
                glance.books.add(message.asset_id)
        for change in message.price_changes:
            glance.tokens.add(change.asset_id)
        if glance.sent_ns is None:
            glance.sent_ns = _milliseconds_ns(message.timestamp)
    return glance


def _milliseconds_ns(text: str | int) -> int | None:
    text = str(text)
    is_time = text.isascii() and text.isdigit() and len(text) == len("1700000000000")
    return int(text) * 1_000_000 if is_time else None
