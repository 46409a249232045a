"""The vocabulary of faults, and a schedule of them drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

__all__ = ["CLOSES", "HTTP_FAULTS", "Fault", "Strike", "schedule"]


class Fault(StrEnum):
    """One way in which a source, the network, the clock, the disk or the process itself fails."""

    SILENT_SOCKET = "silent_socket"
    """The market socket says nothing but PONG."""
    SILENT_ASSET = "silent_asset"
    """One token gets no book and no change, its siblings flow."""
    NO_SNAPSHOT = "no_snapshot"
    """A subscription brings changes, but no book."""
    CLOSE_1006 = "close_1006"
    """The socket is gone without a word."""
    CLOSE_1008 = "close_1008"
    CLOSE_1009 = "close_1009"
    """A frame larger than the recorder takes: it closes the socket itself."""
    CLOSE_1011 = "close_1011"
    CLOSE_1013 = "close_1013"
    DUPLICATES = "duplicates"
    """Every frame comes twice."""
    CROSSED = "crossed"
    """Best bid above best ask."""
    STALE_BODY = "stale_body"
    """An edge serves what was true two minutes ago."""
    STATUS_500 = "status_500"
    STATUS_403 = "status_403"
    STATUS_429 = "status_429"
    """Refused, with a Retry-After."""
    SLOW_BODY = "slow_body"
    """Half of the body, and then nothing for longer than anybody waits."""
    BROKEN_BODY = "broken_body"
    """Half of the body, and then a reset."""
    GARBAGE_BODY = "garbage_body"
    """An answer of 200 that is a page of HTML."""
    CLOCK_STEP = "clock_step"
    """The wall clock jumps, forward or back."""
    FREEZE = "freeze"
    """The whole process stands still, as under SIGSTOP or a closed lid."""
    DISK_FULL = "disk_full"
    """Every write is refused with ENOSPC."""
    DISK_EIO = "disk_eio"
    """The next sync fails with EIO, and what it should have made durable is gone."""
    DISK_STALL = "disk_stall"
    """A commit takes many seconds."""
    KILL = "kill"
    """The process is gone between two instructions, and leaves a torn block; then it is started again."""


CLOSES = {
    Fault.CLOSE_1006: 1006,
    Fault.CLOSE_1008: 1008,
    Fault.CLOSE_1009: 1009,
    Fault.CLOSE_1011: 1011,
    Fault.CLOSE_1013: 1013,
}
"""The faults that end a socket, and the code that they end it with."""

HTTP_FAULTS = frozenset(
    {
        Fault.STALE_BODY,
        Fault.STATUS_500,
        Fault.STATUS_403,
        Fault.STATUS_429,
        Fault.SLOW_BODY,
        Fault.BROKEN_BODY,
        Fault.GARBAGE_BODY,
    }
)
"""The faults that befall one source of answers."""

_SOURCES = ("espn", "nba", "gamma", "clob")

# How long each lasts, in seconds; what is not named here is over at once. A silence is longer than any patience of the
# feed's, so that it must be noticed; a disk is full for less than the backlog holds.
_LASTS_S = {
    Fault.SILENT_SOCKET: (310, 600),
    Fault.SILENT_ASSET: (120, 300),
    Fault.NO_SNAPSHOT: (60, 180),
    Fault.DUPLICATES: (20, 120),
    Fault.CROSSED: (20, 120),
    Fault.CLOCK_STEP: (-3600, 3600),
    Fault.FREEZE: (8, 90),
    Fault.DISK_FULL: (5, 60),
    Fault.DISK_STALL: (5, 30),
    **dict.fromkeys(HTTP_FAULTS, (20, 180)),
}
_EVERY_S = 150.0


@dataclass(frozen=True, slots=True)
class Strike:
    """
    One fault at one time.

    Units: at_s since the beginning; for_s how long it lasts (of a clock step: how far it goes, either way); where names
    the source that answers badly, empty where none does.
    """

    at_s: float
    fault: Fault
    for_s: float
    where: str = ""


def schedule(rng: Random, *, until_s: float) -> tuple[Strike, ...]:
    """Draw faults for so long, every one of the vocabulary about as often as any other; in the order of their time."""
    strikes: list[Strike] = []
    deck: list[Fault] = []
    at_s = 30.0
    while True:
        at_s += rng.expovariate(1 / _EVERY_S)
        if at_s >= until_s:
            return tuple(strikes)
        if not deck:
            deck = list(Fault)
            rng.shuffle(deck)
        fault = deck.pop()
        low, high = _LASTS_S.get(fault, (0, 0))
        for_s = rng.uniform(low, high)
        where = rng.choice(_SOURCES) if fault in HTTP_FAULTS else ""
        strikes.append(Strike(at_s, fault, for_s if fault is Fault.CLOCK_STEP else min(for_s, until_s - at_s), where))
