"""Game states in columns, and the rules every model's answer keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.events import GameStatus
from replay.core.gameclock import PERIOD_RULES, elapsed_ms
from replay.core.models import CERTAIN_U6, NO_MODEL, GameStates, answer, is_playable, round_u6

M = 60_000


def test_columns_follow_from_what_was_seen() -> None:
    """lead, elapsed and remaining are derived; what is absent is -1."""
    live = int(GameStatus.LIVE)
    states = GameStates.from_columns(
        "nba",
        status=[live, live, int(GameStatus.BREAK), int(GameStatus.SCHEDULED), live],
        home_score=[50, -1, 50, -1, 100],
        away_score=[47, 47, 60, -1, 100],
        period=[2, -1, 2, 1, 5],
        clock_ms=[6 * M, -1, -1, 12 * M, 5 * M],
        prior_u6=610_000,
    )
    assert states.lead.tolist() == [3, 0, -10, 0, 0]
    assert states.elapsed_ms.tolist() == [18 * M, -1, 24 * M, 0, 48 * M]
    assert states.remaining_ms.tolist() == [30 * M, -1, 24 * M, 48 * M, 0]
    assert states.home_score.tolist() == [50, -1, 50, -1, 100]
    assert states.prior_u6.tolist() == [610_000] * 5
    assert is_playable(states).tolist() == [True, False, True, True, True]
    assert {column.dtype for column in (states.lead, states.elapsed_ms, states.period)} == {np.dtype(np.int64)}


@given(
    st.sampled_from(sorted(PERIOD_RULES)),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 100 * M)), min_size=1, max_size=20),
)
def test_the_batch_agrees_with_the_scalar(league: str, moments: list[tuple[int, int]]) -> None:
    """The vectorised elapsed column is the scalar rule, moment by moment."""
    period, clock = zip(*moments, strict=True)
    states = GameStates.from_columns(
        league, period=period, clock_ms=clock, status=GameStatus.LIVE, home_score=0, away_score=0
    )
    rules = PERIOD_RULES[league]
    assert [elapsed_ms(rules, p, c) for p, c in moments] == states.elapsed_ms.tolist()
    assert (states.elapsed_ms + states.remaining_ms == rules.regulation_ms).all()


def test_an_unknown_league_has_no_time() -> None:
    """A league nobody knows gives states that no model can play."""
    states = GameStates.from_columns("chess", period=3, clock_ms=0, status=GameStatus.LIVE, home_score=1, away_score=0)
    assert states.elapsed_ms.tolist() == [-1]
    assert not is_playable(states).any()


def test_baseball_is_timed_by_innings() -> None:
    """An inning is all the time that baseball has: with one a state can be played, without one it cannot."""
    states = GameStates.from_columns(
        "mlb", period=[3, -1, 0, -1], clock_ms=-1, status=[1, 1, 1, 0], home_score=1, away_score=0
    )
    assert states.elapsed_ms.tolist() == [-1] * 4
    assert is_playable(states).tolist() == [True, False, False, True]


def test_rounding_is_half_to_even_and_clamped() -> None:
    """A probability becomes millionths once, ties to even, within 0..1_000_000; not-a-number is our bug."""
    assert round_u6(np.array([0.5e-6, 1.5e-6, 2.5e-6, -0.1, 1.1])).tolist() == [0, 2, 2, 0, CERTAIN_U6]
    with pytest.raises(ValueError, match="not a number"):
        round_u6(np.array([np.nan]))


def test_answers() -> None:
    """Finals are certain, a draw and the unplayable have no answer, the sides add up to a whole."""
    status = [
        GameStatus.FINAL,
        GameStatus.FINAL,
        GameStatus.FINAL,
        GameStatus.LIVE,
        GameStatus.CALLED_OFF,
        GameStatus.LIVE,
    ]
    states = GameStates.from_columns(
        "nba",
        period=4,
        clock_ms=0,
        status=[int(s) for s in status],
        home_score=[2, 1, 1, 1, 1, 1],
        away_score=[1, 2, 1, 1, 0, 0],
    )
    model = np.array([NO_MODEL, NO_MODEL, 1, 400_001, 500_000, NO_MODEL])
    assert answer(states, model, 1).tolist() == [CERTAIN_U6, 0, NO_MODEL, 400_001, NO_MODEL, NO_MODEL]
    assert answer(states, model, -1).tolist() == [0, CERTAIN_U6, NO_MODEL, 599_999, NO_MODEL, NO_MODEL]
    with pytest.raises(ValueError, match="side"):
        answer(states, model, 0)
