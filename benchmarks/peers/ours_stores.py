"""gametape's own tape on the same frames as the stores: append, bytes, and what a flipped bit does."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit

from recorder.envelope import Envelope, Kind
from recorder.tape.fsck import verify_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter

EACH = 256


def write(path: Path, envelopes: list[Envelope]) -> None:
    """Append, durable every so many."""
    shutil.rmtree(path, ignore_errors=True)
    with TapeWriter.create(path, created_ns=0, label="simulated") as writer:
        for at, envelope in enumerate(envelopes, 1):
            writer.append(envelope)
            if at % EACH == 0:
                writer.commit()


def flipped(tape: Path, layout: str, count: int, flips: int) -> dict[str, Any]:
    """Flip one bit at a time, anywhere in the rows' files, and verify."""
    rng = random.Random(7)
    files = sorted((tape / layout).iterdir())
    sizes = [file.stat().st_size for file in files]
    detected = located = silent = 0
    kept = 0.0
    for _ in range(flips):
        file = rng.choices(files, sizes)[0]
        sound = file.read_bytes()
        data, at = bytearray(sound), rng.randrange(len(sound))
        data[at] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
        report = verify_tape(tape)
        detected += not report.ok
        # Told with its file and offset, or as a range of rows that are lost.
        located += bool(report.damage)
        silent += report.ok and report.events < count
        kept += report.events / count
        file.write_bytes(sound)
    return {"detected": detected, "located": located, "silent": silent, "kept": kept / flips}


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    envelopes = [
        Envelope(seq, recv_ns, "polymarket.market", 1, Kind.FRAME, b"", frame)
        for seq, (recv_ns, frame) in enumerate(kit.lines(folder, kit.stored(told)))
    ]
    tape, count = folder / "ours", len(envelopes)
    times = kit.timed(lambda: write(tape, envelopes), min(repeat, 2))
    yield kit.case("record", "gametape", times, "frames", count, note="hash chain; what it acknowledges is on the disk")
    yield kit.sized("gametape, hot", kit.size_of(tape), count, "while recording")
    seal_tape(tape)
    yield kit.sized("gametape, sealed", kit.size_of(tape), count, "queried as it stands")
    few, flips = envelopes[: kit.FLIPPED], kit.flips(told)
    write(tape, few)
    for layout in ("hot", "sealed"):
        if layout == "sealed":
            seal_tape(tape)
        said = flipped(tape, layout, len(few), flips)
        figures = kit.told_flips(said, flips)
        yield {"race": "corruption", "case": f"gametape, {layout}", "figures": figures, "note": "verify", **said}
    shutil.rmtree(tape)


if __name__ == "__main__":
    kit.main(run, "gametape")
