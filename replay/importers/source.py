"""What an importer makes of a file: rows of a tape, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal, DecimalException
from pathlib import Path

from recorder.envelope import Kind
from recorder.errors import UsageError
from recorder.times import iso_ns

__all__ = ["NS_MAX", "FoundGame", "Imported", "Row", "moment_ns", "never_falling", "read_file", "zone_of"]

Row = tuple[int, str, int, Kind, bytes, bytes]
"""recv_ns, feed, conn, kind, meta, payload: an envelope before it has a seq."""

NS_MAX = 1 << 62
"""The year 2116: whatever is added to a time, it stays one that a tape can hold."""
_TEXT_MAX = 64
_UNITS_NS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
"""A count below the first number is one of so many nanoseconds: seconds, milliseconds, microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGame:
    """A game that a score file is about, as its source names it."""

    source: str
    league: str
    id: str
    home: str
    away: str
    start_ns: int | None


@dataclass(slots=True, kw_only=True)
class Imported:
    """
    One file's rows by time, and the facts that the tape keeps about it.

    what says in a few words what it is; clock whose times these are; cannot what no replay of it can answer. original
    is the file itself where the rows are rendered from it rather than its own bytes.
    """

    kind: str
    file: str
    sha256: str
    what: str
    clock: str
    cannot: list[str]
    rows: list[Row]
    tokens: list[str] = field(default_factory=list)
    games: list[FoundGame] = field(default_factory=list)
    original: bytes = b""

    def facts(self) -> dict[str, object]:
        """Return the facts of the note `imported`."""
        return {
            "note": "imported",
            "kind": self.kind,
            "file": self.file,
            "sha256": self.sha256,
            "rows": len(self.rows),
            "what": self.what,
            "clock": self.clock,
            "cannot": self.cannot,
        }


def read_file(path: Path) -> bytes:
    """
    Read a whole file.

    Raises:
        UsageError: there is none that can be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}", why=error.strerror or str(error)) from error


def moment_ns(value: object, zone: tzinfo | None = None) -> int:
    """
    Return a time as UTC nanoseconds: a count since 1970 in whatever unit its size says, or ISO text.

    zone is meant where the text names none.

    Raises:
        ValueError: it is no time from 1970 to 2116.
    """
    if isinstance(value, str) and len(value) > _TEXT_MAX:
        raise ValueError(f"{value[:_TEXT_MAX]!r} and more is no time")
    is_iso = isinstance(value, str) and not value.replace(".", "", 1).isdigit()
    ns = iso_ns(str(value), zone) if is_iso else _counted_ns(value)
    if not 0 < ns < NS_MAX:
        raise ValueError(f"{value!r} is no time from 1970 to 2116")
    return ns


def _counted_ns(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no time")  # noqa: TRY004 - bad data, whatever its type
    try:
        count = Decimal(str(value))
    except DecimalException:
        raise ValueError(f"{value!r} is no time") from None
    unit = next((unit for below, unit in _UNITS_NS if count < below), 1)
    return int(count * unit) if count.is_finite() else -1


def zone_of(name: str) -> tzinfo:
    """
    Return a time zone by its name, such as America/New_York.

    Raises:
        UsageError: there is none of that name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"there is no time zone {name!r}", hint="--zone America/New_York") from None


def never_falling(rows: Iterable[Row]) -> tuple[list[Row], int]:
    """Return rows in the order of the file, each no earlier than the one before, and how many were earlier."""
    kept: list[Row] = []
    shown_ns = back = 0
    for row in rows:
        back += row[0] < shown_ns
        shown_ns = max(shown_ns, row[0])
        kept.append((shown_ns, *row[1:]))
    return kept, back
