"""
The ensemble: linear, dejavu and lstm, weighted as forecasts for seasons they had not seen deserved, with intervals.

Everything that was fitted lies in files beside this module: `ensemble.json` holds every number and names the others by
sha256, its card names it in turn. `gametape model fit --predictor ensemble` makes them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Protocol

import msgspec
import numpy as np

from recorder.errors import CorruptError
from replay.core.predictions import Explanation, Forecast
from strategies.predictors.conformal import Intervals
from strategies.predictors.dejavu import Dejavu, DejavuSettings, read_past
from strategies.predictors.examples import HORIZONS, Floats, Margins, log_odds
from strategies.predictors.linear import Linear
from strategies.predictors.recurrent import Recurrent

__all__ = ["ENSEMBLE_FILE", "MEMBERS", "NETWORK_FILE", "PAST_FILE", "Ensemble", "EnsembleFile", "Member", "load"]

ENSEMBLE_FILE = "ensemble.json"
PAST_FILE = "past.npz"
NETWORK_FILE = "recurrent.onnx"
MEMBERS = ("linear", "dejavu", "lstm")

_NAMED = 10
"""How many neighbours are named."""
_DIGITS = 3


class Member(Protocol):
    """What an ensemble asks."""

    def margins(self, patterns: Floats, strength: Floats) -> Margins:
        """
        Forecast from patterns of one length.

        Shape: patterns (m, n); strength (m,), not a number where unknown; returns (m, 2).
        """
        ...


class EnsembleFile(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that was fitted. Shapes of linear, edges and widths as in Linear and Intervals.

    weights: by horizon, strength unknown or known; in the order of MEMBERS. files: sha256 by name.
    """

    leagues: tuple[str, ...]
    weights: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    linear: list[list[list[list[float]]]]
    dejavu: DejavuSettings
    coverage: float
    edges: list[list[float]]
    widths: list[list[list[list[float]]]]
    files: dict[str, str]


class Ensemble:
    """The members and what each counts."""

    name = "ensemble"

    def __init__(self, fitted: EnsembleFile, data: Mapping[str, bytes]) -> None:
        """
        Put it together from the contents of its files.

        Raises:
            CorruptError: a file is not the one that was fitted.
            ImportError: onnxruntime is not installed.
        """
        for name, sha256 in fitted.files.items():
            found = hashlib.sha256(data[name]).hexdigest()
            if found != sha256:
                raise CorruptError(
                    f"{name} is not the file that {ENSEMBLE_FILE} was fitted with",
                    why=f"it says sha256 {sha256}, the file has {found}",
                    hint="gametape model fit --predictor ensemble --games … --timeline … --out DIR",
                )
        self.leagues = fitted.leagues
        self._weights = fitted.weights
        self._dejavu = Dejavu(read_past(data[PAST_FILE]), fitted.dejavu)
        self._members: dict[str, Member] = {
            "linear": Linear(np.array(fitted.linear)),
            "dejavu": self._dejavu,
            "lstm": Recurrent(data[NETWORK_FILE]),
        }
        self._intervals = Intervals(fitted.coverage, np.array(fitted.edges), np.array(fitted.widths))

    def predict(self, pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
        """
        Forecast the margins at half-time and at the end; see Predictor.

        Raises:
            ValueError: the pattern has no entry, or more than 18.
        """
        entries = np.array([pattern], np.float64)
        if not 1 <= entries.shape[1] <= self._dejavu.past.patterns.shape[1]:
            raise ValueError(f"a pattern of {entries.shape[1]} entries")
        strength = log_odds(np.array([prior_u6], np.int64))
        said = {name: member.margins(entries, strength)[0] for name, member in self._members.items()}
        neighbours = self._dejavu.neighbours(entries[0], float(strength[0]), _NAMED)
        forecasts = []
        for number, horizon in enumerate(HORIZONS):
            weights = dict(zip(MEMBERS, self._weights[horizon][int(prior_u6 >= 0)], strict=True))
            point = sum(weight * float(said[name][number]) for name, weight in weights.items())
            reach = self._intervals.around(number, pattern[-1], len(pattern), is_known=prior_u6 >= 0)
            parts = {name: round(float(said[name][number]), _DIGITS) for name in MEMBERS}
            forecasts.append(
                Forecast(
                    horizon="half" if number == 0 else "final",
                    point_forecast=round(point, _DIGITS),
                    interval_lower=round(point - reach, _DIGITS),
                    interval_upper=round(point + reach, _DIGITS),
                    coverage=self._intervals.coverage,
                    explanation=Explanation(**parts, ensemble=weights, neighbours=neighbours),
                )
            )
        return tuple(forecasts)


def load() -> Ensemble:
    """
    Load the ensemble that ships with the program.

    Raises:
        CorruptError: a file is not the one that was fitted.
        ImportError: onnxruntime is not installed.
        msgspec.ValidationError: the file of numbers is not what it should be.
    """
    folder = files("strategies.predictors")
    fitted = msgspec.json.decode(folder.joinpath(ENSEMBLE_FILE).read_bytes(), type=EnsembleFile)
    return Ensemble(fitted, {name: folder.joinpath(name).read_bytes() for name in fitted.files})
