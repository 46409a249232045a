"""The engine's own part: what a model that raises costs, and how a fold makes room."""

from __future__ import annotations

import numpy as np

from replay.core.engine import fair_values
from replay.core.events import GameStatus
from replay.core.models import GameStates
from replay.core.roll import Catalogue, Game
from replay.core.rows import STATE_COLUMNS

CATALOGUE = Catalogue(tokens=[], games=[Game("nba:1", "nba", "A", "B"), Game("nhl:1", "nhl", "C", "D")], feeds=[])


class Moody:
    """A model that cannot stand a tie."""

    name = "moody"

    def predict_wp(self, states: GameStates, side: int) -> np.ndarray:
        if (states.lead == 0).any():
            raise ArithmeticError("a tie")
        return np.full(len(states), 600_000 * side, np.int64)


def _states(*leads: int) -> np.ndarray:
    rows = []
    for k, lead in enumerate(leads):
        row = dict.fromkeys(STATE_COLUMNS, 0)
        row |= {"seq": k, "game": k % 2, "status": int(GameStatus.LIVE), "period": 1, "clock_ms": 1, "home": 10 + lead}
        row |= {"away": 10}
        rows.append([row[name] for name in STATE_COLUMNS])
    return np.array(rows, np.int64)


def test_a_model_that_raises_loses_the_states_it_raises_on_and_no_others() -> None:
    """Which states have no fair value is the same in one batch and one by one."""
    states = _states(1, 0, 2, 3, 0, 4)
    fairs, failed = fair_values(Moody(), states, CATALOGUE)
    single = [fair_values(Moody(), states[k : k + 1], CATALOGUE) for k in range(len(states))]
    assert fairs.tolist() == [600_000, -1, 600_000, 600_000, -1, 600_000]
    assert failed == 2
    assert [int(one[0]) for one, _ in single] == fairs.tolist()
    assert sum(count for _, count in single) == failed
