"""Fitting the Brownian model by maximum likelihood, and the published constants of the leagues that nobody fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from recorder.errors import GametapeError
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import CERTAIN_U6, GameStates
from strategies.models.brownian import Coefficients, Walk, time_left
from strategies.models.goals import Goals
from strategies.models.normal import phi, probit

__all__ = ["PUBLISHED", "fit_brownian"]

Floats = NDArray[np.float64]

_WINSTON = "Winston, Mathletics (2009), chapter 43: home edge and deviation of margins about a rating system's forecast"
_SPORT12X = "sport12x.com, Mathematical statistics"


# What the NBA's last minutes taught about fouls and possession: without it a lead of one would be safe too early.
_AT_THE_END = {"c": 0.24, "ball": 0.52}


def _published(margin: float, deviation: float, length: float, source: str, **end: float) -> Coefficients:
    """Spread a deviation of final margins evenly over a game."""
    sigma = round(deviation / float(np.sqrt(length)), 6)
    return Coefficients(mu=margin, length=length, alone=Walk(sigma=sigma, **end), source=source)


PUBLISHED: Mapping[str, Coefficients | Goals] = MappingProxyType(
    {
        "mlb": _published(
            0.37, 4.38, 9, f"{_SPORT12X}: 35,926 baseball games 2011-2024, deviation 4.38, home wins 53.4 %"
        ),
        "ncaaf": _published(3, 16, 60, f"{_WINSTON}: 3 and 16"),
        "ncaamb": _published(4, 10, 40, f"{_WINSTON}: 4 and 10; the end as in the NBA", **_AT_THE_END),
        "ncaawb": _published(
            4, 10, 40, f"{_WINSTON}: 4 and 10, those of the men; the end as in the NBA", **_AT_THE_END
        ),
        "nfl": _published(3, 13.86, 60, f"{_WINSTON}, after Stern (1991): 3 and 13.86"),
        "nhl": Goals(home=2.97, away=2.71, length=60, source=f"{_SPORT12X}: 13,479 NHL games 2014-2024, mean goals"),
        "wnba": _published(
            2.5,
            10.954451,
            40,
            f"{_WINSTON}: 3 and 12 of the NBA's 48 minutes, over 40; the end as in the NBA",
            **_AT_THE_END,
        ),
    }
)
"""Leagues without a history here. The deviations are about forecasts: without a prior a lead counts a little much."""

_START = np.array([2.0, np.log(2.5), np.log(0.5), 0.5])  # mu, ln sigma, ln c, ball
_STEPS_MAX = 60
_STRIDE = 1e-5
_C_MIN = 0.001  # where nothing is hidden from the clock, ln c would run off
_DIGITS = 6
_EPSILON = 1e-12


def fit_brownian(states: GameStates, is_home_win: NDArray[np.bool_]) -> Coefficients:
    """
    Find the coefficients that make what happened most likely: without priors on all states, told on those with one.

    Rounded to six decimals, so that a refit on another machine gives the same file.

    Shape: is_home_win (len(states),).

    Raises:
        GametapeError: the history does not determine the coefficients, as when one kind of state is all there is.
    """
    lead, left = states.lead.astype(np.float64), time_left(states)
    won = is_home_win.astype(np.float64)
    length = PERIOD_RULES[states.league].regulation_ms / 60_000
    # Where nobody ever had the ball, what it is worth cannot be told.
    free = 4 if states.possession.any() else 3

    def alone(point: Floats) -> Floats:
        return _walk(point).z(lead, left, states.possession, np.full_like(lead, point[0]), length)

    found = _most_likely(alone, _START[:free], won)
    is_told = states.prior_u6 >= 0
    told = None
    if is_told.any():
        prior_z = probit(states.prior_u6[is_told] / CERTAIN_U6)
        at = (lead[is_told], left[is_told], states.possession[is_told])

        def given(point: Floats) -> Floats:
            walk = _walk(np.concatenate([[0.0], point]))
            return walk.z(*at, walk.drift(prior_z, length), length)

        told = _rounded(np.concatenate([[0.0], _most_likely(given, _START[1:free], won[is_told])]))
    return Coefficients(mu=round(float(found[0]), _DIGITS), length=length, alone=_rounded(found), told=told)


def _walk(point: Floats) -> Walk:
    sigma, c = (float(np.exp(value)) for value in point[1:3])
    return Walk(sigma=sigma, c=max(c, _C_MIN), ball=float(point[3]) if len(point) > 3 else 0.0)


def _rounded(point: Floats) -> Walk:
    walk = _walk(point)
    return Walk(sigma=round(walk.sigma, _DIGITS), c=round(walk.c, _DIGITS), ball=round(walk.ball, _DIGITS))


def _most_likely(z: Callable[[Floats], Floats], start: Floats, won: Floats) -> Floats:
    """Return the point at which wins are most likely, by Fisher scoring."""
    point = start
    for _ in range(_STEPS_MAX):
        try:
            step = _scoring_step(z, point, won)
        except np.linalg.LinAlgError:
            break
        moved = np.clip(step, -0.5, 0.5)
        if np.abs(moved).max() < 1e-9:
            return point
        point = point + moved
    raise GametapeError(
        "no Brownian model fits this history",
        why=f"its {len(won)} states do not determine the coefficients",
        hint="a season of games or more is needed",
    )


def _scoring_step(z: Callable[[Floats], Floats], point: Floats, won: Floats) -> Floats:
    """Return one step of Fisher scoring for wins with chance Phi(z(point)); slopes by central differences."""
    at = z(point)
    strides = np.eye(len(point)) * _STRIDE
    slope = np.stack([(z(point + stride) - z(point - stride)) / (2 * _STRIDE) for stride in strides], axis=1)
    # A coordinate that moves nothing (c at its least) stays where it is instead of making the system singular.
    moves = np.abs(slope).max(axis=0) > 0
    likely = np.clip(phi(at), _EPSILON, 1 - _EPSILON)
    density = np.exp(-0.5 * at * at) / np.sqrt(2 * np.pi)
    weight = density / (likely * (1 - likely))
    score = (slope * (weight * (won - likely))[:, None]).sum(axis=0)
    information = (slope * (weight * density)[:, None]).T @ slope
    step = np.zeros(len(point))
    step[moves] = np.linalg.solve(information[np.ix_(moves, moves)], score[moves])
    return step
