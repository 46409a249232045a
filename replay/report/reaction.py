"""How the market answers a score: the move of its mid towards the team that scored, from when it happened on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from replay.cellmarks import mids_of
from replay.film import Film
from replay.markout import HORIZONS_MS
from replay.report.facts import CurvePoint
from replay.report.trades import finite_c
from replay.scoretimes import score_changes
from replay.stats import GameBootstrap

__all__ = ["reaction_of"]

Ints = NDArray[np.int64]

_MS_NS = 1_000_000
_CENT_U6 = 10_000


def reaction_of(
    films: Sequence[Film], numbers: Sequence[Mapping[int, int]], bootstrap: GameBootstrap
) -> list[CurvePoint]:
    """
    Return the mean move of the mid after a score, towards the team that scored, at the horizons of the reports.

    It counts from the scorer's own time where that is known, else from when a source first showed it. A correction
    counts for the other team. Scores without a mid then, or later, are left out.

    Shape: numbers, one a film: its planned games by their numbers over all films.
    """
    sums = np.zeros((bootstrap.games, len(HORIZONS_MS)), np.int64)
    counts = np.zeros_like(sums)
    for film, games in zip(films, numbers, strict=True):
        mids = mids_of(film)
        found = [row for game in games for row in _scores(film, game)]
        if not found:
            continue
        game, at_ns, side = np.array(found, np.int64).T
        token = np.array([mids.home[one] for one in game.tolist()], np.int64)
        place = np.array([games[one] for one in game.tolist()], np.int64)
        before = mids.at(token, at_ns)
        for column, horizon_ms in enumerate(HORIZONS_MS):
            then_ns = at_ns + horizon_ms * _MS_NS
            after = mids.at(token, then_ns)
            known = (token >= 0) & (before >= 0) & (after >= 0) & (then_ns <= film.last_ns)
            np.add.at(sums[:, column], place[known], (side * (after - before))[known])
            np.add.at(counts[:, column], place[known], 1)
    if not counts.any():
        return []
    means = bootstrap.ratio(sums, counts)
    start = CurvePoint(horizon_ms=0, trades=int(counts[:, 0].sum()), mean_c=0.0, low_c=None, high_c=None)
    return [start, *_points(means.estimate, means.low, means.high, counts.sum(axis=0))]


def _scores(film: Film, game: int) -> Iterator[tuple[int, int, int]]:
    """Yield for each score of a game: the game, when it happened, +1 for the home team and -1 for the other."""
    margin = 0
    for change in score_changes(film, game):
        moved = change.home - change.away - margin
        margin += moved
        if moved:
            yield game, change.upper_ns if change.event_ns is None else change.event_ns, 1 if moved > 0 else -1


def _points(
    mean: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], counts: Ints
) -> Iterator[CurvePoint]:
    for column, horizon_ms in enumerate(HORIZONS_MS):
        if counts[column]:
            yield CurvePoint(
                horizon_ms=horizon_ms,
                trades=int(counts[column]),
                mean_c=round(float(mean[column]) / _CENT_U6, 4),
                low_c=finite_c(float(low[column])),
                high_c=finite_c(float(high[column])),
            )
