"""How fast the recorder takes frames: a real socket on loopback, a real tape, every frame durable."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

from recorder.clock import SystemClock
from recorder.config import Config
from recorder.envelope import Envelope, Kind
from recorder.feeds.base import Command, Input, Open, Start
from recorder.session import Session
from recorder.tape.writer import TapeWriter

FRAMES = 100_000
_TOKEN = "1" * 77
_CHANGE = f'{{"asset_id":"{_TOKEN}","price":"0.53","size":"100","side":"BUY","hash":"{"a" * 40}"}}'
FRAME = f'{{"event_type":"price_change","price_changes":[{_CHANGE},{_CHANGE}],"timestamp":"1757908892351"}}'


class _Market:
    """A feed that opens one socket and listens."""

    name = "polymarket.market"

    def __init__(self, url: str) -> None:
        self._url = url

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        del now_ns
        return [Open(1, self._url)] if isinstance(happened, Start) else []


class _NoPlan:
    def see(self, feed: str, body: bytes) -> None:
        del feed, body


async def _flood() -> None:
    async def handler(connection: ServerConnection) -> None:
        for _ in range(FRAMES):
            await connection.send(FRAME)
        await connection.close()

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


async def _record(url: str, path: Path) -> None:
    def tap(envelope: Envelope) -> None:
        if envelope.kind is Kind.CLOSED:
            session.stop()

    commits: list[int] = []
    writer = TapeWriter.create(path, created_ns=0)
    session = Session(writer, SystemClock(), [_Market(url)], _NoPlan(), Config(), taps=[tap], on_durable=commits.append)
    begun, cpu = time.perf_counter(), time.process_time()
    await session.run()
    seconds = time.perf_counter() - begun
    busy = time.process_time() - cpu
    assert writer.next_seq >= FRAMES
    print(f"{FRAMES / seconds:,.0f} frames/s received and durable, {busy / FRAMES * 1e6:.1f} us of CPU a frame")
    print(f"{len(commits):,} commits, each with its fdatasync, beside them in another thread")


def main() -> None:
    """Flood from a process of its own, so that only the recorder is measured here."""
    if sys.argv[1:] == ["flood"]:
        asyncio.run(_flood())
        return
    server = subprocess.Popen([sys.executable, __file__, "flood"], stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        url = f"ws://127.0.0.1:{int(server.stdout.readline())}/ws/market"
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_record(url, Path(folder) / "bench"))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
