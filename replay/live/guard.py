"""
The door: who may ask at all, before anything is answered.

An ASGI middleware around the whole application, WebSockets included. It refuses what is not addressed to us by an exact
name (DNS rebinding), what a page of another origin asks (Origin, Sec-Fetch-Site), what bears no token where one is
asked for, and what is too much: long addresses, bodies, too many clients. A slot is taken before the application is
called and given back when it returns, however the client leaves.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from replay.live.contract import Problem
from replay.live.orders import Limits
from replay.live.secret import is_same

__all__ = ["PROTOCOL", "Door", "Guard"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROTOCOL = "gametape.v1"
"""The WebSocket subprotocol; `bearer.TOKEN` beside it is the token."""

_STREAM = "/v1/signals/stream"
_TOKEN_WORDS = (b"token", b"access_token", b"bearer", b"auth", b"authorization", b"key", b"api_key")
_WRONG_MAX = 10
_WRONG_S = 60.0
_PEERS_MAX = 1_024

_CSP = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


@dataclass(slots=True, kw_only=True)
class Door:
    """Who is let in: names are the addresses by which we may be called, host and port."""

    names: frozenset[str]
    token: str | None = None
    is_exposed: bool = False
    limits: Limits = field(default_factory=Limits)


class _RefusedError(Exception):
    def __init__(self, status: int, title: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        self.status = status
        self.problem = Problem(title=title, status=status, detail=detail)
        self.headers = headers


class Guard:
    """The middleware."""

    def __init__(self, app: App, door: Door) -> None:
        """Stand before an application."""
        self._app = app
        self._door = door
        self._taken: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()
        self._wrong: dict[str, deque[float]] = {}
        self.refused: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
            kind = self._take(scope)
        except _RefusedError as refusal:
            self.refused[refusal.status] += 1
            await _deny(scope, receive, send, refusal)
            return
        peer = _peer(scope)
        try:
            await self._app(scope, receive, _dressed(send))
        finally:
            self._taken[kind] -= 1
            if kind == "streams":
                self._streams[peer] -= 1
                if not self._streams[peer]:
                    del self._streams[peer]

    # Who asks ----------------------------------------------------------------------------------------------------

    def _check(self, scope: Scope) -> None:
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > self._door.limits.url_bytes:
            raise _RefusedError(414, "URI Too Long", "the address is too long", _CLOSE)
        headers = scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) > self._door.limits.header_bytes:
            raise _RefusedError(431, "Request Header Fields Too Large", "the header is too long", _CLOSE)
        host = self._check_host(scope, [value for name, value in headers if name == b"host"])
        for name, value in headers:
            if name == b"origin" and value != b"http://" + host:
                raise _RefusedError(403, "Forbidden", "another origin asks")
            if name == b"sec-fetch-site" and value not in {b"same-origin", b"none"}:
                raise _RefusedError(403, "Forbidden", "another site asks; type the address instead")
            if (name == b"content-length" and value.strip() != b"0") or name == b"transfer-encoding":
                raise _RefusedError(413, "Content Too Large", "no route takes a body", _CLOSE)
        if scope["type"] == "websocket" and not scope["path"].startswith("/v1/ws"):
            raise _RefusedError(404, "Not Found", "no socket here")
        self._check_token(scope)

    def _check_host(self, scope: Scope, hosts: list[bytes]) -> bytes:
        """Accept a name only in the very form in which we say it."""
        server = scope.get("server")
        names = self._door.names
        if self._door.is_exposed and server is not None:
            # The address at which the client reached us: no name that a stranger's server could answer for.
            names |= {f"[{server[0]}]:{server[1]}" if ":" in server[0] else f"{server[0]}:{server[1]}"}
        if len(hosts) != 1 or hosts[0].decode("latin-1") not in names:
            raise _RefusedError(400, "Bad Request", "the Host is not one of ours")
        return hosts[0]

    def _check_token(self, scope: Scope) -> None:
        words = {part.partition(b"=")[0].lower() for part in scope["query_string"].split(b"&")}
        if words.intersection(_TOKEN_WORDS):
            raise _RefusedError(400, "Bad Request", "a token has no place in an address: it is kept in logs")
        secret = self._door.token
        if secret is None or _is_public(scope["path"]):
            return
        peer, now = _peer(scope), asyncio.get_running_loop().time()
        wrong = self._wrong.get(peer, deque())
        while wrong and now - wrong[0] > _WRONG_S:
            wrong.popleft()
        if len(wrong) >= _WRONG_MAX:
            raise _RefusedError(429, "Too Many Requests", "too many wrong tokens", (b"retry-after", b"60"))
        given = _given(scope)
        if given is not None and is_same(given, secret):
            return
        if given is not None:
            wrong.append(now)
            self._wrong.pop(peer, None)
            self._wrong[peer] = wrong
            if len(self._wrong) > _PEERS_MAX:
                self._wrong.pop(next(iter(self._wrong)))
        raise _RefusedError(401, "Unauthorized", "a token is asked for", (b"www-authenticate", b"Bearer"))

    # How many ----------------------------------------------------------------------------------------------------

    def _take(self, scope: Scope) -> str:
        """Take a slot and return of which kind."""
        limits, peer = self._door.limits, _peer(scope)
        kind = "requests"
        if scope["type"] == "websocket":
            kind = "sockets"
        elif scope["path"] == _STREAM:
            kind = "streams"
            if self._streams[peer] >= limits.streams_per_peer:
                raise _RefusedError(429, "Too Many Requests", "too many streams of one client", (b"retry-after", b"5"))
        if self._taken[kind] >= getattr(limits, kind):
            raise _RefusedError(503, "Service Unavailable", f"too many {kind}", (b"retry-after", b"5"))
        self._taken[kind] += 1
        if kind == "streams":
            self._streams[peer] += 1
        return kind


_CLOSE = (b"connection", b"close")


def _is_public(path: str) -> bool:
    """Say whether this is the page itself, which holds no facts of the night and is how a browser comes to ask."""
    return path == "/" or path.startswith("/static/")


def _given(scope: Scope) -> str | None:
    if scope["type"] == "websocket":
        offered = [name for name in scope["subprotocols"] if name.startswith("bearer.")]
        if offered:
            return str(offered[0].removeprefix("bearer."))
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        return None
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return "" if client is None else str(client[0])


def _dressed(send: Send) -> Send:
    async def dressed(message: MutableMapping[str, Any]) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            given = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [*message.get("headers", []), *(one for one in _HEADERS if one[0] not in given)]
        await send(message)

    return dressed


async def _deny(scope: Scope, receive: Receive, send: Send, refusal: _RefusedError) -> None:
    prefix = ""
    if scope["type"] == "websocket":
        prefix = "websocket."
        await receive()
    headers = [(b"content-type", b"application/problem+json"), *refusal.headers]
    start = {"type": f"{prefix}http.response.start", "status": refusal.status, "headers": headers}
    await _dressed(send)(start)
    await send({"type": f"{prefix}http.response.body", "body": msgspec.json.encode(refusal.problem)})
