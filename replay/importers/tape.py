"""Imported files as one tape: merged by time, labelled, and saying what it cannot answer."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.sequencer import RECORDER
from recorder.tape.reader import open_tape
from replay.core.events import PlanSeen
from replay.importers.source import Imported, Row
from replay.newtape import append_all, new_tape

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["label_of", "moved", "write_imported"]


def label_of(inputs: Sequence[Imported]) -> str:
    """Say in the tape's label what it is made of."""
    return "imported: " + "; ".join(f"{one.kind} ({one.what})" for one in inputs)


def moved(one: Imported, begin_ns: int) -> None:
    """Move a file's rows in time so that the first comes at begin_ns, and say so."""
    by_ns = begin_ns - one.rows[0][0]
    one.rows = [(row[0] + by_ns, row[1], row[2], row[3], _asked_later(row, by_ns), row[5]) for row in one.rows]
    one.what += ", moved in time"
    one.cannot.append(f"when it happened: every time is moved by {by_ns / 1e9:,.0f} s")


def _asked_later(row: Row, by_ns: int) -> bytes:
    meta = row[4]
    if b'"sent_ns"' not in meta:
        return meta
    facts = msgspec.json.decode(meta)
    return encode_meta(facts | {"sent_ns": facts["sent_ns"] + by_ns})


def write_imported(path: Path, inputs: Sequence[Imported], plan: PlanSeen) -> Tape:
    """
    Write a tape of all rows by time; what comes at the same moment keeps the order of the files.

    Its first envelopes are the session, one note `imported` a file, with the file itself where its rows are rendered,
    and the plan.

    Raises:
        UsageError: something is at path already.
    """
    rows = list(heapq.merge(*(one.rows for one in inputs), key=_recv_ns))
    first_ns = rows[0][0]
    with new_tape(path, created_ns=first_ns, label=label_of(inputs)) as writer:
        append_all(writer, _head(first_ns, inputs, plan))
        append_all(writer, (Envelope(0, *row) for row in rows))
    return open_tape(path)


def _head(first_ns: int, inputs: Sequence[Imported], plan: PlanSeen) -> Iterator[Envelope]:
    notes: list[tuple[dict[str, object], bytes]] = [({"note": "session", "version": "import"}, b"")]
    notes += [(one.facts(), one.original) for one in inputs]
    if plan.games:
        notes.append(({"note": "plan"}, msgspec.json.encode(plan)))
    for facts, payload in notes:
        yield Envelope(0, first_ns, RECORDER, 0, Kind.NOTE, encode_meta(facts), payload)


def _recv_ns(row: Row) -> int:
    return row[0]
