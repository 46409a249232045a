"""What the machine says: disk, memory, file descriptors; `None` where this system does not tell."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

from recorder.clock import Clock
from recorder.tape.identity import LOCK_FILE
from recorder.tape.writer import is_being_written

__all__ = ["disk_free_bytes", "fsyncs_ms", "open_files_max", "recorder_pid", "resident_bytes"]

_PROBE_BYTES = 64 * 1024


def disk_free_bytes(folder: Path) -> int:
    """Return how many bytes an ordinary process may still write to the disk of a folder."""
    return shutil.disk_usage(folder).free


def recorder_pid(tape: Path) -> int | None:
    """Return the process that writes a tape; None where none does."""
    if not is_being_written(tape):
        return None
    text = (tape / LOCK_FILE).read_text(errors="replace").strip()
    return int(text) if text.isdecimal() else None


def resident_bytes(pid: int) -> int | None:
    """Return how much memory a process holds."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return None


def open_files_max() -> int:
    """Return how many files and sockets this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def fsyncs_ms(folder: Path, clock: Clock, *, count: int = 20) -> list[float]:
    """
    Write a block to a file in a folder so often, each time until the disk has it, and return how long each took.

    Raises:
        OSError: the disk refused.
    """
    probe = folder / f".probe-{os.getpid()}"
    fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    took_ms = []
    try:
        for _ in range(count):
            began_ns = clock.now_ns()
            os.write(fd, bytes(_PROBE_BYTES))
            os.fdatasync(fd)
            took_ms.append((clock.now_ns() - began_ns) / 1e6)
    finally:
        os.close(fd)
        probe.unlink()
    return took_ms
