from __future__ import annotations

import sys
import time

from recorder.clock import STEP_NS, ManualClock, SystemClock, clock_discipline


def test_never_falls() -> None:
    """Successive answers never fall."""
    clock = SystemClock()
    answers = [clock.now_ns() for _ in range(10_000)]
    assert answers == sorted(answers)


def test_is_utc() -> None:
    """The clock is anchored on wall time."""
    assert abs(SystemClock().now_ns() - time.time_ns()) < 1_000_000_000


def test_goes_on_from_the_end_of_a_tape() -> None:
    """A tape that ends in the wall clock's future is gone on with from its end, and by how much is said."""
    ahead_ns = 3_600_000_000_000
    end_ns = time.time_ns() + ahead_ns
    clock = SystemClock(not_before_ns=end_ns)
    assert clock.now_ns() >= end_ns
    assert 0 < clock.ahead_ns <= ahead_ns
    assert clock.wall_step_ns() == 0


def test_wall_step_is_reported_once_and_moves_nothing(monkeypatch) -> None:
    """A wall clock set back by an hour is reported once; the session's time goes on."""
    clock = SystemClock()
    before_ns = clock.now_ns()
    real_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() - 3_600_000_000_000)
    assert abs(clock.wall_step_ns() + 3_600_000_000_000) < STEP_NS
    assert clock.wall_step_ns() == 0
    assert before_ns <= clock.now_ns() < before_ns + 60_000_000_000


def test_small_slew_is_not_a_step(monkeypatch) -> None:
    """A wall clock that is slewed by less than 50 ms is not reported."""
    clock = SystemClock()
    real_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + STEP_NS // 2)
    assert clock.wall_step_ns() == 0


def test_manual_clock_moves_only_when_told() -> None:
    """A manual clock stands still, advances by what it is told, and reports a planted step once."""
    clock = ManualClock(5)
    assert clock.now_ns() == clock.now_ns() == 5
    clock.advance(10)
    clock.step_wall(-7)
    assert (clock.now_ns(), clock.wall_step_ns(), clock.wall_step_ns()) == (15, -7, 0)


def test_the_kernel_says_whether_the_clock_is_kept() -> None:
    """On Linux the kernel answers, with a bound of the error that is a time; elsewhere there is no answer."""
    kept = clock_discipline()
    if sys.platform == "linux":
        assert kept is not None
        assert 0 <= kept.error_ms_max < 1e9
