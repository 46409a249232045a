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
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.errors import RegressionError, UsageError
from replay.backtest import sum_settings
from replay.controls import Control
from replay.core.models import WinProbability
from replay.core.strategy import Strategy
from replay.core.tally import FIGURES
from replay.counterfactual import PollPlan, refuse_unanswerable
from replay.executors import Executor, SerialExecutor, Task
from replay.film import Film, decoder_version
from replay.parts import Part, PartStore, setting_name, stacked_parts
from replay.settings import Bound, Setting, View
from replay.stats import GameBootstrap, drawdown, games_needed

__all__ = ["CellResult", "Sweep", "code_version", "run_sweep"]

Ints = NDArray[np.int64]

_VIEWS_AT_ONCE = 32
_CELLS_AT_ONCE = 4_096
_STAKE = FIGURES.index("stake_u6")
_SOURCE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """
    One cell over all nights.

    Units: cash and fees in u6; pnl_per_game, ci_low and ci_high in dollars; edges in cents a share. pnl_by_game_u6
    (games,). roi is profit by cost, hit_rate the share of games traded that ended with profit, both None where nothing
    was bought or traded; drawdown_u6 the deepest fall of the profits game by game; stake_u6 the most cash that was out
    at once, settlements counted at the end of a night.
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
    stake_u6: int
    drawdown_u6: int
    roi: float | None
    hit_rate: float | None
    mean_edge_c: float
    fill_edge_c: float
    pnl_per_game: float
    ci_low: float
    ci_high: float
    games_traded: int
    games_needed: int | None
    decisions: str
    """sha256 over those of every night, each over the cell's orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """
    All cells of a grid, in its order.

    game_ids names the games of pnl_by_game_u6, model all models that were asked; rechecked says how many cells agreed.
    """

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
    games_of: tuple[int, ...] = ()
    control: Control | None = None

    def digest(self) -> str:
        """Return sha256 over settings and integer results of every cell."""
        digest = hashlib.sha256(b"gametape.sweep/1")
        if self.control is not None:
            digest.update(self.control.value.encode())
        for cell in self.cells:
            digest.update(msgspec.json.encode(cell.setting.describe(), order="sorted"))
            digest.update(cell.decisions.encode())
            digest.update(np.ascontiguousarray(cell.pnl_by_game_u6, "<i8").tobytes())
        return digest.hexdigest()

    def rows(self) -> list[dict[str, object]]:
        """Return the cells as plain values, one dict a cell, in the words of the command line."""
        return [_row(cell, self.model) for cell in self.cells]


def run_sweep(  # noqa: PLR0913 - options, by keyword
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    *,
    polls: PollPlan = PollPlan(),  # noqa: B008 - frozen
    recheck: int = 3,
    on_progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
    store: PartStore | None = None,
    salt: str = "",
    control: Control | None = None,
) -> Sweep:
    """
    Run every setting over every film.

    on_progress is told (cells done, cells in all), counted once a night. executor folds, this process where there is
    none. store keeps what is done, and what it knows already is not folded again; salt stands for what the store cannot
    see, such as the source of a strategy that is not ours. control breaks the nights.

    Raises:
        UsageError: a poll plan cannot be answered from a recording, a control does not fit a night, or no game has a
            market.
        RegressionError: a cell that was folded alone differs.
    """
    refuse_unanswerable(films, [one.view for one in settings if one.view.bound is Bound.NONE])
    games = [_planned(film) for film in films]
    if not any(games):
        raise UsageError(
            "there is no game with a market to sweep over",
            why=f"{', '.join(film.tape for film in films)}: no plan says which token belongs to which game",
            hint="gametape info TAPE",
        )
    folding = executor or SerialExecutor(strategy, model)
    wanted = _Wanted(films, settings, polls, control, f"{strategy.name} {model.name} {salt}", store, on_progress)
    nights = wanted.fold_by(folding)
    rechecked = 0 if control else _recheck(films, strategy, model, settings, nights, polls, recheck)
    bootstrap = GameBootstrap(sum(len(numbers) for numbers in games), seed=polls.seed)
    return Sweep(
        tapes=[film.tape for film in films],
        labels=[film.label for film in films],
        tape_digests=[film.digest for film in films],
        events=sum(film.events for film in films),
        game_ids=[film.catalogue.games[k].game_id for film, numbers in zip(films, games, strict=True) for k in numbers],
        strategy=strategy.name,
        model=", ".join(dict.fromkeys(one.view.model or model.name for one in settings)) or model.name,
        seed=polls.seed,
        cells=_results(settings, nights, games, bootstrap),
        rechecked=rechecked,
        games_of=tuple(len(numbers) for numbers in games),
        control=control,
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a sweep has to know of every night, from a store or from an executor."""

    films: Sequence[Film]
    settings: Sequence[Setting]
    polls: PollPlan
    control: Control | None
    ideas: str
    store: PartStore | None
    on_progress: Callable[[int, int], None] | None

    def fold_by(self, executor: Executor) -> list[Part]:
        """Return one part a night, its cells in the order of the settings."""
        done: list[dict[int, Part]] = [self._known(film) for film in self.films]
        tasks: list[tuple[int, list[int]]] = []
        share = -(-2 * executor.workers // len(self.films)) if executor.workers > 1 else 1
        for night, cells in enumerate(done):
            left = [number for number in range(len(self.settings)) if number not in cells]
            tasks += [(night, batch) for batch in _batches(self.settings, left, share)]
        told = sum(len(cells) for cells in done)
        for task, part in executor.fold([self._task(night, batch) for night, batch in tasks]):
            night, batch = tasks[task]
            done[night].update((number, part.row(at)) for at, number in enumerate(batch))
            if self.store is not None:
                chosen = [self.settings[number] for number in batch]
                self.store.keep(self._context(self.films[night]), chosen, part)
            told += len(batch)
            if self.on_progress is not None:
                self.on_progress(told, len(self.settings) * len(self.films))
        return [stacked_parts([cells[number] for number in range(len(self.settings))]) for cells in done]

    def _known(self, film: Film) -> dict[int, Part]:
        known = {} if self.store is None else self.store.known(self._context(film))
        if not known:
            return {}
        found = ((number, known.get(setting_name(setting))) for number, setting in enumerate(self.settings))
        return {number: part for number, part in found if part is not None}

    def _task(self, night: int, batch: list[int]) -> Task:
        settings = [self.settings[number] for number in batch]
        return Task(film=self.films[night], settings=settings, polls=self.polls, control=self.control)

    def _context(self, film: Film) -> str:
        facts = [film.digest, code_version(), self.ideas, self.polls, self.control]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return a hash over everything that may change what a cell comes to: parts of another version are not used."""
    digest = hashlib.sha256(decoder_version().encode())
    for package in ("replay", "strategies"):
        for path in sorted((_SOURCE / package).rglob("*")):
            if path.suffix in {".py", ".json", ".txt"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _batches(settings: Sequence[Setting], numbers: Sequence[int], share: int) -> list[list[int]]:
    """Return the numbers of settings in at least so many batches, those of a view together as far as that goes."""
    by_view = sorted(numbers, key=lambda number: (settings[number].view, number))
    size = min(_CELLS_AT_ONCE, max(1, -(-len(by_view) // share)))
    batches: list[list[int]] = []
    views: set[View] = set()
    for number in by_view:
        view = settings[number].view
        if not batches or len(batches[-1]) == size or (view not in views and len(views) == _VIEWS_AT_ONCE):
            batches.append([])
            views = set()
        batches[-1].append(number)
        views.add(view)
    return batches


def _planned(film: Film) -> list[int]:
    return [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]


def _recheck(
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    nights: list[Part],
    polls: PollPlan,
    count: int,
) -> int:
    """Fold a random sample of cells alone and hold them against the shared fold."""
    numbers = random.Random(polls.seed).sample(range(len(settings)), min(count, len(settings)))
    for number in numbers:
        for film, cells in zip(films, nights, strict=True):
            alone = sum_settings(film, strategy, model, [settings[number]], polls=polls)
            shared = cells.row(number)
            same = np.array_equal(alone.decisions, shared.decisions) and np.array_equal(alone.figures, shared.figures)
            if not same or not np.array_equal(alone.pnl_u6, shared.pnl_u6):
                raise RegressionError(
                    f"cell {number} of {film.tape} is not what it is alone",
                    why=f"{settings[number].describe()}",
                    hint="this is a defect of the program: please report it with the tape's digest",
                )
    return len(numbers)


def _results(
    settings: Sequence[Setting], nights: list[Part], games: list[list[int]], bootstrap: GameBootstrap
) -> list[CellResult]:
    by_game = np.concatenate([part.pnl_u6[:, numbers] for part, numbers in zip(nights, games, strict=True)], axis=1)
    if not by_game.shape[1]:
        by_game = np.zeros((len(settings), 1), np.int64)
    interval = bootstrap.mean(np.ascontiguousarray(by_game.T))
    deviation = by_game.std(axis=1, ddof=1) if by_game.shape[1] > 1 else np.zeros(len(settings))
    figures = np.sum([part.figures for part in nights], axis=0)
    # One night's cash is there again for the next.
    figures[:, _STAKE] = np.max([part.figures[:, _STAKE] for part in nights], axis=0)
    limits = np.stack([interval.estimate, interval.low, interval.high], axis=1) / 1e6
    return [
        _result(
            setting,
            dict(zip(FIGURES, figures[k].tolist(), strict=True)),
            by_game[k],
            limits[k].tolist(),
            games_needed(limits[k, 0] * 1e6, float(deviation[k])) if deviation[k] > 0 and limits[k, 0] != 0 else None,
            hashlib.sha256(b"".join(part.decisions[k].tobytes() for part in nights)).hexdigest(),
        )
        for k, setting in enumerate(settings)
    ]


def _result(
    setting: Setting, figures: dict[str, int], by_game: Ints, limits: list[float], needed: int | None, decisions: str
) -> CellResult:
    edge_u6, gained_u6, bought_u6 = figures.pop("edge_u6"), figures.pop("gained_u6"), figures.pop("bought_u6")
    signals, pnl_u6, traded = figures["signals"], int(by_game.sum()), int(np.count_nonzero(by_game))
    return CellResult(
        setting=setting,
        **figures,
        pnl_u6=pnl_u6,
        pnl_by_game_u6=by_game,
        drawdown_u6=drawdown(by_game).depth_u6,
        roi=round(pnl_u6 / figures["cost_u6"], 6) if figures["cost_u6"] else None,
        hit_rate=round(int(np.count_nonzero(by_game > 0)) / int(traded), 6) if traded else None,
        mean_edge_c=round(edge_u6 / signals / 1e4, 4) if signals else 0.0,
        fill_edge_c=round(gained_u6 / bought_u6 * 100, 4) if bought_u6 else 0.0,
        pnl_per_game=limits[0],
        ci_low=limits[1],
        ci_high=limits[2],
        games_traded=traded,
        games_needed=needed,
        decisions=decisions,
    )


def _row(cell: CellResult, model: str) -> dict[str, object]:
    setting = cell.setting
    recorded = setting.view.poll_ms < 0
    return {
        "model": setting.view.model or model,
        "min_edge_c": setting.min_edge_u6 / 1e4,
        "poll_s": None if recorded else setting.view.poll_ms / 1000,
        "nba_poll_s": setting.view.nba_poll_ms / 1000 if setting.view.nba_poll_ms else None,
        "phase": setting.view.phase,
        "bound": None if setting.view.bound is Bound.NONE else setting.view.bound.name.lower(),
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
        "stake_u6": cell.stake_u6,
        "drawdown_u6": cell.drawdown_u6,
        "fill_rate": round(cell.fills / cell.orders, 6) if cell.orders else None,
        "roi": cell.roi,
        "hit_rate": cell.hit_rate,
        "mean_edge_c": cell.mean_edge_c,
        "fill_edge_c": cell.fill_edge_c,
        "games_traded": cell.games_traded,
        "games_needed": cell.games_needed,
        "decisions": cell.decisions,
    }


def _finite(value: float) -> float | None:
    """Return the figure, or None where there is none: an interval needs two games."""
    return value if np.isfinite(value) else None
