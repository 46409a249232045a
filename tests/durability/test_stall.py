"""D12: a disk that stands still is no silent drop: what it holds back is kept up to a bound, then counted exactly."""

from __future__ import annotations

import asyncio
import re
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.chaos.virtual import VirtualLoop, run_virtually
from recorder.committer import Committer
from recorder.envelope import Envelope, Kind
from recorder.errors import DiskError
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter

STALL_S = 30
PER_S = 5000
FRAME = b"x" * 350


def stall(path: Path, backlog_bytes: int) -> tuple[int, DiskError | None]:
    """Append at full rate over a stall, in virtual time; return how much was taken, and how it ended."""
    hold: list[VirtualLoop] = []

    async def main() -> tuple[int, DiskError | None]:
        writer = TapeWriter.create(path, created_ns=1)
        committer = Committer(writer, backlog_bytes=backlog_bytes)
        halted: DiskError | None = None
        async with asyncio.TaskGroup() as group:
            committing = group.create_task(committer.run())
            hold[0].disk_stall_s = STALL_S
            try:
                for _ in range((STALL_S + 2) * 100):
                    for _ in range(PER_S // 100):
                        seq = committer.next_seq
                        committer.append(Envelope(seq, seq, "polymarket.market", 1, Kind.FRAME, b"", FRAME))
                    await asyncio.sleep(0.01)
            except DiskError as error:
                halted = error
            taken = committer.next_seq
            committing.cancel()
            if halted is None:
                await committer.finish()
            else:
                writer._lock.release()  # as the end of the process does, which waits for no disk
        return taken, halted

    return run_virtually(main(), hold)


def test_half_a_minute_is_held_back(folder, tell: Callable[[str], None]) -> None:
    """Thirty seconds without the disk at five thousand frames a second: nothing is dropped, all of it is written."""
    taken, halted = stall(folder / "night", 128 << 20)
    assert halted is None
    assert taken == (STALL_S + 2) * PER_S == len(open_tape(folder / "night"))
    assert verify_tape(folder / "night", deep=True).ok
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    tell(f"D12: {STALL_S} s stall at {PER_S} events/s: {taken} taken, dropped 0, peak RSS of the test {peak_mib} MiB")


def test_beyond_the_bound_is_a_halt_that_counts(folder) -> None:
    """With less room the recording halts, and the count that it gives is exactly what is not on the disk."""
    taken, halted = stall(folder / "night", 8 << 20)
    assert halted is not None
    counted = re.search(r"durable up to seq (-?\d+), (\d+) envelopes", halted.why)
    assert counted is not None
    durable, behind = int(counted[1]), int(counted[2])
    assert durable + 1 + behind == taken
    assert len(open_tape(folder / "night")) == durable + 1


@pytest.mark.parametrize("room", [1, 64])
def test_the_bound_is_the_bound(folder, room) -> None:
    """A recording holds back no more than it was allowed, give or take one envelope."""
    taken, halted = stall(folder / "night", room << 10)
    assert halted is not None
    assert taken * len(FRAME) <= (room << 10) + 400 * 2
