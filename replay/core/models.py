"""
The seam between game states and fair value: what a win-probability model is given and what it must answer.

A model is a map over game states, never a fold: the same state gives the same answer, live and in replay, alone and
in a batch. Its floats end here: the answer is rounded once to millionths before it may decide anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replay.core.events import GameStatus
from replay.core.gameclock import INNINGS, PERIOD_RULES

__all__ = [
    "CERTAIN_U6",
    "NO_MODEL",
    "GameStates",
    "Rating",
    "WinProbability",
    "answer",
    "is_playable",
    "round_u6",
]

CERTAIN_U6 = 1_000_000
NO_MODEL = -1
"""Where a model has nothing to say: a league it does not know, a state without score or clock."""

_ABSENT = -1
_PLAYING = (int(GameStatus.LIVE), int(GameStatus.BREAK), int(GameStatus.DELAYED))


@dataclass(frozen=True, slots=True, eq=False)
class GameStates:
    """
    A batch of game states of one league, as int64 columns of one length.

    Shape: every column (n,), int64.

    Units: lead is home minus away (0 where a score is absent); elapsed_ms and remaining_ms are of regulation;
    clock_ms is the clock as shown; status is a GameStatus; prior_u6 is the pre-game probability of the home team;
    possession is +1 where the home team has the ball, -1 where the away team has it, 0 where nobody says. -1 stands for
    absent in every other column but lead.
    """

    league: str
    lead: NDArray[np.int64]
    elapsed_ms: NDArray[np.int64]
    remaining_ms: NDArray[np.int64]
    period: NDArray[np.int64]
    clock_ms: NDArray[np.int64]
    status: NDArray[np.int64]
    home_score: NDArray[np.int64]
    away_score: NDArray[np.int64]
    prior_u6: NDArray[np.int64]
    possession: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of states."""
        return len(self.lead)

    @classmethod
    def from_columns(
        cls,
        league: str,
        *,
        period: ArrayLike,
        clock_ms: ArrayLike,
        status: ArrayLike,
        home_score: ArrayLike,
        away_score: ArrayLike,
        prior_u6: ArrayLike = _ABSENT,
        possession: ArrayLike = 0,
    ) -> GameStates:
        """
        Build a batch from what was seen; -1 where a value is absent. lead, elapsed and remaining follow from it.

        Between periods an absent clock is the period's end; before the start nothing has passed, whatever the clock
        shows.

        Raises:
            ValueError: the columns cannot be brought to one length.
        """
        columns = np.broadcast_arrays(period, clock_ms, status, home_score, away_score, prior_u6, possession)
        per, clock, stat, home, away, prior, ball = (np.atleast_1d(column).astype(np.int64) for column in columns)
        rules = PERIOD_RULES.get(league)
        elapsed = np.full(len(per), _ABSENT, np.int64)
        remaining = elapsed.copy()
        if rules is not None:
            in_break = (clock < 0) & (stat == GameStatus.BREAK)
            shown = np.where(in_break, per * rules.period_ms if rules.is_counting_up else 0, clock)
            scheduled = stat == GameStatus.SCHEDULED
            known = scheduled | ((per >= 0) & (shown >= 0))
            start = (per - 1) * rules.period_ms
            into = shown - start if rules.is_counting_up else rules.period_ms - shown
            passed = start + np.clip(into, 0, rules.period_ms)
            passed = np.where(per > rules.periods, rules.regulation_ms, np.where((per <= 0) | scheduled, 0, passed))
            elapsed = np.where(known, passed, _ABSENT)
            remaining = np.where(known, rules.regulation_ms - passed, _ABSENT)
        lead = np.where((home >= 0) & (away >= 0), home - away, 0)
        return cls(league, lead, elapsed, remaining, per, clock, stat, home, away, prior, ball)


class WinProbability(Protocol):
    """A win-probability model."""

    @property
    def name(self) -> str:
        """The name it is installed and carded under."""
        ...

    def predict_wp(self, states: GameStates, side: int) -> NDArray[np.int64]:
        """
        Say how likely the side is to win, from the game state alone.

        Shape: returns (len(states),), int64.

        Units: side is +1 home, -1 away; the answer is prob_u6 within 0..1_000_000, or NO_MODEL.
        """
        ...


@runtime_checkable
class Rating(Protocol):
    """A model that also knows teams: what it expects before anything was played, where the market said nothing."""

    def rate(self, league: str, home: str, away: str, start_ns: int) -> int:
        """
        Say how likely the home team is to win, from who plays and when alone.

        Units: returns prob_u6, or NO_MODEL where a team is not known.
        """
        ...


def is_playable(states: GameStates) -> NDArray[np.bool_]:
    """Tell where a model has what it needs: not yet begun, or being played with score and time known."""
    scored = (states.home_score >= 0) & (states.away_score >= 0)
    timed = (states.period >= 1) if states.league in INNINGS else (states.elapsed_ms >= 0)
    playing: NDArray[np.bool_] = np.isin(states.status, _PLAYING) & scored & timed
    scheduled: NDArray[np.bool_] = (states.status == GameStatus.SCHEDULED) & (timed | (states.league in INNINGS))
    return np.logical_or(playing, scheduled)


def round_u6(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """
    Round probabilities to millionths, once: half to even, kept within 0..1_000_000.

    Raises:
        ValueError: a probability is not a number.
    """
    if np.isnan(probability).any():
        raise ValueError("a probability is not a number")
    return np.clip(np.rint(probability * 1e6), 0, CERTAIN_U6).astype(np.int64)


def answer(states: GameStates, home_u6: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """
    Complete a model's home probabilities into its answer for one side.

    Finished games are certain (a draw has no answer), what cannot be played has none, and the two sides always add up
    to a whole, to the millionth.

    Raises:
        ValueError: side is neither +1 nor -1.
    """
    if side not in (1, -1):
        raise ValueError(f"side must be +1 or -1, not {side}")
    final = (states.status == GameStatus.FINAL) & (states.lead != 0)
    home = np.where(final, np.where(states.lead > 0, CERTAIN_U6, 0), home_u6)
    known = final | (is_playable(states) & (home_u6 >= 0))
    return np.where(known, home if side == 1 else CERTAIN_U6 - home, NO_MODEL)
