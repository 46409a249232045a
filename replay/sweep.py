"""
Sweep: many settings over many nights, with honest error bars.

Every film is folded once for a batch of views, all of whose cells share the market. The independent unit is the game:
a cell's profit per game comes with a bootstrap interval over games, and every cell is judged on the same resamples, so
that differences are paired. A random sample of cells is folded again, each alone, and must agree to the micro-dollar.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.errors import RegressionError
from replay.backtest import Cell, run_settings
from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.core.models import WinProbability
from replay.core.strategy import Strategy
from replay.counterfactual import PollPlan, refuse_unanswerable
from replay.film import Film
from replay.settings import Setting
from replay.stats import GameBootstrap, games_needed

__all__ = ["CellResult", "Sweep", "run_sweep"]

Ints = NDArray[np.int64]

_VIEWS_AT_ONCE = 32
_EDGE, _SIZE, _STATUS, _FILLED, _CASH, _FEE = (
    ORDER_COLUMNS.index(name) for name in ("edge_u6", "size_u6", "status", "filled_u6", "cash_u6", "fee_u6")
)
_SIDE = ORDER_COLUMNS.index("side")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """
    One cell over all nights.

    Units: cash and fees in u6; pnl_per_game, ci_low and ci_high in dollars; edges in cents. pnl_by_game_u6 (games,).
    """

    setting: Setting
    signals: int
    orders: int
    fills: int
    shares_u6: int
    cost_u6: int
    fees_u6: int
    pnl_u6: int
    pnl_by_game_u6: Ints
    mean_edge_c: float
    pnl_per_game: float
    ci_low: float
    ci_high: float
    games_traded: int
    games_needed: int | None
    decisions: str
    """sha256 over the cell's orders of every night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All cells of a grid, in its order. game_ids names the games of pnl_by_game_u6; rechecked says how many agreed."""

    tapes: list[str]
    labels: list[str]
    tape_digests: list[str]
    events: int
    game_ids: list[str]
    strategy: str
    model: str
    seed: int
    cells: list[CellResult]
    rechecked: int

    def digest(self) -> str:
        """Return sha256 over settings and integer results of every cell."""
        digest = hashlib.sha256(b"gametape.sweep/1")
        for cell in self.cells:
            digest.update(msgspec.json.encode(cell.setting.describe(), order="sorted"))
            digest.update(cell.decisions.encode())
            digest.update(np.ascontiguousarray(cell.pnl_by_game_u6, "<i8").tobytes())
        return digest.hexdigest()

    def rows(self) -> list[dict[str, object]]:
        """Return the cells as plain values, one dict a cell, in the words of the command line."""
        return [_row(cell) for cell in self.cells]


def run_sweep(
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    *,
    polls: PollPlan = PollPlan(),  # noqa: B008 - frozen
    recheck: int = 3,
    on_progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """
    Run every setting over every film.

    on_progress is told (cells done, cells in all), counted once a night.

    Raises:
        UsageError: a poll plan cannot be answered from a recording.
        RegressionError: a cell that was folded alone differs.
    """
    refuse_unanswerable(films, [setting.view.poll_ms for setting in settings])
    nights: list[list[Cell]] = []
    done = 0
    for film in films:
        cells: dict[int, Cell] = {}
        for batch in _batches(settings):
            made = run_settings(film, strategy, model, [settings[number] for number in batch], polls=polls)
            cells.update(zip(batch, made, strict=True))
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(settings) * len(films))
        nights.append([cells[number] for number in range(len(settings))])
    rechecked = _recheck(films, strategy, model, settings, nights, polls, recheck)
    games = [_planned(film) for film in films]
    total = sum(len(numbers) for numbers in games)
    bootstrap = GameBootstrap(max(total, 1), seed=polls.seed)
    return Sweep(
        tapes=[film.tape for film in films],
        labels=[film.label for film in films],
        tape_digests=[film.digest for film in films],
        events=sum(film.events for film in films),
        game_ids=[film.catalogue.games[k].game_id for film, numbers in zip(films, games, strict=True) for k in numbers],
        strategy=strategy.name,
        model=model.name,
        seed=polls.seed,
        cells=_results(settings, nights, games, bootstrap),
        rechecked=rechecked,
    )


def _batches(settings: Sequence[Setting]) -> list[list[int]]:
    """Return the numbers of the settings, so many views at a time."""
    views = sorted({setting.view for setting in settings})
    batch_of = {view: k // _VIEWS_AT_ONCE for k, view in enumerate(views)}
    batches: dict[int, list[int]] = {}
    for number, setting in enumerate(settings):
        batches.setdefault(batch_of[setting.view], []).append(number)
    return [batches[key] for key in sorted(batches)]


def _planned(film: Film) -> list[int]:
    return [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]


def _recheck(
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    nights: list[list[Cell]],
    polls: PollPlan,
    count: int,
) -> int:
    """Fold a random sample of cells alone and hold them against the shared fold."""
    numbers = random.Random(polls.seed).sample(range(len(settings)), min(count, len(settings)))
    for number in numbers:
        for film, cells in zip(films, nights, strict=True):
            alone = run_settings(film, strategy, model, [settings[number]], polls=polls)[0]
            shared = cells[number]
            same = np.array_equal(alone.orders[:, 1:], shared.orders[:, 1:])
            if not same or not np.array_equal(alone.pnl_u6, shared.pnl_u6):
                raise RegressionError(
                    f"cell {number} of {film.tape} is not what it is alone",
                    why=f"{settings[number].describe()}",
                    hint="this is a defect of the program: please report it with the tape's digest",
                )
    return len(numbers)


def _results(
    settings: Sequence[Setting], nights: list[list[Cell]], games: list[list[int]], bootstrap: GameBootstrap
) -> list[CellResult]:
    by_game = np.concatenate(
        [
            np.stack([cell.pnl_u6[numbers] for cell in cells], axis=1).reshape(len(numbers), len(settings))
            for cells, numbers in zip(nights, games, strict=True)
        ]
    )
    if not len(by_game):
        by_game = np.zeros((1, len(settings)), np.int64)
    interval = bootstrap.mean(by_game)
    return [
        _result(
            setting,
            [cells[k].orders for cells in nights],
            by_game[:, k],
            (float(interval.estimate[k]), float(interval.low[k]), float(interval.high[k])),
        )
        for k, setting in enumerate(settings)
    ]


def _result(setting: Setting, orders: list[Ints], by_game: Ints, interval: tuple[float, float, float]) -> CellResult:
    rows = np.concatenate(orders)
    decisions = hashlib.sha256()
    for night in orders:
        decisions.update(np.ascontiguousarray(night[:, 1:], "<i8").tobytes())
    sent = ~np.isin(rows[:, _STATUS], (OrderStatus.TOO_SMALL, OrderStatus.CAPPED))
    filled = rows[:, _FILLED] > 0
    bought = filled & (rows[:, _SIDE] > 0)
    deviation = float(by_game.std(ddof=1)) if len(by_game) > 1 else 0.0
    return CellResult(
        setting=setting,
        signals=len(rows),
        orders=int(sent.sum()),
        fills=int(filled.sum()),
        shares_u6=int(rows[:, _FILLED].sum()),
        cost_u6=int(rows[bought, _CASH].sum()),
        fees_u6=int(rows[:, _FEE].sum()),
        pnl_u6=int(by_game.sum()),
        pnl_by_game_u6=by_game,
        mean_edge_c=round(float(rows[:, _EDGE].mean()) / 1e4, 4) if len(rows) else 0.0,
        pnl_per_game=interval[0] / 1e6,
        ci_low=interval[1] / 1e6,
        ci_high=interval[2] / 1e6,
        games_traded=int((by_game != 0).sum()),
        games_needed=games_needed(interval[0], deviation) if deviation > 0 and interval[0] != 0 else None,
        decisions=decisions.hexdigest(),
    )


def _row(cell: CellResult) -> dict[str, object]:
    setting = cell.setting
    recorded = setting.view.poll_ms < 0
    return {
        "min_edge_c": setting.min_edge_u6 / 1e4,
        "poll_s": None if recorded else setting.view.poll_ms / 1000,
        "phase": setting.view.phase,
        "order_delay_ms": setting.order_delay_ms,
        "book_delay_ms": setting.view.book_delay_ms,
        "venue_delay_ms": None if setting.venue_delay_ms < 0 else setting.venue_delay_ms,
        "policy": setting.policy.name.lower(),
        "signals": cell.signals,
        "orders": cell.orders,
        "fills": cell.fills,
        "pnl_u6": cell.pnl_u6,
        "pnl_per_game": _finite(cell.pnl_per_game),
        "ci_low": _finite(cell.ci_low),
        "ci_high": _finite(cell.ci_high),
        "fees_u6": cell.fees_u6,
        "cost_u6": cell.cost_u6,
        "shares_u6": cell.shares_u6,
        "mean_edge_c": cell.mean_edge_c,
        "games_traded": cell.games_traded,
        "games_needed": cell.games_needed,
        "decisions": cell.decisions,
    }


def _finite(value: float) -> float | None:
    """Return the figure, or None where there is none: an interval needs two games."""
    return value if np.isfinite(value) else None
