"""
The only WebSocket client: opens, sends and closes what a feed wants, and records every frame before the feed sees it.

One `Socket` is one connection from its `Open` to its `Closed`. It never reconnects: that is the feed's decision.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from recorder.envelope import Kind, encode_meta
from recorder.feeds.base import Closed, Input, Message, Open, Opened
from recorder.sequencer import Sequencer

__all__ = ["FRAME_MAX", "Socket", "Tell"]

FRAME_MAX = 4 * 1024 * 1024
"""Bytes of one message after decompression; a larger one closes the socket with 1009."""

Tell = Callable[[Input], None]
"""Hands an input to the feed."""

_OPEN_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0
_REASON_MAX = 120
_BINARY = encode_meta({"binary": True})


class _Connection(ClientConnection):
    """A connection that remembers which of its messages were binary: `recv(decode=False)` does not tell."""

    binary: deque[bool]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.binary = deque()
        super().connection_made(transport)

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self.binary.append(event.opcode is Opcode.BINARY)
        super().process_event(event)


class _Connect(connect):
    """A connect that goes where it was told, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Socket:
    """One connection of a feed, from `Open` to `Closed`; run it once in a task."""

    def __init__(self, feed: str, opening: Open, sequencer: Sequencer, tell: Tell, *, user_agent: str) -> None:
        """Prepare; nothing is opened before `run`."""
        self._feed = feed
        self._conn = opening.conn
        self._url = opening.url
        self._sequencer = sequencer
        self._tell = tell
        self._user_agent = user_agent
        self._connection: _Connection | None = None
        # Texts to send, in order; None is the wish to close.
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._why = ""
        self._dropped = False
        self._ended = False

    def send(self, text: str) -> None:
        """Send a text frame after those that wait."""
        self._outbox.put_nowait(text)

    def close(self, why: str) -> None:
        """Close in good order after what waits to be sent."""
        self._why = why
        self._outbox.put_nowait(None)

    def drop(self, why: str) -> None:
        """Break the connection off now; what has arrived and was not recorded yet is thrown away, inside the gap."""
        self._why = why
        self._dropped = True
        if self._connection is not None:
            self._connection.transport.abort()

    async def run(self) -> None:
        """Open, exchange frames until the end, and record how it ended."""
        try:
            opened = await self._open()
            if opened is None:
                return
            self._connection = opened
            if self._dropped:
                opened.transport.abort()
            self._put(Kind.OPENED, encode_meta({"url": self._url}))
            self._tell(Opened(self._conn))
            await self._exchange(opened)
        except asyncio.CancelledError:
            if self._connection is not None:
                self._connection.transport.abort()
            self._put_closed(1006, self._why or "stopped", "us")
            raise
        self._end(opened)

    async def _open(self) -> _Connection | None:
        try:
            connection = await _Connect(
                self._url,
                create_connection=_Connection,
                user_agent_header=self._user_agent,
                # The venue does not answer protocol pings reliably; a healthy socket would be closed (FORMATS 1.2).
                ping_interval=None,
                open_timeout=_OPEN_TIMEOUT_S,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=FRAME_MAX,
                proxy=None,
            )
        except (OSError, WebSocketException, ValueError, EOFError) as error:
            why = f"{type(error).__name__}: {error}"[:300]
            self._put_closed(0, why, "lost")
            self._tell(Closed(self._conn, 0, why))
            return None
        assert isinstance(connection, _Connection)
        return connection

    async def _exchange(self, connection: _Connection) -> None:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(connection))
            await self._read(connection)
            writer.cancel()

    async def _read(self, connection: _Connection) -> None:
        while True:
            try:
                data = await connection.recv(decode=False)
            except ConnectionClosed:
                return
            binary = connection.binary.popleft()
            if self._dropped:
                continue
            self._put(Kind.FRAME, _BINARY if binary else b"", data)
            self._tell(Message(self._conn, data, binary=binary))

    async def _write(self, connection: _Connection) -> None:
        try:
            while True:
                text = await self._outbox.get()
                if text is None:
                    await connection.close(1000, _fit(self._why))
                    return
                self._put(Kind.SENT, b"", text.encode())
                await connection.send(text)
        except ConnectionClosed:
            return  # the reader says how

    def _end(self, connection: _Connection) -> None:
        code, reason, side = _ending(connection)
        if self._dropped:
            code, reason, side = 1006, self._why, "us"
        self._put_closed(code, reason, side)
        self._tell(Closed(self._conn, code, reason))

    def _put(self, kind: Kind, meta: bytes, payload: bytes = b"") -> None:
        self._sequencer.put(self._feed, kind, conn=self._conn, meta=meta, payload=payload)

    def _put_closed(self, code: int, reason: str, side: Literal["them", "us", "lost"]) -> None:
        if not self._ended:
            self._ended = True
            self._put(Kind.CLOSED, encode_meta({"code": code, "reason": reason, "side": side}))


def _ending(connection: ClientConnection) -> tuple[int, str, Literal["them", "us", "lost"]]:
    """Say with which code and reason a connection ended, and who ended it."""
    theirs, ours = connection.protocol.close_rcvd, connection.protocol.close_sent
    if theirs is not None and (connection.protocol.close_rcvd_then_sent or ours is None):
        return theirs.code, theirs.reason, "them"
    if ours is not None:
        return ours.code, ours.reason, "us"
    return 1006, "", "lost"


def _fit(reason: str) -> str:
    """Cut a reason to what a close frame can carry."""
    return reason.encode()[:_REASON_MAX].decode(errors="ignore")
