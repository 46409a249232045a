"""Clock texts and period rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.gameclock import PERIOD_RULES, clock_ms, elapsed_ms

M = 60_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT10M30.00S", 630_000),
        ("PT05M23.00S", 323_000),
        ("PT0M0.00S", 0),
        ("PT00M58.30S", 58_300),
        ("10:30", 630_000),
        ("0:00", 0),
        ("1:05.2", 65_200),
        ("58.3", 58_300),
        ("0.0", 0),
        ("12", 12_000),
        ("", None),
        ("  ", None),
        (" 5:00 ", 300_000),
        ("69'", 69 * M),
        ("90'+8'", 90 * M),
        ("0.0009", 0),
    ],
)
def test_clock_texts(text: str, expected: int | None) -> None:
    """Every clock form of the sources is read to the millisecond; the empty text is absence."""
    assert clock_ms(text) == expected


@pytest.mark.parametrize("text", ["Half", "Q3 5:23", "-1.0", "10:3", "1e3", "PT10M", "\u0661:00", "nan", "7:00 pm ET"])
def test_what_is_no_clock_is_refused(text: str) -> None:
    """A display text is never taken for a clock."""
    with pytest.raises(ValueError, match="not a clock"):
        clock_ms(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 999))
def test_forms_agree(minutes: int, seconds: int, millis: int) -> None:
    """The same moment reads the same in every form."""
    expected = (minutes * 60 + seconds) * 1000 + millis
    assert clock_ms(f"PT{minutes}M{seconds}.{millis:03}S") == expected
    assert clock_ms(f"{minutes}:{seconds:02}.{millis:03}") == expected


@given(st.text(max_size=12))
def test_any_text_is_a_clock_or_a_value_error(text: str) -> None:
    """Nothing but ValueError comes out of a bad clock text."""
    try:
        read = clock_ms(text)
    except ValueError:
        return
    assert read is None or read >= 0


@pytest.mark.parametrize(
    ("league", "period", "clock", "expected"),
    [
        ("nba", 0, 0, 0),
        ("nba", 1, 12 * M, 0),
        ("nba", 2, 6 * M, 18 * M),
        ("nba", 4, 0, 48 * M),
        ("nba", 5, 5 * M, 48 * M),
        ("nba", 1, 15 * M, 0),
        ("ncaamb", 2, 20 * M, 20 * M),
        ("ncaawb", 2, 10 * M, 10 * M),
        ("nhl", 3, 0, 60 * M),
        ("nfl", 1, 15 * M, 0),
        ("epl", 2, 69 * M, 69 * M),
        ("epl", 1, 47 * M, 45 * M),
        ("epl", 2, 90 * M, 90 * M),
    ],
)
def test_elapsed(league: str, period: int, clock: int, expected: int) -> None:
    """Elapsed regulation follows from period and clock, up or down, and stays within the period."""
    assert elapsed_ms(PERIOD_RULES[league], period, clock) == expected


def test_baseball_has_no_clock() -> None:
    """No minute can be told from an inning, so baseball has no rules here."""
    assert "mlb" not in PERIOD_RULES
    assert len(PERIOD_RULES) == 10
