"""`gametape sweep`: a grid of settings over tapes, one answer with its uncertainty."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from replay.verbs.options import films_of, milliseconds, progress_bar, setting_of, setting_options, stopwatch

if TYPE_CHECKING:
    from replay.core.models import WinProbability
    from replay.core.strategy import Strategy
    from replay.film import Film
    from replay.settings import Setting
    from replay.sweep import Sweep

__all__ = ["sweep"]

_SHOWN = 15


@click.command(no_args_is_help=True)
@click.argument("tapes", nargs=-1, required=True, metavar="TAPE...")
@click.option("--min-edge", default="1:10:1", show_default=True, help="Cents: a list 1,2,5 or first:last:step.")
@click.option("--poll", default=None, help="Seconds: a list or a range.  [default: as recorded]")
@click.option("--phases", default=1, show_default=True, help="Seeded phases of every simulated poll.")
@click.option("--book-delay", default="0", help="A list of times, such as 0,100ms.")
@click.option("--order-delay", default="0", help="A list of times, such as 0,250ms,1s,3s.")
@click.option("--venue-delay", default=None, help="A list of times.  [default: as recorded]")
@click.option("--seed", default=0, show_default=True, help="Seed of phases, resamples and the re-check.")
@setting_options
@click.option(
    "--recheck", default=3, show_default=True, help="Fold so many random cells again, alone; they must agree."
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write cells, ledgers and evidence here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def sweep(
    tapes: tuple[str, ...],
    min_edge: str,
    poll: str | None,
    phases: int,
    order_delay: str,
    book_delay: str,
    venue_delay: str | None,
    seed: int,
    strategy: str,
    model_name: str,
    recheck: int,
    out: Path | None,
    as_json: bool,
    **options: object,
) -> None:
    """
    Sweep minimum edge, poll interval and order delay over tapes.

    \b
      gametape sweep tapes/* --min-edge 1:10:0.5
      gametape sweep tapes/* --min-edge 1:10:0.5 --poll 2,5,10,15,30 --phases 8 --order-delay 0,250ms,1s,3s --out runs/a
      gametape report runs/a --open

    Profit is per game, with a bootstrap interval over games: signals within a game are not independent. A poll plan
    faster than the recording cannot be answered and is refused.
    """
    from replay.counterfactual import PollPlan
    from replay.find import find_tapes, load_strategy
    from replay.models import load_model
    from replay.sweep import run_sweep

    if phases < 1:
        raise click.UsageError("--phases is at least 1")
    settings = _settings(min_edge, poll, phases, order_delay, book_delay, venue_delay, options)
    opened = find_tapes(tapes)
    made, model = load_strategy(strategy), load_model(model_name)
    with stopwatch() as seconds:
        films = films_of(opened)
        with progress_bar(f"{len(settings):,} cells") as tell:
            result = run_sweep(
                films, made, model, settings, polls=PollPlan(seed=seed), recheck=recheck, on_progress=tell
            )
        took = seconds()
    command = ["gametape", *sys.argv[1:]]
    if out is not None:
        _write(result, out, took, command, films, made, model)
    if as_json:
        import msgspec

        from replay.runs import sweep_summary

        click.echo(msgspec.json.encode(sweep_summary(result, seconds=took, command=command)).decode())
        return
    _tell(result, took)
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
    from replay.settings import AS_RECORDED, View, grid, parse_cents, parse_numbers

    base = setting_of("1", options)
    polls = [AS_RECORDED] if poll is None else [int(value * 1000) for value in parse_numbers(poll, "poll")]
    books = [milliseconds(text, "book-delay") for text in book_delay.split(",")]
    views = [
        View(poll_ms=poll_ms, phase=phase, book_delay_ms=book_ms)
        for poll_ms in polls
        for phase in range(phases if poll_ms != AS_RECORDED else 1)
        for book_ms in books
    ]
    venues = [AS_RECORDED] if venue_delay is None else [milliseconds(t, "venue-delay") for t in venue_delay.split(",")]
    return grid(
        base,
        min_edges_u6=[parse_cents(str(value)) for value in parse_numbers(min_edge, "min-edge")],
        views=views,
        order_delays_ms=[milliseconds(text, "order-delay") for text in order_delay.split(",")],
        venue_delays_ms=venues,
    )


def _write(
    result: Sweep,
    out: Path,
    seconds: float,
    command: list[str],
    films: list[Film],
    made: Strategy,
    model: WinProbability,
) -> None:
    """Write the run: cells, the featured cell's ledgers, and the evidence for the report."""
    from replay.backtest import replay_film
    from replay.counterfactual import PollPlan
    from replay.report.evidence import gather
    from replay.runs import featured_cell, write_sweep

    write_sweep(result, out, seconds=seconds, command=command)
    number = featured_cell(result)
    for film in films:
        ledger = replay_film(film, made, model, result.cells[number].setting, polls=PollPlan(seed=result.seed))
        ledger.write(out / "ledger" / film.tape)
    gather(films, made, model, result, number).write(out / "evidence.json")


def _tell(result: Sweep, seconds: float) -> None:
    """Print the cells with the best lower limits."""
    from rich.console import Console
    from rich.table import Table

    labels = sorted({label for label in result.labels if label})
    mark = f"  [{', '.join(labels)}]" if labels else ""
    over = f"{len(result.game_ids)} games{mark}, {result.events:,} events"
    click.echo(f"{len(result.cells):,} cells over {over}, {seconds:.2f} s")
    table = Table(box=None, pad_edge=False)
    for name in (
        "min edge",
        "poll",
        "phase",
        "order delay",
        "signals",
        "fills",
        "$ per game",
        "95 % interval",
        "games needed",
    ):
        table.add_column(name, justify="right")
    ranked = sorted(result.cells, key=lambda cell: (cell.ci_low, cell.pnl_per_game), reverse=True)
    for cell in ranked[:_SHOWN]:
        view = cell.setting.view
        table.add_row(
            f"{cell.setting.min_edge_u6 / 1e4:g} c",
            "recorded" if view.poll_ms < 0 else f"{view.poll_ms / 1000:g} s",
            str(view.phase),
            f"{cell.setting.order_delay_ms} ms",
            f"{cell.signals:,}",
            f"{cell.fills:,}",
            f"{cell.pnl_per_game:+.2f}",
            f"{cell.ci_low:+.2f} .. {cell.ci_high:+.2f}",
            "-" if cell.games_needed is None else f"{cell.games_needed:,}",
        )
    Console(width=120).print(table)
    if len(ranked) > _SHOWN:
        click.echo(f"... the best {_SHOWN} by lower limit of {len(ranked):,}: looking at the best of many flatters it")
    click.echo(f"digest {result.digest()}  ({result.rechecked} cells re-checked alone: equal)")
