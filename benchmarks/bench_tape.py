"""
How fast a tape is written, sealed, verified and read, and how small it is.

    python benchmarks/bench_tape.py [events]

Synthetic envelopes shaped like a night: mostly book frames of some hundred bytes, now and then a scoreboard of 40 kB
that differs from the one before in a few places. Every figure is of this machine, at this moment.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter

T0_NS = 1_768_505_400_000_000_000


def night(count: int, rng: random.Random) -> list[Envelope]:
    tokens = [str(rng.randrange(10**76)) for _ in range(40)]
    games = [f'{{"id":"{rng.randrange(10**9)}","name":"{rng.randbytes(600).hex()}","score":"%d"}}' for _ in range(32)]
    scores = [0] * len(games)
    made = []
    for seq in range(count):
        if seq % 1000 == 500:
            scores[rng.randrange(len(scores))] += 2
            body = ",".join(game % score for game, score in zip(games, scores, strict=True)).encode()
            meta = encode_meta({"url": "https://site.api.espn.com/scoreboard", "status": 200, "sent_ns": seq})
            made.append(Envelope(seq, T0_NS + seq * 100_000, "espn.nba", 0, Kind.BODY, meta, body))
            continue
        changes = ",".join(
            f'{{"asset_id":"{rng.choice(tokens)}","price":"0.{rng.randrange(100):02d}","size":"{rng.randrange(100_000)}"'
            f',"side":"BUY","hash":"{rng.randbytes(20).hex()}"}}'
            for _ in range(2)
        )
        frame = f'{{"market":"0x{rng.getrandbits(256):x}","price_changes":[{changes}],"timestamp":"{seq}"}}'.encode()
        made.append(Envelope(seq, T0_NS + seq * 100_000, "polymarket.market", 1, Kind.FRAME, b"", frame))
    return made


def timed(name: str, count: int, work: Callable[[], object]) -> None:
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    print(f"{name:<34} {count / seconds:>12,.0f} events/s  {seconds:8.3f} s")


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def write(path: Path, envelopes: list[Envelope], each: int) -> None:
    with TapeWriter.create(path, created_ns=T0_NS) as writer:
        for at, envelope in enumerate(envelopes, start=1):
            writer.append(envelope)
            if at % each == 0:
                writer.commit()


def append_only(path: Path, envelopes: list[Envelope]) -> None:
    writer = TapeWriter.create(path, created_ns=T0_NS)
    begin = time.perf_counter()
    for envelope in envelopes:
        writer.append(envelope)
    seconds = time.perf_counter() - begin
    print(f"{'append alone':<34} {len(envelopes) / seconds:>12,.0f} events/s  {seconds:8.3f} s")
    writer.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    envelopes = night(count, random.Random(7))
    raw = sum(len(one.payload) + len(one.meta) for one in envelopes)
    folder = Path(tempfile.mkdtemp(prefix="bench-tape-"))
    try:
        print(f"{count:,} envelopes, {raw / 2**20:,.1f} MiB of payload")
        append_only(folder / "append", envelopes)
        for each in (256, 1024, 8192):
            timed(
                f"append, fdatasync every {each}", count, lambda each=each: write(folder / f"c{each}", envelopes, each)
            )
        tape = folder / "c1024"
        print(f"hot: {size(tape) / count:.1f} bytes an event, {size(tape) / raw:.3f} of the payload")
        timed("open (scan all blocks)", count, lambda: open_tape(tape))
        timed("read hot", count, lambda: sum(1 for _ in open_tape(tape).read()))
        timed("digest hot", count, lambda: open_tape(tape).digest())
        timed("verify hot", count, lambda: verify_tape(tape))
        timed("seal", count, lambda: seal_tape(tape))
        print(f"sealed: {size(tape) / count:.1f} bytes an event, {size(tape) / raw:.3f} of the payload")
        timed("read sealed", count, lambda: sum(1 for _ in open_tape(tape).read()))
        timed("verify sealed", count, lambda: verify_tape(tape))
        timed("verify sealed --deep", count, lambda: verify_tape(tape, deep=True))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
