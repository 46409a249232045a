"""
The view of a recorded tape: the dashboard's own files and the answers of a `Viewing`, on a port of this machine.

It speaks the live API's words as far as its page needs them, and adds moments. Nothing can be changed through it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from recorder.errors import UsageError
from replay.live.contract import History, Problem, Signals
from replay.live.pages import PAGE_HEADERS, page_files
from replay.site import site_on

if TYPE_CHECKING:
    from replay.live.viewing import Viewing

__all__ = ["view_app", "viewing_on"]

_LOOPBACK = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "[::1]"}
_OWN_SITES = {"same-origin", "none"}
_POINTS_MAX = 5_000
_SIGNALS_MAX = 5_000
_NS_DIGITS_MAX = 19

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def view_app(viewing: Viewing) -> web.Application:
    """Return the application that answers for a viewing, to whoever asks it by its own name."""
    files = page_files()

    async def page(request: web.Request) -> web.Response:
        content_type, body = files.get(request.path) or _missing(request.path)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def games(_: web.Request) -> web.Response:
        return _json(viewing.games())

    async def moments(request: web.Request) -> web.Response:
        at_ns = _number(request, "at_ns", None, 10**_NS_DIGITS_MAX)
        return _json(viewing.moment(min(max(at_ns, int(viewing.tape.first_ns)), int(viewing.tape.last_ns))))

    async def signals(request: web.Request) -> web.Response:
        found = viewing.signals(_number(request, "limit", 100, _SIGNALS_MAX))
        return _json(Signals(signals=found, next_since=found[-1].seq if found else -1))

    async def history(request: web.Request) -> web.Response:
        points = max(_number(request, "points", 1_000, _POINTS_MAX), 2)
        return _json(_history(viewing, request.match_info["game_id"], points))

    app = web.Application(middlewares=[_guard])
    app.add_routes(
        [
            web.get("/v1/games", games),
            web.get("/v1/moments", moments),
            web.get("/v1/signals", signals),
            web.get("/v1/history/{game_id}", history),
            web.get("/{path:.*}", page),
        ]
    )
    return app


@asynccontextmanager
async def viewing_on(viewing: Viewing, host: str, port: int) -> AsyncIterator[str]:
    """
    Serve a viewing on this machine and yield its address.

    Raises:
        UsageError: the host is not this machine, or the port is taken.
    """
    if host not in _LOOPBACK:
        raise UsageError(f"a view is for this machine only, not for {host}", hint="--host 127.0.0.1")
    async with site_on(view_app(viewing), host, port, handler_cancellation=True) as bound:
        yield f"http://{_LOOPBACK[host]}:{bound}"


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer only to our own name, and to no other site's page; say everything under the page's policy."""
    answer: web.StreamResponse
    try:
        sockname = request.transport.get_extra_info("sockname") if request.transport else None
        port = sockname[1] if sockname else 0
        if request.host not in {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "this server is not called that")
        if request.path.startswith("/v1/") and request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "another site's page may not ask")
        answer = await handler(request)
    except _RefusedError as refused:
        answer = _problem(refused.status, refused.detail)
    except web.HTTPException as error:
        answer = _problem(HTTPStatus(error.status), error.reason)
    answer.headers.update(PAGE_HEADERS)
    return answer


class _RefusedError(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def _json(answer: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def _problem(status: HTTPStatus, detail: str) -> web.Response:
    body = msgspec.json.encode(Problem(title=status.phrase, status=status.value, detail=detail))
    return web.Response(body=body, status=status.value, content_type="application/problem+json")


def _missing(path: str) -> tuple[str, bytes]:
    raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")


def _history(viewing: Viewing, game_id: str, points: int) -> History:
    try:
        return viewing.history(game_id, points)
    except KeyError:
        raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is no game {game_id}") from None


def _number(request: web.Request, name: str, default: int | None, most: int) -> int:
    text = request.query.get(name, "" if default is None else str(default))
    if not text.isascii() or not text.isdigit() or len(text) > _NS_DIGITS_MAX:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f"{name} is not a whole number")
    return min(int(text), most)
