"""Fitting the Brownian model by maximum likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recorder.errors import GametapeError
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import GameStates
from strategies.models.brownian import Coefficients, home_probability, minutes_left

__all__ = ["fit_brownian"]

_START = Coefficients(mu=2.0, sigma=2.5, c=0.5, game_minutes=48)
_STEPS_MAX = 50
_C_MIN = 0.001  # where nothing is hidden from the clock, ln c would run off
_DIGITS = 6
_EPSILON = 1e-12


def fit_brownian(states: GameStates, is_home_win: NDArray[np.bool_]) -> Coefficients:
    """
    Find mu, sigma and c that make what happened most likely, by Fisher scoring over (mu, ln sigma, ln c).

    Rounded to six decimals, so that a refit on another machine gives the same file.

    Shape: is_home_win (len(states),).

    Raises:
        GametapeError: the history does not determine the coefficients, as when one kind of state is all there is.
    """
    lead = states.lead.astype(np.float64)
    left = minutes_left(states)
    minutes = PERIOD_RULES[states.league].regulation_ms // 60_000
    won = is_home_win.astype(np.float64)
    point = np.array([_START.mu, np.log(_START.sigma), np.log(_START.c)])
    for _ in range(_STEPS_MAX):
        try:
            step = _scoring_step(_coefficients(point, minutes), lead, left, won)
        except np.linalg.LinAlgError:
            break
        stepped = point + np.clip(step, -0.5, 0.5)
        stepped[2] = max(stepped[2], np.log(_C_MIN))
        moved = np.abs(stepped - point).max()
        point = stepped
        if moved < 1e-10:
            found = _coefficients(point, minutes)
            return Coefficients(
                mu=round(found.mu, _DIGITS),
                sigma=round(found.sigma, _DIGITS),
                c=round(found.c, _DIGITS),
                game_minutes=minutes,
            )
    raise GametapeError(
        "no Brownian model fits this history",
        why=f"its {len(states)} states do not determine the coefficients",
        hint="a season of games or more is needed",
    )


def _coefficients(point: NDArray[np.float64], minutes: int) -> Coefficients:
    mu, log_sigma, log_c = (float(value) for value in point)
    return Coefficients(mu=mu, sigma=float(np.exp(log_sigma)), c=float(np.exp(log_c)), game_minutes=minutes)


def _scoring_step(
    at: Coefficients,
    lead: NDArray[np.float64],
    left: NDArray[np.float64],
    won: NDArray[np.float64],
) -> NDArray[np.float64]:
    share = left / at.game_minutes
    spread = at.sigma * np.sqrt(left + at.c)
    z = (lead + at.mu * share) / spread
    likely = np.clip(home_probability(at, lead, left), _EPSILON, 1 - _EPSILON)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    slope = np.stack([share / spread, -z, -z * at.c / (2 * (left + at.c))], axis=1)
    weight = density / (likely * (1 - likely))
    score = (slope * (weight * (won - likely))[:, None]).sum(axis=0)
    information = (slope * (weight * density)[:, None]).T @ slope
    return np.asarray(np.linalg.solve(information, score), np.float64)
