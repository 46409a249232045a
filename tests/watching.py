"""Waiting for something that another process or thread does, however long it takes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.envelope import Envelope
from recorder.tape.reader import open_tape

__all__ = ["on_tape", "stopped_once", "wait_for"]

PATIENCE_S = 120
_PAUSE_S = 0.01


def wait_for(is_so: Callable[[], object]) -> None:
    """Ask until it is so; the end of patience is only a guard against waiting for ever."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / _PAUSE_S)):
        if is_so():
            return
        pause.wait(_PAUSE_S)
    raise AssertionError("it never became so")


def on_tape(path: Path) -> list[Envelope]:
    """What is on a tape by now, read beside its writer; nothing where there is no tape yet."""
    return list(open_tape(path).read()) if (path / "tape.json").exists() else []


@contextmanager
def stopped_once(is_so: Callable[[], object]) -> Iterator[None]:
    """Interrupt the recording that runs in this thread, as Ctrl-C does, once something is so."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(_PAUSE_S):
            if is_so():
                os.kill(os.getpid(), signal.SIGINT)
                return

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        watching.join()
