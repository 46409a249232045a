"""
A predictor beside the live engine, in a thread of its own: what it costs, hangs or breaks is never the engine's.

The engine leaves patterns here and takes along whatever predictions are ready; the predictor is loaded here too. What
waits is bounded: a predictor that falls behind loses the oldest, and each one lost counts as a failure.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from replay.core.predictions import Asked, Forecaster, Prediction, Predictor

__all__ = ["BackgroundForecaster", "forecasting"]

_WAITING_MAX = 256
# A hanging predictor may keep its thread; it must not keep the recording.
_JOIN_S = 2.0


class BackgroundForecaster:
    """A `replay.core.predictions.Forecasting` that answers later."""

    def __init__(
        self, load: Callable[[], Predictor], now_ns: Callable[[], int], *, waiting_max: int = _WAITING_MAX
    ) -> None:
        """Begin to load the predictor, in the background."""
        self.failures = 0
        self.why = ""
        """Why there are no predictions, where the predictor could not be loaded."""
        self._load = load
        self._now_ns = now_ns
        self._waiting_max = waiting_max
        self._waiting: deque[Asked] = deque()
        self._ready: deque[Prediction] = deque()
        self._lock = threading.Condition()
        self._is_over = False
        self._is_busy = False
        self._has_given_up = False
        self._thread = threading.Thread(target=self._work, name="predictor", daemon=True)
        self._thread.start()

    def see(self, asked: Sequence[Asked]) -> tuple[Prediction, ...]:
        """Leave patterns and take along the predictions that are ready by now."""
        with self._lock:
            self._waiting.extend(asked)
            while len(self._waiting) > self._waiting_max:
                self._waiting.popleft()
                self.failures += 1
            ready = tuple(self._ready)
            self._ready.clear()
            self._lock.notify_all()
        return ready

    def drain(self, timeout_s: float) -> tuple[Prediction, ...]:
        """
        Wait until everything left here is predicted, not longer than this, and take the predictions along.

        What is not predicted by then is given up, and counts as failed: nothing is to be asked after this.
        """
        with self._lock:
            self._lock.wait_for(lambda: not (self._waiting or self._is_busy) or self._is_over, timeout_s)
            self.failures += len(self._waiting) + self._is_busy
            self._waiting.clear()
            self._has_given_up = True
        return self.see(())

    def owed(self) -> tuple[int, int]:
        """Return how many patterns were given up so far, and how many are yet to be answered or taken along."""
        with self._lock:
            return self.failures, len(self._waiting) + self._is_busy + len(self._ready)

    def close(self) -> None:
        """End the thread, whatever waits."""
        with self._lock:
            self._is_over = True
            self._waiting.clear()
            self._lock.notify_all()
        self._thread.join(_JOIN_S)

    def _work(self) -> None:
        forecaster = self._loaded()
        while True:
            with self._lock:
                self._lock.wait_for(lambda: bool(self._waiting) or self._is_over)
                if self._is_over:
                    return
                asked = self._waiting.popleft()
                self._is_busy = True
            if forecaster is None:
                self._took((), failures=1)
                continue
            before = forecaster.failures
            made = forecaster.see((asked,))
            self._took(made, failures=forecaster.failures - before)

    def _loaded(self) -> Forecaster | None:
        try:
            return Forecaster(self._load(), self._now_ns)
        except Exception as error:  # noqa: BLE001 - a predictor is foreign code, and nothing depends on it
            self.why = f"{type(error).__name__}: {error}"
            return None

    def _took(self, made: Sequence[Prediction], *, failures: int) -> None:
        with self._lock:
            self._is_busy = False
            if not self._has_given_up:
                self._ready.extend(made)
                self.failures += failures
            self._lock.notify_all()


@contextlib.contextmanager
def forecasting(name: str | None, now_ns: Callable[[], int]) -> Iterator[BackgroundForecaster | None]:
    """Yield a forecaster that asks the predictor of this name, None for no name."""
    if name is None:
        yield None
        return
    from replay.predictors import load_predictor

    forecaster = BackgroundForecaster(lambda: load_predictor(name), now_ns)
    try:
        yield forecaster
    finally:
        forecaster.close()
