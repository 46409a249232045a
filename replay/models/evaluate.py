"""Judging a model on a history: all states, and period by period."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from recorder.errors import UsageError
from replay.calibration import judge, reliability
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import WinProbability
from replay.models.card import Measured, Training
from replay.models.history import History, states_on_grid

__all__ = ["evaluate", "evaluation_text", "measure", "phase_name", "training"]

_LETTERS = {2: "H", 3: "P", 4: "Q"}


def evaluate(model: WinProbability, history: History, *, seed: int = 7, draws: int = 500) -> dict[str, Any]:
    """
    Score a model's home probabilities at 0:30, 1:30, ... elapsed of regulation.

    Returns the JSON contract of `model eval`: brier, log_loss, ece, n_states, n_games, skipped, intervals (95 %, by
    game), phases (the same by period) and reliability.

    Raises:
        UsageError: the model has no answer for any state of this league.
    """
    states, game, is_win = states_on_grid(history)
    prob_u6 = model.predict_wp(states, 1)
    if not (prob_u6 >= 0).any():
        raise UsageError(f"model {model.name!r} has no answer for league {history.league!r}", hint="gametape model ls")
    phases = {}
    for period in range(1, PERIOD_RULES[history.league].periods + 1):
        within = states.period == period
        if (prob_u6[within] >= 0).any():
            scores = judge(prob_u6[within], is_win[within], game[within], seed=seed, draws=draws)
            phases[phase_name(history.league, period)] = asdict(scores)
    overall = judge(prob_u6, is_win, game, seed=seed, draws=draws)
    return {
        **asdict(overall),
        "phases": phases,
        "reliability": [asdict(bar) for bar in reliability(prob_u6, is_win)],
    }


def phase_name(league: str, period: int) -> str:
    """Name a regulation period as the sport does: Q1 to Q4, P1 to P3, H1 and H2."""
    return f"{_LETTERS[PERIOD_RULES[league].periods]}{period}"


def measure(model: WinProbability, fitted_on: History, tested_on: History, *, seed: int = 7) -> Measured:
    """
    Score a model for its card, rounded to six decimals.

    Raises:
        ValueError: the model has no answer for any state of this league.
    """
    states, game, is_win = states_on_grid(tested_on)
    scores = judge(model.predict_wp(states, 1), is_win, game, seed=seed)
    return Measured(
        fitted_on=fitted_on.first_and_last("season_year"),
        tested_on=tested_on.first_and_last("season_year"),
        brier=round(scores.brier, 6),
        log_loss=round(scores.log_loss, 6),
        ece=round(scores.ece, 6),
        n_states=scores.n_states,
        n_games=scores.n_games,
        intervals={name: (round(low, 6), round(high, 6)) for name, (low, high) in scores.intervals.items()},
    )


def training(history: History) -> Training:
    """Describe a history for the card of a model that was fitted on it."""
    return Training(
        seasons=history.first_and_last("season_year"),
        dates=history.first_and_last("date"),
        games=history.games.height,
        states=len(states_on_grid(history)[0]),
        data="score changes of public play-by-play; states at 0:30, 1:30, ... elapsed of regulation",
    )


def evaluation_text(found: dict[str, Any]) -> str:
    """Render an evaluation for reading: one line for all states, one per period, then the reliability diagram."""
    lines = [f"{found['model']} on {found['league']}: {found['n_games']:,} games, {found['n_states']:,} states"]
    lines += [_scores_line("all", found), *(_scores_line(name, scores) for name, scores in found["phases"].items())]
    lines.append("  forecast -> frequency (states)")
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
    return f"  {name:4} {'  '.join(shown)}  ECE {scores['ece']:.4f}"
