"""The only HTTP client: asks for what a feed wants, records what came back, then says so."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from recorder.clock import Clock
from recorder.envelope import Kind, encode_meta
from recorder.feeds.base import Failed, Get, Response
from recorder.sequencer import Sequencer

__all__ = ["BODY_MAX", "KEPT_HEADERS", "HttpClient"]

BODY_MAX = 16 * 1024 * 1024
"""Bytes of a body after decompression; what is larger is a failure, not a body."""

KEPT_HEADERS = (
    "etag",
    "last-modified",
    "date",
    "age",
    "cache-control",
    "retry-after",
    "content-type",
    "via",
    "x-cache",
)
"""The answer's headers that are recorded, and the only ones a feed is shown."""

_HOPS_MAX = 3
_REDIRECTS = frozenset({301, 302, 307, 308})


class _TooLargeError(Exception):
    """The body went on after `BODY_MAX` bytes."""


class HttpClient:
    """
    Executes `Get` commands.

    Every exchange ends as one envelope, BODY or FAILED, before its feed hears of it; nothing that a network or a server
    can do raises. A redirect is followed within its origin only, so that none but the configured hosts is ever asked.
    """

    def __init__(self, sequencer: Sequencer, clock: Clock, *, user_agent: str, body_max: int = BODY_MAX) -> None:
        """Record into this sequencer. body_max: bytes after decompression."""
        self._sequencer = sequencer
        self._clock = clock
        self._user_agent = user_agent
        self._body_max = body_max
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # br and zstd would need further libraries; every source serves gzip.
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            # One host that hangs must not use up the connections of the others.
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=32),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, feed: str, get: Get) -> Response | Failed:
        """Do one exchange and record how it ended."""
        sent_ns = self._clock.now_ns()
        try:
            async with asyncio.timeout(get.timeout_ns / 1e9):
                status, headers, body = await self._exchange(get)
        except TimeoutError:
            return self._failed(feed, get, sent_ns, f"no answer within {get.timeout_ns / 1e9:g} s")
        except _TooLargeError:
            why = f"body larger than {self._body_max} bytes"
            return self._failed(feed, get, sent_ns, why, too_large=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: a URL, a header or an encoding that aiohttp refuses without wrapping it.
            return self._failed(feed, get, sent_ns, f"{type(error).__name__}: {error}")
        meta = encode_meta({"url": get.url, "status": status, "sent_ns": sent_ns, "headers": headers})
        self._sequencer.put(feed, Kind.BODY, meta=meta, payload=body)
        return Response(get.key, status, headers, body)

    def _failed(self, feed: str, get: Get, sent_ns: int, why: str, *, too_large: bool = False) -> Failed:
        why = _text(why)[:300]
        meta = encode_meta({"url": get.url, "sent_ns": sent_ns, "why": why})
        self._sequencer.put(feed, Kind.FAILED, meta=meta)
        return Failed(get.key, why, too_large)

    async def _exchange(self, get: Get) -> tuple[int, dict[str, str], bytes]:
        assert self._session is not None, "enter the client before asking"
        url = URL(get.url, encoded=True)
        headers = dict(get.headers)
        if get.body is not None:
            headers.setdefault("Content-Type", "application/json")
        for _ in range(_HOPS_MAX):
            method = "GET" if get.body is None else "POST"
            async with self._session.request(
                method, url, headers=headers, data=get.body, allow_redirects=False, timeout=aiohttp.ClientTimeout()
            ) as answer:
                onward = _redirect_within(url, answer)
                if onward is None:
                    return answer.status, _kept(answer), await self._body(answer)
                url = onward
        raise aiohttp.ClientError(f"more than {_HOPS_MAX} redirects")

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        if answer.status == 304:
            return b""
        parts: list[bytes] = []
        size = 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > self._body_max:
                raise _TooLargeError
            parts.append(part)
        return b"".join(parts)


def _redirect_within(url: URL, answer: aiohttp.ClientResponse) -> URL | None:
    """Return where the answer sends us, where that is the same origin; None to take the answer as it is."""
    location = answer.headers.get("Location")
    if answer.status not in _REDIRECTS or location is None:
        return None
    onward = url.join(URL(location, encoded=True))
    return onward if onward.origin() == url.origin() else None


def _kept(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """Return those of `KEPT_HEADERS` that came; repeated ones joined as HTTP allows."""
    headers = answer.headers
    return {name: _text(", ".join(headers.getall(name))) for name in KEPT_HEADERS if name in headers}


def _text(text: str) -> str:
    """Make text encodable: a header may hold bytes that are no UTF-8."""
    return text.encode(errors="replace").decode()
