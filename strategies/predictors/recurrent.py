"""
The recurrent member: a small LSTM over the minutes, run by onnxruntime.

It reads a pattern minute by minute and can be asked after any of them, so a pattern under way has a forecast too. What
it says is how much is still added to the lead. Training and export are in `train`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recorder.config import decline_telemetry
from replay.core.patterns import PATTERN_MINUTES
from strategies.predictors.examples import Floats, Margins

__all__ = ["INPUTS", "MARGIN_SCALE", "Recurrent", "features"]

INPUTS = 5
"""Lead, its change, the minute, the strength, and whether that is known."""
MARGIN_SCALE = 10.0
_CHANGE_SCALE = 5.0


class Recurrent:
    """The exported network."""

    def __init__(self, network: bytes) -> None:
        """
        Load it, for one thread: a forecast is smaller than what it costs to divide it.

        Raises:
            ImportError: onnxruntime is not installed.
            RuntimeError: this is no network that onnxruntime can run.
        """
        decline_telemetry()
        import onnxruntime as ort  # noqa: PLC0415 - an extra

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def margins(self, patterns: Floats, strength: Floats) -> Margins:
        """
        Forecast from patterns of one length.

        Shape: patterns (m, n); strength (m,), not a number where unknown.
        """
        (added,) = self._session.run(None, {"minutes": features(patterns, strength)})
        return np.asarray(patterns[:, -1, None] + added.astype(np.float64) * MARGIN_SCALE, np.float64)


def features(patterns: Floats, strength: Floats) -> NDArray[np.float32]:
    """
    Return what the network reads.

    Shape: patterns (m, n); strength (m,), not a number where unknown; returns (m, n, INPUTS).
    """
    count, minutes = patterns.shape
    out = np.zeros((count, minutes, INPUTS), np.float32)
    out[:, :, 0] = patterns / MARGIN_SCALE
    out[:, :, 1] = np.diff(patterns, axis=1, prepend=0) / _CHANGE_SCALE
    out[:, :, 2] = np.arange(1, minutes + 1) / PATTERN_MINUTES
    out[:, :, 3] = np.nan_to_num(strength)[:, None]
    out[:, :, 4] = ~np.isnan(strength)[:, None]
    return out
