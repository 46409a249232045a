"""
Markouts of every cell of a sweep: what its fills were worth a little later, and against the closing line.

A sweep sums its orders up as they pass, so this folds the cells once more, some at a time. Every mean is over fills,
its limits over games.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from replay.backtest import run_settings
from replay.core.cells import ORDER_COLUMNS
from replay.core.models import WinProbability
from replay.core.strategy import Strategy
from replay.counterfactual import PollPlan
from replay.film import Film
from replay.markout import HORIZONS_MS
from replay.report.overlay import courses
from replay.report.quotes import quotes_of
from replay.stats import GameBootstrap
from replay.sweep import Sweep

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Mids", "add_marks", "cell_markouts", "mids_of"]

Ints = NDArray[np.int64]

_TOKEN, _SIDE, _DUE, _FILLED, _CASH = (
    ORDER_COLUMNS.index(name) for name in ("token", "side", "due_ns", "filled_u6", "cash_u6")
)
_AT_ONCE = 100
_MS_NS = 1_000_000
_UNIT_U6 = 1_000_000
_CENT_U6 = 10_000
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Mids:
    """
    The mids of one film's tokens, for any moment.

    at_ns and mid_u6 (-1 where a book was not known) are one row a change, token by token; first (tokens + 1,) says
    where those of each begin. By token: closing_u6, the last mid before start_ns, when its game was first seen to be on
    (0 for never), and game. home: the token of each game's home team, -1 for none.
    """

    at_ns: Ints
    mid_u6: Ints
    first: Ints
    closing_u6: Ints
    start_ns: Ints
    game: Ints
    home: Ints

    def at(self, tokens: Ints, times_ns: Ints) -> Ints:
        """Return the last mid known at each time, one later never."""
        found = np.full(len(tokens), _UNKNOWN, np.int64)
        for token in np.unique(tokens[tokens >= 0]).tolist():
            mine = tokens == token
            begin, end = self.first[token], self.first[token + 1]
            place = np.searchsorted(self.at_ns[begin:end], times_ns[mine], side="right") - 1
            known = np.concatenate([self.mid_u6[begin:end], [_UNKNOWN]])
            found[mine] = known[place]
        return found


def cell_markouts(
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    sweep: Sweep,
    *,
    polls: PollPlan,
    on_progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """
    Return what the fills of every cell of a sweep were worth later, at the horizons of the reports.

    A fill is marked against the mid then, and one before tip-off also against the last mid before it; where the book
    was unknown, or the tape over, there is no mark. on_progress is told (cells done, cells in all), night by night.

    Shape: a row a cell and horizon; cell i32, horizon_ms i32 (null: the closing line), fills i64, mean_c, low_c,
    high_c f64 (null: no fill with a mark, or too few games).

    Units: cents a share, before fees.
    """
    width = len(HORIZONS_MS) + 1
    sums = np.zeros((len(sweep.game_ids), len(sweep.cells), width), np.int64)
    counts = np.zeros_like(sums)
    offset, done = 0, 0
    for film in films:
        mids = mids_of(film)
        planned = [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]
        place = np.full(len(film.catalogue.games) + 1, _UNKNOWN, np.int64)
        place[planned] = offset + np.arange(len(planned))
        for first in range(0, len(sweep.cells), _AT_ONCE):
            some = [cell.setting for cell in sweep.cells[first : first + _AT_ONCE]]
            for number, cell in enumerate(run_settings(film, strategy, model, some, polls=polls), first):
                add_marks(cell.orders, mids, film.last_ns, place, sums[:, number], counts[:, number])
            done += len(some)
            if on_progress is not None:
                on_progress(done, len(sweep.cells) * len(films))
        offset += len(planned)
    return _frame(sums, counts, GameBootstrap(max(len(sweep.game_ids), 1), seed=sweep.seed))


def mids_of(film: Film) -> Mids:
    """Return the mids of a film's tokens."""
    quotes = quotes_of(film)
    at_ns, token, bid, ask = quotes.table.T
    order = np.argsort(token, kind="stable")
    mid = np.where((bid >= 0) & (ask >= 0), (bid + ask) // 2, _UNKNOWN)
    tokens = len(quotes.game)
    first = np.searchsorted(token[order], np.arange(tokens + 1))
    began = {game: course.begin_ns for game, course in courses(film).items() if len(course.heard_ns)}
    start_ns = np.array([began.get(game, 0) for game in quotes.game.tolist()], np.int64)
    closing_u6, home = np.full(tokens, _UNKNOWN), quotes.tokens_of[:, 0].copy()
    made = Mids(at_ns[order], mid[order], first, closing_u6, start_ns, quotes.game, home)
    made.closing_u6[:] = made.at(np.arange(tokens), start_ns - 1)
    return made


def add_marks(orders: Ints, mids: Mids, until_ns: int, place: Ints, sums: Ints, counts: Ints) -> None:
    """
    Add the marks of a cell's fills to sums and counts.

    Shape: orders (n, len(ORDER_COLUMNS)); place by number of the film's game, -1 for none that counts, and so at the
    end; sums and counts (games, len(HORIZONS_MS) + 1), the closing line last.

    Units: until_ns is the end of the tape; sums in u6 of a dollar a share.
    """
    fills = orders[orders[:, _FILLED] > 0]
    game = place[mids.game[fills[:, _TOKEN]]]
    fills, game = fills[game >= 0], game[game >= 0]
    token, side, due_ns = fills[:, _TOKEN], fills[:, _SIDE], fills[:, _DUE]
    price_u6 = fills[:, _CASH] * _UNIT_U6 // fills[:, _FILLED]
    marks = []
    for horizon_ms in HORIZONS_MS:
        then_ns = due_ns + horizon_ms * _MS_NS
        marks.append(np.where(then_ns <= until_ns, mids.at(token, then_ns), _UNKNOWN))
    marks.append(np.where(due_ns < mids.start_ns[token], mids.closing_u6[token], _UNKNOWN))
    for column, mid_u6 in enumerate(marks):
        known = mid_u6 >= 0
        np.add.at(sums[:, column], game[known], (side * (mid_u6 - price_u6))[known])
        np.add.at(counts[:, column], game[known], 1)


def _frame(sums: Ints, counts: Ints, bootstrap: GameBootstrap) -> pl.DataFrame:
    import polars as pl

    cells, width = sums.shape[1:]
    parts = []
    for first, end in pairwise([*range(0, cells, _AT_ONCE), cells]):
        found = bootstrap.ratio(sums[:, first:end], counts[:, first:end])
        parts.append([np.ravel(one) / _CENT_U6 for one in (found.estimate, found.low, found.high)])
    mean, low, high = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    horizons: list[int | None] = [*HORIZONS_MS, None]
    frame = pl.DataFrame(
        {
            "cell": np.repeat(np.arange(cells, dtype=np.int32), width),
            "horizon_ms": pl.Series(horizons * cells, dtype=pl.Int32),
            "fills": counts.sum(axis=0).ravel(),
            "mean_c": mean,
            "low_c": low,
            "high_c": high,
        }
    )
    return frame.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in ("mean_c", "low_c", "high_c")
    )
