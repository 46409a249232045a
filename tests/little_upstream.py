"""A small night behind real sockets, for tests that run a whole program: one market, all sources on one port."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping

from aiohttp import WSMsgType, web

__all__ = ["AWAY_TOKEN", "HOME_TOKEN", "NIGHT", "little_upstream"]

NIGHT = "2026-01-15"
HOME_TOKEN, AWAY_TOKEN = "222", "111"
_START = "2026-01-16T00:30:00Z"


def _team(number: int, name: str, side: str) -> dict[str, object]:
    return {"homeAway": side, "score": "0", "team": {"id": str(number), "name": name, "displayName": f"The {name}"}}


def _event(number: int, home: str, away: str) -> dict[str, object]:
    teams = [_team(number, home, "home"), _team(number + 1, away, "away")]
    status = {"type": {"state": "in", "completed": False}}
    return {"id": str(number), "date": _START, "competitions": [{"competitors": teams, "status": status}]}


def _body(path: str) -> object:
    if path.endswith("/basketball/nba/scoreboard"):
        return {"events": [_event(401, "Pacers", "Knicks"), _event(501, "Bulls\x1b[2J", "Heat")]}
    if path.endswith("/todaysScoreboard_00.json"):
        return {"scoreboard": {"gameDate": NIGHT, "games": []}}
    if path == "/sports":
        return [{"sport": "nba", "series": "10345"}]
    if path == "/events":
        market = {
            "conditionId": "0xabc",
            "slug": "nba-nyk-ind-2026-01-15",
            "sportsMarketType": "moneyline",
            "outcomes": json.dumps(["Knicks", "Pacers"]),
            "clobTokenIds": json.dumps([AWAY_TOKEN, HOME_TOKEN]),
            "gameStartTime": _START,
        }
        series = [{"id": "10345"}]
        return [{"id": "9", "slug": market["slug"], "startTime": _START, "series": series, "markets": [market]}]
    if path == "/books":
        return [{"asset_id": HOME_TOKEN, "bids": [], "asks": []}]
    return None


async def _answer(request: web.Request) -> web.StreamResponse:
    if request.path == "/ws/market":
        return await _market(request)
    if request.path == "/ws":
        return await _sports(request)
    body = _body(request.path)
    return web.json_response(body, status=404 if body is None else 200)


async def _sports(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("ping")
    async for _ in socket:
        pass
    return socket


async def _market(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        if message.data == "PING":
            await socket.send_str("PONG")
            continue
        books = [
            {"event_type": "book", "asset_id": token, "market": "0xabc", "bids": [], "asks": [], "timestamp": "1"}
            for token in json.loads(message.data)["assets_ids"]
        ]
        await socket.send_str(json.dumps(books))
    return socket


async def _chatty_market(request: web.Request, chatter_s: float) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(_chatter(socket, chatter_s))
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data == "PING":
                await socket.send_str("PONG")
        talking.cancel()
    return socket


async def _chatter(socket: web.WebSocketResponse, chatter_s: float) -> None:
    books = [{"event_type": "book", "asset_id": token, "bids": [], "asks": []} for token in (HOME_TOKEN, AWAY_TOKEN)]
    await socket.send_str(json.dumps(books))
    with contextlib.suppress(ConnectionError):
        for number in itertools.count():
            change = {"event_type": "price_change", "price_changes": [{"asset_id": HOME_TOKEN}], "number": number}
            await socket.send_str(json.dumps({**change, "timestamp": str(time.time_ns() // 1_000_000)}))
            await asyncio.sleep(chatter_s)


@contextlib.contextmanager
def little_upstream(
    broken: Mapping[str, tuple[int, str]] | None = None, *, chatter_s: float | None = None
) -> Iterator[str]:
    """
    Serve the night from a thread of its own and give its base address.

    broken: the status and text with which every path that contains the key is answered instead. chatter_s: after the
    books the market says a change this often, with a number and the time at which it was sent.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def answer(request: web.Request) -> web.StreamResponse:
        for part, (status, text) in (broken or {}).items():
            if part in request.path:
                return web.Response(status=status, text=text)
        if chatter_s is not None and request.path == "/ws/market":
            return await _chatty_market(request, chatter_s)
        return await _answer(request)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
