"""
Virtual time: one event loop with sockets of its own, on which a day takes as long as the work in it.

The real aiohttp and websockets run on it unchanged. async-solipsism is the loop; it is a tool for development, so it is
asked for only here.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from types import ModuleType
from typing import Any, TypeVar

from recorder.errors import UsageError

__all__ = ["VirtualClock", "VirtualLoop", "run_virtually"]

_T = TypeVar("_T")
_TICK_S = 1e-9


class VirtualLoop:
    """What a simulation may do to the loop it runs on."""

    def __init__(self, loop: Any) -> None:  # noqa: ANN401  a library without types
        """Hold a loop of async-solipsism."""
        self.loop: asyncio.AbstractEventLoop = loop
        self.disk_stall_s = 0.0
        self._clock = loop._selector.clock  # noqa: SLF001  the loop's own clock has no other door
        # Nanoseconds instead of microseconds: an alarm that is 300 ns away would otherwise never come.
        self._clock._resolution = _TICK_S  # noqa: SLF001
        # What is left after rounding to a tick, at most half of one, is due; a whole tick is a wait.
        loop._clock_resolution = 0.75 * _TICK_S  # noqa: SLF001
        loop.run_in_executor = self._stalling

    def freeze(self, seconds: float) -> None:
        """Let time pass in which nothing whatever runs."""
        self._clock.advance(seconds)

    async def _stalling(self, executor: Executor | None, work: Callable[..., _T], *arguments: object) -> _T:
        """Work for a thread is done at once here; a disk that stands still is a wait before it."""
        del executor
        stall_s, self.disk_stall_s = self.disk_stall_s, 0.0
        if stall_s:
            await asyncio.sleep(stall_s)
        return work(*arguments)


class VirtualClock:
    """The clock of a simulated machine: the loop's time since a beginning, and a wall clock that can jump."""

    def __init__(self, begin_ns: int) -> None:
        """Begin at this time. Ask only on the loop."""
        self._begin_ns = begin_ns
        self._step_ns = 0

    def now_ns(self) -> int:
        """Return the time."""
        return self._begin_ns + round(asyncio.get_running_loop().time() * 1e9)

    def wall_step_ns(self) -> int:
        """Return the step that was planted with `step_wall`, once."""
        step_ns, self._step_ns = self._step_ns, 0
        return step_ns

    def step_wall(self, by_ns: int) -> None:
        """Let the wall clock behind this one jump."""
        self._step_ns += by_ns


def run_virtually(main: Coroutine[Any, Any, _T], hold: list[VirtualLoop]) -> _T:
    """
    Run a coroutine in virtual time; its loop is put into hold before it starts.

    Raises:
        UsageError: async-solipsism is not installed.
    """
    try:
        import async_solipsism  # type: ignore[import-untyped]  # noqa: PLC0415  a tool for development
    except ModuleNotFoundError as error:
        main.close()
        raise UsageError(
            "a simulated world needs async-solipsism", why=str(error), hint="pip install -e '.[dev]', or make check"
        ) from error

    def make_loop() -> asyncio.AbstractEventLoop:
        hold.append(VirtualLoop(async_solipsism.EventLoop()))
        return hold[0].loop

    with _connecting(async_solipsism), asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(main)


@contextlib.contextmanager
def _connecting(async_solipsism: ModuleType) -> Iterator[None]:
    """Let aiohttp, which asks the operating system for its sockets, find those of the loop."""
    import aiohappyeyeballs  # noqa: PLC0415  comes with aiohttp

    real = aiohappyeyeballs.start_connection
    aiohappyeyeballs.start_connection = async_solipsism.aiohappyeyeballs_start_connection
    try:
        with warnings.catch_warnings():
            # Socket options that mean nothing in memory.
            warnings.simplefilter("ignore", async_solipsism.SolipsismWarning)
            yield
    finally:
        aiohappyeyeballs.start_connection = real
