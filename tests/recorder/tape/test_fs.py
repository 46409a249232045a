from __future__ import annotations

import errno
import os
import threading

import pytest

from recorder.errors import DiskError
from recorder.tape.fs import RealFs, disk_errors, publish


def test_writes_all_of_it_through_a_small_pipe():
    """A system that takes a few bytes at a time still gets all of them, in order."""
    reading, writing = os.pipe()
    data = os.urandom(200_000)
    got = bytearray()
    reader = threading.Thread(target=lambda: [got.extend(part) for part in iter(lambda: os.read(reading, 1000), b"")])
    reader.start()
    RealFs().write(writing, data)
    os.close(writing)
    reader.join()
    os.close(reading)
    assert bytes(got) == data


def test_creates_only_what_is_not_there(tmp_path):
    """A file is never overwritten by create, and a link in its place is not followed."""
    fs = RealFs()
    fs.close(fs.create(tmp_path / "a"))
    with pytest.raises(FileExistsError):
        fs.create(tmp_path / "a")
    (tmp_path / "b").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        fs.create(tmp_path / "b")
    assert not (tmp_path / "elsewhere").exists()


def test_publishes_once(tmp_path):
    """A published name has all its bytes, is given once, and can be replaced only where that is asked for."""
    fs = RealFs()
    target = tmp_path / "a"
    publish(fs, tmp_path / "tmp", target, b"one")
    with pytest.raises(FileExistsError):
        publish(fs, tmp_path / "tmp", target, b"two")
    assert target.read_bytes() == b"one"
    publish(fs, tmp_path / "tmp", target, b"three", replace=True)
    assert target.read_bytes() == b"three"


def test_a_full_disk_is_said_to_be_one(tmp_path):
    """A refusing disk becomes an error that says what, why and what to do."""
    with pytest.raises(DiskError) as refused, disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert refused.value.exit_code == 6
    assert "No space left" in refused.value.why


def test_dev_full_refuses():
    """The kernel's own full disk makes a write fail."""
    fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        RealFs().write(fd, b"x")
    os.close(fd)
