"""
Transcripts: what the world says on the left, what the feed does on the right, in one expression.

    assert (Transcript(feed, now_ns=0) >> Start() << Open(1, URL) << WakeAt(10 * S) >> Opened(1) << Send(1, ...) << ...)

`>> happened` shows an input now, `>> (ns, happened)` at that time, `>> Wake()` when the alarm rings, or late at that
time. `<< command` expects exactly the next command, `<< SomeCommand` the next to be of that class, `<< ...` lets the
rest of this step pass. A step whose commands were not all expected fails at the next `>>` or at the end.

A transcript also holds every feed to what all must keep: time does not fall, an alarm rings only when it was set, no
question is asked twice at once, connections are numbered upwards, and nothing is sent on a socket that is not open.
"""

from __future__ import annotations

from types import EllipsisType
from typing import Self

from recorder.feeds.base import (
    Close,
    Closed,
    Command,
    Failed,
    Feed,
    Get,
    Input,
    Open,
    Opened,
    Response,
    Send,
    Wake,
    WakeAt,
)

__all__ = ["S", "Transcript"]

S = 1_000_000_000


class Transcript:
    """A feed, what it was told and what it did."""

    def __init__(self, feed: Feed, now_ns: int = 0) -> None:
        self.feed = feed
        self.now_ns = now_ns
        self.alarm_ns: int | None = None
        self.asked: set[str] = set()
        self.open: set[int] = set()
        self._last_conn = 0
        self._left: list[Command] = []
        self._lines: list[str] = []

    def __rshift__(self, happened: Input | tuple[int, Input]) -> Self:
        self._settle()
        told_ns, happened = happened if isinstance(happened, tuple) else (None, happened)
        now_ns = self.now_ns if told_ns is None else told_ns
        if isinstance(happened, Wake):
            assert self.alarm_ns is not None, f"no alarm was set\n{self}"
            if told_ns is None:
                now_ns = max(now_ns, self.alarm_ns)
            assert now_ns >= self.alarm_ns, f"the alarm rings early, at {now_ns}\n{self}"
            self.alarm_ns = None
        assert now_ns >= self.now_ns, f"time falls to {now_ns}\n{self}"
        self.now_ns = now_ns
        self._lines.append(f">> {now_ns / S:.3f} {happened}")
        self._hear(happened)
        self._left = self.feed.step(happened, now_ns)
        for command in self._left:
            self._check(command)
        return self

    def __lshift__(self, expected: Command | type | EllipsisType) -> Self:
        if expected is ...:
            self._lines += [f"   << {command}" for command in self._left]
            self._left = []
            return self
        assert self._left, f"expected {expected}, but nothing more was done\n{self}"
        command = self._left.pop(0)
        if isinstance(expected, type):
            assert isinstance(command, expected), f"expected a {expected.__name__}, got {command}\n{self}"
        else:
            assert command == expected, f"expected {expected}\n     got {command}\n{self}"
        self._lines.append(f"   << {command}")
        return self

    def __bool__(self) -> bool:
        self._settle()
        return True

    def __str__(self) -> str:
        return "\n".join(self._lines)

    def step(self, happened: Input | tuple[int, Input]) -> list[Command]:
        """Show an input and return all that was done."""
        _ = self >> happened
        done = list(self._left)
        _ = self << ...
        return done

    def _settle(self) -> None:
        assert not self._left, f"not expected: {self._left}\n{self}"

    def _hear(self, happened: Input) -> None:
        if isinstance(happened, Response | Failed):
            assert happened.key in self.asked, f"{happened.key} was not asked\n{self}"
            self.asked.discard(happened.key)
        elif isinstance(happened, Opened):
            self.open.add(happened.conn)
        elif isinstance(happened, Closed):
            self.open.discard(happened.conn)

    def _check(self, command: Command) -> None:
        match command:
            case Get():
                assert command.key not in self.asked, f"{command.key} asked twice at once\n{self}"
                self.asked.add(command.key)
            case Open():
                assert command.conn > self._last_conn, f"connection {command.conn} again\n{self}"
                self._last_conn = command.conn
            case Send():
                assert command.conn in self.open, f"sent on {command.conn}, which is not open\n{self}"
            case Close():
                self.open.discard(command.conn)
            case WakeAt():
                self.alarm_ns = command.at_ns
            case _:
                pass
