"""Fitting the Brownian model by maximum likelihood, and writing down what was fitted on what."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from recorder.errors import GametapeError
from replay.calibration import judge
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import GameStates
from strategies.models.brownian import COEFFICIENTS_FILE, Brownian, Coefficients, home_probability, minutes_left
from strategies.models.card import Card, Measured, Training, digest
from strategies.models.history import History, states_on_grid

__all__ = ["fit_brownian", "refit"]

_SEED = 7
_LIMITS = (
    "who has the ball, fouls, timeouts and who is on the court",
    "the strength of the teams: every game starts from the home advantage alone",
    "any league that is not listed: it has no answer there",
)

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


def refit(history: History) -> tuple[bytes, Card]:
    """
    Fit the Brownian model of a history's league; return its coefficients file and its card.

    With more than one season the card also holds the test on the last one of a fit on the others.

    Raises:
        GametapeError: the history does not determine the coefficients.
    """
    states, _, is_home_win = states_on_grid(history)
    fitted = fit_brownian(states, is_home_win)
    text = msgspec.json.format(msgspec.json.encode({history.league: fitted}), indent=2) + b"\n"
    first, last = _first_and_last(history, "season_year")
    measured = [_measure(fitted, history, history)]
    if first < last:
        earlier = history.between(first, last - 1)
        then = fit_brownian(*states_on_grid(earlier)[::2])
        measured.insert(0, _measure(then, earlier, history.between(last, last)))
    training = Training(
        seasons=(first, last),
        dates=_first_and_last(history, "date"),
        games=history.games.height,
        states=len(states),
        data="score changes of public play-by-play; states at 0:30, 1:30, ... elapsed of regulation",
    )
    card = Card(
        model="brownian",
        version=1,
        summary="the lead as a Brownian motion with three coefficients; no pre-game knowledge",
        source="Stern, A Brownian Motion Model for the Progress of Sports Scores, JASA 1994",
        file=COEFFICIENTS_FILE,
        sha256=digest(text),
        training={history.league: training},
        measured={history.league: tuple(measured)},
        limits=_LIMITS,
    )
    return text, card


def _measure(fitted: Coefficients, fitted_on: History, tested_on: History) -> Measured:
    states, game, is_home_win = states_on_grid(tested_on)
    prob_u6 = Brownian({tested_on.league: fitted}).predict_wp(states, 1)
    scores = judge(prob_u6, is_home_win, game, seed=_SEED)
    return Measured(
        fitted_on=_first_and_last(fitted_on, "season_year"),
        tested_on=_first_and_last(tested_on, "season_year"),
        brier=round(scores.brier, _DIGITS),
        log_loss=round(scores.log_loss, _DIGITS),
        ece=round(scores.ece, _DIGITS),
        n_states=scores.n_states,
        n_games=scores.n_games,
        intervals={name: (round(low, _DIGITS), round(high, _DIGITS)) for name, (low, high) in scores.intervals.items()},
    )


def _first_and_last(history: History, column: str) -> tuple[int, int]:
    first, last = history.games.select(pl.col(column).min().alias("first"), pl.col(column).max().alias("last")).row(0)
    return first or 0, last or 0


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
