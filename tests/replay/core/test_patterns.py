"""A pattern in columns has an entry and a mark for every minute."""

from __future__ import annotations

from replay.core.patterns import PATTERN_COLUMNS, PATTERN_MINUTES, no_patterns


def test_every_minute_has_an_entry_and_a_mark() -> None:
    """Eighteen entries, eighteen marks, in order of the minutes."""
    entries = [name for name in PATTERN_COLUMNS if name.startswith("d")]
    marks = [name for name in PATTERN_COLUMNS if name.startswith("m")]
    assert entries == [f"d{minute}" for minute in range(1, PATTERN_MINUTES + 1)]
    assert marks == [f"m{minute}" for minute in range(1, PATTERN_MINUTES + 1)]
    assert (0, len(PATTERN_COLUMNS)) == no_patterns().shape
