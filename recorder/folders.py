"""Folders that a user names to write to: there and writable before the work begins that would else be for nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from recorder.errors import DiskError, GametapeError, UsageError

__all__ = ["CANNOT_BE_MEANT", "make_folder", "ready_to_write"]

CANNOT_BE_MEANT = frozenset(
    {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.EINVAL}
)
"""What the system says where a name is wrong, and not the disk."""


def make_folder(folder: Path, *, hint: str = "name another folder") -> Path:
    """
    Make a folder where there is none, see that files can be made in it, and return it. hint is what to do where not.

    Raises:
        UsageError: there can be no folder of this name.
        DiskError: the disk or its permissions do not allow it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "nothing may be written there", str(folder))
    except (OSError, ValueError) as error:
        raise _refusal(folder, error, hint) from error
    return folder


def ready_to_write(file: Path) -> Path:
    """
    See that a file can be made, its folder included, and return it; raises as `make_folder`.

    Raises:
        UsageError: something that is no file has its name.
    """
    make_folder(file.parent)
    if file.is_dir():
        raise UsageError(f"{file} is a folder", why="a file is to be written there", hint="name a file")
    return file


def _refusal(folder: Path, error: OSError | ValueError, hint: str) -> GametapeError:
    why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    if isinstance(error, ValueError) or error.errno in CANNOT_BE_MEANT:
        return UsageError(f"{folder} can be no folder to write to", why=why, hint=hint)
    return DiskError(f"{folder} cannot be written to", why=why, hint=hint)
