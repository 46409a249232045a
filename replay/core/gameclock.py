"""What a league's clock says: period lengths, clock texts, and how much of regulation has passed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["INNINGS", "PERIOD_RULES", "PeriodRules", "clock_ms", "elapsed_ms"]

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRules:
    """
    How a league divides its game.

    Units: period_ms and overtime_ms are the lengths of one regulation and one overtime period. is_counting_up says that
    the clock shows what has passed of the whole game (soccer), not what is left of the period.
    """

    periods: int
    period_ms: int
    overtime_ms: int
    is_counting_up: bool = False

    @property
    def regulation_ms(self) -> int:
        """Length of the game without overtime, ms."""
        return self.periods * self.period_ms


def _rules(periods: int, minutes: int, overtime_minutes: int, *, is_counting_up: bool = False) -> PeriodRules:
    return PeriodRules(
        periods=periods,
        period_ms=minutes * _MINUTE_MS,
        overtime_ms=overtime_minutes * _MINUTE_MS,
        is_counting_up=is_counting_up,
    )


_SOCCER = _rules(2, 45, 15, is_counting_up=True)

# Baseball has no clock, so it has no entry: no minute can be told from an inning.
PERIOD_RULES: Mapping[str, PeriodRules] = MappingProxyType(
    {
        "nba": _rules(4, 12, 5),
        "wnba": _rules(4, 10, 5),
        "ncaamb": _rules(2, 20, 5),
        "ncaawb": _rules(4, 10, 5),
        "nhl": _rules(3, 20, 5),
        "nfl": _rules(4, 15, 10),
        "ncaaf": _rules(4, 15, 0),  # college overtime is untimed
        "mls": _SOCCER,
        "epl": _SOCCER,
        "ucl": _SOCCER,
    },
)

INNINGS: Mapping[str, int] = MappingProxyType({"mlb": 9})
"""The leagues that count innings instead of time, and how many make a game."""

_ISO = re.compile(r"PT([0-9]{1,3})M([0-9]{1,2})(?:\.([0-9]{1,9}))?S", re.ASCII)
_COLON = re.compile(r"([0-9]{1,3}):([0-9]{2})(?:\.([0-9]{1,9}))?", re.ASCII)
_SECONDS = re.compile(r"()([0-9]{1,4})(?:\.([0-9]{1,9}))?", re.ASCII)
_SOCCER_MINUTE = re.compile(r"([0-9]{1,3})'(?:\s*\+\s*[0-9]{1,2}'?)?", re.ASCII)


def clock_ms(text: str) -> int | None:
    """
    Read a clock text exactly: `PT10M30.00S`, `10:30`, `1:05.2`, `58.3`, `0.0`, `69'`; None for the empty text.

    Stoppage time (`90'+8'`) stays at the end of its half, as the source's own number does. What is finer than a
    millisecond is cut off, never rounded up: a clock must not show time that is not left.

    Raises:
        ValueError: the text is no clock.
    """
    text = text.strip()
    if not text:
        return None
    for form in (_COLON, _ISO, _SECONDS):
        if found := form.fullmatch(text):
            minutes, seconds, fraction = found.groups()
            return int(minutes or 0) * _MINUTE_MS + int(seconds) * 1000 + int(((fraction or "") + "000")[:3])
    if found := _SOCCER_MINUTE.fullmatch(text):
        return int(found.group(1)) * _MINUTE_MS
    raise ValueError(f"not a clock: {text[:40]!r}")


def elapsed_ms(rules: PeriodRules, period: int, clock: int) -> int:
    """
    Say how much of regulation has passed: 0 before the start, all of it from the first overtime on.

    A clock outside its period is taken as that period's edge: a scheduled game may show a full clock, stoppage time
    may not.

    Units: clock in ms, as `ScoreSeen.clock_ms` has it; period counts from 1, 0 is before the start.
    """
    if period <= 0:
        return 0
    if period > rules.periods:
        return rules.regulation_ms
    start = (period - 1) * rules.period_ms
    into = clock - start if rules.is_counting_up else rules.period_ms - clock
    return start + min(max(into, 0), rules.period_ms)
