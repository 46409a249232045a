"""Making a tape that is no recording: whole, or not there at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from recorder.envelope import Envelope
from recorder.errors import DiskError
from recorder.folders import make_folder
from recorder.tape.writer import TapeWriter, refuse_taken

__all__ = ["append_all", "new_tape", "ready_for_tape"]

_COMMIT_BYTES = 8 * 1024 * 1024


def ready_for_tape(path: Path) -> Path:
    """
    See that a new tape can be made at path, before the work that would else be for nothing, and return it.

    Raises:
        UsageError: it is no name of a tape, or something is there already.
        DiskError: the disk or its permissions do not allow it.
    """
    make_folder(path.parent)
    refuse_taken(path)
    return path


@contextmanager
def new_tape(path: Path, *, created_ns: int, label: str) -> Iterator[TapeWriter]:
    """
    Yield the writer of a new tape; what is broken off is taken away, because half of it looks like the whole.

    Raises:
        UsageError: something is there already.
        DiskError: the disk refused.
    """
    writer = TapeWriter.create(path, created_ns=created_ns, label=label)
    try:
        yield writer
        writer.close()
    except BaseException:
        with contextlib.suppress(DiskError):
            writer.close()
        shutil.rmtree(path)
        raise


def append_all(writer: TapeWriter, envelopes: Iterable[Envelope]) -> None:
    """Append envelopes, numbered anew, and commit now and then."""
    pending = 0
    for envelope in envelopes:
        writer.append(msgspec.structs.replace(envelope, seq=writer.next_seq))
        pending += len(envelope.payload)
        if pending >= _COMMIT_BYTES:
            writer.commit()
            pending = 0
