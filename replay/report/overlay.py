"""Overlays: one game's score, market and model on one time axis, thin enough to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from replay.core.events import GameStatus
from replay.core.jit import kernel
from replay.core.state.game import AWAY, HOME, REPEATED, STALE, new_games, observe
from replay.film import Film
from replay.report.facts import Overlay, Span

__all__ = ["Course", "courses", "coverage", "overlay_of", "thin", "thin_band"]

Ints = NDArray[np.int64]

_DS_NS = 100_000_000
_POINTS_MAX = 600
_LIVE = (int(GameStatus.LIVE), int(GameStatus.BREAK), int(GameStatus.DELAYED))
_SILENT_NS = 10_000_000_000
"""A game not heard of for so long was not seen, whatever the rhythm of the polls."""
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Course:
    """
    How one game went, as all sources together told it.

    table int64 (n, 5): recv_ns, home, away, number of the state, its status; only what moved the game on. heard_ns
    (m,): every live observation. begin_ns and end_ns: the first and last of them; equal where there is none.
    """

    table: Ints
    heard_ns: Ints
    begin_ns: int
    end_ns: int


@kernel
def _merge(games: Ints, states: Ints, out: Ints) -> int:
    """Fold observations into games and note each that moved one; return how many did."""
    count = 0
    for k in range(len(states)):
        game = states[k, 2]
        verdict = observe(
            games,
            game,
            states[k, 3],
            states[k, 4],
            states[k, 5],
            states[k, 6],
            states[k, 7],
            states[k, 8],
            states[k, 9],
            states[k, 1],
        )
        if verdict == STALE or verdict == REPEATED:
            continue
        out[count, 0] = states[k, 1]
        out[count, 1] = games[game, HOME]
        out[count, 2] = games[game, AWAY]
        out[count, 3] = k
        out[count, 4] = states[k, 4]
        out[count, 5] = game
        count += 1
    return count


def courses(film: Film) -> dict[int, Course]:
    """Return the course of every game of the plan that was observed at all."""
    states = film.night.states
    out = np.empty((len(states), 6), np.int64)
    count = _merge(new_games(max(len(film.catalogue.games), 1)), states, out)
    found = {}
    for number, game in enumerate(film.catalogue.games):
        mine = states[states[:, 2] == number]
        if game.plan is None or not len(mine):
            continue
        heard = mine[np.isin(mine[:, 4], _LIVE), 1]
        moved = out[:count][out[:count, 5] == number][:, :5]
        ends = (int(heard[0]), int(heard[-1])) if len(heard) else (int(mine[-1, 1]), int(mine[-1, 1]))
        found[number] = Course(moved, heard, *ends)
    return found


def coverage(course: Course, quotes: Ints) -> tuple[float | None, float | None, list[tuple[int, int, str]]]:
    """
    Return the share of the live time in which score and book could be used, and the stretches (ns) without.

    Shape: quotes as `Quotes.of` returns them, of the home token. Both shares are None for a game that was never live.
    """
    live_ns = course.end_ns - course.begin_ns
    if live_ns <= 0:
        return None, None, []
    steps = np.diff(course.heard_ns)
    limit = max(3 * int(np.median(steps)), _SILENT_NS) if len(steps) else _SILENT_NS
    silent = np.flatnonzero(steps > limit)
    spans = [(int(course.heard_ns[k]), int(course.heard_ns[k + 1]), "score") for k in silent]
    spans += [(begin, end, "book") for begin, end in _unknown(quotes, course.begin_ns, course.end_ns)]
    shares = [
        round(1 - sum(end - begin for begin, end, what in spans if what == which) / live_ns, 6)
        for which in ("score", "book")
    ]
    return shares[0], shares[1], spans


def _unknown(quotes: Ints, begin_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """Return the stretches within two moments in which neither side of a book was known."""
    known = (quotes[:, 2] >= 0) | (quotes[:, 3] >= 0)
    times = np.clip(quotes[:, 0], begin_ns, end_ns)
    edges = np.concatenate([[begin_ns], times, [end_ns]]).tolist()
    states = [False, *known.tolist()]
    found: list[tuple[int, int]] = []
    for k, is_known in enumerate(states):
        if is_known or edges[k + 1] <= edges[k]:
            continue
        if found and found[-1][1] == edges[k]:
            found[-1] = (found[-1][0], edges[k + 1])
        else:
            found.append((edges[k], edges[k + 1]))
    return found


def overlay_of(
    course: Course, quotes: Ints, fairs: Ints, trades: pl.DataFrame, home: int, spans: Sequence[tuple[int, int, str]]
) -> Overlay:
    """
    Return the drawing of one game, from its first to its last live moment.

    Shape: quotes of the home token; fairs (states,) the home side's fair value of every state of the film; trades of
    this game as `trades_frame` makes them; home is the number of the home token.
    """
    begin, end = course.begin_ns, course.end_ns
    inside = (course.table[:, 0] >= begin) & (course.table[:, 0] <= end)
    moved = course.table[inside]
    score = moved[np.concatenate([[True], (np.diff(moved[:, 1:3], axis=0) != 0).any(axis=1)])] if len(moved) else moved
    before = int(np.searchsorted(quotes[:, 0], begin, side="right")) - 1
    book = quotes[max(before, 0) : int(np.searchsorted(quotes[:, 0], end, side="right"))]
    at = np.clip(book[:, 0], begin, end)
    bid, ask = book[:, 2], book[:, 3]
    mid = np.where((bid >= 0) & (ask >= 0), (bid + ask) // 2, _UNKNOWN)
    fair = np.stack([moved[:, 0], fairs[moved[:, 3]]], axis=1)
    bought = trades.filter(pl.col("side") > 0)
    sold = trades.filter((pl.col("side") < 0) & (pl.col("filled_u6") > 0))

    def marks(rows: pl.DataFrame, when: str) -> list[tuple[int, int, int]]:
        return [
            (_ds(ns, begin), 1, ask // 1_000) if token == home else (_ds(ns, begin), -1, 1_000 - ask // 1_000)
            for ns, token, ask in rows.select(when, "token", "price").iter_rows()
        ]

    signals = bought.with_columns(price=pl.col("ask_u6"))
    paid = bought.filter(pl.col("filled_u6") > 0)
    each = (pl.col("cash_u6") * 1_000_000) // pl.col("filled_u6")
    return Overlay(
        begin_ns=begin,
        length_ds=_ds(end, begin),
        score=[(_ds(ns, begin), home_score, away) for ns, home_score, away in score[:, :3].tolist()],
        mid=_scaled(thin(at, mid), begin),
        band=[(_ds(ns, begin), low // 1_000, high // 1_000) for ns, low, high in thin_band(at, bid, ask).tolist()],
        fair=_scaled(thin(fair[:, 0], fair[:, 1]), begin),
        signals=marks(signals, "signal_ns"),
        fills=marks(paid.with_columns(price=each), "due_ns"),
        exits=marks(sold.with_columns(price=each), "due_ns"),
        gaps=[Span(_ds(first, begin), _ds(last, begin), what) for first, last, what in spans],
    )


def _ds(at_ns: int, begin_ns: int) -> int:
    return (at_ns - begin_ns) // _DS_NS


def _scaled(series: Ints, begin_ns: int) -> list[tuple[int, int]]:
    return [(_ds(ns, begin_ns), value // 1_000 if value >= 0 else _UNKNOWN) for ns, value in series.tolist()]


def thin(at: Ints, value: Ints, points: int = _POINTS_MAX) -> Ints:
    """
    Return at most so many points of a step line: of every slice of time its lowest, highest, unknown and last point.

    Shape: at (n,) rising, value (n,), negative where unknown; returns (m, 2).
    """
    table = np.stack([at, value], axis=1)
    if len(at) <= points:
        return table
    slices = max(points // 4, 1)
    where = np.minimum((at - at[0]) * slices // max(int(at[-1] - at[0]), 1), slices - 1)
    bounds = np.flatnonzero(np.diff(where)) + 1
    kept: list[int] = []
    for begin, end in zip([0, *bounds.tolist()], [*bounds.tolist(), len(at)], strict=True):
        part = value[begin:end]
        known = np.flatnonzero(part >= 0)
        if len(known):
            kept += [begin + int(known[np.argmin(part[known])]), begin + int(known[np.argmax(part[known])])]
        if len(known) < len(part):
            kept.append(begin + int(np.argmax(part < 0)))
        # The last one holds until the next slice that has any, which may be long after.
        kept.append(end - 1)
    return table[np.unique(np.asarray(kept, np.int64))]


def thin_band(at: Ints, bid: Ints, ask: Ints, points: int = _POINTS_MAX) -> Ints:
    """
    Return at most so many rows of a band: of every slice of time the lowest bid, the highest ask, and the last row.

    Shape: all (n,), at rising, prices -1 where unknown; returns (m, 3). A slice with nothing known says so with -1.
    """
    if len(at) <= points:
        return np.stack([at, bid, ask], axis=1)
    slices = max(points // 2, 1)
    where = np.minimum((at - at[0]) * slices // max(int(at[-1] - at[0]), 1), slices - 1)
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(where)) + 1])
    last = np.concatenate([bounds[1:], [len(at)]]) - 1
    both = (bid >= 0) & (ask >= 0)
    lowest = np.minimum.reduceat(np.where(both, bid, 1 << 40), bounds)
    highest = np.maximum.reduceat(np.where(both, ask, _UNKNOWN), bounds)
    known = highest >= 0
    widest = np.stack([at[bounds], np.where(known, lowest, _UNKNOWN), highest], axis=1)
    ends = np.stack(
        [at[last], np.where(both[last], bid[last], _UNKNOWN), np.where(both[last], ask[last], _UNKNOWN)], axis=1
    )
    return np.stack([widest, ends], axis=1).reshape(-1, 3)
