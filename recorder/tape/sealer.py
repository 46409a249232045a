"""
Sealing beside a recording: finished hot segments become Parquet in a process of its own, at low priority.

Theory of operation. As soon as the writer has begun another segment, the ones before it are finished. A process of its
own then seals them all and ends; there is never more than one. Recording and sealing share nothing but the disk: a
sealer may be killed at any moment, as `recorder.tape.seal` says, and so may the recorder. One that ends in any other
way than well is told once as a NOTE `seal_failed` and tried again after a minute.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from recorder.errors import GametapeError
from recorder.tape.seal import seal_tape

__all__ = ["RETRY_S", "Sealer", "Written", "yield_to_others"]

RETRY_S = 60.0
_NICE = 19


class Written(Protocol):
    """A tape that is being written; `recorder.tape.writer.TapeWriter` is one."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def segment_seq(self) -> int:
        """The first seq of the segment that is being written; -1 before the first."""
        ...


class Sealer:
    """Has the finished segments of a tape sealed while it is written."""

    def __init__(self, tape: Written, *, retry_s: float = RETRY_S) -> None:
        """Begin with nothing to do. retry_s: how long to wait after a sealer that failed."""
        self._tape = tape
        self._retry_s = retry_s
        self._sealed_to = 0
        self._due = asyncio.Event()

    def look(self) -> None:
        """See whether a segment was finished; to be called in the event loop's thread after each commit."""
        if self._tape.segment_seq > self._sealed_to:
            self._due.set()

    async def run(self, note: Callable[..., object]) -> None:
        """Seal for ever, and note what fails; where this is cancelled, the sealer is killed."""
        told = ""
        while True:
            await self._due.wait()
            self._due.clear()
            reached = self._tape.segment_seq
            why = await _seal(self._tape.path)
            if not why:
                self._sealed_to, told = reached, ""
                continue
            if why != told:
                note("seal_failed", why=why)
                told = why
            await asyncio.sleep(self._retry_s)
            self._due.set()


async def _seal(path: Path) -> str:
    """Let a process seal what is finished; return why it did not, empty where it did."""
    words = [sys.executable, "-P", "-m", "recorder.tape.sealer", str(path)]
    quiet = subprocess.DEVNULL
    try:
        # Ctrl-C is for the recorder alone: it ends its sealer itself.
        sealer = await asyncio.create_subprocess_exec(
            *words, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        return str(error)
    try:
        _, said = await sealer.communicate()
    finally:
        if sealer.returncode is None:
            sealer.kill()
            await sealer.wait()
    if sealer.returncode == 0:
        return ""
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    return last[0] if last else f"the sealer ended with {sealer.returncode}"


def yield_to_others() -> None:
    """Let every other process of this machine go first from now on."""
    os.nice(_NICE)


def _main(words: list[str], say: Callable[[str], object]) -> int:
    yield_to_others()
    try:
        seal_tape(Path(words[0]), finished_only=True)
    except GametapeError as error:
        say(f"{error.what}: {error.why}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:], sys.stderr.write))
