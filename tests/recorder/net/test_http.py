from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiohttp import web
from memory_log import MemoryLog

from recorder.clock import ManualClock
from recorder.envelope import Kind
from recorder.feeds.base import Failed, Get, Response
from recorder.net.http import HttpClient
from recorder.sequencer import Sequencer

S = 1_000_000_000
Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    runner = web.AppRunner(_app(handler), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _app(handler: Handler) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    return app


async def ask(log: MemoryLog, *gets: Get, body_max: int = 1 << 24) -> list[Response | Failed]:
    clock = ManualClock(5)
    async with HttpClient(Sequencer(log, clock), clock, user_agent="test/1", body_max=body_max) as client:
        return [await client.ask("espn.nba", get) for get in gets]


def test_a_body_is_recorded_as_it_came() -> None:
    """An answer becomes one BODY with the kept headers in a fixed order, and the feed is shown exactly that."""
    log = MemoryLog()

    async def answer(request: web.Request) -> web.Response:
        headers = {"ETag": '"a"', "Cache-Control": "max-age=2", "Set-Cookie": "secret=1", "Server": "x", "Date": "now"}
        return web.Response(body=request.path_qs.encode(), headers=headers, content_type="application/json")

    async def main() -> list[Response | Failed]:
        async with serving(answer) as base:
            return await ask(log, Get("today", f"{base}/a%2Fb?dates=20260115&limit=300", 60 * S))

    (response,) = asyncio.run(main())
    assert isinstance(response, Response)
    (body,) = log.envelopes
    assert (body.feed, body.kind, body.conn, body.payload) == (
        "espn.nba",
        Kind.BODY,
        0,
        b"/a%2Fb?dates=20260115&limit=300",
    )
    facts = body.facts()
    assert list(facts) == ["url", "status", "sent_ns", "headers"]
    assert (facts["status"], facts["sent_ns"]) == (200, 5)
    assert facts["headers"] == {
        "etag": '"a"',
        "date": "now",
        "cache-control": "max-age=2",
        "content-type": "application/json",
    }
    assert response == Response("today", 200, facts["headers"], body.payload)


def test_a_request_carries_what_the_feed_says() -> None:
    """Headers and a JSON body go out as the command says, with our User-Agent unless the feed has one."""
    seen: list[tuple[str, str, str, str, bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        names = ("User-Agent", "Referer", "Content-Type")
        seen.append((request.method, *(request.headers.get(n, "") for n in names), await request.read()))
        return web.Response()

    async def main() -> None:
        async with serving(answer) as base:
            await ask(
                MemoryLog(),
                Get("a", base, S, {"Referer": "https://www.nba.com/"}),
                Get("b", base, S, {"User-Agent": "mine"}, b"[]"),
            )

    asyncio.run(main())
    assert seen == [
        ("GET", "test/1", "https://www.nba.com/", "", b""),
        ("POST", "mine", "", "application/json", b"[]"),
    ]


def test_any_status_is_a_body() -> None:
    """403, 404, 429 and 503 are answers like any other; Retry-After is kept; 304 has an empty body."""
    log = MemoryLog()

    async def answer(request: web.Request) -> web.Response:
        status = int(request.path[1:])
        return web.Response(status=status, body=None if status == 304 else b"<html>", headers={"Retry-After": "7"})

    async def main() -> list[Response | Failed]:
        async with serving(answer) as base:
            return await ask(log, *(Get("k", f"{base}/{status}", 60 * S) for status in (403, 404, 429, 503, 304)))

    answers = asyncio.run(main())
    assert [a.status for a in answers if isinstance(a, Response)] == [403, 404, 429, 503, 304]
    assert [e.payload for e in log.envelopes] == [b"<html>"] * 4 + [b""]
    assert all(e.facts()["headers"]["retry-after"] == "7" for e in log.envelopes)


def test_gzip_is_unpacked() -> None:
    """The payload is the body after transport compression."""
    log = MemoryLog()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"{}" * 1000), headers={"Content-Encoding": "gzip"})

    async def main() -> None:
        async with serving(answer) as base:
            await ask(log, Get("k", base, 60 * S))

    asyncio.run(main())
    assert log.envelopes[0].payload == b"{}" * 1000


def test_a_bomb_is_a_failure() -> None:
    """A small body that unpacks to more than the bound is a FAILED, and never held whole."""
    log = MemoryLog()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(bytes(8 << 20)), headers={"Content-Encoding": "gzip"})

    async def main() -> list[Response | Failed]:
        async with serving(answer) as base:
            return await ask(log, Get("k", base, 10 * S), body_max=1 << 20)

    (failed,) = asyncio.run(main())
    assert failed == Failed("k", "body larger than 1048576 bytes", too_large=True)
    assert [e.kind for e in log.envelopes] == [Kind.FAILED]
    assert list(log.envelopes[0].facts()) == ["url", "sent_ns", "why"]


def test_weather_never_raises() -> None:
    """A timeout, no connection, no name, no TLS, a broken body, junk and a bad address each end as one FAILED."""
    log = MemoryLog()

    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/slow":
                await asyncio.Event().wait()
            case "/gzip":
                return web.Response(body=b"not gzip", headers={"Content-Encoding": "gzip"})
            case "/cut":
                response = web.StreamResponse(headers={"Content-Length": "100"})
                await response.prepare(request)
                await response.write(b"half")
                assert request.transport is not None
                request.transport.close()
                return response
        return web.Response()

    async def junk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01\x02 what\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> list[Response | Failed]:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        server = await asyncio.start_server(junk, "127.0.0.1", 0)
        async with server, serving(answer) as base:
            junk_port = server.sockets[0].getsockname()[1]
            return await ask(
                log,
                Get("slow", f"{base}/slow", S // 20),
                Get("gzip", f"{base}/gzip", 60 * S),
                Get("cut", f"{base}/cut", 60 * S),
                Get("refused", f"http://127.0.0.1:{port}/", 60 * S),
                Get("junk", f"http://127.0.0.1:{junk_port}/", 60 * S),
                Get("address", "http://", 60 * S),
                Get("name", "http://nobody.invalid/", S),
                Get("tls", base.replace("http", "https"), 60 * S),
            )

    answers = asyncio.run(main())
    assert [type(a) for a in answers] == [Failed] * 8
    assert [a.key for a in answers] == ["slow", "gzip", "cut", "refused", "junk", "address", "name", "tls"]
    assert [e.kind for e in log.envelopes] == [Kind.FAILED] * 8
    assert log.envelopes[0].facts()["why"] == "no answer within 0.05 s"


def test_redirects_stay_at_home() -> None:
    """A redirect within the origin is followed; one to another host is an answer, and that host is never asked."""
    log = MemoryLog()
    elsewhere: list[str] = []

    async def other(request: web.Request) -> web.Response:
        elsewhere.append(request.path)
        return web.Response()

    async def main() -> None:
        async with serving(other) as other_base:

            async def answer(request: web.Request) -> web.Response:
                if request.path == "/home":
                    return web.Response(body=b"arrived")
                to = {"/near": "/home", "/round": "/round"}.get(request.path, other_base)
                return web.Response(status=302, headers={"Location": to})

            async with serving(answer) as base:
                await ask(log, *(Get("k", base + path, 60 * S) for path in ("/near", "/far", "/round")))

    asyncio.run(main())
    assert elsewhere == []
    assert [(e.kind, e.facts().get("status"), e.payload) for e in log.envelopes] == [
        (Kind.BODY, 200, b"arrived"),
        (Kind.BODY, 302, b""),
        (Kind.FAILED, None, b""),
    ]


def test_a_header_that_is_no_text_is_kept_readable() -> None:
    """A header with bytes that are not UTF-8 does not break the envelope."""
    log = MemoryLog()

    async def raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nETag: \xff\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(raw, "127.0.0.1", 0)
        async with server:
            await ask(log, Get("k", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", 60 * S))

    asyncio.run(main())
    assert log.envelopes[0].facts()["headers"]["etag"] == "?"
