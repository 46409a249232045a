from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.exact import exact_u6, optional_u6, parse_iso_ns, parse_ms_ns


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ("0.5", 500_000),
        ("0.50", 500_000),
        (".5", 500_000),
        ("5.", 5_000_000),
        ("5", 5_000_000),
        ("0", 0),
        ("0.000000", 0),
        ("0.001", 1_000),
        ("219.217767", 219_217_767),
        ("3149725.72", 3_149_725_720_000),
        ("0.5000000", 500_000),
        ("1e-3", 1_000),
        ("1E5", 100_000_000_000),
        ("12.345e1", 123_450_000),
        ("0e-999", 0),
        ("-0.5", -500_000),
        (5, 5_000_000),
        (0, 0),
    ],
)
def test_wire_decimals_become_exact_integers(wire: object, expected: int) -> None:
    """Every way the wire writes a decimal that fits gives its exact millionths."""
    assert exact_u6(wire) == expected


@pytest.mark.parametrize(
    "wire",
    [
        "0.5300001",
        "1e-7",
        "",
        ".",
        "-",
        "e5",
        "NaN",
        "nan",
        "inf",
        "Infinity",
        "1e400",
        "1e999999999",
        "9" * 14,
        "9" * 5000,
        "1_0",
        " 1",
        "1 ",
        "+1",
        "0x1",
        "١",
        "²",
        "1,5",
        0.5,
        None,
        True,
        [],
        {},
        10**30,
    ],
)
def test_what_does_not_fit_is_refused(wire: object) -> None:
    """More than six decimals, no decimal at all, a float, or too large: never rounded, always refused."""
    with pytest.raises(ValueError, match=r"decimal|large"):
        exact_u6(wire)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6))
def test_exact_u6_agrees_with_decimal(number: Decimal) -> None:
    """For every decimal with six places the result is the decimal times a million."""
    expected = int(number * 1_000_000)
    assert exact_u6(f"{number:f}") == expected
    assert exact_u6(str(number)) == expected


@given(st.text(max_size=30) | st.from_regex(r"-?[0-9]{0,14}\.?[0-9]{0,9}(e[+-]?[0-9]{1,4})?", fullmatch=True))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    """No text gives a rounded number or another error than ValueError."""
    try:
        value = exact_u6(text)
    except ValueError:
        return
    assert Decimal(text) * 1_000_000 == value
    assert abs(value) <= 2**62


def test_absent_is_none_not_zero() -> None:
    """An absent or empty decimal is None; a zero is zero."""
    assert (optional_u6(None), optional_u6(""), optional_u6("0")) == (None, None, 0)


def test_milliseconds_become_nanoseconds() -> None:
    """Unix milliseconds, as text or number, are read without a float; absence stays absence."""
    assert parse_ms_ns("1757908892351") == 1_757_908_892_351_000_000
    assert parse_ms_ns(123_456_789) == 123_456_789_000_000
    assert (parse_ms_ns(None), parse_ms_ns("")) == (None, None)


@pytest.mark.parametrize("wire", ["-1", "1.5", "x", "9999999999999", "1" * 5000, -1, 1.5, True, 2**63, [], "١"])
def test_other_milliseconds_are_refused(wire: object) -> None:
    """Signs, fractions, words and times that 64 bits of nanoseconds cannot hold are refused."""
    with pytest.raises(ValueError, match="not Unix milliseconds"):
        parse_ms_ns(wire)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-05T15:10:00Z", 1_775_401_800_000_000_000),
        ("2026-04-05T15:10:00.123456Z", 1_775_401_800_123_456_000),
        ("2026-04-05T15:10:00.1Z", 1_775_401_800_100_000_000),
        ("2026-04-05 15:10:00+00", 1_775_401_800_000_000_000),
        ("2026-04-05 15:10:00.25+00", 1_775_401_800_250_000_000),
        ("2026-04-05T15:10Z", 1_775_401_800_000_000_000),
        ("2026-04-05T10:10:00-05:00", 1_775_401_800_000_000_000),
        ("2026-04-05T20:40:00+0530", 1_775_401_800_000_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_every_form_of_time_is_read(text: str, expected: int) -> None:
    """All forms in which the sources write a time give the same UTC nanoseconds."""
    assert parse_iso_ns(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-05T15:10:00",
        "2026-04-05",
        "",
        "7:00 pm ET",
        "2026-02-30T00:00Z",
        "2026-04-05T24:00Z",
        "2026-04-05T23:60Z",
        "2026-04-05T23:00:60Z",
        "2026-04-05T15:10:00+99",
        "2500-01-01T00:00Z",
        "0001-01-01T00:00:00Z",
        "٢٠٢٦-04-05T15:10Z",
        "2026-04-05T15:10Z" + " " * 100,
    ],
)
def test_a_time_without_zone_or_sense_is_refused(text: str) -> None:
    """No zone, no such moment, or beyond 64 bits: refused, never guessed."""
    with pytest.raises(ValueError, match=r"."):
        parse_iso_ns(text)


@given(
    st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2250, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_times_agree_with_datetime(naive: datetime, offset_minutes: int) -> None:
    """For every date and zone the result is what calendar arithmetic says, to the microsecond."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert parse_iso_ns(moment.isoformat()) == expected
