"""
Compiling in another process: `python -m replay.live.warm FACTS`, so that neither recorder nor engine waits for it.

The compiler leaves what it makes in its cache on disk; an engine that runs interpreted meanwhile takes it from there.
"""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from replay.core.cells import Timeline
from replay.core.jit import compiled
from replay.core.rows import STATE_COLUMNS, frozen
from replay.live.decisions import LiveConfig

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from replay.core.engine import Engine

__all__ = ["Warming", "warm"]


class Warming:
    """The compiler at work for one configuration; nothing where kernels are not compiled at all."""

    def __init__(self, config: LiveConfig) -> None:
        """Begin."""
        self._config = config
        self._loading: threading.Thread | None = None
        words = [sys.executable, "-P", "-m", "replay.live.warm", msgspec.json.encode(config.facts()).decode()]
        self._process = None
        if compiled():
            # Its words are nobody's: a kernel that cannot be compiled raises again in the engine, where it is told.
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603  our own words

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to wait for: what was compiled is in this process too."""
        if self._process is None:
            return True
        if self._process.poll() is None:
            return False
        if self._loading is None:
            # In a thread: taking it from the disk is a tenth of a second that a signal would wait for.
            self._loading = threading.Thread(target=self._load, name="warm", daemon=True)
            self._loading.start()
        return not self._loading.is_alive()

    def wait(self, seconds: float) -> bool:
        """Wait a while; return whether it is done."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(seconds)
        if not self.is_done and self._loading is not None:
            self._loading.join(seconds)
        return self.is_done

    def _load(self) -> None:
        # What was made by now stays: a collector that looks at all of it again would hold up recorder and engine alike.
        gc.freeze()
        # What cannot be run raises again in the engine, where it is told.
        with contextlib.suppress(Exception):
            warm(self._config.engine())
        gc.freeze()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the compiler where it is still at work."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def warm(engine: Engine) -> None:
    """Run every kernel of an engine once, on nothing."""
    nothing = np.zeros(0, np.int64)
    timeline = Timeline(nothing, nothing.copy(), nothing.copy(), np.zeros((1, 2), np.int64))
    engine.fold.run(engine.roller.roll([]), nothing.copy(), timeline, 0)
    engine.pattern_fold.scoreboard.see(frozen(np.zeros((1, len(STATE_COLUMNS)), np.int64)))


if __name__ == "__main__":
    warm(LiveConfig.from_facts(msgspec.json.decode(sys.argv[1])).engine())
