"""
The seam between score patterns and forecasts: what a pattern predictor is given and what it must answer.

A predictor is a map over patterns, as a model is a map over game states: the same entries and the same prior give the
same forecasts, live and in replay. Nothing decides on a forecast, so its floats may stay floats; they are in no digest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.patterns import ENTRIES, GAME, MARKS, PATTERN_MINUTES, RECV_NS, SEQ, Mark

__all__ = [
    "Asked",
    "Explanation",
    "Forecast",
    "Forecaster",
    "Forecasting",
    "Neighbour",
    "Prediction",
    "Predictor",
    "asked_of",
]

Ints = NDArray[np.int64]


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """
    A game of the past that went alike so far, and what happened next.

    Units: margins are home minus away in points; distance is the root mean square over the entries, in points; date is
        YYYYMMDD.
    """

    game_id: str
    date: int
    home: str
    away: str
    half_margin: int
    final_margin: int
    distance: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """
    What each member of an ensemble said, None where it had nothing to say, and how much it counted.

    Units: members in points, home minus away; ensemble holds the weight of each.
    """

    dejavu: float | None = None
    lstm: float | None = None
    linear: float | None = None
    ensemble: dict[str, float] = {}
    neighbours: tuple[Neighbour, ...] = ()


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """
    The margin that is expected at half-time or at the end.

    Units: points, home minus away; coverage is the share of games whose margin is to fall within the interval.
    """

    horizon: Literal["half", "final"]
    point_forecast: float
    interval_lower: float
    interval_upper: float
    coverage: float
    explanation: Explanation = Explanation()


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was forecast when a minute of a game was complete.

    game is the number in the catalogue; entries are the pattern so far, n of 18, the first `missing` of them from
    before anybody looked; latency_ns is what the predictor took.
    """

    seq: int
    recv_ns: int
    game: int
    entries: tuple[int, ...]
    missing: int
    prior_u6: int
    forecasts: tuple[Forecast, ...]
    latency_ns: int

    @property
    def is_complete(self) -> bool:
        """Whether all 18 minutes were played."""
        return len(self.entries) == PATTERN_MINUTES


class Predictor(Protocol):
    """
    A pattern predictor, found by the entry-point group `gametape.predictors`.

    leagues are those it can speak of; it is asked about no other.
    """

    @property
    def name(self) -> str:
        """The name it is installed and carded under."""
        ...

    @property
    def leagues(self) -> Sequence[str]:
        """The leagues it was made for."""
        ...

    def predict(self, pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
        """
        Forecast from the pattern so far: 1 to 18 entries, home minus away at the end of each minute.

        Units: prior_u6 is the pre-game probability of the home team, -1 where nobody knows it.
        """
        ...


class Asked(NamedTuple):
    """A pattern as it stood when one more minute was complete, with all that a predictor is asked by."""

    seq: int
    recv_ns: int
    game: int
    league: str
    entries: tuple[int, ...]
    missing: int
    prior_u6: int


class Forecasting(Protocol):
    """Whatever takes patterns and hands out predictions: at once, or when they are ready."""

    failures: int

    def see(self, asked: Sequence[Asked]) -> tuple[Prediction, ...]:
        """Take patterns in seq order and return the predictions that are ready, in the same order."""
        ...


class Forecaster:
    """Asks a predictor at once. One that raises, or answers what is no forecast, is counted and costs that answer."""

    def __init__(self, predictor: Predictor, now_ns: Callable[[], int]) -> None:
        """Begin; now_ns tells the time by which latencies are measured."""
        self._predictor = predictor
        self._now_ns = now_ns
        self.failures = 0

    def see(self, asked: Sequence[Asked]) -> tuple[Prediction, ...]:
        """Return the predictions for the leagues the predictor speaks of; see Forecasting."""
        mine = [one for one in asked if one.league in self._predictor.leagues]
        return tuple(made for one in mine if (made := self._predicted(one)) is not None)

    def _predicted(self, asked: Asked) -> Prediction | None:
        began_ns = self._now_ns()
        try:
            forecasts = tuple(self._predictor.predict(asked.entries, asked.prior_u6))
            is_sound = all(_is_sound(forecast) for forecast in forecasts)
        except Exception:  # noqa: BLE001 - a predictor is foreign code, and nothing depends on it
            is_sound = False
        if not is_sound:
            self.failures += 1
            return None
        return Prediction(
            seq=asked.seq,
            recv_ns=asked.recv_ns,
            game=asked.game,
            entries=asked.entries,
            missing=asked.missing,
            prior_u6=asked.prior_u6,
            forecasts=forecasts,
            latency_ns=self._now_ns() - began_ns,
        )


def asked_of(patterns: Ints, leagues: Sequence[str], priors_u6: Sequence[int]) -> list[Asked]:
    """
    Return what a predictor is asked by each row of patterns, complete or not.

    Shape: patterns (n, len(PATTERN_COLUMNS)); leagues and priors_u6 by number of the game.
    """
    asked = []
    for row in patterns.tolist():
        marks = row[MARKS]
        minutes = PATTERN_MINUTES - marks.count(Mark.AHEAD)
        game = row[GAME]
        asked.append(
            Asked(
                seq=row[SEQ],
                recv_ns=row[RECV_NS],
                game=game,
                league=leagues[game],
                entries=tuple(row[ENTRIES][:minutes]),
                missing=marks.count(Mark.MISSING),
                prior_u6=priors_u6[game],
            )
        )
    return asked


def _is_sound(forecast: Forecast) -> bool:
    numbers = (forecast.interval_lower, forecast.point_forecast, forecast.interval_upper)
    return all(map(math.isfinite, numbers)) and sorted(numbers) == list(numbers) and 0 < forecast.coverage < 1
