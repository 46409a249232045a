"""The files of a live game and the sports socket, recorded from a local server that misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from random import Random

from aiohttp import web
from memory_log import MemoryLog

from recorder.clock import SystemClock
from recorder.config import Config
from recorder.envelope import Envelope, Kind
from recorder.feeds.nba import NbaGameFeed, NbaScoreboardFeed
from recorder.feeds.polling import Pace
from recorder.feeds.sports import SportsSocketFeed
from recorder.plan import Planner
from recorder.session import STALL_NS, Session

LIVE, OTHER = "0022500001", "0022500002"


def plays(version: int) -> bytes:
    return json.dumps({"game": {"gameId": LIVE, "actions": [{"actionNumber": n} for n in range(version)]}}).encode()


class Misbehaving:
    """Two games on the slate, one of them live; its play-by-play goes through every bad answer, then is whole."""

    answers = (
        (403, b"<HTML>Access Denied</HTML>"),
        (200, b"<html>maintenance</html>"),
        (200, plays(2)[:-3]),
        (200, plays(2)),
        (200, plays(1)),
        (304, b""),
        (200, plays(3)),
    )

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.pongs: list[str] = []
        self.sockets = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path.rpartition("/")[2]] += 1
        if request.path == "/ws":
            return await self.sports(request)
        if "todaysScoreboard" in request.path:
            games = [{"gameId": LIVE, "gameStatus": 2}, {"gameId": OTHER, "gameStatus": 1}]
            return web.json_response({"scoreboard": {"games": games}})
        if "playbyplay" in request.path:
            number = self.asked[f"playbyplay_{LIVE}.json"] - 1
            status, body = self.answers[min(number, len(self.answers) - 1)]
            return web.Response(status=status, body=body)
        return web.json_response({"game": {"gameId": LIVE}})

    async def sports(self, request: web.Request) -> web.WebSocketResponse:
        self.sockets += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("ping")
        self.pongs.append(await socket.receive_str())
        await socket.send_str('{"gameId":1}')
        if self.sockets == 1:
            assert request.transport is not None
            request.transport.abort()
            return socket
        async for _ in socket:
            pass
        return socket


def test_every_bad_answer_is_on_the_tape_and_the_next_version_is_asked_for(monkeypatch) -> None:
    """A refusal, a page, a cut and an older version are recorded as they came; only live games are asked about."""
    world, log = Misbehaving(), MemoryLog()
    # By the hurried clock a machine that is busy for half a second would have stood still for five.
    monkeypatch.setattr("recorder.session.STALL_NS", STALL_NS * 100)

    async def main() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", world.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"127.0.0.1:{runner.addresses[0][1]}"
        rng = Random(1)
        feeds = [
            NbaScoreboardFeed(f"http://{base}", rng=rng, pace=Pace(live_s=0.05, idle_s=0.05)),
            NbaGameFeed("playbyplay", f"http://{base}", rng=rng, every_s=0.05),
            NbaGameFeed("boxscore", f"http://{base}", rng=rng, every_s=0.05),
            SportsSocketFeed(f"ws://{base}/ws", rng=rng),
        ]
        # Waits after a failure are the feeds' own; the clock runs them off ten times as fast.
        session = Session(log, Hurried(), feeds, Planner(), Config(), taps=[lambda e: done(e) and session.stop()])
        await session.run(for_ns=120_000_000_000 * Hurried.RATE)
        await runner.cleanup()

    def done(envelope: Envelope) -> bool:
        return envelope.payload == plays(3) and world.sockets > 1 and len(world.pongs) > 1

    asyncio.run(main())
    bodies = log.of(Kind.BODY, feed="nba.playbyplay")
    assert [(e.facts()["status"], e.payload) for e in bodies][:7] == list(Misbehaving.answers)
    assert f"playbyplay_{OTHER}.json" not in world.asked
    assert world.asked[f"boxscore_{LIVE}.json"] > 0
    assert set(world.pongs) == {"pong"}
    kinds = [e.kind for e in log.of(feed="polymarket.sports")][:6]
    assert kinds == [Kind.OPENED, Kind.FRAME, Kind.SENT, Kind.FRAME, Kind.CLOSED, Kind.OPENED]


class Hurried(SystemClock):
    """The machine's clock, ten times as fast."""

    RATE = 10

    def __init__(self) -> None:
        super().__init__()
        self._from_ns = super().now_ns()

    def now_ns(self) -> int:
        return self._from_ns + (super().now_ns() - self._from_ns) * self.RATE
