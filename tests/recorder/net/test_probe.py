from __future__ import annotations

import asyncio

from little_upstream import little_upstream

from recorder.clock import ManualClock, SystemClock
from recorder.net.probe import Answer, Unreachable, probe

DAY_NS = 86_400_000_000_000


def test_a_host_that_answers() -> None:
    """Any status is an answer, of a socket's address too; a clock like ours is not ahead."""
    with little_upstream() as base:
        for url in (base, f"{base.replace('http', 'ws')}/ws/market"):
            answer = asyncio.run(probe(url, SystemClock(), user_agent="test"))
            assert isinstance(answer, Answer)
            assert answer.answered_ms > 0
            assert abs(answer.ahead_s or 0.0) < 1


def test_a_clock_that_is_wrong_is_seen() -> None:
    """Where our clock is a day behind, theirs is a day ahead."""
    with little_upstream() as base:
        answer = asyncio.run(probe(base, ManualClock(SystemClock().now_ns() - DAY_NS), user_agent="test"))
    assert isinstance(answer, Answer)
    assert abs((answer.ahead_s or 0.0) - 86_400) < 5


def test_a_host_that_is_not_there() -> None:
    """No name and no listener are told, and raise nothing."""
    for url in ("http://127.0.0.1:1", "http://nowhere.invalid"):
        assert isinstance(asyncio.run(probe(url, SystemClock(), user_agent="test")), Unreachable)
