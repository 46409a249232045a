from __future__ import annotations

import os
from pathlib import Path

import pytest

from recorder.errors import DiskError, UsageError
from recorder.folders import make_folder, ready_to_write


def test_a_folder_is_made_with_those_above_it(tmp_path):
    """It is there afterwards, and asking again changes nothing."""
    for _ in range(2):
        assert make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
        assert ready_to_write(tmp_path / "a" / "c" / "page.html").parent.is_dir()


@pytest.mark.parametrize("name", ["file", "file/below", "file/further/below", "x" * 300, "loop/x", "a\0b"])
def test_a_name_that_cannot_be_meant_is_a_wrong_argument(tmp_path, name):
    """A file is in the way, a name is too long, a link leads nowhere: the user named it wrongly."""
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError):
        make_folder(tmp_path / name)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_folder_is_no_file_to_write(tmp_path):
    """A page cannot be written where a folder stands."""
    with pytest.raises(UsageError, match="is a folder"):
        ready_to_write(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write to")
def test_what_the_disk_refuses_is_the_disks(tmp_path, monkeypatch):
    """A folder that is there and not ours is told as the disk's refusal, before anything is written."""
    with pytest.raises(UsageError):
        make_folder(Path("/proc/gametape"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DiskError, match="cannot be written to"):
        make_folder(tmp_path)
