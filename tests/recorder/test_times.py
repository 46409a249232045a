from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.times import iso_ns, ns_of, utc


@settings(max_examples=50)
@given(st.integers(0, 2**63 - 1))
def test_microsecond_is_the_same_after_a_way_out_and_back(at_ns: int) -> None:
    """No microsecond of 64 bits of nanoseconds is lost to a float."""
    assert at_ns // 1_000 * 1_000 == ns_of(utc(at_ns))


def test_zone_of_the_text_comes_before_the_one_that_is_meant() -> None:
    """A text with a zone is read by its own, one without by the one that is meant."""
    new_york = ZoneInfo("America/New_York")
    assert iso_ns("2026-01-15T19:30:00Z", new_york) == 1_768_505_400_000_000_000
    assert iso_ns("2026-01-15T14:30:00", new_york) == 1_768_505_400_000_000_000
    assert iso_ns("2026-01-15 19:30:00.5", UTC) == 1_768_505_400_500_000_000


def test_time_without_a_zone_is_refused() -> None:
    """Nobody guesses a zone."""
    with pytest.raises(ValueError, match="names no zone"):
        iso_ns("2026-01-15T19:30:00")
