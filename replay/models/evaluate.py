"""Judging a model on a history: all states, and period by period."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.calibration import brier_parts, gains, judge, reliability
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import WinProbability
from replay.models.card import Measured, Training
from replay.models.drift import ranges_of
from replay.models.history import History, states_on_grid, with_priors

__all__ = ["evaluate", "evaluation_text", "measure", "phase_name", "training"]

_LETTERS = {2: "H", 3: "P", 4: "Q"}


def evaluate(
    model: WinProbability,
    history: History,
    *,
    prior_u6: NDArray[np.int64] | None = None,
    seed: int = 7,
    draws: int = 500,
) -> dict[str, Any]:
    """
    Score a model's home probabilities at 0:30, 1:30, ... elapsed of regulation.

    Returns the JSON contract of `model eval`: brier, log_loss, ece, n_states, n_games, skipped, intervals (95 %, by
    game), decomposition (of the Brier score), phases (the same by period) and reliability. Where games have a prior,
    without_prior holds the same scores for the model that is told none, and gain by how much brier and log_loss are
    lower than that, with limits.

    Shape: prior_u6 (games,), NO_MODEL where a game has none.

    Raises:
        UsageError: the model has no answer for any state of this league.
    """
    states, game, is_win = states_on_grid(history)
    untold = model.predict_wp(states, 1)
    is_told = prior_u6 is not None and bool((prior_u6 >= 0).any())
    prob_u6 = model.predict_wp(with_priors(states, game, prior_u6), 1) if is_told and prior_u6 is not None else untold
    if not (prob_u6 >= 0).any():
        raise UsageError(f"model {model.name!r} has no answer for league {history.league!r}", hint="gametape model ls")
    phases = {}
    for period in range(1, PERIOD_RULES[history.league].periods + 1):
        within = states.period == period
        if (prob_u6[within] >= 0).any():
            scores = judge(prob_u6[within], is_win[within], game[within], seed=seed, draws=draws)
            phases[phase_name(history.league, period)] = asdict(scores)
    found: dict[str, Any] = asdict(judge(prob_u6, is_win, game, seed=seed, draws=draws))
    if is_told:
        found["without_prior"] = asdict(judge(untold, is_win, game, seed=seed, draws=draws))
        found["gain"] = {name: tuple(gain) for name, gain in gains(prob_u6, untold, is_win, game, seed=seed).items()}
    found["decomposition"] = brier_parts(prob_u6, is_win)._asdict()
    return {**found, "phases": phases, "reliability": [asdict(bar) for bar in reliability(prob_u6, is_win)]}


def phase_name(league: str, period: int) -> str:
    """Name a regulation period as the sport does: Q1 to Q4, P1 to P3, H1 and H2."""
    return f"{_LETTERS[PERIOD_RULES[league].periods]}{period}"


def measure(
    model: WinProbability,
    fitted_on: History,
    tested_on: History,
    prior_u6: NDArray[np.int64] | None = None,
    *,
    seed: int = 7,
) -> Measured:
    """
    Score a model for its card, rounded to six decimals; with priors also by how much they help.

    Shape: prior_u6 (games of tested_on,).

    Raises:
        UsageError: the model has no answer for any state of this league.
    """
    scores = evaluate(model, tested_on, prior_u6=prior_u6, seed=seed)
    gain = scores.get("gain")
    return Measured(
        fitted_on=fitted_on.first_and_last("season_year"),
        tested_on=tested_on.first_and_last("season_year"),
        brier=round(scores["brier"], 6),
        log_loss=round(scores["log_loss"], 6),
        ece=round(scores["ece"], 6),
        n_states=scores["n_states"],
        n_games=scores["n_games"],
        intervals={name: (round(low, 6), round(high, 6)) for name, (low, high) in scores["intervals"].items()},
        priors="none" if gain is None else "ratings",
        gain=None if gain is None else tuple(round(value, 6) for value in gain["brier"]),
    )


def training(history: History) -> Training:
    """Describe a history for the card of a model that was fitted on it."""
    return Training(
        seasons=history.first_and_last("season_year"),
        dates=history.first_and_last("date"),
        games=history.games.height,
        states=len(states_on_grid(history)[0]),
        data="score changes of public play-by-play; states at 0:30, 1:30, ... elapsed of regulation",
        ranges=ranges_of(states_on_grid(history)[0]),
    )


def evaluation_text(found: dict[str, Any]) -> str:
    """Render an evaluation for reading: one line for all states, one per period, then the reliability diagram."""
    lines = [f"{found['model']} on {found['league']}: {found['n_games']:,} games, {found['n_states']:,} states"]
    if "gain" in found:
        lines += [_scores_line("without prior", found["without_prior"]), _gain_line(found["gain"])]
    lines += [_scores_line("all", found), *(_scores_line(name, scores) for name, scores in found["phases"].items())]
    parts = "  ".join(f"{name} {value:.4f}" for name, value in found["decomposition"].items())
    lines += [
        f"  Brier is reliability - resolution + uncertainty + within: {parts}",
        "  forecast -> frequency (states)",
    ]
    lines += [
        f"    {bar['forecast']:.3f} -> {bar['frequency']:.3f} ({bar['n_states']:,})" for bar in found["reliability"]
    ]
    return "\n".join(lines)


def _scores_line(name: str, scores: dict[str, Any]) -> str:
    shown = []
    for score, label in (("brier", "Brier"), ("log_loss", "log loss")):
        low, high = scores["intervals"][score]
        shown.append(f"{label} {scores[score]:.4f} ({low:.4f}-{high:.4f})")
    # The limits of an ECE lie above it (see Scores); in one line with the others they would only puzzle.
    return f"  {name:13} {'  '.join(shown)}  ECE {scores['ece']:.4f}"


def _gain_line(gain: dict[str, tuple[float, float, float]]) -> str:
    shown = [
        f"{label} lower by {estimate:.4f} ({low:.4f} to {high:.4f})"
        for label, (estimate, low, high) in (("Brier", gain["brier"]), ("log loss", gain["log_loss"]))
    ]
    return f"  the prior     {'  '.join(shown)}"
