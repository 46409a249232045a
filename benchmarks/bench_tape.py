"""
How fast a tape is written, sealed, verified and recovered, how small it is, and what a flipped bit costs.

    python benchmarks/bench_tape.py           a simulated night of two games
    python benchmarks/bench_tape.py 8         of so many games; `zstd -19` takes most of the time

The night is simulated (`gametape synth`). Rates are of raw payload, in processor time of one core, the best of a few
runs where a number of them stands in the source. Every figure is of this machine, at this moment.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from recorder.envelope import Envelope, Kind
from recorder.tape.columns import DELTA, DICTIONARY, LEVELS
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.synth.night import night, plan_night

FLIPS = 300
MB = 1e6


def timed(name: str, size: int, work: Callable[[], object], *, repeat: int = 1) -> None:
    best = float("inf")
    for _ in range(repeat):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    print(f"{name:<34} {size / MB / best:>8,.0f} MB/s  {best:8.3f} s")


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def write(path: Path, envelopes: list[Envelope], each: int) -> None:
    with TapeWriter.create(path, created_ns=envelopes[0].recv_ns) as writer:
        for at, envelope in enumerate(envelopes, start=1):
            writer.append(envelope)
            if at % each == 0:
                writer.commit()


def append_alone(path: Path, envelopes: list[Envelope]) -> None:
    frames = [one for one in envelopes if len(one.payload) < 1_000]
    frames = [
        Envelope(at, one.recv_ns, *[getattr(one, name) for name in one.__struct_fields__[2:]])
        for at, one in enumerate(frames)
    ]
    with TapeWriter.create(path, created_ns=0) as writer:
        begin = time.process_time()
        for envelope in frames:
            writer.append(envelope)
        seconds = time.process_time() - begin
    print(f"{'append alone, frames':<34} {len(frames) / seconds:>8,.0f} envelopes/s")


def squeezed(lines: Iterable[bytes]) -> int:
    """How many bytes `zstd -19 --long=27` makes of lines."""
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return sum(len(packer.compress(line)) for line in lines) + len(packer.flush())


def told(one: Envelope) -> bytes:
    """An envelope as a line of JSON that says all that the tape says."""
    feed, kind, meta, payload = one.feed.encode(), one.kind, one.meta or b"null", one.payload or b"null"
    return b'{"recv_ns":%d,"feed":"%s","kind":%d,"meta":%s,"payload":%s}\n' % (one.recv_ns, feed, kind, meta, payload)


def shared(one: bytes, other: bytes) -> int:
    """How many bytes two bodies begin and end with alike."""
    size = min(len(one), len(other))
    ahead = np.frombuffer(one[:size], np.uint8) != np.frombuffer(other[:size], np.uint8)
    behind = np.frombuffer(one[len(one) - size :], np.uint8) != np.frombuffer(other[len(other) - size :], np.uint8)
    return min(size, sum(int(part.argmax()) if part.any() else size for part in (ahead, behind[::-1])))


def bodies(tape: Path, envelopes: list[Envelope]) -> None:
    """How often a poll brings what it brought before, and what it is worth to keep a body once in a row group."""
    last: dict[str, bytes] = {}
    total = same = alike = 0
    for one in (one for one in envelopes if one.kind is Kind.BODY and one.payload):
        before = last.get(one.feed, b"")
        total += len(one.payload)
        if one.payload == before:
            same += len(one.payload)
        else:
            alike += shared(one.payload, before)
        last[one.feed] = one.payload
    print(f"bodies: {total / MB:.1f} MB, {same / total:.0%} as the one before it; of the others", end=" ")
    print(f"{alike / (total - same):.0%} begins or ends as that does")
    tables = [pq.ParquetFile(file).read_row_group(at) for file, at in row_groups(tape)]
    for name, numbered in (("once", DICTIONARY), ("each time", [one for one in DICTIONARY if one != "payload"])):
        sink = pa.BufferOutputStream()
        begin = time.process_time()
        with pq.ParquetWriter(
            sink,
            tables[0].schema,
            compression="zstd",
            compression_level=LEVELS,
            use_dictionary=numbered,
            column_encoding=DELTA,
            write_statistics=False,
            data_page_size=1 << 26,
            dictionary_pagesize_limit=1 << 26,
            store_schema=False,
        ) as writer:
            for table in tables:
                writer.write_table(table)
        print(f"bodies kept {name}: {sink.tell() / MB:.3f} MB, written in {time.process_time() - begin:.3f} s")


def row_groups(tape: Path) -> list[tuple[Path, int]]:
    return [
        (file, at) for file in sorted((tape / "sealed").iterdir()) for at in range(pq.ParquetFile(file).num_row_groups)
    ]


def recover_sealed(tape: Path, raw: int, name: str, spoil: Callable[[bytearray, int], None]) -> None:
    """Mend a sealed night that is damaged in the middle."""
    copies = [Path(shutil.copytree(tape, tape.with_name(f"{name}{at}"))) for at in range(4)]
    for damaged in copies:
        files = sorted((damaged / "sealed").iterdir())
        file = files[len(files) // 2]
        data = bytearray(file.read_bytes())
        spoil(data, len(data) // 2)
        file.write_bytes(data)
    left = iter(copies)
    timed(f"recover, sealed, {name} damaged", raw, lambda: recover_tape(next(left), write=True), repeat=4)
    lost = sum(last - first + 1 for first, last in open_tape(copies[0]).lost)
    print(f"{'':<34} {lost:,} of {len(open_tape(tape)):,} envelopes lost")


def flip(data: bytearray, at: int) -> None:
    data[at] ^= 1


def wipe(data: bytearray, at: int) -> None:
    data[at : at + 4096] = bytes(4096)


def kept(tape: Path, name: str) -> None:
    """Flip one bit at a time and see what can be read without mending."""
    rng = random.Random(7)
    files = sorted((tape / name).iterdir())
    rows = len(open_tape(tape))
    noticed, least, whole = 0, rows, 0
    for _ in range(FLIPS):
        file = rng.choice(files)
        data = bytearray(file.read_bytes())
        at = rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)
        sound = file.read_bytes()
        file.write_bytes(data)
        report = verify_tape(tape)
        noticed += not report.ok
        least, whole = min(least, report.events), whole + report.events
        file.write_bytes(sound)
    share = f"{whole / FLIPS / rows:.1%}, at worst {least / rows:.1%}"
    print(f"{name}: {noticed} of {FLIPS} flipped bits noticed; read without mending {share} of the rows")


def main() -> None:
    games = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    envelopes = list(night(plan_night(7, games, "2026-01-15", 50_000 * games)))
    raw = sum(len(one.payload) for one in envelopes)
    folder = Path(tempfile.mkdtemp(prefix="bench-tape-"))
    try:
        print(f"simulated night of {games} games: {len(envelopes):,} envelopes, {raw / MB:,.1f} MB of payload")
        append_alone(folder / "append", envelopes)
        for each in (256, 1024):
            timed(f"append, fdatasync every {each}", raw, lambda each=each: write(folder / f"c{each}", envelopes, each))
        tape = folder / "c256"
        hot = size_of(tape)
        killed = Path(shutil.copytree(tape, folder / "killed"))
        last = max((killed / "hot").iterdir())
        last.write_bytes(last.read_bytes()[:-1_000])
        timed("recover, hot, killed", raw, lambda: recover_tape(killed, write=True))
        timed("verify --deep, hot", raw, lambda: verify_tape(tape, deep=True))
        kept(tape, "hot")
        copies = iter([Path(shutil.copytree(tape, folder / f"copy{at}")) for at in range(5)])
        timed("seal, what is loaded with it", raw, lambda: seal_tape(next(copies)))
        timed("seal", raw, lambda: seal_tape(next(copies)), repeat=4)
        seal_tape(tape)
        timed("verify --deep, sealed", raw, lambda: verify_tape(tape, deep=True), repeat=3)
        timed("read, sealed", raw, lambda: sum(1 for _ in open_tape(tape).read()), repeat=3)
        recover_sealed(tape, raw, "a bit", flip)
        recover_sealed(tape, raw, "4 KiB", wipe)
        kept(tape, "sealed")
        bodies(tape, envelopes)
        sealed = size_of(tape)
        print(f"hot {hot / MB:.2f} MB, sealed {sealed / MB:.2f} MB, {sealed / len(envelopes):.1f} bytes an envelope")
        for name, lines in (
            ("payloads", (one.payload + b"\n" for one in envelopes)),
            ("envelopes", map(told, envelopes)),
        ):
            packed = squeezed(lines)
            print(
                f"zstd -19 --long=27 of the {name} as lines: {packed / MB:.2f} MB; sealed: {sealed / packed:.2f} of it"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
