"""
Naming a difference: which fields of a decision differ, and the recorded fact that it followed from.

Parity (live against replayed) and goldens (committed against made now) ask the same question; this is the one answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.times import utc

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["cat_command", "differing_fields", "envelope_line", "field_lines"]

_PREVIEW = 96


def differing_fields(
    left: Mapping[str, Any], right: Mapping[str, Any], names: tuple[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the fields that differ, in the order of the left side: both values, under the two names."""
    return {
        key: {names[0]: left.get(key), names[1]: right.get(key)}
        for key in dict.fromkeys((*left, *right))
        if left.get(key) != right.get(key)
    }


def field_lines(fields: Mapping[str, Mapping[str, Any]], words: Mapping[str, str]) -> list[str]:
    """Say fields as `differing_fields` returns them, one a line; words says what each side is called."""
    return [
        f"  {key:<12} " + "   ".join(f"{word} {pair[name]}" for name, word in words.items())
        for key, pair in fields.items()
    ]


def cat_command(tape: Path | str, seq: int) -> str:
    """Return the command that shows one envelope."""
    return f"gametape cat {tape} --first-seq {seq} --limit 1"


def envelope_line(tape: Tape, seq: int) -> str:
    """
    Say one envelope of a tape in a line: where it stands, what it is, how it begins.

    Raises:
        CorruptError: the tape is damaged there.
    """
    envelope = next(tape.read(seq, seq), None)
    if envelope is None:
        return f"seq {seq} is not on the tape"
    moment = utc(envelope.recv_ns)
    begins = envelope.payload[:_PREVIEW].decode(errors="replace")
    dots = "…" if len(envelope.payload) > _PREVIEW else ""
    what = f"{envelope.feed} {envelope.kind.name.lower()}, {moment:%Y-%m-%d %H:%M:%S.%f} UTC"
    return f"seq {seq}: {what}, {len(envelope.payload):,} bytes: {begins}{dots}"
