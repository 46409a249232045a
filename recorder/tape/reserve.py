"""Room on the disk that is set aside while a tape is recorded, so that its last words fit when the disk is full."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from recorder.tape.identity import TMP

__all__ = ["RESERVE_FILE", "Reserve"]

RESERVE_FILE = f"{TMP}/reserve"


class Reserve:
    """A file of so many bytes in a tape's `tmp/`, held within a block; one that a crash left is taken over."""

    def __init__(self, tape: Path, size: int) -> None:
        """Prepare; nothing is taken before the block is entered, and nothing at all where size is 0."""
        self._file = tape / RESERVE_FILE
        self._size = size
        self.is_held = False

    def __enter__(self) -> Self:
        """Take the room; where the disk has none, `is_held` stays false."""
        if self._size:
            with contextlib.suppress(OSError):
                self._allocate()
                self.is_held = True
            if not self.is_held:
                self._remove()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> bool:
        """Give the room back to the disk; say whether there was any."""
        was_held, self.is_held = self.is_held, False
        if was_held:
            self._remove()
        return was_held

    def _allocate(self) -> None:
        fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            # Blocks and not only a size: a file with a hole would promise room that is not there.
            os.posix_fallocate(fd, 0, self._size)
        finally:
            os.close(fd)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
