"""
Telling many what happened: every message is made once, and every client has one bounded queue.

A client that does not keep up loses the oldest of what waits for it and is told how many; nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from replay.live.board import Board, Changes, signal_answer

if TYPE_CHECKING:
    from replay.live.sinks import Delivery

__all__ = ["Hub", "Message", "Outbox", "Subscription"]

MessageType = Literal["state", "pattern", "prediction", "signal", "health"]

_QUEUE_MAX = 256
_REFRESH_NS = 5_000_000_000
_COALESCE_S = 0.25


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client wants to hear; null means all."""

    games: frozenset[str] | None = None
    leagues: frozenset[str] | None = None
    types: frozenset[MessageType] | None = None

    def wants(self, kind: str, game_id: str | None, league: str | None) -> bool:
        """Say whether a message is for this client."""
        return (
            (self.types is None or kind in self.types)
            and (self.games is None or game_id is None or game_id in self.games)
            and (self.leagues is None or league is None or league in self.leagues)
        )


class Message(msgspec.Struct, frozen=True):
    """One message, made once; game_id and league are None where it is about no game."""

    type: MessageType
    game_id: str | None
    league: str | None
    text: str


class Outbox:
    """The queue of one client."""

    def __init__(self, size_max: int = _QUEUE_MAX) -> None:
        """Hold at most so many messages."""
        self._waiting: deque[Message] = deque()
        self._size_max = size_max
        self._news = asyncio.Event()
        self.subscription = Subscription()
        self.dropped = 0
        self._is_over = False

    def put(self, message: Message) -> None:
        """Add a message that the client wants; the oldest makes way where there is no room."""
        if not self.subscription.wants(message.type, message.game_id, message.league):
            return
        if len(self._waiting) >= self._size_max:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._news.set()

    def end(self) -> None:
        """Let `take` return what waits, and nothing after that."""
        self._is_over = True
        self._news.set()

    async def take(self) -> list[Message]:
        """Wait for messages and return all there are; none once it is over."""
        await self._news.wait()
        if not self._is_over:
            self._news.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def take_dropped(self) -> int:
        """Return how many were lost since the last time."""
        dropped, self.dropped = self.dropped, 0
        return dropped


class Hub:
    """Everybody who listens, and what they have been told."""

    def __init__(self, board: Board) -> None:
        """Begin with nobody."""
        self._board = board
        self._outboxes: dict[Outbox, None] = {}
        self._listeners: dict[asyncio.Event, None] = {}
        self._due: dict[str, None] = {}
        self._told: dict[str, tuple[int, bool]] = {}
        self._told_health: tuple[int, list[str]] = (0, [])
        self._scores: dict[str, tuple[object, ...]] = {}
        self.dropped = 0
        self.told = 0
        self.deliveries: list[Delivery] = []
        """The sinks, for whoever asks how they do."""
        self.is_over = False
        self._left = asyncio.Event()

    def join(self, outbox: Outbox) -> None:
        """Let a client hear what happens from here on."""
        self._outboxes[outbox] = None

    def leave(self, outbox: Outbox) -> None:
        """Forget a client."""
        self._outboxes.pop(outbox, None)
        self._note_leaving()

    def end(self) -> None:
        """Let everybody take what waits, and go."""
        self.is_over = True
        for outbox in self._outboxes:
            outbox.end()
        for event in self._listeners:
            event.set()
        self._note_leaving()

    async def left(self) -> None:
        """Wait until everybody has gone, once it is over."""
        await self._left.wait()

    def _note_leaving(self) -> None:
        if self.is_over and not self._outboxes and not self._listeners:
            self._left.set()

    def listen(self, event: asyncio.Event) -> None:
        """Set this event with every new signal."""
        self._listeners[event] = None

    def unlisten(self, event: asyncio.Event) -> None:
        """Forget the event."""
        self._listeners.pop(event, None)
        self._note_leaving()

    def tell(self, changes: Changes, now_ns: int) -> None:
        """Tell at once what must not wait: signals, patterns, predictions, scores. The rest is told with `flush`."""
        messages: list[Message] = []
        for fact in changes.signals:
            body = {"type": "signal", "label": self._board.label, **msgspec.structs.asdict(signal_answer(fact))}
            messages.append(_message("signal", fact.game_id, self._league(fact.game_id), body))
        messages += [self._pattern(game_id) for game_id in changes.patterns]
        messages += [self._prediction(game_id) for game_id in changes.predictions]
        for game_id in changes.games:
            game = self._board.games.get(game_id)
            if game is None:
                continue
            score = (game.home_score, game.away_score, game.status, game.period)
            if self._scores.get(game_id) != score:
                self._scores[game_id] = score
                messages.append(self._state(game_id, now_ns))
                self._due.pop(game_id, None)
            else:
                self._due[game_id] = None
        self._send(messages)
        if changes.signals:
            for event in self._listeners:
                event.set()

    async def flush_for_ever(self, now_ns: Callable[[], int]) -> None:
        """Tell the states that changed, a few times a second; and every few seconds how old the others are."""
        while True:
            self.flush(now_ns())
            await asyncio.sleep(_COALESCE_S)

    def flush(self, now_ns: int) -> None:
        """Tell what is due."""
        messages = [self._state(game_id, now_ns) for game_id in self._due]
        self._due.clear()
        for game_id in self._board.games:
            told_ns, was_stale = self._told.get(game_id, (0, False))
            if now_ns - told_ns >= _REFRESH_NS or self._board.is_stale(game_id, now_ns) != was_stale:
                messages.append(self._state(game_id, now_ns))
        health_ns, reasons = self._told_health
        health = self._board.health(now_ns)
        if now_ns - health_ns >= _REFRESH_NS or health.reasons != reasons:
            self._told_health = (now_ns, health.reasons)
            messages.append(_message("health", None, None, {"type": "health", "health": health}))
        self._send(messages)

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            for outbox in self._outboxes:
                before = outbox.dropped
                outbox.put(message)
                self.dropped += outbox.dropped - before
                self.told += 1

    def _state(self, game_id: str, now_ns: int) -> Message:
        state = self._board.state(game_id, now_ns)
        self._told[game_id] = (now_ns, state.is_stale)
        body = {"type": "state", "game": state, "seq": self._board.seq}
        return _message("state", game_id, state.league, body)

    def _pattern(self, game_id: str) -> Message:
        entries = self._board.games[game_id].pattern
        body = {"type": "pattern", "game_id": game_id, "n": len(entries), "of": 18, "entries": entries}
        return _message("pattern", game_id, self._league(game_id), body)

    def _prediction(self, game_id: str) -> Message:
        body = {"type": "prediction", "game_id": game_id, "prediction": self._board.prediction(game_id)}
        return _message("prediction", game_id, self._league(game_id), body)

    def _league(self, game_id: str) -> str | None:
        game = self._board.games.get(game_id)
        return None if game is None else game.league


def _message(kind: MessageType, game_id: str | None, league: str | None, body: Mapping[str, object]) -> Message:
    return Message(kind, game_id, league, msgspec.json.encode(body).decode())
