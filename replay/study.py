"""
A study: a sweep with all that makes it honest and repeatable.

Sealed nights are refused or opened, every setting is remembered as a trial, finished parts are kept, the chosen cell is
judged. The command line and the notebook both come through here.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from recorder.config import load_config
from recorder.errors import UsageError
from replay.bounds import with_bounds, with_event_times
from replay.controls import Control
from replay.core.models import WinProbability
from replay.core.strategy import Strategy
from replay.counterfactual import PollPlan, refuse_unanswerable
from replay.executors import Executor, choose_executor
from replay.film import Film
from replay.find import load_strategy
from replay.holdout import HoldOuts, run_identity
from replay.judgements import Broken, GridTest, Overfit, Step
from replay.models import load_model
from replay.parts import PartStore
from replay.runs import featured_cell
from replay.selection import Choice, choice_of, judge_grid, overfit_of, run_controls, walk_forward
from replay.settings import Bound, Setting
from replay.sweep import Sweep, run_sweep
from replay.trials import TrialLedger

__all__ = ["Question", "Study", "admit", "conduct", "remember", "trials_folder"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What is asked of the films, and how.

    strategy and model are names, the model's that of settings whose view names none. has_bounds: plans faster than a
    recording become two bounds instead of being refused; has_event_times: they are answered from the times of the
    plays, and with both the bounds are those of these times. tests_grid: SPA and StepM over the grid. has_controls: the
    featured cell is run on broken nights as well. parts is where finished parts are kept, resumes says that those of
    before count. opens_holdout: sealed nights open, once.
    """

    settings: Sequence[Setting]
    strategy: str = "fusion"
    model: str = "brownian"
    polls: PollPlan = PollPlan()  # noqa: RUF009 - frozen
    executor: str = "local"
    workers: int | None = None
    recheck: int = 3
    control: Control | None = None
    has_bounds: bool = False
    has_event_times: bool = False
    tests_grid: bool = False
    has_controls: bool = False
    opens_holdout: bool = False
    parts: Path | None = None
    resumes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """
    A sweep and what is to be said of its choice.

    choice is None for broken nights and empty grids; overfit None with too few games; grid None where the grid was not
    tested or has too few games; controls empty where they were not asked for.
    """

    sweep: Sweep
    choice: Choice | None
    walk: list[Step]
    overfit: Overfit | None
    grid: GridTest | None
    controls: list[Broken]

    def facts(self) -> dict[str, object]:
        """Return what `sweep --json` says beyond the cells: control, trials and selection."""
        choice = self.choice
        return {
            "control": None if self.sweep.control is None else self.sweep.control.value,
            "trials": None if choice is None else choice.trials,
            "selection": None
            if choice is None
            else {
                **asdict(choice),
                "walk_forward": [msgspec.structs.asdict(step) for step in self.walk],
                "overfit": None if self.overfit is None else msgspec.structs.asdict(self.overfit),
                "grid": None if self.grid is None else msgspec.structs.asdict(self.grid),
                "controls": [msgspec.structs.asdict(broken) for broken in self.controls],
            },
        }


def conduct(films: Sequence[Film], question: Question, *, now_ns: int, on_progress: Progress | None = None) -> Study:
    """
    Answer a question about films.

    Units: now_ns since the epoch, noted where a sealed night is opened.

    Raises:
        UsageError: a plan cannot be answered, a night is sealed, nothing to resume.
        RegressionError: a cell that was folded alone differs.
        UpstreamError: the cluster does not answer.
    """
    asked = replace(question, settings=_answerable(films, question))
    refuse_unanswerable(films, [one.view for one in asked.settings if one.view.bound is Bound.NONE])
    ideas = load_strategy(asked.strategy), load_model(asked.model)
    names = (asked.strategy, asked.model)
    admit([(film.digest, film.tape) for film in films], names, asked.settings, now_ns, opening=asked.opens_holdout)
    size = {"rows": sum(len(film.night.rows.seq) for film in films), "cells": len(asked.settings)}
    executor = choose_executor(asked.executor, names=names, ideas=ideas, workers=asked.workers, **size)
    with closing(executor):
        sweep = run_sweep(
            films,
            *ideas,
            asked.settings,
            polls=asked.polls,
            recheck=asked.recheck,
            on_progress=on_progress,
            executor=executor,
            store=_store(asked),
            salt=_source_of(asked.strategy, ideas[0], _models(asked, ideas[1])),
            control=asked.control,
        )
        return _judged(films, asked, sweep, executor)


def _judged(films: Sequence[Film], asked: Question, sweep: Sweep, executor: Executor) -> Study:
    if sweep.control is not None or not sweep.cells:
        return Study(sweep=sweep, choice=None, walk=[], overfit=None, grid=None, controls=[])
    trials = remember(sweep.tape_digests, (asked.strategy, asked.model), asked.settings)
    chosen = sweep.cells[featured_cell(sweep)]
    broken: list[Broken] = []
    if asked.has_controls:
        broken = run_controls(films, executor, chosen.setting, chosen.pnl_per_game, polls=asked.polls)
    return Study(
        sweep=sweep,
        choice=choice_of(sweep, trials),
        walk=walk_forward(sweep),
        overfit=overfit_of(sweep),
        grid=judge_grid(sweep) if asked.tests_grid else None,
        controls=broken,
    )


def trials_folder() -> Path:
    """Return where trials and sealed nights are remembered."""
    return Path(load_config().config.trials_dir).expanduser()


def admit(
    tapes: Sequence[tuple[str, str]],
    names: tuple[str, str],
    settings: Sequence[Setting],
    now_ns: int,
    *,
    opening: bool = False,
) -> None:
    """
    Refuse sealed nights, or open them for this run; tapes are (digest, name), names those of strategy and model.

    Raises:
        UsageError: a night is sealed, or was opened by another run.
    """
    HoldOuts(trials_folder()).admit(tapes, run_identity(*names, settings), now_ns, opening=opening)


def remember(digests: Sequence[str], names: tuple[str, str], settings: Sequence[Setting]) -> int:
    """
    Remember that these settings were tried on these tapes; return how many were ever tried on the most tried one.

    Raises:
        UsageError: the folder cannot be written.
    """
    folder = trials_folder()
    try:
        return TrialLedger(folder).remember(digests, *names, settings)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UsageError(
            f"trials cannot be remembered in {folder}", why=str(error), hint="GAMETAPE_TRIALS_DIR=/another/folder"
        ) from error


def _answerable(films: Sequence[Film], question: Question) -> Sequence[Setting]:
    """Return the settings, those that poll faster than a recording in the way that was asked for."""
    if question.has_bounds:
        return with_bounds(films, question.settings, event_times=question.has_event_times)
    return with_event_times(films, question.settings) if question.has_event_times else question.settings


def _store(asked: Question) -> PartStore | None:
    if asked.parts is None:
        if asked.resumes:
            raise UsageError("nothing to resume", why="finished parts are kept beside a run", hint="--out DIR --resume")
        return None
    store = PartStore(asked.parts)
    if not asked.resumes:
        store.clear()
    return store


def _models(asked: Question, model: WinProbability) -> list[WinProbability]:
    """Return all models that the settings ask."""
    return [model, *(load_model(name) for name in sorted({one.view.model for one in asked.settings} - {""}))]


def _source_of(name: str, strategy: Strategy, models: Sequence[WinProbability]) -> str:
    """Return a hash over source and cards of strategy and models, which may lie outside this program."""
    digest = hashlib.sha256()
    path = name.rpartition(":")[0]
    files = {path} if path.endswith(".py") else {inspect.getsourcefile(type(strategy)) or ""}
    sources = {inspect.getsourcefile(type(model)) or "" for model in models}
    # A model that was fitted anew is another model, though its source is the same; the card's digests say so.
    cards = {str(card) for source in sources - {""} for card in Path(source).parent.glob("*.card.json")}
    for file in sorted(files | sources | cards):
        digest.update(Path(file).read_bytes() if file else b"")
    return digest.hexdigest()
