"""Judging a pattern predictor on games: its errors, how much less they are, and whether its intervals hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from replay.core.patterns import PATTERN_MINUTES
from replay.core.predictions import Predictor
from strategies.predictors.conformal import GROUPS, lead_group, tercile_edges
from strategies.predictors.examples import HORIZONS, Examples, Floats

__all__ = ["evaluate", "evaluation_text"]

_MEMBERS = ("linear", "dejavu", "lstm")
_DIGITS = 4


def evaluate(predictor: Predictor, examples: Examples, *, seed: int = 7, draws: int = 1_000) -> dict[str, Any]:
    """
    Score a predictor's forecasts at 18:00.

    Returns the JSON contract of `model eval --predictor`: n_games, n_priors, coverage_stated, and for half and final:
    mae and its interval, members (the mae of each that said something), carried_mae (the lead at 18:00 as the
    forecast), gain over it and gain_linear over the linear member, each with its interval; coverage, width, and the
    same by tercile of the lead's size. Intervals are 95 %, resampled by game.
    """
    said = np.full((len(examples), len(HORIZONS), 3 + len(_MEMBERS)), np.nan)
    for number, (pattern, prior_u6) in enumerate(
        zip(examples.patterns.tolist(), examples.prior_u6.tolist(), strict=True)
    ):
        for forecast in predictor.predict(pattern, prior_u6):
            explained = forecast.explanation
            members = (explained.linear, explained.dejavu, explained.lstm)
            said[number, HORIZONS.index(forecast.horizon)] = (
                *(forecast.point_forecast, forecast.interval_lower, forecast.interval_upper),
                *(np.nan if member is None else member for member in members),
            )
            stated = forecast.coverage
    return {
        "n_games": len(examples),
        "n_priors": int((examples.prior_u6 >= 0).sum()),
        "coverage_stated": stated,
        **{
            horizon: _scores(said[:, number], examples, number, np.random.default_rng(seed), draws)
            for number, horizon in enumerate(HORIZONS)
        },
    }


def _scores(
    said: Floats, examples: Examples, number: int, generator: np.random.Generator, draws: int
) -> dict[str, Any]:
    margins, lead = examples.margins[:, number], examples.patterns[:, PATTERN_MINUTES - 1]
    errors, carried = np.abs(margins - said[:, 0]), np.abs(margins - lead)
    within = ((said[:, 1] <= margins) & (margins <= said[:, 2])).astype(np.float64)
    width = said[:, 2] - said[:, 1]

    def interval(values: Floats) -> list[float]:
        picked = generator.integers(0, len(values), (draws, len(values)))
        return [round(float(limit), _DIGITS) for limit in np.quantile(values[picked].mean(axis=1), (0.025, 0.975))]

    def mean(values: Floats) -> float:
        return round(float(values.mean()), _DIGITS)

    scores: dict[str, Any] = {
        "mae": mean(errors),
        "mae_interval": interval(errors),
        "carried_mae": mean(carried),
        "gain": mean(carried - errors),
        "gain_interval": interval(carried - errors),
    }
    members = {name: np.abs(margins - said[:, 3 + k]) for k, name in enumerate(_MEMBERS)}
    scores["members"] = {name: mean(wrong) for name, wrong in members.items() if not np.isnan(wrong).any()}
    if "linear" in scores["members"]:
        linear = members["linear"]
        scores |= {"gain_linear": mean(linear - errors), "gain_linear_interval": interval(linear - errors)}
    groups = lead_group(lead, tercile_edges(lead))
    scores |= {"coverage": mean(within), "coverage_interval": interval(within), "width": mean(width), "terciles": []}
    for group in range(GROUPS):
        mine = groups == group
        if mine.any():
            sizes = np.abs(lead[mine])
            part = {"lead": [int(sizes.min()), int(sizes.max())], "n_games": int(mine.sum())}
            part |= {"mae": mean(errors[mine]), "width": mean(width[mine])}
            part |= {"coverage": mean(within[mine]), "coverage_interval": interval(within[mine])}
            scores["terciles"].append(part)
    return scores


def evaluation_text(found: dict[str, Any]) -> str:
    """Render an evaluation for reading."""
    lines = [f"{found['n_games']:,} games, the teams' strength known in {found['n_priors']:,}"]
    for horizon in HORIZONS:
        scores = found[horizon]
        lines.append(
            f"  {horizon:5} MAE {_with(scores, 'mae')}; less than carrying the lead on "
            f"({scores['carried_mae']:.3f}) by {_with(scores, 'gain')}"
        )
        if "gain_linear" in scores:
            lines.append(f"        less than the linear member by {_with(scores, 'gain_linear')}")
        if scores["members"]:
            lines.append("        alone: " + ", ".join(f"{name} {mae:.3f}" for name, mae in scores["members"].items()))
        stated = f"{100 * found['coverage_stated']:.0f} % intervals"
        lines.append(f"        {stated} hold {_held(scores)}, {scores['width']:.1f} points wide")
        lines += [
            f"          lead {part['lead'][0]}-{part['lead'][1]}: {_held(part)}, {part['width']:.1f} points, "
            f"MAE {part['mae']:.3f} ({part['n_games']:,} games)"
            for part in scores["terciles"]
        ]
    return "\n".join(lines)


def _with(scores: dict[str, Any], name: str) -> str:
    low, high = scores[f"{name}_interval"]
    return f"{scores[name]:.3f} ({low:.3f} to {high:.3f})"


def _held(scores: dict[str, Any]) -> str:
    low, high = scores["coverage_interval"]
    return f"{100 * scores['coverage']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
