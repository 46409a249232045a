"""
Reading a file inside a tape. Whatever stands under its name, a reader never waits for it and never reads without end.

A tape may come from a stranger, an unpacked archive or a slip of the hand: a FIFO would let every verb wait for ever, a
device would be read until the memory is full.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["NotPlainError", "oddity", "open_plain", "read_plain"]

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}


class NotPlainError(ValueError):
    """Something stands under the name, and it is no file."""


def open_plain(path: Path) -> BinaryIO:
    """
    Open a file to read.

    Raises:
        FileNotFoundError: nothing stands under the name.
        NotPlainError: a folder, FIFO, socket or device does, or a link that leads to no file.
        OSError: the system refused.
    """
    try:
        # Asked before it is opened, because to open a device or a FIFO is to do something to it.
        _refuse_other(path.stat().st_mode)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if path.is_symlink():
            raise NotPlainError("it is a link that leads nowhere, not a file") from None
        raise
    except NotADirectoryError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), error.filename) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotPlainError("it is a link that leads back to itself, not a file") from None
        raise
    file = os.fdopen(fd, "rb")
    try:
        # Something else may have taken the name in between.
        _refuse_other(os.fstat(fd).st_mode)
    except NotPlainError:
        file.close()
        raise
    return file


def read_plain(path: Path, *, bytes_max: int) -> bytes:
    """
    Return all bytes of a file; raises as `open_plain`.

    Raises:
        NotPlainError: it has more bytes than any such file ever has.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > bytes_max:
            raise NotPlainError(f"it has {size:,} bytes, and none of ours has more than {bytes_max:,}")
        return file.read()


def oddity(path: Path, *, folder: bool = False) -> str:
    """Say what stands under a name where that is neither nothing nor a plain file; with folder, nor a folder."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            # Nothing does; where it is the folder that is none, the trouble is told of that.
            return ""
        raise
    if folder:
        return "" if path.is_dir() else f"it is {_kind(mode)}, not a folder"
    return "" if stat.S_ISREG(mode) else f"it is {_kind(mode)}, not a file"


def _refuse_other(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotPlainError(f"it is {_kind(mode)}, not a file")


def _kind(mode: int) -> str:
    return _KINDS[stat.S_IFMT(mode)]
