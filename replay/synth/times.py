"""Times as the sources write them, from UTC nanoseconds; pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from recorder.times import SECOND_NS, utc

__all__ = [
    "EASTERN",
    "day_after",
    "day_before",
    "eastern",
    "evening_ns",
    "http_date",
    "iso_minute",
    "iso_second",
]

EASTERN = ZoneInfo("America/New_York")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def eastern(at_ns: int) -> datetime:
    """Return the time in New York."""
    return utc(at_ns).astimezone(EASTERN)


def evening_ns(day: str) -> int:
    """
    Return 19:00 in New York on a day such as `2026-01-15`.

    Raises:
        ValueError: not a date.
    """
    there = datetime.combine(date.fromisoformat(day), datetime.min.time(), EASTERN).replace(hour=19)
    return int(there.timestamp()) * SECOND_NS


def day_before(day: str) -> str:
    """Return the day before, in the same form."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def day_after(day: str) -> str:
    """Return the day after, in the same form."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def iso_minute(at_ns: int) -> str:
    """Return ESPN's form, without seconds: `2026-01-16T00:00Z`."""
    return utc(at_ns).strftime("%Y-%m-%dT%H:%MZ")


def iso_second(at_ns: int) -> str:
    """Return `2026-01-16T00:00:00Z`."""
    return utc(at_ns).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(at_ns: int) -> str:
    """Return the form of HTTP headers: `Thu, 15 Jan 2026 23:30:00 GMT` (English whatever the locale)."""
    at = utc(at_ns)
    clock = f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    return f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year} {clock} GMT"
