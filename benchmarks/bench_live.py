"""
How soon a signal follows its frame, what a burst costs, what a crowd of clients costs the recording, and what abuse
costs the outlet.

A server of its own process sends market frames of 40 tokens (20 simulated games); a real session records them durably
with the live engine and its outlet beside it. `python benchmarks/bench_live.py [latency|burst|crowd|abuse]`, all
without a word; with `--seconds 600` latency and crowd take ten minutes. The waits for a poll are not in it: a frame's
way begins with its stamp at the socket. How long the recording's threads waited for a processor is told as well: that
much of it is the machine.
"""

# ruff: noqa: SLF001  what is measured has no door of its own

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from recorder.clock import SystemClock
from recorder.config import Config
from recorder.envelope import Envelope, Kind
from recorder.feeds.base import Command, Input, Open, Start
from recorder.sequencer import Sequencer
from recorder.session import Session
from recorder.tape.writer import TapeWriter
from replay.live.decisions import LiveConfig
from replay.live.orders import Limits
from replay.live.outlet import Outlet, OutletPlan, listen, names_of
from replay.live.tap import LiveEngine
from replay.settings import Setting

GAMES = 20
S = 1_000_000_000
NOW_MS = 1_757_908_892_000


def token(game: int, side: int) -> str:
    return f"{game:02}{side}".ljust(77, "7")


def plan_body() -> bytes:
    """The plan as the recorder writes it: games and their tokens."""
    games = [
        {
            "game_id": f"nba:{game}",
            "league": "nba",
            "start_ns": None,
            "home": f"Homes {game}",
            "away": f"Aways {game}",
            "refs": [{"source": "espn", "league": "nba", "id": str(game)}],
            "market_id": f"0x{game:064x}",
            "home_token_id": token(game, 0),
            "away_token_id": token(game, 1),
            "confidence": "exact",
        }
        for game in range(GAMES)
    ]
    return json.dumps({"games": games, "unmatched": []}).encode()


def scoreboard() -> bytes:
    """All games are on."""

    def side(game: int, where: str, name: str) -> dict[str, object]:
        team = {"id": f"{game}{where}", "name": name, "abbreviation": name[:3], "displayName": name}
        return {"homeAway": where, "team": team, "score": "50"}

    kind = {"id": "2", "name": "STATUS_IN_PROGRESS", "state": "in", "completed": False}
    status = {"clock": 300.0, "displayClock": "5:00", "period": 2, "type": kind}
    events = [
        {
            "id": str(game),
            "date": "2026-01-15T20:00Z",
            "status": status,
            "competitions": [
                {
                    "status": status,
                    "competitors": [side(game, "home", f"Homes {game}"), side(game, "away", f"Aways {game}")],
                }
            ],
        }
        for game in range(GAMES)
    ]
    return json.dumps({"events": events}).encode()


def frames() -> list[str]:
    """Changes in turn of all tokens: four let their ask cross the threshold and come back, the others tremble."""
    made = []
    for size in ("0", "100"):
        for game in range(GAMES):
            for at in range(2):
                price = "0.35" if game < 2 else "0.70"
                change = {"asset_id": token(game, at), "price": price, "side": "SELL", "hash": "a" * 40, "size": size}
                body = {"event_type": "price_change", "market": f"0x{game:064x}", "price_changes": [change]}
                made.append(json.dumps(body | {"timestamp": str(NOW_MS)}, separators=(",", ":")))
    return made


def books() -> list[str]:
    """One snapshot a token: bid 30, ask 62."""
    return [
        json.dumps(
            {
                "event_type": "book",
                "market": f"0x{game:064x}",
                "asset_id": token(game, side),
                "timestamp": str(NOW_MS - 1),
                "hash": "b" * 40,
                "bids": [{"price": "0.30", "size": "500"}],
                "asks": [{"price": "0.62", "size": "500"}],
            }
        )
        for game in range(GAMES)
        for side in range(2)
    ]


async def send(rate: int, seconds: float) -> None:
    """Send frames at a rate, in groups of a hundredth of a second at most, then nothing."""

    async def handler(connection: ServerConnection) -> None:
        for text in books():
            await connection.send(text)
        await connection.recv()
        made, begun, sent = frames(), time.perf_counter(), 0
        with contextlib.suppress(ConnectionClosed):
            while (passed := time.perf_counter() - begun) < seconds:
                while sent < rate * passed:
                    await connection.send(made[sent % len(made)])
                    sent += 1
                await asyncio.sleep(1 / min(rate, 1_000))
            await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


class Market:
    """A feed that opens one socket and says when it may begin."""

    name = "polymarket.market"

    def __init__(self, url: str) -> None:
        self._url = url

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        del now_ns
        return [Open(1, self._url)] if isinstance(happened, Start) else []


class NoPlan:
    def see(self, feed: str, body: bytes) -> None:
        del feed, body


class Run:
    """One recording with everything beside it."""

    def __init__(self, folder: Path, *, limits: Limits | None = None, is_served: bool = True) -> None:
        self.path = folder / "bench"
        self.listeners = listen("127.0.0.1", 0, is_exposed=False, has_token=False) if is_served else ()
        self.port = self.listeners[0].getsockname()[1] if is_served else 0
        plan = OutletPlan(listeners=self.listeners, names=names_of(self.listeners), limits=limits or Limits())
        config = LiveConfig(setting=Setting(min_edge_u6=20_000), predictor=None)
        self.engine = LiveEngine(self.path, config, lambda _: None, plan=plan, is_warmed=True)
        self.frames = 0
        self.lags_ns: list[int] = []
        self.processor_ms = (0, 0)
        self.appends_ns: list[int] = []

    async def record(self, url: str, seconds: float) -> None:
        writer = TapeWriter.create(self.path, created_ns=0)
        clock = SystemClock()
        engine = self.engine

        def count(envelope: Envelope) -> None:
            self.frames += envelope.kind is Kind.FRAME

        session = Session(
            writer,
            clock,
            [Market(url)],
            NoPlan(),
            Config(),
            taps=[count, *engine.taps],
            on_durable=engine.on_durable,
        )
        timed = session._sequencer  # the one place where every append passes
        session._sequencer.put = self._timed(timed.put)
        async with asyncio.TaskGroup() as group:
            group.create_task(session.run(companion=engine))
            while engine._status != "running" or not session._pumps[0].sockets:  # noqa: ASYNC110  another thread says it
                await asyncio.sleep(0.1)
            timed.note("plan", payload=plan_body())
            scoring = group.create_task(self._scores(timed))
            socket_of = next(iter(session._pumps)).sockets[1]
            socket_of.send("begin")
            before = processor_ns()
            await self._watch(clock, seconds - 2)
            self.processor_ms = tuple(
                (now - then) // 1_000_000 for now, then in zip(processor_ns(), before, strict=True)
            )
            scoring.cancel()
            session.stop()
        engine.close()

    def _timed(self, put):
        def timed(*args, **kwargs):
            begun = time.perf_counter_ns()
            envelope = put(*args, **kwargs)
            self.appends_ns.append(time.perf_counter_ns() - begun)
            return envelope

        return timed

    @staticmethod
    async def _scores(sequencer: Sequencer) -> None:
        body = scoreboard()
        for _ in range(60):
            sequencer.put("espn.nba", Kind.BODY, conn=1, meta=b'{"url":"u","status":200,"sent_ns":1}', payload=body)
            await asyncio.sleep(1.0)

    async def _watch(self, clock: SystemClock, seconds: float) -> None:
        """How far the engine is behind the tape, ten times a second."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            waiting = self.engine._waiting
            oldest = next(iter(waiting), None) if waiting else None
            self.lags_ns.append(0 if oldest is None else clock.now_ns() - oldest.recv_ns)
            await asyncio.sleep(0.1)


@contextlib.contextmanager
def sender(rate: int, seconds: float):
    process = subprocess.Popen([sys.executable, __file__, "send", str(rate), str(seconds)], stdout=subprocess.PIPE)
    try:
        yield f"ws://127.0.0.1:{int(process.stdout.readline())}/"
    finally:
        process.kill()
        process.wait()


def processor_ns() -> tuple[int, int]:
    """How long the threads of this process ran, and how long they waited to run."""
    tasks = [path.read_text().split() for path in Path("/proc/self/task").glob("*/schedstat")]
    return sum(int(task[0]) for task in tasks), sum(int(task[1]) for task in tasks)


def share(values: list[int], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def latency(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder, sender(500, seconds) as url:
        run = Run(Path(folder))
        asyncio.run(run.record(url, seconds))
        ran_ms, waited_ms = run.processor_ms
        for stage, fact in run.engine.latency.facts().items():
            quantiles = ", ".join(f"{one / 1e6:.2f}" for one in (fact.p50_ns, fact.p99_ns, fact.p999_ns))
            print(f"wire -> {stage}: p50, p99, p99.9 = {quantiles} ms over {fact.count:,} signals")
        print(f"at 500 frames/s, {2 * GAMES} tokens, {run.frames:,} frames recorded durably")
        print(f"its threads ran {ran_ms:,} ms and waited {waited_ms:,} ms for a processor")


def burst() -> None:
    with tempfile.TemporaryDirectory() as folder, sender(20_000, 10) as url:
        run = Run(Path(folder))
        asyncio.run(run.record(url, 18))
        lags = [lag / 1e6 for lag in run.lags_ns]
        calm = next((k for k in range(100, len(lags)) if max(lags[k:]) < 10), len(lags))
        print(f"burst: {run.frames:,} frames in 10 s, all on the tape; engine cut: {run.engine._why or 'no'}")
        print(f"largest lag {max(lags):.0f} ms; under 10 ms for good {max(0, calm / 10 - 10):.1f} s after the burst")


def crowd(seconds: float) -> None:
    """With nobody and with many: the outlet's log of signals grows in both up to its bound; the rest is the crowd's."""
    for clients in (0, 64):
        with tempfile.TemporaryDirectory() as folder, sender(5_000, seconds) as url:
            limits = Limits(streams=100, streams_per_peer=100, sockets=100)
            run = Run(Path(folder), limits=limits)
            stop = threading.Event()
            crowd = subprocess.Popen([sys.executable, __file__, "listen", str(run.port), str(clients)])
            memory: list[int] = []
            watching = threading.Thread(target=watch_memory, args=(run, memory, stop))
            watching.start()
            asyncio.run(run.record(url, seconds))
            stop.set()
            watching.join()
            crowd.kill()
            crowd.wait()
            puts = run.appends_ns[len(run.appends_ns) // 4 :]
            rate = run.frames / (seconds - 2)
            print(f"{clients} SSE + {clients} WebSocket clients at {rate:,.0f} frames/s for {seconds:g} s:")
            print(f"  append p50 {share(puts, 0.5) / 1e3:.1f} us, p99 {share(puts, 0.99) / 1e3:.1f} us")
            if memory:
                late = [held for held in memory[len(memory) // 3 :] if held]
                print(f"  outlet RSS {late[0] / 1e6:.1f} MB a third of the way, {late[-1] / 1e6:.1f} MB at the end")


def watch_memory(run: Run, memory: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        if run.engine._outlet._process is not None:
            with contextlib.suppress(OSError, IndexError):
                memory.append(rss_bytes(run.engine._outlet))


def rss_bytes(outlet: Outlet) -> int:
    return int(Path(f"/proc/{outlet._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def abuse() -> None:
    """Bodies that nobody asked for, until 200 MB were sent, and 10,000 connections that leave half a header behind."""
    listeners = listen("127.0.0.1", 0, is_exposed=False, has_token=False)
    port = listeners[0].getsockname()[1]
    plan = OutletPlan(listeners=listeners, names=names_of(listeners))
    outlet = Outlet(plan, health=lambda _: [], on_sent=lambda *_: None, say=print)
    outlet.start(SystemClock(), "")
    answers(port)
    memory, sent, bodies = [rss_bytes(outlet)], 0, 0
    while sent < 200_000_000:
        sent += push(port, 200_000_000)
        bodies += 1
        memory.append(rss_bytes(outlet))
    print(f"{sent / 1e6:.0f} MB of bodies sent in {bodies:,} requests: outlet RSS grew by {growth(memory):.1f} MB")
    for _ in range(20):
        with contextlib.ExitStack() as stack:
            for _ in range(500):
                peer = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                with contextlib.suppress(ConnectionError):
                    peer.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 8_000)
            memory.append(rss_bytes(outlet))
        answers(port)
    print(f"and 10,000 connections, 500 at once: by {growth(memory):.1f} MB at most, {memory[0] / 1e6:.1f} MB before")
    outlet.close()


def push(port: int, size: int) -> int:
    """Post a body until the other side has enough; return how much it was sent."""
    sent, piece = 0, b"x" * (1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as peer, contextlib.suppress(ConnectionError):
        peer.sendall(f"POST /v1/games HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {size}\r\n\r\n".encode())
        while sent < size:
            sent += peer.send(piece)
    return sent


def answers(port: int) -> None:
    """Return once it answers."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        with contextlib.closing(connection), contextlib.suppress(ConnectionError):
            connection.request("GET", "/v1/health")
            return connection.getresponse().read()


def growth(memory: list[int]) -> float:
    return (max(memory) - memory[0]) / 1e6


async def hear(port: int, clients: int) -> None:
    """So many of each; the first of each never reads."""

    async def hear_socket(k: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/v1/ws", compression=None, max_queue=1) as client:
            await client.send('{"subscribe": {}}')
            if k == 0:
                await asyncio.sleep(3_600)
            async for _ in client:
                pass

    async def hear_stream(k: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
        writer.write(f"GET /v1/signals/stream HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode())
        if k == 0:
            writer.transport.pause_reading()
            await asyncio.sleep(3_600)
        while await reader.read(1 << 16):
            pass

    await asyncio.sleep(2)
    jobs = [hear_socket(k) for k in range(clients)] + [hear_stream(k) for k in range(clients)]
    await asyncio.gather(*jobs, return_exceptions=True)


def main(words: list[str]) -> None:
    if words[:1] == ["send"]:
        asyncio.run(send(int(words[1]), float(words[2])))
    elif words[:1] == ["listen"]:
        asyncio.run(hear(int(words[1]), int(words[2])))
    else:
        asked = argparse.ArgumentParser()
        asked.add_argument("what", nargs="*", help="latency, burst, crowd, abuse; all without a word")
        asked.add_argument("--seconds", type=float, default=18.0)
        given = asked.parse_args(words)
        lasting = {"latency": partial(latency, given.seconds), "crowd": partial(crowd, given.seconds)}
        benches = {**lasting, "burst": burst, "abuse": abuse}
        for name in given.what or benches:
            benches[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
