"""
A fake ESPN, NBA, Gamma and CLOB behind real aiohttp, with whatever is wrong with them at the moment.

Theory of operation. `Weather` says what is wrong now; `Upstream` answers accordingly and notes what it did, so that the
judge can ask whether the tape tells of it. Ten games a night, 19:30 in New York, and their markets.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from aiohttp import WSMsgType, web

from recorder.chaos.faults import CLOSES, Fault
from recorder.net.websocket import FRAME_MAX
from recorder.times import SECOND_NS, utc

__all__ = ["Socket", "Upstream", "Weather", "Withheld"]

_STALE_NS = 120 * SECOND_NS
_RETRY_AFTER_S = 45
_FIRST_NIGHT = datetime(2026, 1, 15, tzinfo=UTC)
_BEGINS = timedelta(hours=24, minutes=30)
_LASTS = timedelta(hours=2, minutes=30)
_NAMES = ("Pacers", "Knicks", "Hawks", "Celtics", "Nets", "Hornets", "Bulls", "Cavaliers", "Mavericks", "Nuggets")
_OTHERS = ("Pistons", "Warriors", "Rockets", "Clippers", "Lakers", "Grizzlies", "Heat", "Bucks", "Timberwolves")
_TEAMS = (*_NAMES, *_OTHERS, "Pelicans")
_PAIRS = tuple(zip(_TEAMS[::2], _TEAMS[1::2], strict=True))


@dataclass(slots=True)
class Weather:
    """What is wrong now. faults of the sockets; answers by source; the token that is silent."""

    faults: set[Fault] = field(default_factory=set)
    answers: dict[str, Fault] = field(default_factory=dict)
    silent_token: str = ""


@dataclass(slots=True)
class Withheld:
    """A first book that a subscription was not given; until_ns is when it was, or when the socket ended."""

    token: str
    since_ns: int
    until_ns: int | None = None


@dataclass(slots=True)
class Socket:
    """A market socket as the server sees it; quiet holds the stretches in which it said nothing but PONG."""

    opened_ns: int
    tokens: dict[str, None] = field(default_factory=dict)
    withheld: dict[str, Withheld] = field(default_factory=dict)
    quiet_since_ns: int | None = None


class Upstream:
    """All sources on one port."""

    def __init__(self, weather: Weather, rng: Random, now_ns: Callable[[], int]) -> None:
        """Serve under this weather."""
        self._weather = weather
        self._rng = rng
        self._now_ns = now_ns
        self._open: dict[int, tuple[web.WebSocketResponse, web.Request, Socket]] = {}
        self._count = 0
        self.asked: list[tuple[str, int]] = []
        """Every question: which source, when. A socket that is opened is a question to `market`."""
        self.withheld: list[Withheld] = []
        self.quiet: list[tuple[int, int]] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Serve, and return the base address."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "::1", 8000).start()
        return "http://[::1]:8000"

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    def tokens(self) -> list[str]:
        """Return what is subscribed to at the moment."""
        return [token for *_, socket in self._open.values() for token in socket.tokens]

    async def close_sockets(self, fault: Fault) -> None:
        """End every market socket in one of the ways of `CLOSES`."""
        for socket, request, _ in list(self._open.values()):
            if fault is Fault.CLOSE_1006:
                if request.transport is not None:
                    request.transport.abort()
            elif fault is Fault.CLOSE_1009:
                await socket.send_str("x" * (FRAME_MAX + 1))
            else:
                await socket.close(code=CLOSES[fault], message=b"chaos")

    # Answers -----------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/ws/market":
            self.asked.append(("market", self._now_ns()))
            return await self._market(request)
        if request.path == "/ws":
            return await _sports(request)
        source = _source(request.path)
        self.asked.append((source, self._now_ns()))
        fault = self._weather.answers.get(source)
        now_ns = self._now_ns() - (_STALE_NS if fault is Fault.STALE_BODY else 0)
        body = json.dumps(self._body(request, now_ns, await request.text())).encode()
        headers = {"Date": _http_date(self._now_ns()), "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"'}
        if fault is Fault.STALE_BODY:
            headers["Age"] = str(_STALE_NS // SECOND_NS)
        match fault:
            case Fault.STATUS_500 | Fault.STATUS_403:
                return web.Response(status=int(fault[-3:]), headers=headers)
            case Fault.STATUS_429:
                return web.Response(status=429, headers={**headers, "Retry-After": str(_RETRY_AFTER_S)})
            case Fault.GARBAGE_BODY:
                return web.Response(body=b"<html>be right back</html>", content_type="text/html", headers=headers)
            case Fault.SLOW_BODY | Fault.BROKEN_BODY:
                return await self._half(request, body, headers, is_slow=fault is Fault.SLOW_BODY)
            case _ if request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers=headers)
            case _:
                return web.Response(body=body, content_type="application/json", headers=headers)

    async def _half(
        self, request: web.Request, body: bytes, headers: dict[str, str], *, is_slow: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if is_slow:
            await asyncio.sleep(40)
        if request.transport is not None:
            request.transport.abort()
        return response

    def _body(self, request: web.Request, now_ns: int, asked: str) -> object:
        path = request.path
        if path.endswith("/scoreboard"):
            return _espn(request.query.get("dates", ""), now_ns)
        if path.endswith("/todaysScoreboard_00.json"):
            return {"scoreboard": {"gameDate": f"{_moment(now_ns) - timedelta(hours=17):%Y-%m-%d}", "games": []}}
        if path == "/sports":
            return [{"sport": "nba", "series": "10345"}]
        if path == "/events":
            return [] if request.query.get("closed") == "true" else _events(now_ns)
        return [_book(item["token_id"], now_ns) for item in json.loads(asked or "[]")]

    # The market socket -------------------------------------------------------------------------------------------

    async def _market(self, request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse(autoping=True)
        await response.prepare(request)
        self._count += 1
        number = self._count
        socket = Socket(self._now_ns())
        self._open[number] = (response, request, socket)
        try:
            async with asyncio.TaskGroup() as group:
                flowing = group.create_task(self._flow(response, socket))
                async for message in response:
                    if message.type is WSMsgType.TEXT:
                        await self._hear(response, socket, message.data)
                flowing.cancel()
        except* (ConnectionError, RuntimeError):
            pass  # the recorder, or a fault, ended it while we spoke
        finally:
            del self._open[number]
            self._end(socket)
        return response

    def _end(self, socket: Socket) -> None:
        for withheld in socket.withheld.values():
            withheld.until_ns = self._now_ns()
        self._note_quiet(socket, is_quiet=False)

    async def _hear(self, response: web.WebSocketResponse, socket: Socket, text: str) -> None:
        if text == "PING":
            await response.send_str("PONG")
            return
        asked = json.loads(text)
        tokens = asked["assets_ids"]
        if asked.get("operation") == "unsubscribe":
            for token in tokens:
                socket.tokens.pop(token, None)
                if token in socket.withheld:
                    socket.withheld.pop(token).until_ns = self._now_ns()
            return
        socket.tokens.update(dict.fromkeys(tokens))
        given = [token for token in tokens if not self._is_withheld(token)]
        for token in tokens:
            if token not in given:
                socket.withheld[token] = Withheld(token, self._now_ns())
                self.withheld.append(socket.withheld[token])
        if given:
            await response.send_str(json.dumps([_book(token, self._now_ns()) for token in given]))

    def _is_withheld(self, token: str) -> bool:
        faults = self._weather.faults
        return (
            Fault.NO_SNAPSHOT in faults
            or Fault.SILENT_SOCKET in faults
            or (Fault.SILENT_ASSET in faults and token == self._weather.silent_token)
        )

    async def _flow(self, response: web.WebSocketResponse, socket: Socket) -> None:
        """Say what changes in the books, every few seconds, for ever."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / 3.0))
            faults = self._weather.faults
            self._note_quiet(socket, is_quiet=Fault.SILENT_SOCKET in faults)
            tokens = [token for token in socket.tokens if not self._is_mute(token)]
            if Fault.SILENT_SOCKET in faults or not tokens:
                continue
            token = self._rng.choice(tokens)
            frame = json.dumps(self._change(token, crossed=Fault.CROSSED in faults))
            for _ in range(2 if Fault.DUPLICATES in faults else 1):
                await response.send_str(frame)

    def _is_mute(self, token: str) -> bool:
        return Fault.SILENT_ASSET in self._weather.faults and token == self._weather.silent_token

    def _note_quiet(self, socket: Socket, *, is_quiet: bool) -> None:
        if is_quiet and socket.quiet_since_ns is None and socket.tokens:
            socket.quiet_since_ns = self._now_ns()
        elif not is_quiet and socket.quiet_since_ns is not None:
            self.quiet.append((socket.quiet_since_ns, self._now_ns()))
            socket.quiet_since_ns = None

    def _change(self, token: str, *, crossed: bool) -> dict[str, Any]:
        cents = self._rng.randrange(30, 70)
        bid, ask = (cents + 1, cents) if crossed else (cents, cents + 1)
        change = {
            "asset_id": token,
            "price": f"0.{cents}",
            "size": str(self._rng.randrange(1, 900)),
            "side": "BUY",
            "best_bid": f"0.{bid}",
            "best_ask": f"0.{ask}",
        }
        stamp = str(self._now_ns() // 1_000_000)
        return {"market": "0x1", "price_changes": [change], "timestamp": stamp, "event_type": "price_change"}


# Bodies --------------------------------------------------------------------------------------------------------------


async def _sports(request: web.Request) -> web.WebSocketResponse:
    """Keep a sports socket on which no game is spoken of."""
    response = web.WebSocketResponse()
    await response.prepare(request)

    async def ping() -> None:
        while not response.closed:
            await response.send_str("ping")
            await asyncio.sleep(5)

    try:
        async with asyncio.TaskGroup() as group:
            pinging = group.create_task(ping())
            async for _ in response:
                pass
            pinging.cancel()
    except* (ConnectionError, RuntimeError):
        pass  # the recorder ended it while we spoke
    return response


def _source(path: str) -> str:
    if path.startswith("/apis/"):
        return "espn"
    if path.startswith("/static/"):
        return "nba"
    return "clob" if path == "/books" else "gamma"


def _moment(now_ns: int) -> datetime:
    return utc(now_ns // SECOND_NS * SECOND_NS)


def _http_date(now_ns: int) -> str:
    return format_datetime(_moment(now_ns), usegmt=True)


def _espn(day: str, now_ns: int) -> dict[str, Any]:
    """Tell of the games of a New York day: their score is the minutes since their start."""
    night = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    begins, now = night + _BEGINS, _moment(now_ns)
    state = "pre" if now < begins else "in" if now < begins + _LASTS else "post"
    score = str(max(0, int((min(now, begins + _LASTS) - begins).total_seconds() // 60)))
    status = {"type": {"state": state, "completed": state == "post"}}
    events = []
    for at, pair in enumerate(_PAIRS):
        teams = [
            {"homeAway": side, "score": score, "team": {"id": name, "name": name, "displayName": name}}
            for side, name in zip(("home", "away"), pair, strict=True)
        ]
        game = {"competitors": teams, "status": status}
        events.append({"id": f"{day}{at}", "date": f"{begins:%Y-%m-%dT%H:%MZ}", "competitions": [game]})
    return {"events": events}


def _events(now_ns: int) -> list[dict[str, Any]]:
    """List the games of tonight and of tomorrow night, with their markets."""
    tonight = _moment(now_ns - 12 * 3600 * SECOND_NS).replace(hour=0, minute=0, second=0)
    return [_event(tonight + timedelta(days=ahead), at, *pair) for ahead in range(2) for at, pair in enumerate(_PAIRS)]


def _event(night: datetime, at: int, home: str, away: str) -> dict[str, Any]:
    number = 1000 + 20 * (night - _FIRST_NIGHT).days + 2 * at
    start = f"{night + _BEGINS:%Y-%m-%dT%H:%M:%SZ}"
    slug = f"nba-{away.lower()}-{home.lower()}-{night:%Y-%m-%d}"
    market = {
        "conditionId": f"0x{number}",
        "slug": slug,
        "sportsMarketType": "moneyline",
        "outcomes": json.dumps([away, home]),
        "clobTokenIds": json.dumps([str(number + 1), str(number)]),
        "gameStartTime": start,
    }
    return {"id": str(number), "slug": slug, "startTime": start, "series": [{"id": "10345"}], "markets": [market]}


def _book(token: str, now_ns: int) -> dict[str, Any]:
    levels = {"bids": [{"price": "0.40", "size": "10"}], "asks": [{"price": "0.42", "size": "10"}]}
    return {"event_type": "book", "asset_id": token, "market": "0x1", **levels, "timestamp": str(now_ns // 1_000_000)}
