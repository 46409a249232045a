"""Making a tape that is no recording."""

from __future__ import annotations

from pathlib import Path

import pytest
from reel import stretch

from recorder.errors import UsageError
from recorder.tape.reader import open_tape
from replay.newtape import append_all, new_tape


def test_whole(tmp_path: Path) -> None:
    """What was appended is there, numbered anew, labelled, and ends cleanly."""
    envelopes = stretch().envelopes[100:200]
    with new_tape(tmp_path / "made", created_ns=1, label="made up") as writer:
        append_all(writer, envelopes)
    tape = open_tape(tmp_path / "made")
    assert [one.seq for one in tape.read()] == list(range(100))
    assert [one.payload for one in tape.read()] == [one.payload for one in envelopes]
    assert (tape.label, tape.closed) == ("made up", True)


def test_or_not_there_at_all(tmp_path: Path) -> None:
    """Broken off after something was committed, nothing is left."""
    with pytest.raises(KeyboardInterrupt), new_tape(tmp_path / "made", created_ns=1, label="") as writer:  # noqa: PT012
        append_all(writer, stretch().envelopes)
        writer.commit()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    """A name that is taken is refused, and what has it is not touched."""
    with new_tape(tmp_path / "made", created_ns=1, label="first"):
        pass
    with pytest.raises(UsageError), new_tape(tmp_path / "made", created_ns=1, label="second"):
        pass
    assert open_tape(tmp_path / "made").label == "first"
