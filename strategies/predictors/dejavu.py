"""
Dejavu: games of the past that went alike, by name, and what happened next.

The distance of two games is the root mean square of the differences of their entries, in points; later minutes count
more, by `decay` a minute. Where both games' priors are known, a difference of strength counts as so many points. The
forecast is the lead plus what the k nearest games added to theirs, on average.
"""

from __future__ import annotations

import io

import msgspec
import numpy as np

from replay.core.patterns import PATTERN_MINUTES
from replay.core.predictions import Neighbour
from strategies.predictors.examples import Examples, Floats, Ints, Margins, log_odds

__all__ = ["Dejavu", "DejavuSettings", "read_past", "write_past"]

_ROWS = 256  # patterns at a time, so that a whole season fits the memory


class DejavuSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How alike is judged. Units: strength_points is what one unit of log odds counts, in points."""

    k: int
    decay: float
    strength_points: float


class Dejavu:
    """The past and how to look things up in it."""

    def __init__(self, past: Examples, settings: DejavuSettings) -> None:
        """Take the games of the past."""
        self.past = past
        self.settings = settings
        self._patterns = past.patterns.astype(np.float64)
        self._squared = self._patterns**2
        self._strength = log_odds(past.prior_u6)

    def margins(self, patterns: Floats, strength: Floats) -> Margins:
        """
        Forecast from patterns of one length.

        Shape: patterns (m, n); strength (m,), not a number where unknown.
        """
        minute = patterns.shape[1] - 1
        added = self.past.margins - self._patterns[:, minute, None]
        parts = []
        for first in range(0, len(patterns), _ROWS):
            rows = slice(first, first + _ROWS)
            squares = self._squares(patterns[rows], strength[rows])
            k = min(self.settings.k, squares.shape[1])
            nearest = np.argpartition(squares, k - 1, axis=1)[:, :k]
            parts.append(patterns[rows, -1, None] + added[nearest].mean(axis=1))
        return np.concatenate(parts)

    def neighbours(self, pattern: Floats, strength: float, most: int) -> tuple[Neighbour, ...]:
        """Name the nearest games, nearest first; of two alike the earlier one."""
        squares = self._squares(pattern[None], np.array([strength]))[0]
        few = np.argpartition(squares, most - 1)[:most] if most < len(squares) else np.arange(len(squares))
        ordered = few[np.lexsort((few, squares[few]))]
        return tuple(self._named(int(k), float(np.sqrt(squares[k]))) for k in ordered)

    def _named(self, k: int, distance: float) -> Neighbour:
        past = self.past
        half, final = past.margins[k].tolist()
        return Neighbour(
            game_id=past.game_ids[k],
            date=int(past.dates[k]),
            home=past.home[k],
            away=past.away[k],
            half_margin=half,
            final_margin=final,
            distance=round(distance, 3),
        )

    def _squares(self, patterns: Floats, strength: Floats) -> Floats:
        """Return the squared distances, shape (m, len(past))."""
        minutes = patterns.shape[1]
        weight = self.settings.decay ** np.arange(minutes - 1, -1, -1)
        weight /= weight.sum()
        theirs = self._patterns[:, :minutes]
        # The square of a difference, multiplied out: of whole numbers below a hundred nothing is lost by that.
        squares = (
            patterns**2 @ weight + (self._squared[:, :minutes] @ weight)[:, None] - 2 * theirs @ (patterns * weight).T
        )
        apart = self.settings.strength_points * (strength - self._strength[:, None])
        # Where either strength is unknown they are as good as alike.
        squares = np.maximum(squares, 0.0) + np.where(np.isnan(apart), 0.0, apart) ** 2
        return np.ascontiguousarray(squares.T)


def write_past(examples: Examples) -> bytes:
    """
    Return games as the bytes of an npz file without objects: what a pattern needs and a name, nothing else.

    Raises:
        ValueError: a margin does not fit a byte.
    """
    points = np.concatenate([examples.patterns, examples.margins], axis=1)
    if np.abs(points).max() > np.iinfo(np.int8).max:
        raise ValueError("a margin of more than 127 points")
    out = io.BytesIO()
    np.savez_compressed(
        out,
        points=points.astype(np.int8),
        seasons=examples.seasons.astype(np.int16),
        dates=examples.dates.astype(np.int32),
        prior_u6=examples.prior_u6.astype(np.int32),
        names=np.array([examples.game_ids, examples.home, examples.away], np.str_),
    )
    return out.getvalue()


def read_past(data: bytes) -> Examples:
    """
    Read what `write_past` wrote.

    Raises:
        ValueError: the file holds objects, or is no such file.
        KeyError: a table is missing.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as tables:
        points = tables["points"].astype(np.int64)
        game_ids, home, away = tables["names"].tolist()
        return Examples(
            game_ids=game_ids,
            seasons=_whole(tables["seasons"]),
            dates=_whole(tables["dates"]),
            home=home,
            away=away,
            patterns=points[:, :PATTERN_MINUTES],
            margins=points[:, PATTERN_MINUTES:],
            prior_u6=_whole(tables["prior_u6"]),
        )


def _whole(column: Ints) -> Ints:
    return column.astype(np.int64)
