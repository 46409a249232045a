"""What a score pattern looks like in columns, complete or under way, for the ledger and for predictors."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ENTRIES",
    "GAME",
    "MARKS",
    "PATTERN_COLUMNS",
    "PATTERN_MINUTES",
    "RECV_NS",
    "SEQ",
    "Mark",
    "PatternWatcher",
    "complete_patterns",
    "no_patterns",
]

Ints = NDArray[np.int64]

PATTERN_MINUTES = 18

# Columns of patterns, int64 (n, len): one pattern. d1..d18 home minus away after each minute, 0 where it is still to
# come; m1..m18 the marks.
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

SEQ = PATTERN_COLUMNS.index("seq")
RECV_NS = PATTERN_COLUMNS.index("recv_ns")
GAME = PATTERN_COLUMNS.index("game")
ENTRIES = slice(PATTERN_COLUMNS.index("d1"), PATTERN_COLUMNS.index("d18") + 1)
MARKS = slice(PATTERN_COLUMNS.index("m1"), PATTERN_COLUMNS.index("m18") + 1)


class Mark(IntEnum):
    """Where an entry comes from."""

    SEEN = 0
    """Observed within its minute."""
    CARRIED = 1
    """Nobody looked in that minute; the entry before it still held."""
    MISSING = 2
    """Before the first observation: 0 stands for nothing known."""
    AHEAD = 3
    """Still to be played."""


class PatternWatcher(Protocol):
    """Follows the games of a night and says how far their patterns have come."""

    def see(self, leagues: list[str], moves: Ints) -> Ints:
        """
        Take the moves of the scoreboard in order and return a pattern for each that completes a further minute.

        What is still to be played is marked as ahead; a pattern without such marks is complete, and comes once a game.

        Shape: leagues names the league of each game number; moves (n, len(MOVE_COLUMNS)); returns
        (m, len(PATTERN_COLUMNS)).
        """
        ...


def complete_patterns(patterns: Ints) -> Ints:
    """Return those patterns of which nothing is still to be played."""
    is_complete: NDArray[np.bool_] = (patterns[:, MARKS] != Mark.AHEAD).all(axis=1)
    return patterns[is_complete]


def no_patterns() -> Ints:
    """Return an empty table of patterns."""
    return np.zeros((0, len(PATTERN_COLUMNS)), np.int64)
