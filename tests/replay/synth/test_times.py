"""Times in the sources' forms."""

from __future__ import annotations

import pytest

from replay.synth.times import day_after, day_before, evening_ns, http_date, iso_minute, iso_second


def test_the_evening_is_seven_in_new_york():
    """19:00 Eastern is 00:00 UTC in winter and 23:00 in summer."""
    assert iso_minute(evening_ns("2026-01-15")) == "2026-01-16T00:00Z"
    assert iso_second(evening_ns("2026-07-15")) == "2026-07-15T23:00:00Z"


def test_no_date_is_refused():
    """What is no date is a ValueError."""
    with pytest.raises(ValueError, match="isoformat"):
        evening_ns("tomorrow")


def test_http_dates_are_english():
    """Headers carry the form of HTTP."""
    assert http_date(1_768_519_800 * 10**9) == "Thu, 15 Jan 2026 23:30:00 GMT"


def test_days_have_neighbours():
    """The days around a date cross months and years."""
    assert (day_before("2026-01-01"), day_after("2026-02-28")) == ("2025-12-31", "2026-03-01")
