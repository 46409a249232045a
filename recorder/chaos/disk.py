"""A disk that can be full, fail a sync, or be gone with the process; what it takes, it takes to a real directory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from recorder.tape.fs import RealFs

__all__ = ["ChaosFs"]


class ChaosFs(RealFs):
    """A file system with faults. is_full refuses every write; fail_sync lets the next sync fail."""

    def __init__(self) -> None:
        """Begin sound."""
        self.is_full = False
        self.fail_sync = False
        self.is_dead = False
        self.retried_syncs = 0
        self._durable: dict[int, int] = {}
        self._failed: set[int] = set()

    def die(self) -> None:
        """Lose the process: from now on nothing reaches the disk, and nobody is told."""
        self.is_dead = True

    def make_dir(self, path: Path) -> None:
        """Make a directory."""
        if not self.is_dead:
            super().make_dir(path)

    def create(self, path: Path) -> int:
        """Create a file."""
        if self.is_dead:
            return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        self._refuse_when_full()
        fd = super().create(path)
        self._durable[fd] = 0
        self._failed.discard(fd)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        """Write all of data, or half of it where the disk is full: the rest is what was refused."""
        if self.is_dead:
            return
        if self.is_full:
            super().write(fd, data[: len(data) // 2])
        self._refuse_when_full()
        super().write(fd, data)

    def sync_data(self, fd: int) -> None:
        """Make the file's bytes durable, or lose what was written since the last time."""
        if self.is_dead:
            return
        if fd in self._failed:
            self.retried_syncs += 1
        if self.fail_sync:
            self.fail_sync = False
            self._failed.add(fd)
            os.ftruncate(fd, self._durable.get(fd, 0))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        # No fdatasync: the world may lose power, this machine need not be asked to survive it.
        self._durable[fd] = os.fstat(fd).st_size

    def sync_dir(self, path: Path) -> None:
        """Make the names in a directory durable."""
        del path

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file."""
        if not self.is_dead:
            os.truncate(path, size)

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file."""
        if not self.is_dead:
            super().rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name."""
        if not self.is_dead:
            self._refuse_when_full()
            super().link(source, target)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        if not self.is_dead:
            super().unlink(path)

    def _refuse_when_full(self) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
