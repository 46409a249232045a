"""The league table and the game day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from recorder.errors import UsageError
from recorder.leagues import LEAGUES, game_date, game_days, league_of


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("utc", "today", "night"),
    [
        ("2026-07-01 03:59:59", date(2026, 6, 30), date(2026, 6, 30)),
        ("2026-07-01 04:00:00", date(2026, 7, 1), date(2026, 6, 30)),
        ("2026-07-01 09:59:59", date(2026, 7, 1), date(2026, 6, 30)),
        ("2026-07-01 10:00:00", date(2026, 7, 1), date(2026, 7, 1)),
        ("2026-01-16 04:59:59", date(2026, 1, 15), date(2026, 1, 15)),
        ("2026-01-16 05:00:00", date(2026, 1, 16), date(2026, 1, 15)),
        # The night of 1 November 2026 has 25 hours: 05:30 and 06:30 UTC are both half past one in New York.
        ("2026-11-01 03:59:59", date(2026, 10, 31), date(2026, 10, 31)),
        ("2026-11-01 04:00:00", date(2026, 11, 1), date(2026, 10, 31)),
        ("2026-11-01 05:30:00", date(2026, 11, 1), date(2026, 10, 31)),
        ("2026-11-01 06:30:00", date(2026, 11, 1), date(2026, 10, 31)),
        ("2026-11-01 10:59:59", date(2026, 11, 1), date(2026, 10, 31)),
        ("2026-11-01 11:00:00", date(2026, 11, 1), date(2026, 11, 1)),
        ("2026-11-02 04:59:59", date(2026, 11, 1), date(2026, 11, 1)),
        ("2026-11-02 05:00:00", date(2026, 11, 2), date(2026, 11, 1)),
        # The night of 14 March 2027 has 23 hours.
        ("2027-03-14 04:59:59", date(2027, 3, 13), date(2027, 3, 13)),
        ("2027-03-14 05:00:00", date(2027, 3, 14), date(2027, 3, 13)),
        ("2027-03-14 09:59:59", date(2027, 3, 14), date(2027, 3, 13)),
        ("2027-03-14 10:00:00", date(2027, 3, 14), date(2027, 3, 14)),
        ("2027-03-15 03:59:59", date(2027, 3, 14), date(2027, 3, 14)),
        ("2027-03-15 04:00:00", date(2027, 3, 15), date(2027, 3, 14)),
    ],
)
def test_the_day_is_new_yorks_and_the_night_ends_at_six(utc: str, today: date, night: date) -> None:
    """The scoreboard day turns at midnight and the night at six, by New York's clock, also when that clock is set."""
    assert game_days(_ns(utc))[0] == today
    assert game_date(_ns(utc)) == night


def test_yesterday_is_the_day_before_also_over_a_change_of_the_clock() -> None:
    """On a day of 25 hours, yesterday is still one date back."""
    assert game_days(_ns("2026-11-02 04:30:00")) == (date(2026, 11, 1), date(2026, 10, 31))


def test_eleven_leagues_each_with_its_own_path_and_code() -> None:
    """No two leagues share a key, an ESPN path or a venue code."""
    codes = [code for league in LEAGUES.values() for code in league.venue_codes]
    assert len(LEAGUES) == len({league.espn_path for league in LEAGUES.values()}) == 11
    assert len(codes) == len(set(codes))
    assert all(key == league.key and league.feed == f"espn.{key}" for key, league in LEAGUES.items())


def test_an_unknown_league_is_a_usage_error_that_lists_the_known() -> None:
    """Whoever mistypes a league reads which there are."""
    with pytest.raises(UsageError) as raised:
        league_of("nab")
    assert "nba" in raised.value.why
