"""
How fast the recorder takes frames, what a night costs it, and how fast a killed night is mended.

    python benchmarks/bench_record.py                      all of it, memory over two simulated hours
    python benchmarks/bench_record.py memory 24            memory over a simulated day
    python benchmarks/bench_record.py ingest night recover

Servers run in processes of their own, so that only the recorder is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from night_upstream import NIGHT_FRAMES_S, serve_night
from websockets.asyncio.server import ServerConnection, serve

from recorder.chaos.world import simulate
from recorder.clock import SystemClock
from recorder.config import Config, load_config
from recorder.envelope import Envelope, Kind
from recorder.feeds.base import Command, Input, Open, Start
from recorder.leagues import LEAGUES
from recorder.lineup import lineup
from recorder.operate.machine import resident_bytes
from recorder.plan import Planner
from recorder.session import Session
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.sealer import Sealer
from recorder.tape.writer import SEGMENT_RAW_BYTES, TapeWriter

FRAMES = 200_000
PACED_S = 20_000
WARM_UP_S, NIGHT_S = 8.0, 30.0
SMALL_BYTES = 4 << 20
"""Segments so small that there is always one to be sealed."""
KILLED_EVENTS = 2_000_000
_TOKEN = re.compile(rb"\d{70,}")
_CHANGE = f'{{"asset_id":"{"1" * 77}","price":"0.53","size":"100","side":"BUY","hash":"{"a" * 40}"}}'
FRAME = (
    f'{{"market":"0x{"b" * 64}","price_changes":[{_CHANGE}],"timestamp":"1757908892351","event_type":"price_change"}}'
)


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


async def flood(frames_s: int) -> None:
    """Send frames as fast as they are taken, or so many a second."""

    async def handler(connection: ServerConnection) -> None:
        began = time.perf_counter()
        for sent in range(FRAMES):
            await connection.send(FRAME)
            if frames_s and sent % 200 == 199:
                await asyncio.sleep(max(0.0, began + sent / frames_s - time.perf_counter()))
        await connection.close()

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


@contextlib.contextmanager
def server(*words: str) -> Iterator[int]:
    """Run a server of this file in a process of its own and give its port."""
    process = subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def take_in(port: int, path: Path, what: str, segment_bytes: int, *, sealed: bool) -> None:
    """Record until the server closes, and print how fast that was and how long a frame waited to be durable."""
    appended: list[float] = []
    waited: list[float] = []
    writer = TapeWriter.create(path, created_ns=0, segment_raw_bytes=segment_bytes)
    sealer = Sealer(writer) if sealed else None

    def tap(envelope: Envelope) -> None:
        appended.append(time.perf_counter())
        if envelope.kind is Kind.CLOSED:
            session.stop()

    def on_durable(seq: int) -> None:
        now = time.perf_counter()
        waited.extend(now - appended[at] for at in range(len(waited), seq + 1))

    feeds = [_Market(f"ws://127.0.0.1:{port}/")]
    session = Session(
        writer, SystemClock(), feeds, _NoPlan(), Config(), taps=[tap], on_durable=on_durable, sealer=sealer
    )
    cpu = time.process_time()
    await session.run()
    busy = time.process_time() - cpu
    frames = [at for at, envelope in zip(appended, open_tape(path).read(), strict=True) if envelope.kind is Kind.FRAME]
    waited.sort()
    print(
        f"ingest, {what}: {FRAMES / (frames[-1] - frames[0]):,.0f} frames/s of {len(FRAME)} B durable, "
        f"{FRAMES - len(frames)} lost, append to acknowledgement p50 {waited[len(waited) // 2] * 1e3:.0f} ms "
        f"p99 {waited[len(waited) * 99 // 100] * 1e3:.0f} ms, {busy / FRAMES * 1e6:.1f} us of CPU a frame, "
        f"{len(list((path / 'sealed').iterdir()))} segments sealed meanwhile"
    )


def ingest(folder: Path) -> None:
    paced = f"{PACED_S:,} sent a second"
    for at, (what, frames_s, segment_bytes, sealed) in enumerate(
        (
            ("as fast as it goes", 0, SEGMENT_RAW_BYTES, False),
            (paced, PACED_S, SMALL_BYTES, False),
            (f"{paced}, sealing beside it", PACED_S, SMALL_BYTES, True),
        )
    ):
        with server("flood", str(frames_s)) as port:
            asyncio.run(take_in(port, folder / f"ingest{at}", what, segment_bytes, sealed=sealed))


async def watch_night(port: int, path: Path) -> None:
    config = load_config({}, upstream=f"http://127.0.0.1:{port}", env={}).config
    clock = SystemClock()
    writer = TapeWriter.create(path, created_ns=clock.now_ns())
    feeds = lineup(config, list(LEAGUES.values()), rng=Random(1))
    session = Session(writer, clock, feeds, Planner(), config)
    async with asyncio.TaskGroup() as group:
        group.create_task(session.run())
        await asyncio.sleep(WARM_UP_S)
        begun, cpu, first = time.perf_counter(), time.process_time(), writer.next_seq
        await asyncio.sleep(NIGHT_S)
        share = (time.process_time() - cpu) / (time.perf_counter() - begun)
        rate = (writer.next_seq - first) / (time.perf_counter() - begun)
        session.stop()
    envelopes = list(open_tape(path).read(first))
    frames = sum(one.kind is Kind.FRAME for one in envelopes)
    sent = [one.payload for one in open_tape(path).read() if one.kind is Kind.SENT]
    tokens = {token for text in sent for token in _TOKEN.findall(text)}
    bodies = [one for one in envelopes if one.kind is Kind.BODY and one.feed.startswith("espn.")]
    size = sum(len(one.payload) for one in bodies) / max(1, len(bodies))
    print(
        f"a night's rate: {share:.1%} of one core at {rate:,.0f} events/s "
        f"({frames / NIGHT_S:,.0f} of {NIGHT_FRAMES_S} frames/s for {len(tokens)} tokens, "
        f"{len(bodies) / NIGHT_S:.1f} scoreboards/s of {size / 1024:.0f} KiB for {len({one.feed for one in bodies})} "
        f"leagues), {(resident_bytes(os.getpid()) or 0) / 2**20:.0f} MiB"
    )


def night(folder: Path) -> None:
    with server("serve") as port:
        asyncio.run(watch_night(port, folder / "night"))


def memory(folder: Path, hours: float) -> None:
    """Simulate hours of faults and print what the process holds after each sixth of them."""
    seen: list[float] = []

    def on_hour(hour: int) -> None:
        seen.append((resident_bytes(os.getpid()) or 0) / 2**20)
        if hour % max(1, int(hours) // 6) == 0:
            print(f"memory: {seen[-1]:.0f} MiB after {hour} simulated hours", flush=True)

    record = simulate(folder / "memory", seed=7, hours=hours, on_hour=on_hour)
    print(
        f"memory: {max(seen):.0f} MiB at most over {hours:g} simulated hours, {record.acked + 1:,} events, "
        "simulated sources and observer included"
    )


def recover(folder: Path) -> None:
    """Write a night, leave it as a kill would, and mend it."""
    path = folder / "killed"
    writer = TapeWriter.create(path, created_ns=0, segment_raw_bytes=64 << 20)
    rng = Random(7)
    for seq in range(KILLED_EVENTS):
        payload = FRAME.replace("a" * 40, rng.randbytes(20).hex(), 1).encode()
        writer.append(Envelope(seq, seq * 7_000_000, "polymarket.market", 1, Kind.FRAME, b"", payload))
        if seq % 256 == 255:
            writer.commit()
    writer.commit()
    writer._lock.release()  # noqa: SLF001  as a kill leaves it
    last = max((path / "hot").iterdir())
    with last.open("ab") as file:
        file.write(last.read_bytes()[80:5000])
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    begun = time.perf_counter()
    report = recover_tape(path, write=True)
    seconds = time.perf_counter() - begun
    assert report.steps
    assert not report.lost
    print(
        f"recover a killed night: {seconds:.2f} s for {KILLED_EVENTS:,} events, "
        f"{KILLED_EVENTS * len(FRAME) / 2**20:,.0f} MiB of payload in {size / 2**20:,.0f} MiB, lost 0"
    )


def main(words: list[str]) -> None:
    if words[:1] == ["flood"]:
        asyncio.run(flood(int(words[1])))
        return
    if words[:1] == ["serve"]:
        asyncio.run(serve_night(FRAME))
        return
    wanted = [word for word in words if word.isalpha()] or ["ingest", "night", "recover", "memory"]
    hours = next((float(word) for word in words if not word.isalpha()), 2.0)
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="bench-record-") as folder:
            if name == "memory":
                memory(Path(folder), hours)
            else:
                {"ingest": ingest, "night": night, "recover": recover}[name](Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
