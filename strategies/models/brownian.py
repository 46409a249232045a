"""
The lead as a Brownian motion, from before the start to the last overtime.

With r of T minutes left the rest of the game adds a normal amount to the lead, with mean d*r/T (d is what the home
team is expected to win by) and variance sigma^2 * (r + c); c stands for what the clock does not show (fouls that stop
it, the last shot):

    P(home) = Phi((lead + ball*possession + d*r/T) / (sigma * sqrt(r + c)))

`ball` is what having the ball is worth. Where nobody knows who plays, d is the league's home edge mu. Where there is a
pre-game probability p (GameStates.prior_u6), d = Phi^-1(p) * sigma * sqrt(T + c), so that the model answers p at
tip-off, and sigma, c and ball are those fitted to games whose p was known: they are told from the same games, but a
lead means less about who is better once that is said beforehand.

Overtime is the same walk over what is left of the overtime period. A tie at 0.0 has a whole overtime ahead, and a lead
at 0.0 of the last period is decided. Baseball counts innings: the one being played is half over, for nobody says which
half it is. Hockey's goals are counted instead (goals.py).

After Stern, "A Brownian Motion Model for the Progress of Sports Scores", JASA 1994. A league without coefficients has
no answer; soccer has none, for a market there is on a win and a draw is a third result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.events import GameStatus
from replay.core.gameclock import INNINGS, PERIOD_RULES
from replay.core.modelfiles import model_files
from replay.core.models import CERTAIN_U6, NO_MODEL, GameStates, answer, is_playable, round_u6
from strategies.models.goals import Goals, goals_probability
from strategies.models.normal import phi, probit
from strategies.models.rating import RATINGS_FILE, Ratings

__all__ = ["CARD_FILE", "COEFFICIENTS_FILE", "Brownian", "Coefficients", "Walk", "load", "load_without_prior"]

CARD_FILE = "brownian.card.json"
COEFFICIENTS_FILE = "brownian.json"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MINUTE_MS = 60_000
# College football's overtime has no clock: a drive for each side is about what five minutes hold.
_UNTIMED_MS = 5 * _MINUTE_MS
_SUMMER_MONTH = 8  # a season that begins in autumn is named by the year in which it ends


class Walk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    How far the lead walks.

    Units: sigma is points per square root of a minute, c minutes, ball points. An inning stands for a minute in
        baseball.
    """

    sigma: float
    c: float = 0.001
    ball: float = 0.0

    def z(self, lead: Floats, left: Floats, possession: Ints, drift: Floats, length: float) -> Floats:
        """
        Return what Phi is asked.

        Shape: all (n,). Units: drift is points per game of that length.
        """
        moved = lead + self.ball * possession + drift * left / length
        return np.asarray(moved / (self.sigma * np.sqrt(left + self.c)), np.float64)

    def drift(self, prior_z: Floats, length: float) -> Floats:
        """Return the expected margin that makes the game before its start as likely as a normal quantile says."""
        return np.asarray(prior_z * (self.sigma * np.sqrt(length + self.c)), np.float64)


class Coefficients(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="walk", tag_field="kind"):
    """
    One league's coefficients; source says where they were published, where they were not fitted.

    Units: mu is points per game, length its minutes (innings).
    """

    mu: float
    length: float
    alone: Walk
    told: Walk | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Brownian:
    """The model of the leagues it has coefficients for. Without ratings it is told no prior, and uses none."""

    leagues: Mapping[str, Coefficients | Goals]
    ratings: Ratings | None = None
    name: str = "brownian"

    def predict_wp(self, states: GameStates, side: int) -> Ints:
        """Say how likely the side is to win, from lead, time left, possession and prior; see WinProbability."""
        fitted = self.leagues.get(states.league)
        if fitted is None:
            return answer(states, np.full(len(states), NO_MODEL, np.int64), side)
        lead = states.lead.astype(np.float64)
        left = time_left(states)
        prior_z = _prior_z(states) if self.ratings is not None else np.full(len(states), np.nan)
        if isinstance(fitted, Goals):
            walked = goals_probability(fitted, lead, left, prior_z)
            left = np.where(states.period > PERIOD_RULES[states.league].periods, 0.0, left)
        else:
            walked = walk_probability(fitted, lead, left, states.possession, prior_z)
        is_over = (left == 0) & (lead != 0)
        return answer(states, round_u6(np.where(is_over, lead > 0, walked)), side)

    def rate(self, league: str, home: str, away: str, start_ns: int) -> int:
        """Say how likely the home team is to win by the ratings, drawn to the mean since they were made; see Rating."""
        if self.ratings is None:
            return NO_MODEL
        day = datetime.fromtimestamp(start_ns // 1_000_000_000, UTC)
        prior = self.ratings.prior(home, away, league, day.year + (day.month >= _SUMMER_MONTH))
        return NO_MODEL if prior is None else prior


def load() -> Brownian:
    """
    Load the model with the coefficients and the ratings that ship with it.

    Raises:
        CorruptError: a file is not the one that the card stands for, or not what it should be.
    """
    folder = files("strategies.models")
    contents = model_files(lambda name: folder.joinpath(name).read_bytes(), CARD_FILE)
    leagues = msgspec.json.decode(contents[COEFFICIENTS_FILE], type=dict[str, Coefficients | Goals])
    return Brownian(MappingProxyType(leagues), Ratings.decode(contents[RATINGS_FILE]))


def load_without_prior() -> Brownian:
    """Load the same model deaf to who plays: every game starts from the home edge alone."""
    return Brownian(load().leagues, name="brownian-no-prior")


def walk_probability(fitted: Coefficients, lead: Floats, left: Floats, possession: Ints, prior_z: Floats) -> Floats:
    """
    Return P(home) for leads in points and minutes left; prior_z is nan where there is no prior.

    Shape: all (n,); returns (n,).
    """
    told = fitted.told or fitted.alone
    is_told = ~np.isnan(prior_z)
    drift = told.drift(np.where(is_told, prior_z, 0.0), fitted.length)
    alone = fitted.alone.z(lead, left, possession, np.full_like(lead, fitted.mu), fitted.length)
    return phi(np.where(is_told, told.z(lead, left, possession, drift, fitted.length), alone))


def time_left(states: GameStates) -> Floats:
    """
    Say how long the walk goes on: regulation, then the overtime period, then the next one where the score is tied.

    Shape: returns (len(states),).

    Units: minutes (innings in baseball); 0 where the state is not playable.
    """
    if states.league in INNINGS:
        innings = INNINGS[states.league]
        begun = states.status != GameStatus.SCHEDULED
        left = np.where(begun, np.maximum(innings - states.period, 0) + 0.5, innings)
        return np.where(is_playable(states), left, 0.0)
    rules = PERIOD_RULES[states.league]
    in_overtime = states.period > rules.periods
    shown_ms = np.clip(states.clock_ms, 0, rules.overtime_ms) if rules.overtime_ms else _UNTIMED_MS
    overtime_ms = rules.overtime_ms or _UNTIMED_MS
    left_ms = np.where(in_overtime, shown_ms, states.remaining_ms)
    left_ms = np.where((left_ms == 0) & (states.lead == 0), overtime_ms, left_ms)
    return np.where(is_playable(states), left_ms, 0) / _MINUTE_MS


def _prior_z(states: GameStates) -> Floats:
    """Return the normal quantile of each state's prior, nan where there is none; games are few, states are many."""
    priors, which = np.unique(states.prior_u6, return_inverse=True)
    return np.array([_quantile(prior) for prior in priors.tolist()])[which]


@lru_cache(maxsize=1_024)
def _quantile(prior_u6: int) -> float:
    """Return the normal quantile of a prior; a night asks for the same few with every observation."""
    return float(probit(np.array([prior_u6 / CERTAIN_U6]))[0]) if prior_u6 >= 0 else float("nan")
