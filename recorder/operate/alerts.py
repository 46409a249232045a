"""Alerts with hysteresis: raised when a reason has lasted, cleared when it has been gone for a while, once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from recorder.operate.look import Reason

__all__ = ["CLEAR_NS", "RAISE_NS", "Alert", "Alerts"]

RAISE_NS = 5_000_000_000
CLEAR_NS = 30_000_000_000


class Alert(msgspec.Struct, frozen=True):
    """One line of news: at_ns is UTC nanoseconds."""

    at_ns: int
    what: Literal["raised", "cleared"]
    key: str
    text: str


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
