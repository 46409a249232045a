from __future__ import annotations

import os

import pytest
from unixsocket import make_socket

from recorder.tape.plain import NotPlainError, oddity, open_plain, read_plain


def test_a_file_is_read(tmp_path):
    """A file, or a link to one, gives its bytes; no name at all is another matter."""
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    assert [read_plain(tmp_path / name, bytes_max=3) for name in ("a", "b")] == [b"abc", b"abc"]
    for missing in ("c", "a/c"):
        with pytest.raises(FileNotFoundError):
            open_plain(tmp_path / missing)
    assert [oddity(tmp_path / name) for name in ("a", "c", "a/c")] == ["", "", ""]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkdir, "it is a folder, not a file"),
        (make_socket, "it is a socket, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (lambda path: path.symlink_to("nowhere"), "it is a link that leads nowhere, not a file"),
        (lambda path: path.symlink_to(path.name), "it is a link that leads back to itself, not a file"),
        (os.mkfifo, "it is a FIFO, not a file"),
    ],
)
def test_anything_else_is_refused_at_once(tmp_path, monkeypatch, make, why):
    """What is no file is named, and never waited for or read."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x"
    make(path)
    with pytest.raises(NotPlainError) as refused:
        open_plain(path)
    assert str(refused.value) == why
    assert oddity(path)


def test_a_fifo_that_takes_a_files_place_is_not_waited_for(tmp_path, monkeypatch):
    """Between the question and the opening a FIFO takes the name: it is opened without waiting, and refused."""
    path, calm = tmp_path / "x", tmp_path / "file"
    calm.write_bytes(b"abc")
    os.mkfifo(path)
    seen = calm.stat()
    monkeypatch.setattr(type(path), "stat", lambda _: seen)
    with pytest.raises(NotPlainError, match="a FIFO"):
        open_plain(path)


def test_a_file_without_end_is_not_read(tmp_path):
    """A file of a terabyte that takes no room on the disk would fill the memory: it is refused by its size."""
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(NotPlainError, match="1,099,511,627,776 bytes"):
        read_plain(tmp_path / "a", bytes_max=1 << 30)
