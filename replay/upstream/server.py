"""
The local upstream: HTTP and the market socket on one port, answering as the tape's upstreams answered.

What is asked for is looked up in a `Timeline`; this module only moves bytes. A client that does not read holds the tape
up for at most `SLOW_S`, then its socket is closed: no frame is ever dropped in the middle.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

import msgspec
from aiohttp import WSMsgType, web

from recorder.clock import Clock
from recorder.envelope import Envelope
from recorder.errors import UsageError
from recorder.leagues import game_days
from recorder.net.label import LABEL_PATH
from replay.site import site_on
from replay.upstream.address import Address, address_of, best_match, is_scoreboard, on_tape_day
from replay.upstream.player import Gate, Pace, Source
from replay.upstream.timeline import Forward, HangUp, Opening, Timeline
from replay.upstream.venue import MarketSession

__all__ = ["PlayOptions", "Upstream", "serving"]

SLOW_S = 10.0
_PING_S, _PONG_S = 5.0, 10.0
_BATCH = 2048
_BOOKS_MAX = 500
_NBA_REFERER = "https://www.nba.com/"
_DENIED = b"<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1></BODY></HTML>"
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOptions:
    """
    How a tape is played.

    rate: tape seconds a second; by_polls: from poll to poll instead. start_offset_ns: how much of the tape has passed
    already when the first client comes. failed_is_503: a failed poll is served as 503 instead of the body before it.
    patience_s: how long a client may leave a request alone before the tape, played by polls, goes on without it.
    """

    rate: float = 10.0
    by_polls: bool = False
    loop: bool = False
    start_offset_ns: int = 0
    failed_is_503: bool = False
    patience_s: float = 30.0


class _Wire:
    """One open socket."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self._ws = ws
        self._request = request

    async def send(self, payload: bytes, *, binary: bool = False) -> None:
        if self._ws.closed:
            return
        try:
            async with asyncio.timeout(SLOW_S):
                await (self._ws.send_bytes(payload) if binary else self._ws.send_frame(payload, WSMsgType.TEXT))
        except TimeoutError:
            await self.hang_up(1013, "too slow")
        except ConnectionError:
            return  # it left while we were speaking; its reader sees the end

    async def hang_up(self, code: int, reason: str, *, lost: bool = False) -> None:
        transport = self._request.transport
        if lost and transport is not None:
            transport.abort()
            return
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(SLOW_S):
                await self._ws.close(code=code, message=reason.encode())


class _Socket(_Wire):
    """One open market socket."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, session: MarketSession) -> None:
        super().__init__(ws, request)
        self.session = session


class Upstream:
    """A tape as the world: build it, put `app` on a port, run `play`."""

    def __init__(self, source: Source, clock: Clock, options: PlayOptions) -> None:
        """
        Take the tape to the start.

        Raises:
            UsageError: there is nothing on it, or the offset lies beyond its end.
        """
        if not len(source):
            raise UsageError(f"tape {source.name} is empty", why="there is nothing to serve", hint="gametape ls")
        self.url = ""
        self.ended = asyncio.Event()
        self._source = source
        self._clock = clock
        self._options = options
        self._from_ns = source.first_ns + options.start_offset_ns
        if self._from_ns > source.last_ns:
            raise UsageError(
                "the start offset lies beyond the end of the tape",
                why=f"the tape is {(source.last_ns - source.first_ns) // 1_000_000_000} s long",
                hint=f"gametape info {source.name}",
            )
        self._opening = Opening.of(source.read(), source.first_ns)
        self._sockets: dict[_Socket, None] = {}
        self._listeners: dict[_Wire, None] = {}
        self._started = asyncio.Event()
        self._timeline = Timeline(self._opening)
        self._rows: Iterator[Envelope] = iter(())
        self._new_gate()
        self.app = web.Application(client_max_size=1 << 20)
        self.app.add_routes(
            [
                web.get("/ws/market", self._market),
                web.get("/ws", self._sports),
                web.post("/books", self._books),
                web.get("/book", self._book),
                web.get("/time", self._time),
                web.get(LABEL_PATH, self._label),
                web.get("/{anything:.*}", self._answer),
            ]
        )

    async def wind(self) -> None:
        """Go to where the tape is to start; to be done before anybody asks, so that nobody is told less."""
        self._timeline, self._rows = await asyncio.to_thread(self._wound)
        self._new_gate()

    async def play(self) -> None:
        """Wait for the first client, then play the tape to its end, or for ever."""
        await self._started.wait()
        await self._once()
        while self._options.loop:
            await self.hang_up(1012, "the tape begins again")
            await self.wind()
            await self._once()
        self.ended.set()

    async def hang_up(self, code: int, reason: str) -> None:
        """Close every socket."""
        for socket in [*self._sockets, *self._listeners]:
            await socket.hang_up(code, reason)

    def _wound(self) -> tuple[Timeline, Iterator[Envelope]]:
        timeline = Timeline(self._opening, failed_is_503=self._options.failed_is_503)
        rows = self._source.read()
        for envelope in rows:
            if envelope.recv_ns >= self._from_ns:
                return timeline, itertools.chain([envelope], rows)
            timeline.apply(envelope)
        return timeline, iter(())

    def _new_gate(self) -> None:
        self._gate = Gate(self._opening, self._held, self._options.patience_s)
        # Fixed for one playing: a tape that runs past midnight keeps its game under the day the client asks for.
        self._client_today = game_days(self._clock.now_ns())[0]
        self._tape_today = game_days(self._from_ns)[0]

    def _held(self) -> Iterable[str]:
        return itertools.chain.from_iterable(socket.session.tokens for socket in self._sockets)

    async def _once(self) -> None:
        pace = Pace(self._clock, self._from_ns, self._options.rate)
        if self._options.by_polls:
            await self._gate.holding(self._timeline.subscribed())
        async for envelope in self._envelopes():
            if self._options.by_polls:
                await self._gate.before(envelope, self._timeline)
            else:
                await pace.until(envelope.recv_ns)
            match self._timeline.apply(envelope):
                case Forward() as frame:
                    await self._forward(frame)
                case HangUp(code, reason, lost, sports=True):
                    for listener in list(self._listeners):
                        await listener.hang_up(code, reason, lost=lost)
                case HangUp(code, reason, lost, tokens):
                    for socket in [it for it in self._sockets if it.session.shares(tokens)]:
                        # Before its own reader notices: what it held is held no more.
                        self._sockets.pop(socket, None)
                        await socket.hang_up(code, reason, lost=lost)
                case None:
                    pass
        if self._options.by_polls:
            await self._gate.finish()

    async def _envelopes(self) -> AsyncIterator[Envelope]:
        while batch := await asyncio.to_thread(lambda: list(itertools.islice(self._rows, _BATCH))):
            for envelope in batch:
                yield envelope

    async def _forward(self, frame: Forward) -> None:
        told = self._listeners if frame.sports else [it for it in self._sockets if it.session.wants(frame)]
        for socket in list(told):
            await socket.send(frame.payload, binary=frame.binary)

    async def _sports(self, request: web.Request) -> web.WebSocketResponse:
        """Speak of every game without being asked; a client that leaves two pings unanswered is closed."""
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 16)
        await ws.prepare(request)
        listener = _Wire(ws, request)
        for frame in self._timeline.sports():
            await listener.send(frame)
        self._listeners[listener] = None
        try:
            async with asyncio.TaskGroup() as group:
                pinging = group.create_task(self._ping(listener))
                while True:
                    async with asyncio.timeout(_PONG_S):
                        message = await ws.receive()
                    if message.type is not WSMsgType.TEXT:
                        break
                pinging.cancel()
        except* TimeoutError:
            await listener.hang_up(1008, "no pong")
        finally:
            self._listeners.pop(listener, None)
        return ws

    async def _ping(self, listener: _Wire) -> None:
        while True:
            await listener.send(b"ping")
            await asyncio.sleep(_PING_S)

    async def _market(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await ws.prepare(request)
        socket = _Socket(ws, request, MarketSession(self._snapshot))
        self._sockets[socket] = None
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                match socket.session.hear(message.data):
                    case HangUp(code, reason):
                        await socket.hang_up(code, reason)
                    case bytes() as reply:
                        await socket.send(reply)
                    case None:
                        pass
                self._gate.subscribed()
                if socket.session.tokens:
                    self._started.set()
        finally:
            self._sockets.pop(socket, None)
        return ws

    def _now_ns(self) -> int:
        return max(self._timeline.now_ns, self._from_ns)

    def _snapshot(self, tokens: Iterable[str]) -> bytes | None:
        return self._timeline.frame(tokens)

    async def _books(self, request: web.Request) -> web.Response:
        self._started.set()
        try:
            wanted = msgspec.json.decode(await request.read(), type=list[_BookWish])
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return _json(400, b'{"error":"Invalid payload"}')
        if len(wanted) > _BOOKS_MAX:
            return _json(400, b'{"error":"Payload exceeds the limit"}')
        books = [book for wish in wanted if (book := self._timeline.rest(wish.token_id)) is not None]
        return _json(200, b"[" + b",".join(books) + b"]")

    async def _book(self, request: web.Request) -> web.Response:
        self._started.set()
        book = self._timeline.rest(request.query.get("token_id", ""))
        if book is None:
            return _json(404, b'{"error":"No orderbook exists for the requested token id"}')
        return _json(200, book)

    async def _time(self, _: web.Request) -> web.Response:
        return _json(200, str(self._now_ns() // 1_000_000_000).encode())

    async def _label(self, _: web.Request) -> web.Response:
        """Say what is played; it does not start the tape."""
        return _json(200, msgspec.json.encode({"tape": self._source.name, "label": self._source.label}))

    async def _answer(self, request: web.Request) -> web.Response:
        asked = address_of(request.path_qs)
        if asked.path.startswith("/static/json/") and request.headers.get("Referer") != _NBA_REFERER:
            return web.Response(status=403, body=_DENIED, content_type="text/html")
        recorded = self._timeline.recorded
        there = on_tape_day(asked, self._client_today, self._tape_today, recorded)
        address = best_match(there, recorded)
        answer = self._timeline.answers.get(address) if address is not None else None
        if address is None or answer is None:
            return self._unknown(there)
        self._started.set()
        self._gate.served(address, answer.status)
        dated = {"date": formatdate(self._now_ns() // 1_000_000_000, usegmt=True)}
        etag = answer.headers.get("etag")
        if answer.status == HTTPStatus.OK and etag and request.headers.get("If-None-Match") == etag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=dated | {"etag": etag})
        return web.Response(status=answer.status, headers=_JSON | dict(answer.headers) | dated, body=answer.body)

    def _unknown(self, asked: Address) -> web.Response:
        if is_scoreboard(asked):
            # The real service has an answer for every day; a day nobody asked for then is a day without games now.
            day = asked.param("dates") or ""
            body = {"leagues": [], "day": {"date": f"{day[:4]}-{day[4:6]}-{day[6:]}"}, "events": []}
            return _json(200, msgspec.json.encode(body))
        return _json(404, b'{"error":"not on this tape"}')


class _BookWish(msgspec.Struct):
    token_id: str


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, headers=_JSON, body=body)


@asynccontextmanager
async def serving(
    source: Source, clock: Clock, options: PlayOptions, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Upstream]:
    """
    Serve a tape for as long as the context lasts; port 0 takes a free one and `url` says which.

    Raises:
        UsageError: the tape is empty, the offset is too large, or the address cannot be had.
    """
    upstream = Upstream(source, clock, options)
    await upstream.wind()
    async with site_on(upstream.app, host, port, shutdown_timeout=1.0) as bound:
        upstream.url = f"http://{host}:{bound}"
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(upstream.play())
            yield upstream
            playing.cancel()
        await upstream.hang_up(1001, "the tape is over")
