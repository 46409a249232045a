"""
Read a tape ahead of who gathers it: in a thread, or in processes where the tape is long enough to repay their start.

Theory of operation: of the row groups after the first few, each process reads every so many-th, in order, and writes
what it read to its pipe. Who gathers takes from the pipes in turn, so the order is that of the tape, and as a pipe that
nobody reads makes its process wait, no more is held than one row group a process. The first groups are read here, while
the processes start. What does not come (a process died, a group is damaged, a file was moved) is read here as well,
where the tape itself says what is wrong. Nothing but plain values crosses, and a process has no terminal: whoever stops
the one that gathers closes its pipe, and it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import numpy as np

from recorder.envelope import Envelope, Kind
from recorder.errors import CorruptError
from recorder.tape.manifest import Sealed
from replay.core.rows import ROW_COLUMNS
from replay.gather import Reading, read_batch

if TYPE_CHECKING:
    from recorder.tape.reader import Tape, Wide

__all__ = ["main", "readings", "serve"]

_HERE = 32
"""So many groups are read before a process has started (a second)."""
_GROUPS_MIN, _GROUP_ROWS = 4 * _HERE, 8_192
"""A tape of fewer is done before processes repay their start."""
_PROCESSES_MAX = 3
"""Whoever gathers takes no more than that many can read."""
_MAIN = "import sys; sys.path[:] = sys.argv[1:]; from replay.ahead import main; main()"
"""Finds this program where this process found it."""
_SIZE_BYTES = 8
_HEAD, _NEWS = 6, 5


class _Job(msgspec.Struct, array_like=True):
    """What a process reads: groups of the segments of a tape, each by the number of its segment and its own."""

    tape: str
    segments: list[Sealed]
    groups: list[tuple[int, int]]


class _Wire(msgspec.Struct, array_like=True):
    """Readings as they cross; heads i64 (n, 6): seq, recv_ns, number of the feed, conn, kind, number of the payload."""

    events: int
    heard_ns: int | None
    counts: dict[str, int]
    rows: bytes
    texts: tuple[str, ...]
    feeds: tuple[str, ...]
    news: bytes
    asked: list[int]
    read: list[int]
    heads: bytes
    metas: list[bytes]
    payloads: list[bytes]


_WIRES = msgspec.msgpack.Decoder(list[_Wire])
_KINDS = {int(kind): kind for kind in Kind}


def readings(tape: Tape, processes: int | None = None) -> Generator[Reading, None, None]:
    """
    Yield what the batches of a tape say, in order, read ahead.

    processes: so many read, None for as many as pay, 0 for a thread of this one.

    Raises:
        CorruptError: the tape is damaged.
    """
    if processes is None:
        is_long = len(tape) >= _GROUPS_MIN * _GROUP_ROWS
        processes = min(_PROCESSES_MAX, (os.cpu_count() or 1) - 1) if is_long else 0
    return _by_processes(tape, processes) if processes else _by_thread(map(read_batch, tape.batches()))


def _by_thread(made: Iterator[Reading]) -> Generator[Reading, None, None]:
    """Yield readings, the next one made meanwhile: unpacking and scanning need no interpreter."""
    with ThreadPoolExecutor(1, "film") as reader:
        coming = reader.submit(next, made, None)
        while (reading := coming.result()) is not None:
            coming = reader.submit(next, made, None)
            yield reading


def _by_processes(tape: Tape, processes: int) -> Generator[Reading, None, None]:
    parts: list[Wide] = []
    fault: CorruptError | None = None
    try:
        parts.extend(tape.parts())
    except CorruptError as error:
        # What stands before is read first: the error is that of who reads the tape in order.
        fault = error
    sent = [at for at, part in enumerate(parts) if at >= _HERE and part.sealed is not None]
    with ExitStack() as stack:
        turn: dict[int, _Reader] = {}
        for k in range(min(processes, len(sent))):
            own = sent[k::processes]
            reader = stack.enter_context(closing(_Reader(tape.path, [parts[at] for at in own])))
            turn |= dict.fromkeys(own, reader)
        for at, part in enumerate(parts):
            came = turn[at].take() if at in turn else None
            yield from map(read_batch, part.read()) if came is None else came
    if fault is not None:
        raise fault


class _Reader:
    """A process that reads groups, as whoever gathers sees it."""

    def __init__(self, tape: Path, parts: list[Wide]) -> None:
        """Start it."""
        segments: list[Sealed] = []
        groups = []
        for segment, group in (part.sealed for part in parts if part.sealed is not None):
            if not segments or segments[-1] is not segment:
                segments.append(segment)
            groups.append((len(segments) - 1, group))
        # In a file, for it does not read before it has started.
        with tempfile.TemporaryFile() as job:
            job.write(msgspec.msgpack.encode(_Job(str(tape.resolve()), segments, groups)))
            job.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-P", "-c", _MAIN, *sys.path],
                stdin=job,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )

    def take(self) -> list[Reading] | None:
        """Return the readings of the next group; None where it could not be read, or the process is gone."""
        pipe = self._process.stdout
        assert pipe is not None
        size = int.from_bytes(pipe.read(_SIZE_BYTES), "little")
        data = pipe.read(size)
        return [_reading(wire) for wire in _WIRES.decode(data)] if size and len(data) == size else None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Be the process."""
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        # Whoever gathers has stopped; there is nobody to flush for.
        os._exit(0)


def serve(job: IO[bytes], to: IO[bytes]) -> None:
    """Read the groups of a job and write them, each behind its size, which is 0 where a group cannot be read."""
    from recorder.tape.parquet import SealedError, SealedFile  # slow to load

    told = msgspec.msgpack.decode(job.read(), type=_Job)
    files = [SealedFile(Path(told.tape), segment) for segment in told.segments]
    for segment, group in told.groups:
        try:
            data = msgspec.msgpack.encode([_wire(read_batch(batch)) for batch in files[segment].batches(group)])
        except (SealedError, OSError):
            data = b""
        to.write(len(data).to_bytes(_SIZE_BYTES, "little"))
        to.write(data)
        to.flush()


def _wire(reading: Reading) -> _Wire:
    feeds = {feed: number for number, feed in enumerate(reading.feeds)}
    payloads: dict[int, int] = {}
    once: list[bytes] = []
    heads = []
    for at in reading.envelopes:
        # The same object for a body that repeats.
        payload = payloads.setdefault(id(at.payload), len(once))
        if payload == len(once):
            once.append(at.payload)
        heads.append((at.seq, at.recv_ns, feeds[at.feed], at.conn, at.kind, payload))
    return _Wire(
        events=reading.events,
        heard_ns=reading.heard_ns,
        counts=reading.counts,
        rows=reading.rows.tobytes(),
        texts=reading.texts,
        feeds=reading.feeds,
        news=reading.news.tobytes(),
        asked=reading.asked,
        read=reading.read,
        heads=np.array(heads, np.int64).tobytes(),
        metas=[at.meta for at in reading.envelopes],
        payloads=once,
    )


def _reading(wire: _Wire) -> Reading:
    feeds, payloads = wire.feeds, wire.payloads
    heads = np.frombuffer(wire.heads, np.int64).reshape(-1, _HEAD).tolist()
    return Reading(
        events=wire.events,
        heard_ns=wire.heard_ns,
        counts=wire.counts,
        rows=np.frombuffer(wire.rows, np.int64).reshape(-1, len(ROW_COLUMNS)),
        texts=wire.texts,
        feeds=feeds,
        news=np.frombuffer(wire.news, np.int64).reshape(-1, _NEWS),
        asked=wire.asked,
        read=wire.read,
        envelopes=[
            Envelope(seq, recv_ns, feeds[feed], conn, _KINDS[kind], meta, payloads[payload])
            for (seq, recv_ns, feed, conn, kind, payload), meta in zip(heads, wire.metas, strict=True)
        ],
    )
