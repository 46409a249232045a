"""Killing a process at a system call of one's choice: strace, attached to a child of `zygote.py`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

__all__ = ["CALLS", "Ended", "Zygote", "needs_strace", "spread"]

CALLS = (
    "openat,close,write,writev,pwrite64,pwritev2,fdatasync,fsync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
    "ftruncate,truncate,mkdir,mkdirat,flock,lseek,copy_file_range,fallocate"
)
"""Every call with which a tape changes something on a disk, or goes on after it did."""

_STARTED = re.compile(r"^(?:\d+ +)?(\w+)\(")


def _strace_works() -> bool:
    if not shutil.which("strace"):
        return False
    # A container may forbid ptrace.
    done = subprocess.run(["strace", "-e", "trace=none", "true"], capture_output=True, check=False)
    return done.returncode == 0


needs_strace = pytest.mark.skipif(not _strace_works(), reason="needs strace and the right to use it")


class Ended(NamedTuple):
    """How a child ended: with which signal (0 for none), and what it had acknowledged by then."""

    signal: int
    acked: list[int]


class Zygote:
    """A running `zygote.py`."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def count_calls(self, job: str, path: Path, log: Path) -> Counter[str]:
        """Run a job undisturbed and count its system calls."""
        ended = self._run(job, path, ["-o", str(log), "-e", f"trace={_known(CALLS)}"])
        assert ended.signal == 0
        starts = (_STARTED.match(line) for line in log.read_text().splitlines())
        return Counter(start[1] for start in starts if start is not None)

    def kill_at(self, job: str, path: Path, call: str, nth: int) -> Ended:
        """Run a job and kill it when it enters a system call for the nth time."""
        return self._run(
            job, path, ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
        )

    def _run(self, job: str, path: Path, options: list[str]) -> Ended:
        pid = int(self._ask(f"{job} {path}"))
        strace = subprocess.Popen(
            ["strace", "-f", *options, "-p", str(pid)], stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL
        )
        assert strace.stderr is not None
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        answer = json.loads(self._ask("go"))
        strace.wait()
        strace.stderr.close()
        status = answer["status"]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"{job} failed undisturbed"
        return Ended(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, answer["acked"])

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def _known(calls: str) -> str:
    # Not every machine has every call: the newer architectures have no `rename`.
    return ",".join(f"?{call}" for call in calls.split(","))


def spread(calls: Counter[str], most: int) -> list[tuple[str, int]]:
    """Name kill points: every one where there are at most so many, else the first, the last and an even choice."""
    points = [(call, nth) for call in sorted(calls) for nth in range(1, calls[call] + 1)]
    if len(points) <= most:
        return points
    step = (len(points) - 1) / (most - 1)
    return [points[round(at * step)] for at in range(most)]
