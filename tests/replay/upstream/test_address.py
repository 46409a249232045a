"""Which recorded request an asking client means."""

from __future__ import annotations

from datetime import date

import pytest

from replay.upstream.address import address_of, best_match, on_tape_day

BASE = "/apis/site/v2/sports/basketball/nba/scoreboard"
DAYS = [address_of(f"https://site.api.espn.com{BASE}?dates={day}&limit=300") for day in ("20260114", "20260115")]


def test_host_and_order_of_parameters_do_not_matter() -> None:
    """The same question to another host is the same address."""
    assert address_of("http://127.0.0.1:99/a?x=1&b=2") == address_of("/a?b=2&x=1")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("20261121", "20260115"),
        ("20261120", "20260114"),
        ("20260114", "20260114"),
        ("20261119", "20260113"),
        ("202611", "202611"),
    ],
)
def test_today_is_the_tapes_today(asked: str, expected: str) -> None:
    """Today and yesterday mean the tape's; a recorded date means itself; anything but one day is left alone."""
    there = on_tape_day(address_of(f"{BASE}?dates={asked}"), date(2026, 11, 21), date(2026, 1, 15), DAYS)
    assert there.param("dates") == expected


def test_today_falls_back_on_the_newest_recorded_day() -> None:
    """A tape made by another calendar still has a today."""
    there = on_tape_day(address_of(f"{BASE}?dates=20261121"), date(2026, 11, 21), date(2026, 3, 1), DAYS)
    assert there.param("dates") == "20260115"


def test_match_ignores_what_names_nothing_and_keeps_what_does() -> None:
    """Another limit is the same question, another day or series is not."""
    assert best_match(address_of(f"{BASE}?dates=20260115&limit=100"), DAYS) == DAYS[1]
    assert best_match(address_of(f"{BASE}?dates=20260116&limit=300"), DAYS) is None
    events = [address_of(f"/events?series_id={series}&limit=200") for series in ("1", "2")]
    assert best_match(address_of("/events?series_id=2&limit=5"), events) == events[1]
    assert best_match(address_of("/events?series_id=3"), events) is None
    assert best_match(address_of("/sports"), events) is None
