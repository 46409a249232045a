"""
Answers: what the cells of a sweep say, phase by phase averaged, with intervals over games.

Phases of a poll are luck: nobody chooses one. Every figure here is of a *choice*, which is everything but the phase,
and is the mean over its phases, game by game.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.report.run import CellRow, Run
from replay.stats import GameBootstrap, games_needed, minimum_detectable

__all__ = [
    "Answer",
    "Choice",
    "Panel",
    "Price",
    "Swing",
    "Verdict",
    "answer_of",
    "choices_of",
    "panels_of",
    "prices_of",
    "swings_of",
]

Floats = NDArray[np.float64]


class Choice(NamedTuple):
    """Everything of a cell that can be chosen; None stands for as recorded."""

    order_delay_ms: int
    book_delay_ms: int
    venue_delay_ms: int | None
    policy: str
    model: str
    poll_s: float | None
    min_edge_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    What a choice came to.

    Units: dollars per game; limits None with fewer than two games. by_game float64 (games,), in dollars; spread is the
    lowest and highest phase.
    """

    choice: Choice
    mean: float
    low: float | None
    high: float | None
    signals: float
    fills: float
    phases: int
    spread: tuple[float, float]
    by_game: Floats
    is_featured: bool

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One heatmap: verdicts by poll (rows) and minimum edge (columns), None where the grid has a hole."""

    title: str
    polls: list[float | None]
    edges: list[float]
    rows: list[list[Verdict | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """
    What one delay costs.

    by_value: (value, mean, low, high) of the difference to the smallest value, dollars per game, all paired by game;
    slope the same per unit. scope says whose cells these are.
    """

    name: str
    unit: str
    scope: str
    by_value: list[tuple[float, float, float | None, float | None]]
    slope: float
    slope_low: float | None
    slope_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """How one part of the choice moves the profit with all others as featured. along: a verdict a value, in order."""

    name: str
    along: list[Verdict]

    @property
    def worst(self) -> Verdict:
        """The value that earns least."""
        return min(self.along, key=lambda verdict: verdict.mean)

    @property
    def best(self) -> Verdict:
        """The value that earns most."""
        return max(self.along, key=lambda verdict: verdict.mean)

    @property
    def width(self) -> float:
        """Dollars per game between the two."""
        return self.best.mean - self.worst.mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer in figures. more_games: how many beyond those at hand would show a mean of this size."""

    featured: Verdict
    best: Verdict
    median: float
    profitable: float
    clear: int
    choices: int
    games: int
    more_games: int | None
    detectable: float | None


def choices_of(run: Run) -> list[Verdict]:
    """Return the verdict on every choice of the grid, in its order."""
    grouped: dict[Choice, list[int]] = {}
    for number, cell in enumerate(run.sweep.cells):
        grouped.setdefault(_choice(cell), []).append(number)
    games = len(run.sweep.games)
    dollars = run.pnl_u6 / 1e6
    means = np.stack([dollars[numbers].mean(axis=0) for numbers in grouped.values()], axis=1)
    interval = GameBootstrap(max(games, 1), seed=run.sweep.seed).mean(means if games else np.zeros((1, len(grouped))))
    verdicts = []
    for k, (choice, numbers) in enumerate(grouped.items()):
        cells = [run.sweep.cells[number] for number in numbers]
        phases = [cell.pnl_u6 / 1e6 / max(games, 1) for cell in cells]
        verdicts.append(
            Verdict(
                choice=choice,
                mean=float(interval.estimate[k]),
                low=_finite(float(interval.low[k])),
                high=_finite(float(interval.high[k])),
                signals=sum(cell.signals for cell in cells) / len(cells),
                fills=sum(cell.fills for cell in cells) / len(cells),
                phases=len(cells),
                spread=(min(phases), max(phases)),
                by_game=means[:, k],
                is_featured=run.evidence.featured in numbers,
            )
        )
    return verdicts


def _choice(cell: CellRow) -> Choice:
    return Choice(
        cell.order_delay_ms,
        cell.book_delay_ms,
        cell.venue_delay_ms,
        cell.policy,
        cell.model,
        cell.poll_s,
        cell.min_edge_c,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _order(choice: Choice) -> tuple[float | str, ...]:
    """Sort by delays, policy, model, polls and edges; what is as recorded comes first."""
    venue = -1 if choice.venue_delay_ms is None else choice.venue_delay_ms
    poll = -1.0 if choice.poll_s is None else choice.poll_s
    return (choice.order_delay_ms, choice.book_delay_ms, venue, choice.policy, choice.model, poll, choice.min_edge_c)


def panels_of(verdicts: Sequence[Verdict]) -> list[Panel]:
    """Return one heatmap for every combination of delays, policy and model, by rising delay."""
    ordered = sorted(verdicts, key=lambda verdict: _order(verdict.choice))
    several_books = len({verdict.choice.book_delay_ms for verdict in verdicts}) > 1
    several_venues = len({verdict.choice.venue_delay_ms for verdict in verdicts}) > 1
    several_policies = len({verdict.choice.policy for verdict in verdicts}) > 1
    several_models = len({verdict.choice.model for verdict in verdicts}) > 1
    panels = []
    for (order, book, venue, policy, model), group in groupby(ordered, key=lambda verdict: verdict.choice[:5]):
        found = {(verdict.choice.poll_s, verdict.choice.min_edge_c): verdict for verdict in group}
        polls = list(dict.fromkeys(poll for poll, _ in found))
        edges = sorted({edge for _, edge in found})
        title = f"order delay {order:g} ms"
        if several_books:
            title += f", book delay {book:g} ms"
        if several_venues:
            title += ", venue as recorded" if venue is None else f", venue {venue:g} ms"
        title += f", {policy.replace('_', ' ')}" if several_policies else ""
        title += f", {model}" if several_models else ""
        rows = [[found.get((poll, edge)) for edge in edges] for poll in polls]
        panels.append(Panel(title=title, polls=polls, edges=edges, rows=rows))
    return panels


def prices_of(verdicts: Sequence[Verdict], seed: int) -> list[Price]:
    """Return what every delay of the grid costs: for the featured choice, and on average over all minimum edges."""
    featured = next(verdict for verdict in verdicts if verdict.is_featured).choice
    if not len(verdicts[0].by_game):
        return []
    bootstrap = GameBootstrap(len(verdicts[0].by_game), seed=seed)
    prices = []
    for field, name, unit, scale in (
        ("poll_s", "a slower poll", "second", 1.0),
        ("order_delay_ms", "a slower order", "100 ms", 100.0),
        ("book_delay_ms", "a slower book", "100 ms", 100.0),
        ("venue_delay_ms", "a longer venue delay", "100 ms", 100.0),
    ):
        scope = f"min edge {featured.min_edge_c:g} c"
        for words, free in ((scope, {field}), ("all minimum edges", {field, "min_edge_c"})):
            fixed = [part for part in Choice._fields if part not in free]
            kept = [v for v in verdicts if all(getattr(v.choice, f) == getattr(featured, f) for f in fixed)]
            price = _price(kept, field, scale, bootstrap)
            if price is not None:
                by_value, slope = price
                prices.append(
                    Price(
                        name=name,
                        unit=unit,
                        scope=words,
                        by_value=by_value,
                        slope=slope[0],
                        slope_low=slope[1],
                        slope_high=slope[2],
                    )
                )
    return prices


_Limits = tuple[float, float | None, float | None]


def _price(
    verdicts: Sequence[Verdict], field: str, scale: float, bootstrap: GameBootstrap
) -> tuple[list[tuple[float, float, float | None, float | None]], _Limits] | None:
    """Return differences to the smallest value and the slope of a straight line through all, both paired by game."""
    by_value: dict[float, list[Floats]] = {}
    for verdict in verdicts:
        value = getattr(verdict.choice, field)
        if value is not None:
            by_value.setdefault(float(value), []).append(verdict.by_game)
    if len(by_value) < 2:
        return None
    values = sorted(by_value)
    games = np.stack([np.mean(by_value[value], axis=0) for value in values], axis=1)
    found = bootstrap.mean(games - games[:, :1])
    at = np.asarray(values) / scale
    weights = (at - at.mean()) / ((at - at.mean()) ** 2).sum()
    line = bootstrap.mean(games @ weights)
    return (
        [
            (value, float(found.estimate[k]), _finite(float(found.low[k])), _finite(float(found.high[k])))
            for k, value in enumerate(values)
        ],
        (float(line.estimate), _finite(float(line.low)), _finite(float(line.high))),
    )


def swings_of(verdicts: Sequence[Verdict]) -> list[Swing]:
    """Return how far each part of the featured choice moves the profit alone, the farthest first."""
    featured = next(verdict for verdict in verdicts if verdict.is_featured).choice
    swings = []
    for field in Choice._fields:
        others = [part for part in Choice._fields if part != field]
        kept = [v for v in verdicts if all(getattr(v.choice, f) == getattr(featured, f) for f in others)]
        if len(kept) > 1:
            swings.append(Swing(name=field, along=sorted(kept, key=lambda verdict: _order(verdict.choice))))
    return sorted(swings, key=lambda swing: swing.width, reverse=True)


def answer_of(verdicts: Sequence[Verdict]) -> Answer:
    """Return the answer: the featured choice, and how it stands among all that were tried."""
    featured = next(verdict for verdict in verdicts if verdict.is_featured)
    games = len(featured.by_game)
    deviation = float(featured.by_game.std(ddof=1)) if games > 1 else 0.0
    needed = games_needed(featured.mean, deviation) if deviation > 0 else None
    means = [verdict.mean for verdict in verdicts]
    return Answer(
        featured=featured,
        best=max(verdicts, key=lambda verdict: verdict.mean),
        median=float(np.median(means)),
        profitable=float(np.mean([mean > 0 for mean in means])),
        clear=sum(verdict.is_clear for verdict in verdicts),
        choices=len(verdicts),
        games=games,
        more_games=None if needed is None else max(needed - games, 0),
        detectable=minimum_detectable(deviation, games) if deviation > 0 else None,
    )
