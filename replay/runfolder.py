"""Where a run is written to: its folders are there before the work begins, and one run at a time writes to each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.folders import make_folder
from recorder.tape.lock import FileLock
from replay.find import cache_folder
from replay.study import trials_folder

__all__ = ["held_folder", "ready_for_run"]

_LOCK = "lock"


def ready_for_run(out: Path | None) -> None:
    """
    See that everything that a run writes can be written: its own folder, films, and what is remembered of trials.

    Raises:
        UsageError: there can be no such folder.
        DiskError: one cannot be written to.
    """
    if out is not None:
        make_folder(out)
    cache_folder("film")
    make_folder(trials_folder(), hint="GAMETAPE_TRIALS_DIR=/another/folder")


@contextmanager
def held_folder(out: Path | None) -> Iterator[None]:
    """
    Keep the folder of a sweep for this process alone, its finished parts included; without a folder there is nothing.

    Raises:
        LockedError: another sweep writes to it.
        UsageError: there can be no such folder.
        DiskError: it cannot be written to.
    """
    ready_for_run(out)
    if out is None:
        yield
        return
    lock = make_folder(out / "parts") / _LOCK
    with FileLock(lock, what=f"another sweep writes to {out}", hint="wait for it, or name another folder with --out"):
        yield
