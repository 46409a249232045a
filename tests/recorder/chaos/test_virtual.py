from __future__ import annotations

import asyncio
import sys

import pytest

from recorder.chaos.virtual import VirtualClock, VirtualLoop, run_virtually
from recorder.errors import UsageError


def test_a_day_passes_at_once() -> None:
    """Sleeping takes no time of ours, and the clock agrees with the loop to the nanosecond."""
    clock = VirtualClock(1_000)

    async def main() -> int:
        for _ in range(24):
            await asyncio.sleep(3600)
        await asyncio.sleep(3e-9)
        return clock.now_ns()

    assert run_virtually(main(), []) == 1_000 + 86_400 * 10**9 + 3


def test_nothing_runs_while_frozen() -> None:
    """A freeze is a stretch in which no task had its turn."""
    hold: list[VirtualLoop] = []

    async def main() -> tuple[float, int]:
        loop, ticks = asyncio.get_running_loop(), 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(1)
                ticks += 1

        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(tick())
            await asyncio.sleep(2.5)
            hold[0].freeze(60)
            await asyncio.sleep(0)
            ticking.cancel()
        return loop.time(), ticks

    at_s, ticks = run_virtually(main(), hold)
    assert round(at_s, 6) == 62.5
    assert ticks <= 3


def test_a_disk_that_stalls_is_waited_for() -> None:
    """Work for a thread happens once, after the stall, and what it raises is raised."""
    hold: list[VirtualLoop] = []

    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        hold[0].disk_stall_s = 30
        done = await loop.run_in_executor(None, lambda: 7)
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 // 0)
        return loop.time(), done

    at_s, done = run_virtually(main(), hold)
    assert (round(at_s, 6), done) == (30.0, 7)


def test_a_step_of_the_wall_is_told_once() -> None:
    """The wall clock may jump; the clock that stamps does not."""
    clock = VirtualClock(0)
    clock.step_wall(-5)
    assert (clock.wall_step_ns(), clock.wall_step_ns()) == (-5, 0)


def test_what_is_missing_is_said(monkeypatch) -> None:
    """Without the library the error names it and the next command."""
    monkeypatch.setitem(sys.modules, "async_solipsism", None)

    async def main() -> None:
        raise AssertionError

    with pytest.raises(UsageError, match="async-solipsism") as caught:
        run_virtually(main(), [])
    assert "dev" in caught.value.hint
