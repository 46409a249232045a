"""
Wire text to integers, exactly: decimals to micro-units, times to nanoseconds.

Nothing here passes through a float, and nothing is rounded: what does not fit is refused.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

__all__ = ["exact_u6", "optional_u6", "parse_iso_ns", "parse_ms_ns"]

_MICRO = 1_000_000
_DECIMALS = 6
_WHOLE_MAX = 12
_MS_DIGITS_MAX = 13
_BOUND_U6 = 2**62
# 2**62 in micro-units has 13 digits before the point; more characters than this are an attack or a mistake
_LENGTH_MAX = 40
_MS_MAX = (2**63 - 1) // 1_000_000
_SCALE_BY_DECIMALS = (1_000_000, 100_000, 10_000, 1_000, 100, 10, 1)
_DECIMAL = re.compile(r"(-?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)? ?(?:Z|([+-])(\d{2})(?::?(\d{2}))?)",
    re.ASCII,
)
_HOURS, _SIXTY, _ZONE_MINUTES_MAX = 24, 60, 14 * 60
_SECONDS_BOUND = 2**63 // 1_000_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def exact_u6(number: object) -> int:
    """
    Return a wire decimal in micro-units.

    Takes the text of a decimal (`0.5`, `0.50`, `.5`, `5`, `1e-3`) or a whole number. A float is refused: it has already
    forgotten what was on the wire (let the JSON decoder hand over the text of a number).

    Units: the result is millionths.

    Raises:
        ValueError: not a plain decimal, more than six decimals that matter, or beyond 2**62 millionths.
    """
    if type(number) is str:
        # nearly every number on the wire: plain ASCII digits, at most six behind the point
        whole, _, decimals = number.partition(".")
        digits = whole + decimals
        if digits.isdecimal() and digits.isascii() and len(decimals) <= _DECIMALS and len(whole) <= _WHOLE_MAX:
            return int(digits) * _SCALE_BY_DECIMALS[len(decimals)]
        return _exact_u6_of_rare_text(number)
    if type(number) is int:
        return _bounded_u6(number * _MICRO, str(number.bit_length()) + " bits") if number else 0
    raise ValueError(f"not a decimal: {type(number).__name__}")


def optional_u6(number: object) -> int | None:
    """
    Return a wire decimal in micro-units, None where the source left it out or sent an empty text.

    Raises:
        ValueError: as `exact_u6`.
    """
    return None if number is None or number == "" else exact_u6(number)


def parse_ms_ns(milliseconds: object) -> int | None:
    """
    Return Unix milliseconds (digits, or a whole number) as nanoseconds; None where absent or empty.

    Raises:
        ValueError: not a count of milliseconds, or beyond the year 2262, where 64 bits end.
    """
    if milliseconds is None or milliseconds == "":
        return None
    count = -1
    if type(milliseconds) is int:
        count = milliseconds
    elif type(milliseconds) is str and milliseconds.isdecimal() and milliseconds.isascii():
        count = int(milliseconds) if len(milliseconds) <= _MS_DIGITS_MAX else -1
    if 0 <= count <= _MS_MAX:
        return count * 1_000_000
    raise ValueError(f"not Unix milliseconds: {type(milliseconds).__name__}")


# A start is said again in every answer.
@lru_cache(maxsize=4_096)
def parse_iso_ns(text: str) -> int:
    """
    Return an ISO time with a zone as UTC nanoseconds.

    Takes every form the sources use: `2026-04-05T15:10:00.123456Z`, `2025-06-06T00:30:00+00:00`,
    `2026-04-05 15:10:00+00`, and `2022-10-02T22:00Z` without seconds.

    Raises:
        ValueError: not such a time, no zone, no such date, or one that 64 bits of nanoseconds cannot hold.
    """
    match = _ISO.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    if match is None:
        raise ValueError(f"not an ISO time with a zone: {text[:_LENGTH_MAX]!r}")
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    zone_minutes = int(zone_hour or 0) * 60 + int(zone_minute or 0)
    if hours >= _HOURS or max(minutes, seconds) >= _SIXTY or zone_minutes > _ZONE_MINUTES_MAX:
        raise ValueError(f"no such time of day: {text!r}")
    offset_s = zone_minutes * (-60 if sign == "-" else 60)
    day_number = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    total_s = day_number * 86_400 + hours * 3_600 + minutes * 60 + seconds - offset_s
    if abs(total_s) >= _SECONDS_BOUND:
        raise ValueError(f"beyond 64 bits of nanoseconds: {text!r}")
    return total_s * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def _exact_u6_of_rare_text(text: str) -> int:
    """Return a signed, exponential or zero-padded decimal in micro-units; ValueError where it does not fit."""
    match = _DECIMAL.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    if match is None or not (match[2] or match[3]):
        raise ValueError(f"not a decimal: {text[:_LENGTH_MAX]!r}")
    digits = match[2] + (match[3] or "")
    shift = int(match[4] or 0) - len(match[3] or "") + _DECIMALS
    if not digits.strip("0"):
        return 0
    if shift < 0:
        if digits[shift:].strip("0"):
            raise ValueError(f"more than six decimals: {text!r}")
        value = int(digits[:shift] or "0")
    elif shift > _LENGTH_MAX:
        raise ValueError(f"too large: {text!r}")
    else:
        value = int(digits) * 10**shift
    return _bounded_u6(-value if match[1] else value, repr(text))


def _bounded_u6(value_u6: int, said: str) -> int:
    """Return the value if it fits; ValueError otherwise."""
    if abs(value_u6) > _BOUND_U6:
        raise ValueError(f"too large: {said}")
    return value_u6
