"""
Polymarket's market socket: every token of tonight, at most 200 to a socket.

Theory of operation. A *shard* is a set of tokens and the one socket that serves them at the moment. Its life:

- `Open`, and on `Opened` the subscription, then `PING` every 10 s (one before the subscription closes the socket).
- A token must get its first `book` within 30 s. If not: `Silent` for that token, and it is subscribed again. If that
  does not help it gets a fresh socket: late tokens leave siblings that flow and share a new shard; a shard where none
  came is served by a new socket. For a token that never had a book each attempt doubles the patience.
- A shard must get data. `PONG`, `[]`, other text and the venue-wide `new_market` and `market_resolved` are not data:
  the known stall keeps answering `PING` for hours. After watchdog_s without: `Silent`, and a new socket as soon as the
  old one is closed, never a mere new subscription. Where nothing is amiss but the market is idle (its books came, and
  nothing after) the patience doubles, and halves with each change that flows.
- A socket that closes is opened again after 0.5 s, doubling up to 10 s. What an abandoned socket still says is recorded
  by others and not heard here.

Patience never exceeds five minutes. Every subscription that starts afresh, and every late token, also asks for
independent books (`AskBooks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from recorder.feeds.base import (
    AskBooks,
    Close,
    Closed,
    Command,
    Failed,
    GamesOn,
    Input,
    Message,
    Open,
    Opened,
    PlanChanged,
    Response,
    Send,
    Silent,
    Start,
    Wake,
    WakeAt,
)
from recorder.feeds.polling import Backoff
from recorder.times import SECOND_NS

__all__ = ["MarketSocketFeed"]

_PING_NS = 10 * SECOND_NS
_PATIENCE_MAX_NS = 300 * SECOND_NS
_CLOSING_NS = 5 * SECOND_NS
_REOPEN_NS = (SECOND_NS // 2, 10 * SECOND_NS)
_GLOBAL_EVENTS = ("new_market", "market_resolved")


class _Peek(msgspec.Struct):
    # Any type passes: a changed type is for the decoders to judge; here it is still something that flows.
    event_type: Any = None
    asset_id: Any = None


_frame = msgspec.json.Decoder(_Peek | list[_Peek])


@dataclass(slots=True)
class _Wait:
    """A token whose first book has not come: since when, until when, and what was tried."""

    since_ns: int
    until_ns: int
    tries: int = 0


@dataclass(slots=True)
class _Shard:
    """Some tokens and the socket that serves them. conn is 0 while there is none, left_conn the one being closed."""

    tokens: list[str]
    backoff: Backoff
    conn: int = 0
    left_conn: int = 0
    is_open: bool = False
    reopen_ns: int = 0
    ping_ns: int = 0
    data_ns: int = 0
    quiet: int = 0
    waits: dict[str, _Wait] = field(default_factory=dict)


class MarketSocketFeed:
    """The market channel for the tokens of the plan."""

    name = "polymarket.market"

    def __init__(
        self, url: str, *, rng: Random, shard_size: int = 200, watchdog_s: float = 60.0, first_book_s: float = 30.0
    ) -> None:
        """Serve tokens from url as they come with `PlanChanged`."""
        self._url = url
        self._rng = rng
        self._shard_size = shard_size
        self._watchdog_ns = int(watchdog_s * SECOND_NS)
        self._first_book_ns = int(first_book_s * SECOND_NS)
        self._shards: list[_Shard] = []
        self._tries: dict[str, int] = {}
        self._known: set[str] = set()
        self._last_conn = 0

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        commands: list[Command] = []
        match happened:
            case Message():
                # Data only puts deadlines off; an alarm that rings too early costs one look, so it is left alone.
                self._hear(happened, now_ns)
                return []
            case Opened():
                commands = self._subscribe(happened.conn, now_ns)
            case Closed():
                self._lose(happened.conn, now_ns)
            case PlanChanged():
                commands = self._plan(happened.tokens, now_ns)
            case Start() | Wake() | Response() | Failed() | AskBooks() | GamesOn():
                pass
        commands += self._look(now_ns)
        return [*commands, WakeAt(self._next_ns(now_ns))]

    # What happens to a socket ------------------------------------------------------------------------------------

    def _subscribe(self, conn: int, now_ns: int) -> list[Command]:
        shard = self._shard_of(conn)
        if shard is None:
            return []
        shard.is_open = True
        shard.data_ns = now_ns
        shard.ping_ns = now_ns + _PING_NS
        shard.waits = {}
        self._await_books(shard, shard.tokens, now_ns)
        wanted = {"type": "market", "initial_dump": True, "level": 2, "custom_feature_enabled": True}
        return [Send(conn, _json({"assets_ids": shard.tokens, **wanted})), AskBooks(tuple(shard.tokens))]

    def _hear(self, message: Message, now_ns: int) -> None:
        shard = self._shard_of(message.conn)
        if shard is None:
            return
        flows = False
        for event in _peek(message.data):
            if event.event_type in _GLOBAL_EVENTS:
                continue
            shard.data_ns = now_ns
            shard.backoff.reset()
            if event.event_type != "book":
                flows = True
            elif isinstance(event.asset_id, str) and shard.waits.pop(event.asset_id, None) is not None:
                self._tries.pop(event.asset_id, None)
                self._known.add(event.asset_id)
        if flows:
            shard.quiet = max(0, shard.quiet - 1)

    def _lose(self, conn: int, now_ns: int) -> None:
        for shard in self._shards:
            if shard.conn == conn:
                self._forget_socket(shard)
                shard.reopen_ns = now_ns + shard.backoff.next_ns()
            elif shard.left_conn == conn and not shard.conn:
                shard.reopen_ns = now_ns

    def _shard_of(self, conn: int) -> _Shard | None:
        return next((shard for shard in self._shards if shard.conn == conn), None)

    def _forget_socket(self, shard: _Shard) -> None:
        shard.conn = 0
        shard.is_open = False
        shard.waits = {}

    # What time does ----------------------------------------------------------------------------------------------

    def _look(self, now_ns: int) -> list[Command]:
        commands: list[Command] = []
        for shard in list(self._shards):
            if shard.is_open:
                commands += self._watch(shard, now_ns)
        for shard in self._shards:
            if not shard.conn and shard.reopen_ns <= now_ns:
                self._last_conn += 1
                shard.conn = self._last_conn
                commands.append(Open(shard.conn, self._url))
        return commands

    def _watch(self, shard: _Shard, now_ns: int) -> list[Command]:
        if now_ns - shard.data_ns >= self._patience_ns(shard):
            silent = Silent(shard.conn, shard.data_ns)
            if self._known.isdisjoint(shard.waits):
                shard.quiet += 1
            return [silent, *self._replace(shard, now_ns)]
        late = [token for token, wait in shard.waits.items() if wait.until_ns <= now_ns]
        commands = self._chase(shard, late, now_ns) if late else []
        if shard.is_open and shard.ping_ns <= now_ns:
            shard.ping_ns = now_ns + _PING_NS
            commands.append(Send(shard.conn, "PING"))
        return commands

    def _replace(self, shard: _Shard, now_ns: int) -> list[Command]:
        """Leave a socket for a new one, which opens when this is closed: no token is served by two at once."""
        shard.left_conn = shard.conn
        self._forget_socket(shard)
        shard.reopen_ns = now_ns + _CLOSING_NS
        return [Close(shard.left_conn, "silent")]

    def _chase(self, shard: _Shard, late: list[str], now_ns: int) -> list[Command]:
        """Go after the tokens that got no book in time: subscribe again, then a fresh socket."""
        commands: list[Command] = [Silent(shard.conn, shard.waits[token].since_ns, token) for token in late]
        again = [token for token in late if shard.waits[token].tries == 0]
        moved = [token for token in late if shard.waits[token].tries > 0]
        for token in late:
            self._tries[token] = self._tries.get(token, 0) + 1
        if again:
            # Without leaving first, a subscription to what is subscribed is refused: `NO NEW ASSETS`.
            commands += [Send(shard.conn, _change("unsubscribe", again)), Send(shard.conn, _change("subscribe", again))]
            for token in again:
                wait = shard.waits[token]
                shard.waits[token] = _Wait(wait.since_ns, now_ns + self._book_patience_ns(token), wait.tries + 1)
            commands.append(AskBooks(tuple(again)))
        if moved and len(moved) == len(shard.tokens):
            commands += self._replace(shard, now_ns)
        elif moved:
            commands.append(Send(shard.conn, _change("unsubscribe", moved)))
            self._leave(shard, moved)
            self._shards.append(self._new_shard(moved, now_ns))
        return commands

    def _patience_ns(self, shard: _Shard) -> int:
        return min(max(_PATIENCE_MAX_NS, self._watchdog_ns), self._watchdog_ns << min(shard.quiet, 20))

    def _book_patience_ns(self, token: str) -> int:
        # The first try and its one new subscription take first_book_s each; from the fresh socket on it doubles.
        doublings = 0 if token in self._known else max(0, self._tries.get(token, 0) - 1)
        return min(max(_PATIENCE_MAX_NS, self._first_book_ns), self._first_book_ns << min(doublings, 20))

    def _next_ns(self, now_ns: int) -> int:
        alarm_ns = now_ns + _PING_NS
        for shard in self._shards:
            if shard.is_open:
                alarm_ns = min(alarm_ns, shard.ping_ns, shard.data_ns + self._patience_ns(shard))
                for wait in shard.waits.values():
                    alarm_ns = min(alarm_ns, wait.until_ns)
            elif not shard.conn:
                alarm_ns = min(alarm_ns, shard.reopen_ns)
        return alarm_ns

    # What the plan does ------------------------------------------------------------------------------------------

    def _plan(self, tokens: Sequence[str], now_ns: int) -> list[Command]:
        commands: list[Command] = []
        wanted = dict.fromkeys(tokens)
        for shard in self._shards:
            gone = [token for token in shard.tokens if token not in wanted]
            self._leave(shard, gone)
            self._known.difference_update(gone)
            for token in gone:
                self._tries.pop(token, None)
            if gone and shard.tokens and shard.is_open:
                commands.append(Send(shard.conn, _change("unsubscribe", gone)))
            if not shard.tokens and shard.conn:
                commands.append(Close(shard.conn, "not wanted any more"))
        self._shards = [shard for shard in self._shards if shard.tokens]
        served = {token for shard in self._shards for token in shard.tokens}
        new = [token for token in wanted if token not in served]
        for shard in self._shards:
            room = self._shard_size - len(shard.tokens)
            joining, new = new[:room], new[room:]
            if joining:
                shard.tokens += joining
                commands += self._join(shard, joining, now_ns)
        for at in range(0, len(new), self._shard_size):
            self._shards.append(self._new_shard(new[at : at + self._shard_size], now_ns))
        return commands

    def _join(self, shard: _Shard, tokens: list[str], now_ns: int) -> list[Command]:
        if not shard.is_open:
            return []
        self._await_books(shard, tokens, now_ns)
        return [Send(shard.conn, _change("subscribe", tokens)), AskBooks(tuple(tokens))]

    def _leave(self, shard: _Shard, tokens: Iterable[str]) -> None:
        for token in tokens:
            shard.tokens.remove(token)
            shard.waits.pop(token, None)

    def _new_shard(self, tokens: list[str], now_ns: int) -> _Shard:
        return _Shard(tokens, Backoff(*_REOPEN_NS, self._rng), reopen_ns=now_ns)

    def _await_books(self, shard: _Shard, tokens: Iterable[str], now_ns: int) -> None:
        for token in tokens:
            shard.waits[token] = _Wait(now_ns, now_ns + self._book_patience_ns(token))


def _peek(data: bytes) -> list[_Peek]:
    """Return what a frame holds as far as we ask; nothing for `PONG` and other text, and for `[]`."""
    if data[:1] not in (b"{", b"["):
        return []
    try:
        found = _frame.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    return found if isinstance(found, list) else [found]


def _change(operation: str, tokens: list[str]) -> str:
    facts: dict[str, Any] = {"operation": operation, "assets_ids": tokens}
    if operation == "subscribe":
        # The flag holds for the whole socket and is set by the latest message.
        facts["custom_feature_enabled"] = True
    return _json(facts)


def _json(facts: dict[str, Any]) -> str:
    return msgspec.json.encode(facts).decode()
