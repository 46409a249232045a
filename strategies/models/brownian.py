"""
The lead as a Brownian motion: three numbers, no pre-game knowledge.

With r minutes left the rest of the game adds a normal amount to the lead, with mean mu*r/48 (the home advantage) and
variance sigma^2 * (r + c); c stands for what the clock does not show (the last possession, fouls that stop it):

    P(home) = Phi((lead + mu*r/48) / (sigma * sqrt(r + c)))

Overtime is the same walk over what is left of the overtime period. A tie at 0.0 has a whole overtime ahead. A lead at
0.0 of the last period is decided: c, fitted on states with half a minute or more to go, would leave a one-point lead
at 78 %.

After Stern, "A Brownian Motion Model for the Progress of Sports Scores", JASA 1994. Coefficients are fitted per
league; a league without them has no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.gameclock import PERIOD_RULES
from replay.core.models import NO_MODEL, GameStates, answer, is_playable, round_u6
from strategies.models.normal import phi

__all__ = ["COEFFICIENTS_FILE", "Brownian", "Coefficients", "home_probability", "load", "minutes_left"]

COEFFICIENTS_FILE = "brownian.json"

_MINUTE_MS = 60_000


class Coefficients(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was fitted.

    Units: mu is points per game, sigma points per square root of a minute, c minutes, game_minutes the regulation
        length.
    """

    mu: float
    sigma: float
    c: float
    game_minutes: int


@dataclass(frozen=True, slots=True)
class Brownian:
    """The Brownian model of the leagues it has coefficients for."""

    leagues: Mapping[str, Coefficients]
    name: str = "brownian"

    def predict_wp(self, states: GameStates, side: int) -> NDArray[np.int64]:
        """Say how likely the side is to win, from lead, period and clock alone; see WinProbability."""
        fitted = self.leagues.get(states.league)
        if fitted is None:
            return answer(states, np.full(len(states), NO_MODEL, np.int64), side)
        lead = states.lead.astype(np.float64)
        left = minutes_left(states)
        walked = home_probability(fitted, lead, left)
        is_over = (left == 0) & (lead != 0)
        return answer(states, round_u6(np.where(is_over, lead > 0, walked)), side)


def load() -> Brownian:
    """
    Load the model with the coefficients that ship with it.

    Raises:
        msgspec.ValidationError: the coefficients file is not what it should be.
    """
    text = files("strategies.models").joinpath(COEFFICIENTS_FILE).read_bytes()
    return Brownian(MappingProxyType(msgspec.json.decode(text, type=dict[str, Coefficients])))


def home_probability(
    fitted: Coefficients,
    lead: NDArray[np.float64],
    left: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    Return P(home) for leads in points and minutes left.

    Shape: lead and left (n,); returns (n,).
    """
    drift = fitted.mu * left / fitted.game_minutes
    return phi((lead + drift) / (fitted.sigma * np.sqrt(left + fitted.c)))


def minutes_left(states: GameStates) -> NDArray[np.float64]:
    """
    Say how long the walk goes on: regulation, then the overtime period, then the next one where the score is tied.

    Shape: returns (len(states),).

    Units: minutes; 0 where the state is not playable.
    """
    rules = PERIOD_RULES[states.league]
    in_overtime = states.period > rules.periods
    left_ms = np.where(in_overtime, np.clip(states.clock_ms, 0, rules.overtime_ms), states.remaining_ms)
    left_ms = np.where((left_ms == 0) & (states.lead == 0), rules.overtime_ms, left_ms)
    return np.where(is_playable(states), left_ms, 0) / _MINUTE_MS
