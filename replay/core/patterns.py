"""What a complete score pattern looks like in columns, for the ledger and for whoever predicts from it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["PATTERN_COLUMNS", "PATTERN_MINUTES", "PatternWatcher", "no_patterns"]

Ints = NDArray[np.int64]

PATTERN_MINUTES = 18

# Columns of patterns, int64 (n, len): one complete pattern. d1..d18 home minus away after each minute; m1..m18 the
# marks: 0 seen within the minute, 1 carried from the one before, 2 missing because nobody looked yet.
PATTERN_COLUMNS = (
    "seq",
    "recv_ns",
    "game",
    "home",
    "away",
    "elapsed_ms",
    *(f"d{minute}" for minute in range(1, PATTERN_MINUTES + 1)),
    *(f"m{minute}" for minute in range(1, PATTERN_MINUTES + 1)),
)


class PatternWatcher(Protocol):
    """Follows the games of a night and says when a pattern is complete."""

    def see(self, leagues: list[str], moves: Ints) -> Ints:
        """
        Take the moves of the scoreboard in order and return the patterns that they complete.

        Shape: leagues names the league of each game number; moves (n, len(MOVE_COLUMNS)); returns
        (m, len(PATTERN_COLUMNS)).
        """
        ...


def no_patterns() -> Ints:
    """Return an empty table of patterns."""
    return np.zeros((0, len(PATTERN_COLUMNS)), np.int64)
