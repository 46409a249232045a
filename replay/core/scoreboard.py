"""
The scoreboard: every game as it stands, and what each observation did to it.

The fold over books keeps its own copy of the games for every view. This one follows the night as it was recorded, for
those who ask about the games themselves: patterns, pages, reports.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.jit import interpreted, kernel
from replay.core.patterns import PatternWatcher, complete_patterns, no_patterns
from replay.core.rows import STATE_COLUMNS
from replay.core.state.game import REPEATED, STALE, new_games, observe

__all__ = ["MOVE_COLUMNS", "PatternFold", "Scoreboard"]

Ints = NDArray[np.int64]

# Columns of moves, int64 (n, len): an observation that moved a game. verdict as in replay.core.state.game.
MOVE_COLUMNS = ("seq", "recv_ns", "game", "verdict", "status", "period", "clock_ms", "home", "away")


_GAME = STATE_COLUMNS.index("game")
_VERDICT = MOVE_COLUMNS.index("verdict")
_MOVED = [STATE_COLUMNS.index(name) for name in MOVE_COLUMNS if name != "verdict"]


@kernel
def _verdicts(games: Ints, states: Ints, verdicts: Ints) -> None:
    """Fold observations into games and note the verdict on each."""
    for k in range(len(states)):
        verdicts[k] = observe(
            games,
            int(states[k, 2]),
            int(states[k, 3]),
            int(states[k, 4]),
            int(states[k, 5]),
            int(states[k, 6]),
            int(states[k, 7]),
            int(states[k, 8]),
            int(states[k, 9]),
            int(states[k, 1]),
        )


class Scoreboard:
    """The games of a night, folded from observations in seq order."""

    def __init__(self) -> None:
        """Begin with no game known."""
        self.games: Ints = new_games(8)
        """One row a game, columns as in replay.core.state.game."""
        self._fold = _verdicts

    def interpret(self, *, interpreting: bool) -> None:
        """Fold as plain Python from here on, while the compiler is not ready; or compiled again."""
        self._fold = interpreted(_verdicts) if interpreting else _verdicts

    def see(self, states: Ints) -> Ints:
        """
        Fold observations and return those that moved a game.

        Shape: states (n, len(STATE_COLUMNS)); returns (m, len(MOVE_COLUMNS)).
        """
        if not len(states):
            return np.zeros((0, len(MOVE_COLUMNS)), np.int64)
        most = int(states[:, _GAME].max()) + 1
        if most > len(self.games):
            grown = new_games(2 * most)
            grown[: len(self.games)] = self.games
            self.games = grown
        verdicts = np.empty(len(states), np.int64)
        self._fold(self.games, states, verdicts)
        kept = (verdicts != STALE) & (verdicts != REPEATED)
        return np.insert(states[kept][:, _MOVED], _VERDICT, verdicts[kept], axis=1)


class PatternFold:
    """The scoreboard with a strategy's pattern watcher behind it, if it has one."""

    def __init__(self, watcher: PatternWatcher | None) -> None:
        """Begin with no game known."""
        self.scoreboard = Scoreboard()
        self._watcher = watcher
        self._said: list[Ints] = []

    def see(self, states: Ints, leagues: list[str]) -> Ints:
        """
        Take observations in seq order and return the patterns that came a minute further, complete or not.

        Shape: leagues names the league of each game number; returns (n, len(PATTERN_COLUMNS)).
        """
        moves = self.scoreboard.see(states)
        if self._watcher is None or not len(moves):
            return no_patterns()
        patterns = self._watcher.see(leagues, moves)
        self._said.append(complete_patterns(patterns))
        return patterns

    def patterns(self) -> Ints:
        """Return the patterns complete so far, shape (n, len(PATTERN_COLUMNS))."""
        return np.concatenate(self._said) if self._said else no_patterns()
