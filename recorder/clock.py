"""The one place that asks what time it is; everything else takes `now_ns` as an argument."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import Protocol

__all__ = ["STEP_NS", "Clock", "Discipline", "ManualClock", "SystemClock", "clock_discipline"]

# FORMATS 5.7: a wall clock that moved by more than this against the steady one was stepped, not slewed.
STEP_NS = 50_000_000

# CLOCK_BOOTTIME goes on while the machine sleeps, so that a closed lid is seen as a gap and not as a moment.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What tells the time to a session."""

    def now_ns(self) -> int:
        """Return UTC nanoseconds since the epoch; never less than an earlier answer."""
        ...

    def wall_step_ns(self) -> int:
        """Return how far the wall clock was stepped since this was last asked; 0 for not at all."""
        ...


class SystemClock:
    """
    The machine's clock: anchored once on wall time, then advanced by the steady clock alone.

    A step of the wall clock (NTP, an operator, a virtual machine) therefore never reorders a recording; `wall_step_ns`
    reports it once.
    """

    def __init__(self, *, not_before_ns: int = 0) -> None:
        """
        Anchor the clock.

        not_before_ns: where a tape that is being resumed ends. Where the wall clock stands before that, the session
        goes on from the tape's end, and `ahead_ns` says by how much it runs ahead of the wall.
        """
        wall_ns = time.time_ns()
        anchor_ns = max(wall_ns, not_before_ns)
        self.ahead_ns = anchor_ns - wall_ns
        self._offset_ns = anchor_ns - time.clock_gettime_ns(_STEADY)
        self._wall_offset_ns = wall_ns - time.clock_gettime_ns(_STEADY)

    def now_ns(self) -> int:
        """Return UTC nanoseconds since the epoch, as anchored when the session began."""
        return time.clock_gettime_ns(_STEADY) + self._offset_ns

    def wall_step_ns(self) -> int:
        """Return the wall clock's step against the steady clock since last asked; 0 where it is 50 ms or less."""
        offset_ns = time.time_ns() - time.clock_gettime_ns(_STEADY)
        step_ns = offset_ns - self._wall_offset_ns
        if abs(step_ns) <= STEP_NS:
            return 0
        self._wall_offset_ns = offset_ns
        return step_ns


@dataclass(frozen=True, slots=True)
class Discipline:
    """What the kernel says of the wall clock: is somebody keeping it right, and how wrong it may be at most."""

    is_kept: bool
    error_ms_max: float


def clock_discipline() -> Discipline | None:
    """Ask the kernel whether the wall clock is kept by NTP or the like; None where it cannot be asked."""
    try:
        ask = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    # struct timex of a 64-bit Linux: modes at 0 (0: only read), maxerror in microseconds at 24, status at 40.
    timex = (ctypes.c_int64 * 32)()
    state = ask(ctypes.byref(timex))
    if state < 0 or ctypes.sizeof(ctypes.c_long) != 8:
        return None
    is_unsynchronised = bool(timex[5] & 0x40) or state == 5
    return Discipline(is_kept=not is_unsynchronised, error_ms_max=timex[3] / 1000)


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now_ns: int = 0) -> None:
        """Start at this time."""
        self._now_ns = now_ns
        self._step_ns = 0

    def now_ns(self) -> int:
        """Return the time that was set."""
        return self._now_ns

    def wall_step_ns(self) -> int:
        """Return the step that was planted with `step_wall`, once."""
        step_ns, self._step_ns = self._step_ns, 0
        return step_ns

    def advance(self, by_ns: int) -> None:
        """Move on by this much; never back."""
        assert by_ns >= 0, "a clock never falls"
        self._now_ns += by_ns

    def step_wall(self, by_ns: int) -> None:
        """Let the wall clock behind this one jump."""
        self._step_ns += by_ns
