"""What a strategy is to the engine: one fold over columns."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from replay.core.cells import Cells, Log, Sight, Timeline
from replay.core.patterns import PatternWatcher
from replay.core.rows import Rows
from replay.core.state.market import Market

__all__ = ["Strategy", "Watching"]

Ints = NDArray[np.int64]


class Strategy(Protocol):
    """
    An idea: it folds what the views see and lets the cells decide.

    Found by the entry-point group `gametape.strategies`, or as `path/to/file.py:Name`.
    """

    name: str

    def run(
        self,
        rows: Rows,
        rules: Ints,
        states: Ints,
        fairs: Ints,
        timeline: Timeline,
        market: Market,
        sight: Sight,
        cells: Cells,
        log: Log,
        cursor: Ints,
        start: int,
        until_ns: int,
    ) -> int:
        """
        Fold rows from start on, and what the views see meanwhile; return -1 when all is done.

        Where the log has no room left, the row that comes next is returned: the caller empties the log and calls again.
        """
        ...


@runtime_checkable
class Watching(Protocol):
    """A strategy that also follows score patterns; one that does not is still a strategy."""

    def watcher(self) -> PatternWatcher:
        """Return a fresh follower for one night."""
        ...
