"""A tape with faults in it: made from a recording, labelled, and telling where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.sequencer import RECORDER
from recorder.tape.reader import open_tape
from replay.inject.faults import apply_faults
from replay.inject.language import Fault
from replay.newtape import append_all, new_tape

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["inject_tape"]


def inject_tape(tape: Tape, faults: Sequence[Fault], seed: int, path: Path) -> Tape:
    """
    Write what a recorder would have written of this night, had these things gone wrong, as a tape at path.

    Its label and its first envelope, the note `injected`, say so. A tape and its faulty copy are held in memory.

    Raises:
        UsageError: something is at path already, or the tape has no place for a fault.
        CorruptError: the tape is damaged.
    """
    text = "; ".join(map(str, faults))
    made = apply_faults(tape.read(), faults, seed)
    facts = {"note": "injected", "of": tape.name, "digest": tape.digest(), "seed": seed, "faults": text}
    note = Envelope(0, made[0].recv_ns, RECORDER, 0, Kind.NOTE, encode_meta(facts), b"")
    label = ", ".join(part for part in (tape.label, f"injected: {text}") if part)
    with new_tape(path, created_ns=tape.created_ns, label=label) as writer:
        append_all(writer, [note, *made])
    return open_tape(path)
