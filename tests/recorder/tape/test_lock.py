from __future__ import annotations

import os

import pytest

from recorder.errors import CorruptError, LockedError
from recorder.tape.lock import FileLock


def test_only_one_has_it(tmp_path):
    """The second is told who has it; given back, it can be had again."""
    with FileLock(tmp_path / "lock", what="it is taken", hint="wait"):
        with pytest.raises(LockedError, match="it is taken") as refused:
            FileLock(tmp_path / "lock", what="it is taken", hint="wait")
        assert refused.value.why == f"process {os.getpid()} holds its lock"
    FileLock(tmp_path / "lock", what="it is taken", hint="wait").release()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_only_a_file_is_a_lock(tmp_path, make):
    """Anything else in its place is named and left alone."""
    make(tmp_path / "lock")
    with pytest.raises(CorruptError, match="is no lock"):
        FileLock(tmp_path / "lock", what="", hint="")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
