"""The Brownian model of the lead."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.events import GameStatus
from replay.core.models import CERTAIN_U6, NO_MODEL, GameStates, WinProbability
from strategies.models.brownian import load

M = 60_000
MODEL: WinProbability = load()


def nba(lead: int, period: int, clock: int, status: GameStatus = GameStatus.LIVE) -> GameStates:
    return GameStates.from_columns(
        "nba", period=period, clock_ms=clock, status=int(status), home_score=100 + lead, away_score=100
    )


@pytest.mark.parametrize(
    ("lead", "period", "minutes", "left"), [(0, 1, 12, 48), (7, 3, 6, 18), (-4, 4, 1, 1), (2, 5, 3, 3)]
)
def test_the_formula(lead: int, period: int, minutes: int, left: int) -> None:
    """Regulation and overtime follow Phi((lead + mu r/48) / (sigma sqrt(r + c))), r of the period being played."""
    z = (lead + 2.626014 * left / 48) / (2.697886 * math.sqrt(left + 0.194613))
    expected = round(0.5 * math.erfc(-z / math.sqrt(2)) * 1e6)
    assert MODEL.predict_wp(nba(lead, period, minutes * M), 1).tolist() == [expected]


def test_a_tie_at_zero_goes_to_overtime() -> None:
    """A tie at 0.0 of the last period, or of an overtime, is worth a whole overtime to come."""
    coming = MODEL.predict_wp(nba(0, 5, 5 * M), 1)
    assert MODEL.predict_wp(nba(0, 4, 0), 1).tolist() == coming.tolist()
    assert MODEL.predict_wp(nba(0, 5, 0), 1).tolist() == coming.tolist()
    assert 500_000 < coming[0] < 600_000


def test_a_lead_at_zero_is_decided() -> None:
    """A lead at 0.0 of the last period or of overtime is certain; at 0.0 of an earlier one it is not."""
    assert MODEL.predict_wp(nba(1, 4, 0), 1).tolist() == [CERTAIN_U6]
    assert MODEL.predict_wp(nba(-1, 5, 0), 1).tolist() == [0]
    assert 0 < MODEL.predict_wp(nba(1, 3, 0), 1)[0] < CERTAIN_U6


def test_finals_and_no_answer() -> None:
    """A final is certain; other leagues and games that are off have no answer."""
    assert MODEL.predict_wp(nba(-3, 4, 0, GameStatus.FINAL), -1).tolist() == [CERTAIN_U6]
    assert MODEL.predict_wp(nba(3, 2, M, GameStatus.CALLED_OFF), 1).tolist() == [NO_MODEL]
    mls = GameStates.from_columns("mls", period=1, clock_ms=0, status=1, home_score=1, away_score=0)
    assert MODEL.predict_wp(mls, 1).tolist() == [NO_MODEL]


@given(st.integers(-40, 40), st.integers(1, 6), st.integers(0, 12 * M))
def test_laws(lead: int, period: int, clock: int) -> None:
    """The sides add up to a whole; a point more is never worth less; prob_u6 stays in range."""
    home = MODEL.predict_wp(nba(lead, period, clock), 1)
    away = MODEL.predict_wp(nba(lead, period, clock), -1)
    assert (home + away).tolist() == [CERTAIN_U6]
    assert 0 <= home[0] <= MODEL.predict_wp(nba(lead + 1, period, clock), 1)[0] <= CERTAIN_U6


def test_batch_equals_one_by_one() -> None:
    """A batch gives each state exactly what it gets alone."""
    lead = np.arange(-20, 21)
    batch = GameStates.from_columns("nba", period=3, clock_ms=345_678, status=1, home_score=50 + lead, away_score=50)
    alone = [int(MODEL.predict_wp(nba(int(n), 3, 345_678), 1)[0]) for n in lead]
    assert MODEL.predict_wp(batch, 1).tolist() == alone
