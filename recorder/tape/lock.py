"""Locks on files: one process at a time, and a lock is gone with the process that held it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from recorder.errors import CorruptError, LockedError
from recorder.tape.plain import oddity

__all__ = ["FileLock"]


class FileLock:
    """A lock on a file that holds the process id of whoever has it."""

    def __init__(self, file: Path, *, what: str, hint: str) -> None:
        """
        Take the lock; what and hint are for whoever comes second.

        Raises:
            LockedError: another process (or this one) holds it.
            CorruptError: what has the lock's name is no file.
            OSError: the file cannot be made.
        """
        if odd := oddity(file):
            raise CorruptError(f"{file} is no lock", why=odd, hint="take it away: a lock is made anew")
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 32).decode(errors="replace").strip()
            os.close(self._fd)
            raise LockedError(what, why=f"process {holder or 'unknown'} holds its lock", hint=hint) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        """Hold the lock for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self.release()
