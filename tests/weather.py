"""A world for feeds that only poll, in virtual time: every question is answered after a while by a function."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from transcript import S, Transcript

from recorder.feeds.base import Failed, Feed, Get, Input, Response, Start, Wake

__all__ = ["Even", "asked_at", "ok"]


class Even:
    """Chance that never strikes: stands where a `random.Random` is wanted, so that waits are exact."""

    def random(self) -> float:
        return 0.0


def ok(key: str, body: bytes, status: int = 200, **headers: str) -> Response:
    """An answer; header names with underscores for dashes."""
    return Response(key, status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def asked_at(
    feed: Feed,
    answer: Callable[[Get, int], Response | Failed],
    *,
    from_ns: int,
    to_ns: int,
    first: tuple[Input, ...] = (Start(),),
    rtt_ns: int = S // 10,
) -> list[tuple[int, Get]]:
    """Run a feed against a world and return when it asked what."""
    transcript, order = Transcript(feed, from_ns), count()
    coming: list[tuple[int, int, Response | Failed]] = []
    asked: list[tuple[int, Get]] = []

    def show(happened: Input | tuple[int, Input]) -> None:
        for command in transcript.step(happened):
            if isinstance(command, Get):
                asked.append((transcript.now_ns, command))
                heapq.heappush(coming, (transcript.now_ns + rtt_ns, next(order), answer(command, transcript.now_ns)))

    for happened in first:
        show((from_ns, happened))
    while transcript.now_ns < to_ns:
        assert transcript.alarm_ns is not None, "a feed that set no alarm sleeps for ever"
        if coming and coming[0][0] <= transcript.alarm_ns:
            at_ns, _, response = heapq.heappop(coming)
            show((at_ns, response))
        else:
            show(Wake())
    return asked
