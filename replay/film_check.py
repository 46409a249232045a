"""Does the decoder of today make the film that was made before? The first difference, or that there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replay.core.rows import POLL_COLUMNS, ROW_COLUMNS, RULES_COLUMNS, STATE_COLUMNS
from replay.core.witnesses import PLAY_COLUMNS, SIGHTING_COLUMNS
from replay.film import Film, load_film

__all__ = ["Difference", "first_difference", "stored_films"]

_TABLES = {
    "states": STATE_COLUMNS,
    "polls": POLL_COLUMNS,
    "rules": RULES_COLUMNS,
    "sightings": SIGHTING_COLUMNS,
    "plays": PLAY_COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """
    Where two films part.

    seq is that of the envelope which means something else, None where it is nothing of an envelope; stored and today
    are the two values, None where there is none.
    """

    table: str
    column: str
    seq: int | None
    stored: object
    today: object

    def __str__(self) -> str:
        """Say it in words."""
        where = "" if self.seq is None else f" of seq {self.seq}"
        return f"{self.table}.{self.column}{where}: stored {self.stored}, today {self.today}"


def stored_films(cache: Path, digest: str, name: str) -> Iterator[Film]:
    """Yield the films of a tape in the cache that can be read, whichever decoders made them."""
    for folder in sorted(cache.glob(f"{digest[:32]}-*")):
        try:
            yield load_film(folder, name)
        except (EOFError, OSError, ValueError):
            continue


def first_difference(stored: Film, today: Film) -> Difference | None:
    """Return where two films of one tape part first, in the order of the tape; None where they are the same."""
    found = [
        difference
        for table, (ours, theirs) in _columns(stored, today).items()
        if (difference := _in_table(table, ours, theirs)) is not None
    ]
    if found:
        return min(found, key=lambda difference: difference.seq or 0)
    for name in ("tokens", "games", "feeds"):
        ours, theirs = getattr(stored.catalogue, name), getattr(today.catalogue, name)
        if ours != theirs:
            at = next((k for k, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
            values = (len(ours), len(theirs)) if at is None else (ours[at], theirs[at])
            return Difference("catalogue", name, None, *values)
    for name in ("counts", "payouts", "events", "first_ns", "last_ns"):
        if getattr(stored, name) != getattr(today, name):
            return Difference("film", name, None, getattr(stored, name), getattr(today, name))
    return None


_Columns = dict[str, "np.ndarray[tuple[int], np.dtype[np.int64]]"]


def _columns(stored: Film, today: Film) -> dict[str, tuple[_Columns, _Columns]]:
    films = (stored.night, today.night)
    rows = [{name: getattr(night.rows, name) for name in ROW_COLUMNS} for night in films]
    tables = {"rows": (rows[0], rows[1])}
    for table, columns in _TABLES.items():
        both = [{name: getattr(night, table)[:, k] for k, name in enumerate(columns)} for night in films]
        tables[table] = (both[0], both[1])
    return tables


def _in_table(table: str, stored: _Columns, today: _Columns) -> Difference | None:
    """Return the first row, and the first column of it, that is not the same."""
    sizes = len(stored["seq"]), len(today["seq"])
    both = min(sizes)
    at, column = both, ""
    for name in stored:
        differs = np.flatnonzero(stored[name][:both] != today[name][:both])
        if len(differs) and differs[0] < at:
            at, column = int(differs[0]), name
    if column:
        seq = min(int(stored["seq"][at]), int(today["seq"][at]))
        return Difference(table, column, seq, int(stored[column][at]), int(today[column][at]))
    if sizes[0] == sizes[1]:
        return None
    longer = stored if sizes[0] > sizes[1] else today
    return Difference(table, "rows", int(longer["seq"][both]), *sizes)
