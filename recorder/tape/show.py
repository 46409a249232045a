"""How the verbs of tapes write for people: tables, sizes, times, and nothing that a terminal would obey."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import click
import msgspec

from recorder.times import utc

__all__ = ["echo_json", "hours", "json_line", "moment", "print_table", "safe", "seqs", "size", "span", "thousands"]

# DEL, the C1 controls and the line separators pass through JSON unescaped; a terminal may obey them.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029]")


def echo_json(facts: object) -> None:
    """Print facts as one line of JSON."""
    click.echo(json_line(facts))


def json_line(facts: object) -> str:
    """Render facts as one line of JSON that a terminal may show."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", msgspec.json.encode(facts).decode())


def safe(text: str) -> str:
    """Take away what a terminal would obey."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def print_table(head: list[str], rows: list[list[str]], *, right: Collection[int] = ()) -> None:
    """Print rows under a head, columns aligned; right names those that are aligned right."""
    if not rows:
        return
    cells = [head, *([safe(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        aligned = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(aligned).rstrip())


def size(count: int) -> str:
    """Say a number of bytes in words."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def thousands(count: int | None) -> str:
    """Write a count; `?` for an unknown one."""
    return "?" if count is None else f"{count:,}"


def moment(ns: int | None) -> str:
    """Write UTC nanoseconds as a date and time; `-` for none."""
    return "-" if not ns else utc(ns).strftime("%Y-%m-%d %H:%M:%S")


def span(row: dict[str, Any]) -> str:
    """Write how long it is from `first_ns` to `last_ns` of a row."""
    return hours(((row["last_ns"] or 0) - (row["first_ns"] or 0)) / 1e9)


def hours(seconds: float) -> str:
    """Write a duration as hours, minutes and whole seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def seqs(first_seq: int | None, last_seq: int | None) -> str:
    """Write a range of seqs, both ends included."""
    return "-" if first_seq is None else f"{first_seq}" if first_seq == last_seq else f"{first_seq} to {last_seq}"
