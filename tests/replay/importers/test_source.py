"""What an importer makes of a file."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.envelope import Kind
from recorder.errors import UsageError
from replay.importers.source import moment_ns, never_falling, read_file, zone_of

NS = 1_768_521_600_123_456_789


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NS, NS),
        (str(NS), NS),
        (NS // 1_000, NS // 1_000 * 1_000),
        (NS // 1_000_000, NS // 1_000_000 * 1_000_000),
        (1_768_521_600, 1_768_521_600 * 10**9),
        (1_768_521_600.5, 1_768_521_600_500_000_000),
        ("1768521600.123456", 1_768_521_600_123_456_000),
        ("2026-01-16T00:00:00Z", 1_768_521_600 * 10**9),
        ("2026-01-15T19:00:00-05:00", 1_768_521_600 * 10**9),
    ],
)
def test_a_time_in_any_unit(value: object, expected: int) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds are told apart by size; ISO text by its zone."""
    assert moment_ns(value) == expected


def test_a_time_without_a_zone() -> None:
    """It is in the zone that is meant, summer time and all, and without one it is refused."""
    assert moment_ns("2026-07-10T20:00:00", zone_of("America/New_York")) == moment_ns("2026-07-11T00:00:00Z")
    assert moment_ns("2026-01-10T20:00:00", zone_of("America/New_York")) == moment_ns("2026-01-11T01:00:00Z")
    with pytest.raises(ValueError, match="names no zone"):
        moment_ns("2026-07-10T20:00:00")
    with pytest.raises(UsageError):
        zone_of("Mars/Olympus")


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)))
def test_anything_is_a_time_or_none(value: object) -> None:
    """Whatever the value: nanoseconds that 64 bits hold, or the one error."""
    try:
        at_ns = moment_ns(value, UTC)
    except ValueError:
        return
    assert 0 < at_ns < 1 << 62


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "1" * 10**6])
def test_a_time_of_another_age(value: str) -> None:
    """What a tape cannot hold is refused where it is read, at once and in few words, however it is written."""
    with pytest.raises(ValueError, match="is no time") as refused:
        moment_ns(value)
    assert len(str(refused.value)) < 200


def test_times_that_fall_are_held_up() -> None:
    """A row keeps its place and gets the time of the one before; how many is counted."""
    rows = [(at, "f", 0, Kind.FRAME, b"", b"%d" % at) for at in (5, 3, 4, 9)]
    kept, back = never_falling(rows)
    assert ([row[0] for row in kept], [row[5] for row in kept], back) == ([5, 5, 5, 9], [b"5", b"3", b"4", b"9"], 2)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The error names it and why."""
    with pytest.raises(UsageError) as refused:
        read_file(tmp_path / "nowhere.json")
    assert refused.value.why == "No such file or directory"


def test_a_fixed_zone() -> None:
    """Any zone object will do."""
    assert moment_ns("2026-01-16T01:00:00", timezone(timedelta(hours=1))) == 1_768_521_600 * 10**9
