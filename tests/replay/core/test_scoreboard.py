"""The scoreboard says which observations moved a game, alone and in one go alike."""

from __future__ import annotations

import numpy as np

from replay.core.events import GameStatus
from replay.core.patterns import PATTERN_COLUMNS
from replay.core.rows import STATE_COLUMNS
from replay.core.scoreboard import MOVE_COLUMNS, PatternFold, Scoreboard
from replay.core.state.game import ADVANCED, CORRECTED, HOME, MOVED

_S = 1_000_000_000
_LIVE = int(GameStatus.LIVE)


def _state(seq: int, game: int, clock_s: int, home: int, away: int) -> list[int]:
    row = dict.fromkeys(STATE_COLUMNS, 0)
    row |= {"seq": seq, "recv_ns": seq * _S, "game": game, "status": _LIVE, "period": 1, "clock_ms": clock_s * 1000}
    row |= {"home": home, "away": away, "poll": -1}
    return [row[name] for name in STATE_COLUMNS]


_SEEN = np.array(
    [
        _state(1, 0, 700, 0, 0),
        _state(2, 0, 690, 2, 0),
        _state(3, 0, 700, 0, 0),  # an old body
        _state(4, 0, 680, 2, 0),
        _state(5, 9, 650, 5, 5),  # another game
        _state(6, 0, 670, 0, 0),  # the basket is taken away
        _state(7, 0, 670, 0, 0),
    ],
    np.int64,
)


def test_only_what_moves_a_game_is_a_move() -> None:
    """Old bodies and repetitions are no moves; a correction is one and says so."""
    board = Scoreboard()
    moves = board.see(_SEEN)
    verdicts = moves[:, MOVE_COLUMNS.index("verdict")].tolist()
    assert moves[:, 0].tolist() == [1, 2, 4, 5, 6]
    assert verdicts == [ADVANCED, ADVANCED, MOVED, ADVANCED, CORRECTED]
    assert board.games[0, HOME] == 0
    assert board.games[9, HOME] == 5


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    """How many observations come at a time changes nothing."""
    board = Scoreboard()
    single = np.concatenate([board.see(_SEEN[k : k + 1]) for k in range(len(_SEEN))])
    assert np.array_equal(Scoreboard().see(_SEEN), single)


def test_nothing_seen_is_no_move() -> None:
    """An empty stretch has no moves."""
    assert len(Scoreboard().see(_SEEN[:0])) == 0


class _Counting:
    """A watcher that says one pattern for every move it is shown."""

    def see(self, leagues: list[str], moves: np.ndarray) -> np.ndarray:
        assert leagues[0] == "nba"
        patterns = np.zeros((len(moves), len(PATTERN_COLUMNS)), np.int64)
        patterns[:, 0] = moves[:, 0]
        return patterns


def test_a_watcher_is_shown_the_moves_and_no_others() -> None:
    """Patterns come in the order of the moves, whatever the pieces; without a watcher there are none."""
    leagues = ["nba"] * 10
    watched, single, blind = PatternFold(_Counting()), PatternFold(_Counting()), PatternFold(None)
    watched.see(_SEEN, leagues)
    blind.see(_SEEN, leagues)
    for k in range(len(_SEEN)):
        single.see(_SEEN[k : k + 1], leagues)
    assert watched.patterns()[:, 0].tolist() == [1, 2, 4, 5, 6]
    assert np.array_equal(watched.patterns(), single.patterns())
    assert len(blind.patterns()) == 0
