"""UTC nanoseconds as dates and times, and back; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["SECOND_NS", "iso_ns", "ns_of", "utc"]

SECOND_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc(at_ns: int) -> datetime:
    """Return the UTC time, to the microsecond."""
    return _EPOCH + timedelta(microseconds=at_ns // 1_000)


def ns_of(moment: datetime) -> int:
    """Return UTC nanoseconds; the moment knows its zone."""
    return (moment - _EPOCH) // _MICROSECOND * 1_000


def iso_ns(text: str, zone: tzinfo | None = None) -> int:
    """
    Return an ISO time as UTC nanoseconds; zone is meant where the text names none.

    Raises:
        ValueError: it is no time, or nobody says of which zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError(f"{text!r} names no zone")
        moment = moment.replace(tzinfo=zone)
    return ns_of(moment)
