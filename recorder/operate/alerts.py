"""Alerts with hysteresis: raised when a reason has lasted, cleared when it has been gone for a while, once each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from recorder.config import parse_duration_ns
from recorder.errors import UsageError
from recorder.operate.look import Reason
from recorder.tape.show import moment

__all__ = ["CLEAR_NS", "RAISE_NS", "Ack", "Alert", "Alerts", "parse_ack"]

RAISE_NS = 5_000_000_000
CLEAR_NS = 30_000_000_000
_ACK_NS = 1_800_000_000_000
_KEY = re.compile(r"(feed|unmatched):\S+|disk|clock_step|stalled")


class Alert(msgspec.Struct, frozen=True):
    """One line of news: at_ns is UTC nanoseconds."""

    at_ns: int
    what: Literal["raised", "cleared", "acknowledged"]
    key: str
    text: str


class Ack(msgspec.Struct, frozen=True):
    """A reason that somebody knows of, and until when it does not count; until_ns is UTC nanoseconds."""

    key: str
    until_ns: int

    def told(self, now_ns: int) -> Alert:
        """Return the line of news that says so."""
        return Alert(now_ns, "acknowledged", self.key, f"until {moment(self.until_ns)} UTC")


def parse_ack(text: str, now_ns: int) -> Ack:
    """
    Read `KEY` or `KEY=TIME`: half an hour from now on, or so long.

    Raises:
        UsageError: no such reason can be acknowledged.
    """
    key, _, lasts = text.partition("=")
    if not _KEY.fullmatch(key):
        raise UsageError(
            f"{text!r} can not be acknowledged",
            why="where nothing is recorded nobody may look away; else the key is that of --json or of an alert",
            hint="--ack feed:espn.nba=30m, --ack unmatched:nba:401585601, --ack disk, clock_step or stalled",
        )
    return Ack(key, now_ns + (parse_duration_ns(lasts) if lasts else _ACK_NS))


@dataclass(slots=True)
class _Known:
    text: str
    first_ns: int
    last_ns: int
    is_raised: bool = False


@dataclass(slots=True)
class Alerts:
    """Which reasons hold; tell it every look."""

    _known: dict[str, _Known] = field(default_factory=dict)

    def step(self, reasons: Sequence[Reason], now_ns: int) -> list[Alert]:
        """Take the reasons of now and return what is news."""
        news: list[Alert] = []
        for reason in reasons:
            known = self._known.setdefault(reason.key, _Known(reason.text, now_ns, now_ns))
            known.text, known.last_ns = reason.text, now_ns
            if not known.is_raised and now_ns - known.first_ns >= RAISE_NS:
                known.is_raised = True
                news.append(Alert(now_ns, "raised", reason.key, reason.text))
        present = {reason.key for reason in reasons}
        for key, known in list(self._known.items()):
            if key in present or (known.is_raised and now_ns - known.last_ns < CLEAR_NS):
                continue
            if known.is_raised:
                news.append(Alert(now_ns, "cleared", key, known.text))
            del self._known[key]
        return news
