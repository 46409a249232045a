"""A full night behind real sockets, for benchmarks: 11 leagues, 20 games with a market, 500 frames a second."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from random import Random

from aiohttp import WSMsgType, web

from recorder.leagues import LEAGUES, League

__all__ = ["NIGHT_FRAMES_S", "serve_night"]

NIGHT_FRAMES_S = 500
GAMES = 10
MARKETS_OF = ("nba", "nhl")
_BODY_BYTES = 12_000


def _team(league: League, number: int) -> str:
    return f"{league.key}club{number}"


def _event(league: League, game: int, start: str, rng: Random) -> dict[str, object]:
    sides = [("home", 2 * game), ("away", 2 * game + 1)]
    teams = [
        {"homeAway": side, "score": str(rng.randrange(120)), "team": {"id": str(at), "name": _team(league, at)}}
        for side, at in sides
    ]
    # What nobody reads but everybody is sent: leaders, records, links.
    leaders = [
        {"name": f"leader{at}", "value": rng.random(), "link": f"https://a.b/{at}"} for at in range(_BODY_BYTES // 80)
    ]
    status = {"type": {"state": "in", "completed": False}}
    return {
        "id": f"{league.key}{game}",
        "date": start,
        "competitions": [{"competitors": teams, "status": status, "leaders": leaders}],
    }


def _market(league: League, game: int, start: str) -> dict[str, object]:
    number = game + GAMES * MARKETS_OF.index(league.key)
    market = {
        "conditionId": f"0x{number:x}",
        "slug": f"{league.venue_codes[0]}-game-{number}",
        "sportsMarketType": "moneyline",
        "outcomes": json.dumps([_team(league, 2 * game), _team(league, 2 * game + 1)]),
        "clobTokenIds": json.dumps([str(10**76 + 2 * number), str(10**76 + 2 * number + 1)]),
        "gameStartTime": start,
    }
    return {"id": str(number), "slug": market["slug"], "startTime": start, "series": [], "markets": [market]}


class _Night:
    def __init__(self, frame: str) -> None:
        start = datetime.fromtimestamp(time.time() - 1800, UTC).strftime("%Y-%m-%dT%H:%MZ")
        rng = Random(7)
        self.frame = frame
        self.boards = {
            league.espn_path: [
                json.dumps({"events": [_event(league, game, start, rng) for game in range(GAMES)]}) for _ in range(20)
            ]
            for league in LEAGUES.values()
        }
        markets = [_market(LEAGUES[key], game, start) for key in MARKETS_OF for game in range(GAMES)]
        self.events = json.dumps(markets)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/ws"):
            return await self.talk(request)
        return web.Response(text=self.body(request), content_type="application/json")

    def body(self, request: web.Request) -> str:
        path = request.path
        if path.endswith("/scoreboard"):
            boards = self.boards[path.split("/sports/")[1].removesuffix("/scoreboard")]
            return boards[int(time.time() / 4) % len(boards)]
        if path == "/sports":
            return json.dumps([{"sport": LEAGUES[key].venue_codes[0], "series": key} for key in MARKETS_OF])
        if path == "/events":
            return self.events if request.query.get("offset", "0") == "0" else "[]"
        if path.endswith("todaysScoreboard_00.json"):
            return '{"scoreboard":{"games":[]}}'
        return "[]"

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with asyncio.TaskGroup() as group:
            async for message in socket:
                if message.type is WSMsgType.TEXT and message.data == "PING":
                    await socket.send_str("PONG")
                elif message.type is WSMsgType.TEXT and "assets_ids" in message.data:
                    group.create_task(self.say(socket, json.loads(message.data)["assets_ids"]))
        return socket

    async def say(self, socket: web.WebSocketResponse, tokens: list[str]) -> None:
        await socket.send_str(
            json.dumps([{"event_type": "book", "asset_id": one, "bids": [], "asks": []} for one in tokens])
        )
        frames = [self.frame.replace("1" * 77, token) for token in tokens]
        began, sent = time.perf_counter(), 0
        while not socket.closed:
            while sent < (time.perf_counter() - began) * NIGHT_FRAMES_S:
                await socket.send_str(frames[sent % len(frames)])
                sent += 1
            await asyncio.sleep(0.01)


async def serve_night(frame: str) -> None:
    """Serve on a free port, print it, and go on until killed."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", _Night(frame).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
