from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

from memory_log import MemoryLog
from websockets.asyncio.server import ServerConnection, serve

from recorder.clock import ManualClock
from recorder.envelope import Envelope, Kind
from recorder.feeds.base import Closed, Input, Message, Open, Opened
from recorder.net.websocket import FRAME_MAX, Socket
from recorder.sequencer import Sequencer

FEED = "polymarket.market"
Handler = Callable[[ServerConnection], Awaitable[None]]


class World:
    """A socket of ours, what its feed is told, and what is recorded."""

    def __init__(self, url: str, then: Callable[[World, Input], None] | None = None) -> None:
        self.log = MemoryLog()
        self.told: list[Input] = []
        self._then = then
        self.socket = Socket(FEED, Open(3, url), Sequencer(self.log, ManualClock()), self._tell, user_agent="test/1")

    def _tell(self, happened: Input) -> None:
        self.told.append(happened)
        if self._then is not None:
            self._then(self, happened)

    @property
    def kinds(self) -> list[Kind]:
        return [e.kind for e in self.log.envelopes]

    @property
    def last(self) -> Envelope:
        return self.log.envelopes[-1]


@contextlib.asynccontextmanager
async def serving(handler: Handler, **options: object) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws/market"


def live(handler: Handler, then: Callable[[World, Input], None] | None = None, **options: object) -> World:
    """Run one socket against a server from its open to its end."""

    async def main() -> World:
        async with serving(handler, **options) as url:
            world = World(url, then)
            await world.socket.run()
            return world

    return asyncio.run(main())


def test_frames_are_recorded_before_they_are_told() -> None:
    """Text and binary frames are recorded byte for byte, in order, each before the feed sees it."""
    frames: list[str | bytes] = ['[{"event_type":"book"}]', b"\x00\xff", "PONG", "", "\u20ac" * 3]

    async def handler(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)
        await connection.close(1000, "bye")

    def then(world: World, happened: Input) -> None:
        if isinstance(happened, Message):
            assert world.last.payload == happened.data

    world = live(handler, then)
    wire = [frame.encode() if isinstance(frame, str) else frame for frame in frames]
    assert world.kinds == [Kind.OPENED, *[Kind.FRAME] * 5, Kind.CLOSED]
    assert all((e.feed, e.conn) == (FEED, 3) for e in world.log.envelopes)
    assert [e.payload for e in world.log.of(Kind.FRAME)] == wire
    assert [e.meta for e in world.log.of(Kind.FRAME)] == [b"", b'{"binary":true}', b"", b"", b""]
    assert world.told == [
        Opened(3),
        *(Message(3, data, binary=isinstance(frame, bytes)) for data, frame in zip(wire, frames, strict=True)),
        Closed(3, 1000, "bye"),
    ]
    assert world.last.meta == b'{"code":1000,"reason":"bye","side":"them"}'


def test_text_that_is_not_utf8_is_recorded_all_the_same() -> None:
    """A text frame of wrong bytes is kept as it came and closes nothing; fragments are put together."""

    async def handler(connection: ServerConnection) -> None:
        async with connection.send_context():
            connection.protocol.send_text(b"\xff\xfe")
        await connection.send(["PO", "NG"])
        await connection.send([b"\x01", b"\x02"])
        await connection.close()

    world = live(handler)
    frames = world.log.of(Kind.FRAME)
    assert [(e.payload, e.meta != b"") for e in frames] == [(b"\xff\xfe", False), (b"PONG", False), (b"\x01\x02", True)]


def test_what_we_send_is_recorded_in_order() -> None:
    """Texts go out in order and are recorded as SENT; our close comes after them and names our reason."""
    seen: list[str | bytes] = []

    async def handler(connection: ServerConnection) -> None:
        seen.extend([message async for message in connection])

    def then(world: World, happened: Input) -> None:
        if isinstance(happened, Opened):
            world.socket.send('{"type":"market"}')
            world.socket.send("PING")
            world.socket.close("enough")

    world = live(handler, then)
    assert seen == ['{"type":"market"}', "PING"]
    assert [(e.kind, e.payload) for e in world.log.envelopes[1:3]] == [
        (Kind.SENT, b'{"type":"market"}'),
        (Kind.SENT, b"PING"),
    ]
    assert world.last.meta == b'{"code":1000,"reason":"enough","side":"us"}'
    assert world.told[-1] == Closed(3, 1000, "enough")


def test_their_close_codes_are_kept() -> None:
    """A close by the venue keeps its code and reason, and says that it was theirs."""

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1008, "invalid subscription payload")

    world = live(handler, lambda world, happened: world.socket.send("PING") if isinstance(happened, Opened) else None)
    assert world.last.facts() == {"code": 1008, "reason": "invalid subscription payload", "side": "them"}


def test_a_broken_connection_is_lost() -> None:
    """A connection that breaks without a close frame is 1006, lost."""

    async def handler(connection: ServerConnection) -> None:
        connection.transport.abort()

    world = live(handler)
    assert world.last.facts()["code"] == 1006
    assert world.last.facts()["side"] == "lost"
    assert isinstance(world.told[-1], Closed)


def test_a_frame_that_is_too_large_closes_with_1009() -> None:
    """A message beyond the bound, packed small or not, is refused with 1009 by us and never held."""

    async def handler(connection: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            await connection.send(bytes(FRAME_MAX + 1))
        await connection.wait_closed()

    world = live(handler)
    assert world.kinds == [Kind.OPENED, Kind.CLOSED]
    assert (world.last.facts()["code"], world.last.facts()["side"]) == (1009, "us")


def test_an_opening_that_fails_is_closed_with_code_0() -> None:
    """Refused, not a WebSocket, redirected, a bad address: CLOSED with code 0 and why, and nothing was ever OPENED."""

    async def not_a_websocket(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> list[World]:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        server = await asyncio.start_server(not_a_websocket, "127.0.0.1", 0)
        async with server:
            wrong = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            worlds = [World(f"ws://127.0.0.1:{port}/"), World(wrong), World("ws://")]
            for world in worlds:
                await world.socket.run()
        return worlds

    for world in asyncio.run(main()):
        assert world.kinds == [Kind.CLOSED]
        facts = world.last.facts()
        assert (facts["code"], facts["side"]) == (0, "lost")
        assert world.told == [Closed(3, 0, facts["reason"])]


def test_a_dropped_socket_hears_nothing_more() -> None:
    """A drop ends the socket at once; frames that had arrived and were not recorded stay outside the tape."""

    async def handler(connection: ServerConnection) -> None:
        await connection.send("first")
        for _ in range(20):
            await connection.send("later")
        await connection.wait_closed()

    def then(world: World, happened: Input) -> None:
        if isinstance(happened, Message):
            world.socket.drop("stalled")

    world = live(handler, then)
    assert world.kinds == [Kind.OPENED, Kind.FRAME, Kind.CLOSED]
    assert world.last.meta == b'{"code":1006,"reason":"stalled","side":"us"}'


def test_a_cancelled_socket_says_so_once() -> None:
    """A socket cancelled while opening or while open leaves exactly one CLOSED by us."""

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()

    async def main() -> list[World]:
        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        worlds = []
        async with server, serving(handler) as url:
            for target in (url, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"):
                world = World(target, lambda _, happened: asked.set() if isinstance(happened, Opened) else None)
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(world.socket.run())
                    await asked.wait()
                    task.cancel()
                asked.clear()
                worlds.append(world)
        return worlds

    asked = asyncio.Event()
    opened, opening = asyncio.run(main())
    assert opened.kinds == [Kind.OPENED, Kind.CLOSED]
    assert opening.kinds == [Kind.CLOSED]
    assert opening.last.facts() == {"code": 1006, "reason": "stopped", "side": "us"}


def test_compression_changes_no_byte() -> None:
    """Compressed frames are recorded unpacked, exactly as they were before packing."""
    frames = [os.urandom(10), b"a" * 100_000]

    async def handler(connection: ServerConnection) -> None:
        assert connection.protocol.extensions
        for frame in frames:
            await connection.send(frame)
        await connection.close()

    assert [e.payload for e in live(handler).log.of(Kind.FRAME)] == frames


def test_a_protocol_ping_is_answered_and_no_frame() -> None:
    """A protocol ping is answered by itself and is no data."""

    async def handler(connection: ServerConnection) -> None:
        await (await connection.ping())
        await connection.close()

    assert live(handler).kinds == [Kind.OPENED, Kind.CLOSED]


def test_a_half_open_connection_can_be_closed() -> None:
    """A peer that neither answers nor goes away does not keep a socket from ending when its feed wants that."""

    async def handler(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await released.wait()
        connection.transport.abort()

    def then(world: World, happened: Input) -> None:
        if isinstance(happened, Opened):
            world.socket.close("silent for 60 s")
        if isinstance(happened, Closed):
            released.set()

    released = asyncio.Event()
    world = live(handler, then)
    assert world.kinds == [Kind.OPENED, Kind.CLOSED]
    assert world.last.facts() == {"code": 1000, "reason": "silent for 60 s", "side": "us"}


def test_tls_that_fails_is_an_opening_that_fails() -> None:
    """A server that speaks no TLS where it should is weather."""

    async def main() -> World:
        async with serving(lambda connection: connection.wait_closed()) as url:
            world = World(url.replace("ws:", "wss:"))
            await world.socket.run()
            return world

    world = asyncio.run(main())
    assert world.kinds == [Kind.CLOSED]
    assert (world.last.facts()["code"], world.last.facts()["side"]) == (0, "lost")
