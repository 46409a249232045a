"""
The few things a tape asks of a file system, behind one seam.

Everything that makes bytes durable goes through an `Fs`, so that a test can record the operations and ask what a power
cut would leave, or make the third fsync fail. `RealFs` is the machine's own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from recorder.errors import DiskError

__all__ = ["Fs", "RealFs", "disk_error", "disk_errors", "publish"]

_FILE_MODE = 0o644


class Fs(Protocol):
    """What a tape writer may do to a disk. Every method raises OSError when the disk refuses."""

    def make_dir(self, path: Path) -> None:
        """Make a directory; one that is there already is fine."""
        ...

    def create(self, path: Path) -> int:
        """Create a file that must not exist yet and return its descriptor."""
        ...

    def write(self, fd: int, data: bytes) -> None:
        """Write all of data, however many writes the system wants for it."""
        ...

    def sync_data(self, fd: int) -> None:
        """Make the file's bytes durable. After a failure the file must not be trusted or synced again."""
        ...

    def sync_dir(self, path: Path) -> None:
        """Make the names in a directory durable."""
        ...

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file to size and make that durable."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file, replacing what was there."""
        ...

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name that must not exist yet."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a name; a missing one is fine."""
        ...

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        ...


class RealFs:
    """The machine's own file system."""

    def make_dir(self, path: Path) -> None:
        """Make a directory; one that is there already is fine."""
        path.mkdir(parents=True, exist_ok=True)

    def create(self, path: Path) -> int:
        """Create a file that must not exist yet and return its descriptor."""
        return os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE
        )

    def write(self, fd: int, data: bytes) -> None:
        """Write all of data, however many writes the system wants for it."""
        view = memoryview(data)
        while view:
            # A short write is not an error: a full disk or a signal may cut one, and the next call says which.
            view = view[os.write(fd, view) :]

    def sync_data(self, fd: int) -> None:
        """Make the file's bytes durable."""
        os.fdatasync(fd)

    def sync_dir(self, path: Path) -> None:
        """Make the names in a directory durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file to size and make that durable."""
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file, replacing what was there."""
        source.rename(target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name that must not exist yet."""
        target.hardlink_to(source)

    def unlink(self, path: Path) -> None:
        """Remove a name; a missing one is fine."""
        path.unlink(missing_ok=True)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)


def publish(fs: Fs, staging: Path, target: Path, data: bytes, *, replace: bool = False) -> None:
    """
    Give a small file its name only when its bytes are durable: a reader sees the whole file or none.

    Raises:
        FileExistsError: target exists and replace is False.
        OSError: the disk refused.
    """
    fs.make_dir(staging)
    draft = staging / f"{target.name}.draft"
    fs.unlink(draft)
    fd = fs.create(draft)
    try:
        fs.write(fd, data)
        fs.sync_data(fd)
    finally:
        fs.close(fd)
    if replace:
        fs.rename(draft, target)
    else:
        fs.link(draft, target)
        fs.unlink(draft)
    fs.sync_dir(target.parent)


def disk_error(path: Path, error: OSError) -> DiskError:
    """Say to a user that the disk under a tape refused."""
    return DiskError(
        f"the disk refused while writing {error.filename or path}",
        why=error.strerror or str(error),
        hint=f"free space or mend the disk; what was acknowledged is safe: gametape verify {path}",
    )


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the OSErrors of a block into DiskError."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error
