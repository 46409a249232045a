from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from recorder.envelope import Envelope, Kind
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.sealer import Sealer
from recorder.tape.writer import TapeLock, TapeWriter

SEGMENT_BYTES = 20_000
EACH = 1_000


@dataclass
class Night:
    """A writer, the sealer beside it, and what the sealer had noted."""

    writer: TapeWriter
    sealer: Sealer
    notes: list[str]

    def finish_a_segment(self) -> None:
        """Write until another segment has begun."""
        before = self.writer.segment_seq
        while self.writer.segment_seq == before:
            seq = self.writer.next_seq
            self.writer.append(Envelope(seq, seq, "espn.nba", 0, Kind.BODY, b"", b"x" * EACH))
            self.writer.commit()
        self.sealer.look()

    def note(self, name: str, *, why: str) -> None:
        self.notes.append(f"{name}: {why}")


@pytest.fixture
def night(tmp_path) -> Night:
    """Begin a tape of small segments; a sealer that failed is tried again at once."""
    writer = TapeWriter.create(tmp_path / "night", created_ns=1, segment_raw_bytes=SEGMENT_BYTES)
    return Night(writer, Sealer(writer, retry_s=0.01), [])


def hot(path: Path) -> int:
    return len(list((path / "hot").iterdir()))


def children() -> list[int]:
    """The sealers of this process; other tests may have left it children of their own."""
    pids = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    return [int(pid) for pid in pids if is_sealer(Path("/proc") / pid / "cmdline")]


def is_sealer(words: Path) -> bool:
    try:
        return b"recorder.tape.sealer" in words.read_bytes()
    except OSError:
        return False


async def until(is_so) -> None:
    async with asyncio.timeout(120):
        while not is_so():  # noqa: ASYNC110  another process does it
            await asyncio.sleep(0.01)


def run_beside(night: Night, what) -> None:
    """Do something while a sealer works, and end it."""

    async def main() -> None:
        sealing = asyncio.ensure_future(night.sealer.run(night.note))
        await what()
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)

    asyncio.run(main())


def test_a_finished_segment_is_sealed_beside_the_writer(night) -> None:
    """All segments but the one being written become Parquet, and the tape reads the same."""

    async def record() -> None:
        night.finish_a_segment()
        night.finish_a_segment()
        await until(lambda: hot(night.writer.path) == 1)
        night.finish_a_segment()
        await until(lambda: hot(night.writer.path) == 1)

    run_beside(night, record)
    tape = open_tape(night.writer.path)
    assert [one.seq for one in tape.read()] == list(range(night.writer.next_seq))
    assert (len(list((night.writer.path / "sealed").iterdir())), night.notes) == (2, [])


def test_there_is_never_more_than_one(night) -> None:
    """However many segments are finished meanwhile, one process seals; where the recording ends, none is left."""
    most = []

    async def record() -> None:
        night.finish_a_segment()
        for _ in range(20):
            night.finish_a_segment()
            await asyncio.sleep(0)
            most.append(len(children()))
        await until(children)

    run_beside(night, record)
    assert max(most) <= 1
    assert children() == []


def test_one_that_dies_is_told_and_tried_again(night) -> None:
    """A killed sealer is noted once, and the next one does what it had to do."""

    async def record() -> None:
        night.finish_a_segment()
        night.finish_a_segment()
        await until(lambda: [os.kill(pid, signal.SIGKILL) for pid in children()])
        await until(lambda: night.notes and hot(night.writer.path) == 1)

    run_beside(night, record)
    assert night.notes == ["seal_failed: the sealer ended with -9"]
    assert len(open_tape(night.writer.path)) == night.writer.next_seq


def test_what_it_refuses_is_told_once(night) -> None:
    """A damaged segment is noted with the reason, one time for all the times that it is tried."""

    async def record() -> None:
        night.finish_a_segment()
        night.finish_a_segment()
        first = min((night.writer.path / "hot").iterdir())
        data = bytearray(first.read_bytes())
        data[len(data) // 2] ^= 1
        first.write_bytes(data)
        await until(lambda: night.notes)
        before = children()
        await until(lambda: children() != before)

    run_beside(night, record)
    assert len(night.notes) == 1
    assert "checksum" in night.notes[0] or "damaged" in night.notes[0]


def test_the_writers_lock_stays_free(night) -> None:
    """A sealer that outlives its recorder leaves the last segment and the lock to whoever goes on with the tape."""
    night.finish_a_segment()
    night.finish_a_segment()
    night.writer.close()
    with TapeLock(night.writer.path):
        assert seal_tape(night.writer.path, finished_only=True).left == 1
    assert seal_tape(night.writer.path, finished_only=True).segments == 0
