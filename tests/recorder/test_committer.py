from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

import pytest
from memory_log import MemoryLog

from recorder.committer import BLOCK_EVENTS, BLOCK_S, Committer
from recorder.envelope import Envelope, Kind
from recorder.errors import DiskError


class Disk(MemoryLog):
    """A log whose disk can refuse or stand still, and which counts what was committed, and where."""

    def __init__(self) -> None:
        super().__init__()
        self.durable_seq = -1
        self.refuses = False
        self.moves = threading.Event()
        self.moves.set()
        self.commits: list[int] = []
        self.threads: set[str] = set()

    def commit(self) -> int:
        last = len(self.envelopes) - 1
        self.threads.add(threading.current_thread().name)
        assert self.moves.wait(120)
        if self.refuses:
            raise DiskError("the disk refused", why="No space left on device")
        self.durable_seq = last
        self.commits.append(last)
        return last

    def close(self) -> None:
        self.commit()
        super().close()


def fact(seq: int, size: int = 0) -> Envelope:
    return Envelope(seq, seq, "f", 0, Kind.FRAME, b"", bytes(size))


async def until(true: Callable[[], bool]) -> None:
    """Let everybody else go on until something holds; the test's own timeout is the end of patience."""
    async with asyncio.timeout(120):
        while True:
            if true():
                return
            await asyncio.sleep(0.005)


def running(work: Callable[[asyncio.TaskGroup], object]) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            await work(group)  # type: ignore[misc]

    asyncio.run(main())


def test_everything_becomes_durable_and_is_told_afterwards() -> None:
    """What is appended is committed in another thread soon, and the last durable seq is told only after that."""
    disk, told = Disk(), []

    async def work(group: asyncio.TaskGroup) -> None:
        def on_durable(seq: int) -> None:
            assert seq <= disk.durable_seq
            assert threading.current_thread() is threading.main_thread()
            told.append(seq)

        committer = Committer(disk, backlog_bytes=1 << 20, on_durable=on_durable)
        task = group.create_task(committer.run())
        committer.append(fact(0))
        await until(lambda: told == [0])
        assert (committer.durable_seq, committer.backlog_bytes) == (0, 0)
        for seq in range(1, 1 + BLOCK_EVENTS):
            committer.append(fact(seq))
        await until(lambda: told[-1] == BLOCK_EVENTS)
        task.cancel()
        committer.append(fact(BLOCK_EVENTS + 1))
        await committer.finish()

    running(work)
    assert told[-1] == BLOCK_EVENTS + 1
    assert disk.is_closed
    assert threading.current_thread().name not in disk.threads


def test_nothing_new_is_no_commit() -> None:
    """Where nothing was appended nothing is written."""
    disk = Disk()

    async def work(_: asyncio.TaskGroup) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.5 * BLOCK_S):
                await Committer(disk, backlog_bytes=1 << 20).run()

    running(work)
    assert disk.commits == []


def test_a_disk_that_refuses_is_asked_again() -> None:
    """A full disk is said once; what was held back is written when space returns, and that is said too."""
    disk, said = Disk(), []

    async def work(group: asyncio.TaskGroup) -> None:
        committer = Committer(disk, backlog_bytes=1 << 20, on_refusal=said.append)
        task = group.create_task(committer.run())
        disk.refuses = True
        committer.append(fact(0))
        await until(lambda: said != [])
        committer.append(fact(1))
        disk.refuses = False
        await until(lambda: committer.durable_seq == 1)
        task.cancel()
        await committer.finish()

    running(work)
    assert said == ["No space left on device", ""]


def test_a_disk_that_stands_still_halts_with_a_count() -> None:
    """While the disk stands still the loop goes on; beyond the bound the recording halts and nothing is dropped."""
    disk = Disk()

    async def work(group: asyncio.TaskGroup) -> None:
        committer = Committer(disk, backlog_bytes=10_000)
        task = group.create_task(committer.run())
        disk.moves.clear()

        async def flood() -> None:
            for seq in range(1000):
                committer.append(fact(seq, 1000))
                await asyncio.sleep(0)

        with pytest.raises(DiskError, match="halted"):
            await flood()
        taken = len(disk.envelopes)
        assert 10 <= taken <= 12
        committer.append(fact(taken))  # a last word on the way out is taken
        disk.moves.set()
        task.cancel()
        with pytest.raises(DiskError) as caught:
            await committer.finish()
        assert f"durable up to seq {taken}, 0 envelopes" in caught.value.why

    running(work)
    assert disk.durable_seq == len(disk.envelopes) - 1


def test_what_was_set_aside_takes_the_rest() -> None:
    """At the end a disk that refuses gets back what was set aside, once, and then everything fits without a wait."""
    disk, asked, said = Disk(), [], []

    def make_room() -> bool:
        asked.append(1)
        disk.refuses = False
        return True

    async def work(_: asyncio.TaskGroup) -> None:
        committer = Committer(disk, backlog_bytes=10_000, finish_s=0.5, make_room=make_room, on_refusal=said.append)
        disk.refuses = True
        for seq in range(3):
            committer.append(fact(seq))
        await committer.finish()
        assert committer.durable_seq == 2

    running(work)
    assert (asked, said, disk.is_closed) == ([1], [], True)


def test_a_disk_that_never_takes_the_rest_is_told_with_the_loss() -> None:
    """At the end a disk that goes on refusing is a DiskError that counts what is not on it."""
    disk = Disk()

    async def work(_: asyncio.TaskGroup) -> None:
        committer = Committer(disk, backlog_bytes=10_000, finish_s=0.2)
        disk.refuses = True
        for seq in range(3):
            committer.append(fact(seq))
        with pytest.raises(DiskError) as caught:
            await committer.finish()
        assert "No space left on device; durable up to seq -1, 3 envelopes" in caught.value.why

    running(work)
