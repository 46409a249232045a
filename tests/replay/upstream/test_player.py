"""How a tape's time passes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from recorder.clock import ManualClock
from replay.upstream.address import address_of
from replay.upstream.player import OTHERS_MAX, Gate, Pace
from replay.upstream.timeline import Opening, Timeline

SCOREBOARD = "https://site.api.espn.com/apis/site/v2/sports/basketball/nba/scoreboard"
TODAY, YESTERDAY = (address_of(f"{SCOREBOARD}?dates={day}&limit=300") for day in ("20260115", "20260114"))


def _run(scene: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await scene

    asyncio.run(bounded())


async def _waits(waiting: Coroutine[Any, Any, None]) -> bool:
    """Tell whether this is still waiting after the loop had every chance to move it on."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(waiting)
        for _ in range(10):
            await asyncio.sleep(0)
        is_waiting = not task.done()
        task.cancel()
    return is_waiting


def test_rate_stretches_the_clock() -> None:
    """At rate 10, ten tape seconds have passed after one of the clock's, and not sooner."""

    async def scene() -> None:
        clock = ManualClock(5_000_000_000)
        pace = Pace(clock, 1_000_000_000_000, 10.0)
        assert not await _waits(pace.until(1_000_000_000_000))
        assert await _waits(pace.until(1_010_000_000_000))
        clock.advance(1_000_000_000)
        assert not await _waits(pace.until(1_010_000_000_000))
        assert await _waits(pace.until(1_011_000_000_000))

    _run(scene())


def test_a_changed_body_waits_until_the_last_was_seen(tape: Any) -> None:
    """The first body passes when it is polled, the next when that one was; an equal one passes at once."""
    for n, body in enumerate([b"a", b"a", b"b", b"c"]):
        tape.scores(n, body)
    first, same, second, third = tape.envelopes
    opening = Opening.of(iter(tape.envelopes), first.recv_ns)

    async def scene() -> None:
        gate, timeline = Gate(opening, lambda: (), 20.0), Timeline(opening)
        assert await _waits(gate.before(first, timeline))
        gate.served(TODAY, 200)
        for envelope in (first, same):
            await gate.before(envelope, timeline)
            timeline.apply(envelope)
        assert await _waits(gate.before(second, timeline))
        gate.served(TODAY, 200)
        await gate.before(second, timeline)
        timeline.apply(second)
        assert await _waits(gate.finish())
        gate.served(TODAY, 200)
        await gate.finish()
        await gate.before(third, timeline)

    _run(scene())


@pytest.mark.parametrize(("status", "goes_on"), [(200, True), (503, False)])
def test_a_request_left_alone_is_let_go_unless_it_was_refused(tape: Any, status: int, goes_on: bool) -> None:
    """Others asked a thousand times meanwhile: it is over. But who was refused may be waiting before trying again."""
    tape.scores(0, b"a", day="20260114")
    tape.scores(1, b"b", day="20260114")
    tape.scores(2, b"c", day="20260114")
    first, second, third = tape.envelopes

    async def scene() -> None:
        gate, timeline = Gate(Opening(), lambda: (), 20.0), Timeline()
        await gate.before(first, timeline)
        timeline.apply(first)
        gate.served(YESTERDAY, status)
        await gate.before(second, timeline)
        timeline.apply(second)
        for _ in range(OTHERS_MAX):
            gate.served(TODAY, 200)
        assert await _waits(gate.before(third, timeline)) is not goes_on

    _run(scene())


def test_a_subscription_waits_until_it_is_held_again(tape: Any) -> None:
    """Tape time does not pass a recorded subscription before open sockets hold all of its tokens."""
    tape.opened(0, ["1", "2"])
    sent = tape.envelopes[1]
    held: list[str] = ["1"]

    async def scene() -> None:
        gate = Gate(Opening(), lambda: held, 20.0)
        assert await _waits(gate.before(sent, Timeline()))
        held.append("2")
        gate.subscribed()
        await gate.before(sent, Timeline())

    _run(scene())


def test_patience_ends(tape: Any) -> None:
    """Where nobody ever comes, the tape goes on."""
    tape.scores(0, b"a")
    tape.opened(1, ["1"])
    opening = Opening.of(iter(tape.envelopes), tape.envelopes[0].recv_ns)

    async def scene() -> None:
        gate = Gate(opening, lambda: (), 0.01)
        for envelope in tape.envelopes:
            await gate.before(envelope, Timeline())

    _run(scene())
