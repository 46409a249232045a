"""
What the peers share: how a case is timed and told. Nothing but the standard library, for it runs anywhere.

A peer is a script beside this one that defines `run(folder, told, repeat)` and yields cases. `seconds` are wall,
`cpu` those of the process with all its threads; the best of the repeats of either.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = [
    "FLIPPED",
    "case",
    "flips",
    "fresh",
    "lines",
    "main",
    "rows",
    "size_of",
    "sized",
    "stored",
    "timed",
    "told_flips",
]

FLIPPED = 10_000
"""How many frames are in a store whose bits are flipped."""
MEMORY_BYTES = int(os.environ.get("PEER_MEMORY", str(12 << 30)))


def timed(work: Callable[[], Any], repeat: int = 1) -> tuple[float, float, Any]:
    """Run so many times; return the least wall seconds, the least processor seconds, and what came of the last run."""
    wall = cpu = float("inf")
    outcome = None
    for _ in range(repeat):
        outcome = None
        gc.collect()
        began, spent = time.perf_counter(), time.process_time()
        outcome = work()
        cpu, wall = min(cpu, time.process_time() - spent), min(wall, time.perf_counter() - began)
    return wall, cpu, outcome


def case(
    race: str, name: str, times: tuple[float, float, Any], unit: str, count: float, **counts: Any
) -> dict[str, Any]:
    """Return one case: `count` of `unit` took these times; counts are what must agree, and a note."""
    wall, cpu, _ = times
    return {"race": race, "case": name, "wall_s": wall, "cpu_s": cpu, "unit": unit, "count": count, **counts}


def stored(told: dict[str, Any]) -> int:
    """How many frames the stores are given: a tenth of the work, for `zstd -19` takes its time."""
    return int(told["changes"]) // 10


def flips(told: dict[str, Any]) -> int:
    """How many bits are flipped, one at a time."""
    return 300 if told["changes"] >= 100_000 else 60


def lines(folder: Path, count: int) -> list[tuple[int, bytes]]:
    """Return so many market frames of the work, with the times at which they were received."""
    told = []
    with (folder / "frames.jsonl").open("rb") as file:
        for line in file:
            head, _, frame = line.partition(b',"message":')
            if b'"event_type":"score"' not in frame:
                frame = frame[:-2]
                # As the venue sends books: a list of them.
                frame = b"[%s]" % frame if b'"event_type":"book"' in frame else frame
                told.append((int(head.removeprefix(b'{"recv_ns":')), frame))
                if len(told) == count:
                    break
    return told


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def fresh(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def told_flips(said: dict[str, Any], flips: int) -> str:
    """Return it in words."""
    return (
        f"{said['detected']} of {flips} noticed, {said['located']} located, {said['silent']} wrong in silence, "
        f"{said['kept']:.1%} of rows kept"
    )


def sized(name: str, size: int, count: int, note: str = "") -> dict[str, Any]:
    """Return a case of bytes."""
    figures = f"{size / 1e6:10.2f} MB {size / count:8.1f} bytes a frame"
    return {"race": "storage", "case": name, "figures": figures, "bytes": size, "count": count, "note": note}


def rows(path: Path) -> Iterator[tuple[int, ...]]:
    """Read a table of eight-byte integers in numpy's format without numpy, which not every peer has."""
    with path.open("rb") as file:
        head = file.read(10)
        text = file.read(int.from_bytes(head[8:10], "little")).decode()
        width = int(text.partition("'shape': (")[2].partition(")")[0].split(",")[1])
        row = struct.Struct(f"<{width}q")
        while chunk := file.read(row.size * 65_536):
            yield from row.iter_unpack(chunk)


def main(run: Callable[[Path, dict[str, Any], int], Iterator[dict[str, Any]]], *packages: str) -> None:
    """Run a peer from the command line, `peer.py FOLDER REPEAT`, and print a line of JSON for each of its cases."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    folder = Path(sys.argv[1])
    told = json.loads((folder / "work.json").read_text())
    names = ", ".join(f"{name} {version(name)}" for name in packages)
    for one in run(folder, told, int(sys.argv[2])):
        print(json.dumps({"versions": names, **one}), flush=True)
