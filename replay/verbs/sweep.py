"""`gametape sweep`: a grid of settings over tapes, one answer with its uncertainty."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recorder.clock import SystemClock
from recorder.errors import UsageError
from recorder.tape.show import echo_json
from replay.verbs.options import (
    films_of,
    milliseconds,
    poll_idle_option,
    progress_bar,
    setting_of,
    setting_options,
    stopwatch,
)

if TYPE_CHECKING:
    import polars as pl

    from replay.film import Film
    from replay.judgements import Broken
    from replay.settings import Setting
    from replay.study import Question, Study
    from replay.sweep import CellResult, Sweep

__all__ = ["sweep"]

_SHOWN = 15
_SHOWN_MS = 5_000
_BYTES_PER_CELL = 20_000
"""What a cell's answer takes, measured by the peak of sweeps of 4,505 and of 19,505 cells over the sample night."""
_NAMED: dict[str, Callable[[CellResult], str]] = {
    "policy": lambda cell: cell.setting.policy.name.lower().replace("_", "-"),
    "model": lambda cell: cell.setting.view.model,
}
"""Sides of a grid that have a column where they vary."""
_BOUNDS = ("", " at worst", " at best", " by events", " at best by events")


@click.command(no_args_is_help=True)
@click.argument("tapes", nargs=-1, required=True, metavar="TAPE...")
@click.option("--min-edge", default="1:10:1", show_default=True, help="Cents: a list 1,2,5 or first:last:step.")
@click.option("--poll", default=None, help="Seconds: a list or a range.  [default: as recorded]")
@click.option(
    "--phases", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Phases of every simulated poll."
)
@click.option("--book-delay", default="0", help="A list of times, such as 0,100ms.")
@click.option("--order-delay", default="0", help="A list of times, such as 0,250ms,1s,3s.")
@click.option("--venue-delay", default=None, help="A list of times.  [default: as recorded]")
@click.option(
    "--policy",
    default="first-crossing",
    show_default=True,
    help="every, first-crossing, or both: act on every evaluation above the threshold, or once per crossing.",
)
@poll_idle_option
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all that is drawn.")
@setting_options
@click.option(
    "--recheck",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Fold so many random cells again, alone; they must agree.",
)
@click.option(
    "--control",
    type=click.Choice(["shuffle-games", "time-shift", "shuffle-labels"]),
    default=None,
    help="Break the nights on purpose: profit must vanish.",
)
@click.option(
    "--bounds",
    "has_bounds",
    is_flag=True,
    help="Answer plans faster than the recording with a pessimistic and an optimistic bound.",
)
@click.option(
    "--event-times",
    "has_event_times",
    is_flag=True,
    help="Answer plans faster than the recording from the times of the plays on the tape.",
)
@click.option(
    "--markouts",
    "has_markouts",
    is_flag=True,
    help="Mark the fills of every cell 0.1 to 120 s later and at the closing line; folds them once more.",
)
@click.option("--spa", "tests_grid", is_flag=True, help="Test the whole grid for more than luck (SPA, StepM).")
@click.option("--executor", default="local", show_default=True, help="local, serial or dask://host:port.")
@click.option("--workers", type=click.IntRange(1), default=None, help="So many processes.  [default: as it pays]")
@click.option("--open-holdout", is_flag=True, help="Evaluate sealed nights: works once.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write cells, ledgers and evidence here.")
@click.option("--resume", is_flag=True, help="Go on with what a killed sweep left in --out.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def sweep(
    tapes: tuple[str, ...],
    min_edge: str,
    poll: str | None,
    phases: int,
    order_delay: str,
    book_delay: str,
    venue_delay: str | None,
    out: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - what click passes
) -> None:
    """
    Sweep minimum edge, poll interval and order delay over tapes.

    \b
      gametape sweep tapes/* --min-edge 1:10:0.5
      gametape sweep tapes/* --min-edge 1:10:0.5 --poll 2,5,10,15,30 --phases 8 --order-delay 0,250ms,1s,3s --out runs/a
      gametape report runs/a --open

    Profit is per game, with a bootstrap interval over games: signals within a game are not independent. A poll plan
    faster than the recording is refused, bounded with --bounds, or answered with --event-times. Several models are a
    side of the grid: --model brownian,brownian-no-prior. Every setting is remembered as a trial of its tapes, and the
    best cell is judged by how many there were. docs/backtesting.md tells it all.
    """
    from replay.find import find_tapes
    from replay.runfolder import held_folder
    from replay.study import conduct

    settings = _settings(min_edge, poll, phases, order_delay, book_delay, venue_delay, options)
    question = _question(settings, out, options)
    _refuse_early(question)
    opened = find_tapes(tapes)
    click.get_current_context().with_resource(held_folder(out))
    with stopwatch() as seconds:
        films = films_of(opened)
        with progress_bar(f"{len(question.settings):,} cells") as tell:
            study = conduct(films, question, now_ns=SystemClock().now_ns(), on_progress=tell)
        marks = _marked(films, question, study.sweep) if options["has_markouts"] else None
        took = seconds()
    facts = {"poll_idle_s": question.polls.idle_ms / 1000, **study.facts()}
    command = ["gametape", *sys.argv[1:]]
    if out is not None:
        _write(study, out, {"seconds": took, "command": command, "facts": facts}, films, question)
        if marks is not None:
            marks.write_parquet(out / "markouts.parquet")
    if as_json:
        from replay.runs import sweep_summary

        facts |= {} if marks is None else {"markouts": marks.to_dicts()}
        echo_json(sweep_summary(study.sweep, seconds=took, command=command, facts=facts))
        return
    _tell(study.sweep, took, marks)
    _tell_choice(study)
    if question.tests_grid and study.grid is None:
        click.echo("--spa says nothing: it takes eight games, and a cell that traded", err=True)
    if out is not None:
        click.echo(f"written to {out}; next: gametape report {out}", err=True)


def _settings(
    min_edge: str,
    poll: str | None,
    phases: int,
    order_delay: str,
    book_delay: str,
    venue_delay: str | None,
    options: dict[str, object],
) -> list[Setting]:
    """Return the grid that the options describe, phases only where polls are simulated."""
    from replay.settings import (
        AS_RECORDED,
        grid,
        parse_cents,
        parse_models,
        parse_numbers,
        parse_policies,
        parse_polls,
        views_of,
    )

    # Every view says how often it polls; here it matters whether polls are simulated at all.
    base = setting_of("1", options | {"poll": poll and "1"})
    models = parse_models(str(options["model_name"]))
    edges = parse_numbers(min_edge, "min-edge")
    polls = [AS_RECORDED] if poll is None else parse_polls(poll)
    books = [milliseconds(text, "book-delay") for text in book_delay.split(",")]
    orders = [milliseconds(text, "order-delay") for text in order_delay.split(",")]
    venues = [AS_RECORDED] if venue_delay is None else [milliseconds(t, "venue-delay") for t in venue_delay.split(",")]
    policies = parse_policies(str(options["policy"]))
    phased = sum(1 if poll_ms == AS_RECORDED else phases for poll_ms in polls)
    _refuse_vast(len(models) * len(policies) * len(edges) * phased * len(books) * len(orders) * len(venues))
    views = views_of(base.view, polls_ms=polls, phases=phases, book_delays_ms=books, models=models)
    return grid(
        base,
        min_edges_u6=[parse_cents(str(value)) for value in edges],
        views=views,
        order_delays_ms=orders,
        venue_delays_ms=venues,
        policies=policies,
    )


def _refuse_early(question: Question) -> None:
    """Refuse what names nothing before nights are decoded for it."""
    from replay.executors import check_executor
    from replay.find import load_strategy
    from replay.models import load_model

    check_executor(question.executor)
    load_strategy(question.strategy)
    for model in {question.model, *(setting.view.model for setting in question.settings)} - {""}:
        load_model(model)
    if question.resumes and question.parts is None:
        raise UsageError("nothing to resume", why="finished parts are kept beside a run", hint="--out DIR --resume")


def _refuse_vast(cells: int) -> None:
    """Refuse a grid whose answer this machine's memory cannot hold, before any of it is made."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = cells * _BYTES_PER_CELL
    if needed <= memory // 2:
        return
    parts = -(-needed // (memory // 2))
    raise UsageError(
        f"a grid of {cells:,} cells needs about {needed / 2**30:,.0f} GiB",
        why=f"this machine has {memory / 2**30:,.0f} GiB, and a run may take half of it",
        hint=f"coarser steps, or {parts:,} sweeps with a part of --min-edge each and an --out of its own",
    )


def _question(settings: list[Setting], out: Path | None, options: dict[str, Any]) -> Question:
    """Return what is asked, and how."""
    from replay.controls import Control
    from replay.counterfactual import PollPlan
    from replay.settings import parse_models
    from replay.study import Question

    control = options["control"]
    return Question(
        settings=settings,
        strategy=options["strategy"],
        model=parse_models(options["model_name"])[0],
        polls=PollPlan(options["seed"], options["poll_idle_ms"]),
        executor=options["executor"],
        workers=options["workers"],
        recheck=options["recheck"],
        control=None if control is None else Control(control),
        has_bounds=options["has_bounds"],
        has_event_times=options["has_event_times"],
        tests_grid=options["tests_grid"],
        has_controls=out is not None,
        opens_holdout=options["open_holdout"],
        parts=None if out is None else out / "parts",
        resumes=options["resume"],
    )


def _marked(films: list[Film], question: Question, result: Sweep) -> pl.DataFrame:
    """Mark the fills of every cell."""
    from replay.cellmarks import cell_markouts
    from replay.find import load_strategy
    from replay.models import load_model

    ideas = load_strategy(question.strategy), load_model(question.model)
    with progress_bar("marking fills") as tell:
        return cell_markouts(films, *ideas, result, polls=question.polls, on_progress=tell)


def _write(study: Study, out: Path, facts: dict[str, Any], films: list[Film], question: Question) -> None:
    """Write the run: cells, the controls and ledgers of the featured cell, and the evidence for the report."""
    import msgspec

    from replay.backtest import replay_film
    from replay.find import load_strategy
    from replay.models import load_model
    from replay.report.evidence import gather
    from replay.runs import write_sweep

    sweep = study.sweep
    write_sweep(sweep, out, **facts)
    if study.choice is None:
        return
    chosen = sweep.cells[study.choice.cell]
    controls = {
        "schema": "gametape.controls/1",
        "cell": study.choice.cell,
        "setting": chosen.setting.describe(),
        "pnl_per_game": chosen.pnl_per_game,
        "controls": study.controls,
    }
    (out / "controls.json").write_bytes(msgspec.json.format(msgspec.json.encode(controls), indent=2) + b"\n")
    ideas = load_strategy(question.strategy), load_model(chosen.setting.view.model or question.model)
    for film in films:
        replay_film(film, *ideas, chosen.setting, polls=question.polls).write(out / "ledger" / film.tape)
    gather(films, *ideas, sweep, study.choice.cell, polls=question.polls).write(out / "evidence.json")


def _tell(result: Sweep, seconds: float, marks: pl.DataFrame | None) -> None:
    """Print the cells with the best lower limits, and what their fills were worth after five seconds where marked."""
    from rich.console import Console
    from rich.table import Table

    labels = sorted({label for label in result.labels if label})
    if result.control is not None:
        labels.append(f"broken on purpose: {result.control.value}")
    mark = f"  [{', '.join(labels)}]" if labels else ""
    over = f"{len(result.game_ids)} games{mark}, {result.events:,} events"
    click.echo(f"{len(result.cells):,} cells over {over}, {seconds:.2f} s")
    varying = {name: said for name, said in _NAMED.items() if len({said(cell) for cell in result.cells}) > 1}
    table = Table(box=None, pad_edge=False)
    for name in (
        "min edge",
        "poll",
        "phase",
        "order delay",
        *varying,
        "signals",
        "fills",
        "$ per game",
        "95 % interval",
        "games needed",
        *(() if marks is None else ("5 s later",)),
    ):
        table.add_column(name, justify="right")
    later = {} if marks is None else dict(marks.filter(horizon_ms=_SHOWN_MS).select("cell", "mean_c").iter_rows())
    ranked = sorted(enumerate(result.cells), key=lambda one: (one[1].ci_low, one[1].pnl_per_game), reverse=True)
    for number, cell in ranked[:_SHOWN]:
        mark_c = later.get(number)
        view = cell.setting.view
        table.add_row(
            f"{cell.setting.min_edge_u6 / 1e4:g} c",
            "recorded" if view.poll_ms < 0 else f"{view.poll_ms / 1000:g} s{_BOUNDS[view.bound]}",
            str(view.phase),
            f"{cell.setting.order_delay_ms} ms",
            *(said(cell) for said in varying.values()),
            f"{cell.signals:,}",
            f"{cell.fills:,}",
            f"{cell.pnl_per_game:+.2f}",
            f"{cell.ci_low:+.2f} .. {cell.ci_high:+.2f}",
            "-" if cell.games_needed is None else f"{cell.games_needed:,}",
            *(() if marks is None else ("-" if mark_c is None else f"{mark_c:+.2f} c",)),
        )
    Console(width=120 + 20 * (len(varying) + (marks is not None))).print(table)
    if len(ranked) > _SHOWN:
        click.echo(f"... the best {_SHOWN} by lower limit of {len(ranked):,}: looking at the best of many flatters it")
    click.echo(f"digest {result.digest()}  ({result.rechecked} cells re-checked alone: equal)")


def _tell_choice(study: Study) -> None:
    """Say in a few lines whether the best cell is more than the luckiest."""
    choice = study.choice
    if choice is None:
        return
    setting = study.sweep.cells[choice.cell].setting
    click.echo(
        f"chosen: {setting.min_edge_u6 / 1e4:g} c, the best lower limit of {choice.trials:,} settings ever tried"
    )
    if choice.deflated_sharpe is not None:
        click.echo(f"  more than the luck of so many trials with probability {choice.deflated_sharpe:.2f}")
    if choice.minimum_detectable is not None:
        needed = "" if choice.games_needed is None else f"; this one needs {choice.games_needed:,}"
        click.echo(
            f"  {choice.games} games can show a profit of ${choice.minimum_detectable:.2f} a game or more{needed}"
        )
    if study.walk:
        games = sum(step.games for step in study.walk)
        earned, best = (
            sum(getattr(step, name) * step.games for step in study.walk) for name in ("pnl_per_game", "best")
        )
        click.echo(
            f"  chosen on the nights before each: {earned / games:+.2f} a game (in hindsight {best / games:+.2f})"
        )
    if study.grid is not None:
        click.echo(
            f"  whole grid: p = {study.grid.p_value:.3f}, {len(study.grid.superior):,} cells better than nothing"
        )
    if study.controls:
        told = ", ".join(f"{one.control} {one.pnl_per_game:+.2f}" for one in study.controls if one.applies)
        click.echo(f"  controls, $ per game: {told}: {_verdict(study.controls)}")


def _verdict(controls: list[Broken]) -> str:
    """Say whether profit survived nights that were broken on purpose."""
    stays, untold = (
        [one.control for one in controls if one.applies and one.vanished is said] for said in (False, None)
    )
    if stays:
        return f"a LEAK? profit stays with {', '.join(stays)}"
    return f"too few games to tell for {', '.join(untold)}" if untold else "profit does not survive"
