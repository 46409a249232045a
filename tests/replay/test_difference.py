"""Naming a difference."""

from __future__ import annotations

from replay.difference import cat_command, differing_fields, envelope_line, field_lines


def test_only_fields_that_differ_are_named_with_both_values() -> None:
    """Equal fields are left out, a field of one side only is None on the other, the order is that of the left."""
    fields = differing_fields({"b": 1, "a": 2, "c": 3}, {"a": 2, "b": 5, "d": 4}, ("live", "anew"))
    assert list(fields.items()) == [
        ("b", {"live": 1, "anew": 5}),
        ("c", {"live": 3, "anew": None}),
        ("d", {"live": None, "anew": 4}),
    ]
    assert field_lines(fields, {"live": "then", "anew": "now"})[0] == "  b            then 1   now 5"


def test_an_envelope_is_said_in_a_line(sample) -> None:
    """Feed, kind, time and size of one envelope; a seq that is not there is said to be missing."""
    told = envelope_line(sample, 22_426)
    assert told.startswith("seq 22426: nba.scoreboard body, 2026-01-16 01:35:24.")
    assert "\n" not in told
    assert envelope_line(sample, len(sample)) == f"seq {len(sample)} is not on the tape"
    assert cat_command("tapes/x", 7) == "gametape cat tapes/x --first-seq 7 --limit 1"
