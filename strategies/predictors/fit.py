"""
Fitting the ensemble: settings, weights and intervals all come from forecasts for a season that was left out.

Members are fitted on all seasons but one and asked about that one, season by season. Dejavu's settings are those that
erred least there; the weights are what a mixture needed there (stacking), and a member whose absence does not cost more
than chance has none; the intervals are as wide as the mixture was wrong there. In the end members are fitted on all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.errors import GametapeError
from replay.core.patterns import PATTERN_MINUTES
from strategies.predictors.conformal import GROUPS, half_width, lead_group, tercile_edges
from strategies.predictors.dejavu import Dejavu, DejavuSettings, write_past
from strategies.predictors.ensemble import ENSEMBLE_FILE, MEMBERS, NETWORK_FILE, PAST_FILE, EnsembleFile, Member
from strategies.predictors.examples import HORIZONS, Examples, Floats, Margins, log_odds
from strategies.predictors.linear import fit_linear
from strategies.predictors.recurrent import Recurrent

__all__ = ["Train", "fit_ensemble", "stacked"]

Chosen = NDArray[np.bool_]

Train = Callable[[Examples, int], bytes]
"""Trains the recurrent member on examples, from a seed, and returns it as ONNX."""

_COVERAGE = 0.9
_GRID = (
    (100, 200, 400),  # k
    (1.0, 0.8),  # decay
    (0.0, 4.0, 8.0, 16.0),  # points of strength
)
_GAMES_LEAST = 200
_STEP = 20
"""Weights are tried in twentieths."""
_ERRORS = 2.5
"""A member stays if its absence costs so many standard errors: one chance in twenty over all eight such questions."""
_DIGITS = 4


def fit_ensemble(examples: Examples, leagues: Sequence[str], train: Train, seed: int) -> dict[str, bytes]:
    """
    Fit everything and return the contents of the files by name.

    Raises:
        GametapeError: there is but one season, so that none can be left out, or too few games.
    """
    folds = [examples.seasons == season for season in np.unique(examples.seasons)]
    if len(folds) < 2 or len(examples) < _GAMES_LEAST:
        raise GametapeError(
            f"{len(examples)} games of {len(folds)} seasons are not enough to fit an ensemble",
            why="weights and intervals come from forecasts for a season that was left out",
        )
    settings = _settings(examples, folds)
    left_out = _LeftOut(
        examples,
        folds,
        {
            "linear": [fit_linear(examples.where(~out)) for out in folds],
            "dejavu": [Dejavu(examples.where(~out), settings) for out in folds],
            "lstm": [Recurrent(train(examples.where(~out), seed)) for out in folds],
        },
    )
    weights = {
        horizon: (_weights(left_out, number, 0), _weights(left_out, number, 1))
        for number, horizon in enumerate(HORIZONS)
    }
    edges = np.stack([tercile_edges(examples.patterns[:, minute]) for minute in range(PATTERN_MINUTES)])
    data = {PAST_FILE: write_past(examples), NETWORK_FILE: train(examples, seed)}
    fitted = EnsembleFile(
        leagues=tuple(leagues),
        weights=weights,
        linear=fit_linear(examples).coefficients.tolist(),
        dejavu=settings,
        coverage=_COVERAGE,
        edges=edges.tolist(),
        widths=np.round(_widths(left_out, weights, edges), _DIGITS).tolist(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in data.items()},
    )
    return {ENSEMBLE_FILE: msgspec.json.encode(fitted) + b"\n", **data}


@dataclass(frozen=True, slots=True, eq=False)
class _LeftOut:
    """The members as fitted without each of the folds."""

    examples: Examples
    folds: Sequence[Chosen]
    members: Mapping[str, Sequence[Member]]

    def said(self, name: str, minutes: int, known: int) -> Margins:
        """Return what a member says of every game from so many minutes, having seen none of that season."""
        strength = log_odds(self.examples.prior_u6)
        shown = strength if known else np.full(len(strength), np.nan)
        said = np.zeros((len(self.examples), len(HORIZONS)))
        for out, member in zip(self.folds, self.members[name], strict=True):
            patterns = self.examples.patterns[out, :minutes].astype(np.float64)
            said[out] = member.margins(patterns, shown[out])
        return said

    def asked(self, known: int) -> Chosen:
        """Return the games whose strength is as known as asked for."""
        return (self.examples.prior_u6 >= 0) | (known == 0)


def _weights(left_out: _LeftOut, horizon: int, known: int) -> tuple[float, ...]:
    """Stack the members at the whole pattern."""
    asked = left_out.asked(known)
    said = np.stack([left_out.said(name, PATTERN_MINUTES, known)[asked, horizon] for name in MEMBERS])
    return stacked(said, left_out.examples.margins[asked, horizon].astype(np.float64))


def _widths(left_out: _LeftOut, weights: Mapping[str, Sequence[Sequence[float]]], edges: Floats) -> Floats:
    """Calibrate the intervals of the mixture, at every minute."""
    examples = left_out.examples
    widths = np.zeros((len(HORIZONS), 2, PATTERN_MINUTES, GROUPS))
    for known, minute in product(range(2), range(PATTERN_MINUTES)):
        needed = {name for horizon in HORIZONS for name, w in zip(MEMBERS, weights[horizon][known], strict=True) if w}
        said = {name: left_out.said(name, minute + 1, known) for name in sorted(needed)}
        asked, groups = left_out.asked(known), lead_group(examples.patterns[:, minute], edges[minute])
        for number, horizon in enumerate(HORIZONS):
            mine = dict(zip(MEMBERS, weights[horizon][known], strict=True))
            mixed = np.sum([mine[name] * said[name][:, number] for name in said], axis=0)
            errors = examples.margins[:, number] - mixed
            for group in range(GROUPS):
                widths[number, known, minute, group] = half_width(errors[asked & (groups == group)], _COVERAGE)
    return widths


def stacked(said: Floats, margins: Floats) -> tuple[float, ...]:
    """
    Return the weights, in twentieths and adding up to one, of the mixture of least absolute error.

    The first member stands by itself; one after the other leaves whose absence costs no more than chance would.

    Shape: said (members, n); margins (n,).
    """
    kept = tuple(range(len(said)))
    weights = _best(said, margins, kept)
    while len(kept) > 1:
        errors = np.abs(weights @ said - margins)
        without = {gone: _best(said, margins, tuple(k for k in kept if k != gone)) for gone in kept[1:]}
        costs = {gone: np.abs(other @ said - margins) - errors for gone, other in without.items()}
        surely = {gone: cost.mean() - _ERRORS * cost.std() / np.sqrt(len(cost)) for gone, cost in costs.items()}
        least = min(surely, key=lambda gone: float(surely[gone]))
        if surely[least] > 0:
            break
        kept = tuple(k for k in kept if k != least)
        weights = without[least]
    return tuple(float(weight) for weight in weights)


def _best(said: Floats, margins: Floats, kept: Sequence[int]) -> Floats:
    """Return the weights of least absolute error of a mixture of the members kept."""
    tried = []
    for cuts in combinations(range(_STEP + len(kept) - 1), len(kept) - 1):
        bounds = (-1, *cuts, _STEP + len(kept) - 1)
        weights = np.zeros(len(said))
        weights[list(kept)] = [(after - before - 1) / _STEP for before, after in pairwise(bounds)]
        tried.append(weights)
    losses = [float(np.abs(weights @ said - margins).mean()) for weights in tried]
    return tried[int(np.argmin(losses))]


def _settings(examples: Examples, folds: Sequence[Chosen]) -> DejavuSettings:
    """Return the settings that err least at the whole pattern, half-time and final margins counting alike."""
    margins, patterns = examples.margins, examples.patterns.astype(np.float64)
    carried = np.abs(margins - examples.patterns[:, -1:]).mean(axis=0)
    strength = log_odds(examples.prior_u6)
    best, least = DejavuSettings(k=1, decay=1.0, strength_points=0.0), np.inf
    for k, decay, points in product(*_GRID):
        settings = DejavuSettings(k=k, decay=decay, strength_points=points)
        errors = [
            margins[out] - Dejavu(examples.where(~out), settings).margins(patterns[out], strength[out]) for out in folds
        ]
        loss = float((np.abs(np.concatenate(errors)).mean(axis=0) / carried).sum())
        if loss < least:
            best, least = settings, loss
    return best
