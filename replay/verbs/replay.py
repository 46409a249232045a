"""`gametape replay`: tapes through the engine that runs live, ledgers out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.clock import SystemClock
from replay.verbs.options import (
    cell_options,
    films_of,
    poll_idle_option,
    predictor_of,
    predictor_option,
    setting_of,
    stopwatch,
    tell_torn,
)

if TYPE_CHECKING:
    from replay.core.predictions import Forecast
    from replay.film import Film
    from replay.ledger import Ledger
    from replay.settings import Setting

__all__ = ["replay"]


@click.command(no_args_is_help=True)
@click.argument("tapes", nargs=-1, required=True, metavar="TAPE...")
@cell_options
@poll_idle_option
@predictor_option
@click.option(
    "--event-times",
    "has_event_times",
    is_flag=True,
    help="Answer a plan faster than the recording from the times of the plays on the tape.",
)
@click.option("--exact", "is_exact", is_flag=True, help="Drive the engine envelope by envelope, as live does.")
@click.option(
    "--chunk",
    type=click.IntRange(1),
    default=1_000,
    show_default=True,
    help="With --exact: so many envelopes at a time.",
)
@click.option("--open-holdout", is_flag=True, help="Evaluate sealed nights: works once.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write the ledgers here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def replay(
    tapes: tuple[str, ...],
    min_edge: str,
    seed: int,
    poll_idle_ms: int,
    strategy: str,
    model_name: str,
    predictor_name: str | None,
    has_event_times: bool,
    is_exact: bool,
    chunk: int,
    open_holdout: bool,
    out: Path | None,
    as_json: bool,
    **options: object,
) -> None:
    """
    Play tapes through the live engine and write a ledger.

    \b
      gametape replay tapes/2026-01-15-nba --min-edge 5
      gametape replay tapes/* --poll 5 --order-delay 250ms --out runs/slow
      gametape replay tapes/2026-01-15-nba --poll 1 --event-times
      gametape replay tapes/2026-01-15-nba --exact --chunk 1 --json

    The digest is the same on every machine: of a tape hot or sealed, decoded anew or from the cache, with --exact or
    without. A poll plan faster than the recording is refused, or answered with --event-times as in `gametape sweep`.
    """
    from replay.backtest import replay_film, replay_tape
    from replay.counterfactual import PollPlan
    from replay.find import find_tapes, load_strategy
    from replay.models import load_model
    from replay.runfolder import ready_for_run
    from replay.settings import AS_RECORDED
    from replay.study import admit, remember

    setting = setting_of(min_edge, options)
    opened = find_tapes(tapes)
    tell_torn(opened)
    made, model = load_strategy(strategy), load_model(model_name)
    predictor = predictor_of(predictor_name)
    if is_exact and (setting.view.poll_ms != AS_RECORDED or setting.view.book_delay_ms or has_event_times):
        raise click.UsageError("--exact plays what was recorded; leave out --poll, --book-delay and --event-times")
    ready_for_run(out)
    nights, names = [(tape.digest(), tape.name) for tape in opened], (strategy, model_name)
    with stopwatch() as seconds:
        films = [] if is_exact else films_of(opened)
        _warn_of_drift(films, model_name)
        setting = _answerable(films, setting, has_event_times=has_event_times)
        admit(nights, names, [setting], SystemClock().now_ns(), opening=open_holdout)
        if is_exact:
            ledgers = [replay_tape(tape, made, model, setting, chunk=chunk, predictor=predictor) for tape in opened]
        else:
            polls = PollPlan(seed, poll_idle_ms)
            ledgers = [replay_film(one, made, model, setting, polls=polls, predictor=predictor) for one in films]
        trials = remember([digest for digest, _ in nights], names, [setting])
        _tell(ledgers, seconds(), trials, as_json=as_json)
    if out is not None:
        for ledger in ledgers:
            ledger.write(out / ledger.tape if len(ledgers) > 1 else out)
        click.echo(f"written to {out}", err=True)


def _warn_of_drift(films: list[Film], model_name: str) -> None:
    """Say where a night leaves what the model was fitted on."""
    from replay.models.drift import drift_of_night

    for film in films:
        for text in drift_of_night(model_name, film.night, film.catalogue):
            click.echo(f"{film.tape}: {text}", err=True)


def _answerable(films: list[Film], setting: Setting, *, has_event_times: bool) -> Setting:
    """Return the setting, answered from event times where that is wanted and polls alone cannot answer it."""
    from replay.bounds import with_event_times
    from replay.counterfactual import refuse_unanswerable
    from replay.settings import Bound

    if has_event_times:
        (setting,) = with_event_times(films, [setting])
    if setting.view.bound is Bound.NONE:
        refuse_unanswerable(films, [setting.view])
    return setting


def _tell(ledgers: list[Ledger], seconds: float, trials: int, *, as_json: bool) -> None:
    import msgspec

    from replay.ledger import combined_digest

    summaries = [ledger.summary() for ledger in ledgers]
    totals = {
        name: sum(int(str(summary[name])) for summary in summaries)
        for name in ("events", "evaluations", "signals", "orders", "fills", "pnl_u6", "fees_u6", "open_positions")
    }
    if as_json:
        facts: dict[str, object] = {
            "schema": "gametape.replay/1",
            "digest": combined_digest([ledger.digest() for ledger in ledgers]),
            **totals,
            "coverage": ledgers[0].coverage if len(ledgers) == 1 else {one.tape: one.coverage for one in ledgers},
            "seconds": seconds,
            "trials": trials,
            "tapes": [
                {"tape": one.tape, "tape_digest": one.tape_digest, "label": one.label, **summary}
                for one, summary in zip(ledgers, summaries, strict=True)
            ],
        }
        click.echo(msgspec.json.encode(facts).decode())
        return
    for ledger in ledgers:
        _tell_one(ledger)
    click.echo(f"digest {combined_digest([ledger.digest() for ledger in ledgers])}  ({seconds:.2f} s)")


def _tell_one(ledger: Ledger) -> None:
    """Print a ledger for a person: what was seen, what was done, what it came to."""
    from replay.core.cells import ORDER_COLUMNS, OrderStatus
    from replay.core.patterns import PATTERN_COLUMNS, PATTERN_MINUTES

    label = f"  [{ledger.label}]" if ledger.label else ""
    click.echo(f"{ledger.tape}{label}: {ledger.events:,} events, {len(ledger.evaluations):,} evaluations")
    if "bound" in ledger.config:
        click.echo("  polls faster than the recording, answered from the times of the plays")
    skipped = ", ".join(
        f"{n:,} {name.replace('_', ' ')}" for name, n in ledger.looks.items() if n and name != "evaluated"
    )
    if skipped:
        click.echo(f"  not evaluated: {skipped}")
    columns = {name: k for k, name in enumerate(ORDER_COLUMNS)}
    shown = ledger.orders[:12]
    for order in shown.tolist():
        token = order[columns["token"]]
        game = ledger.games[ledger.game_of[token]] if ledger.game_of[token] >= 0 else "?"
        status = OrderStatus(order[columns["status"]]).name.lower().replace("_", " ")
        click.echo(
            f"  seq {order[columns['seq']]:>8}  {game:<16} token ...{ledger.tokens[token][-6:]}  "
            f"fair {order[columns['fair_u6']] / 1e4:5.1f}c  ask {order[columns['ask_u6']] / 1e4:5.1f}c  "
            f"edge {order[columns['edge_u6']] / 1e4:+5.1f}c  {status} {order[columns['filled_u6']] / 1e6:g}"
        )
    if len(ledger.orders) > len(shown):
        click.echo(f"  ... and {len(ledger.orders) - len(shown):,} more signals (--out DIR writes all of them)")
    word = "simulated P&L" if ledger.label.startswith("simulated") else "P&L"
    for pattern in ledger.patterns.tolist():
        facts = dict(zip(PATTERN_COLUMNS, pattern, strict=True))
        entries = " ".join(f"{facts[f'd{minute}']:+d}" for minute in range(1, PATTERN_MINUTES + 1))
        click.echo(f"  seq {facts['seq']:>8}  {ledger.games[facts['game']]:<16} pattern complete: {entries}")
    for prediction in (one for one in ledger.predictions if one.is_complete):
        said = "; ".join(_forecast_text(forecast) for forecast in prediction.forecasts)
        click.echo(f"  seq {prediction.seq:>8}  {ledger.games[prediction.game]:<16} {said}")
    click.echo(f"  {len(ledger.orders):,} signals, {ledger.fills:,} fills, {word} ${ledger.pnl_u6 / 1e6:,.2f}")


def _forecast_text(forecast: Forecast) -> str:
    words = {"half": "half-time", "final": "final"}
    interval = f"{forecast.interval_lower:+.1f} to {forecast.interval_upper:+.1f}"
    return f"{words[forecast.horizon]} {forecast.point_forecast:+.1f} ({100 * forecast.coverage:.0f} %: {interval})"
