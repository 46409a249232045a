"""`gametape holdout`: nights that nobody evaluates until the setting is chosen."""

from __future__ import annotations

import click

from recorder.tape.show import echo_json

__all__ = ["holdout"]


@click.group(no_args_is_help=True)
def holdout() -> None:
    """
    Seal nights against evaluation, and say which ones are.

    \b
      gametape holdout seal tapes/2026-01-15-nba
      gametape holdout ls
      gametape replay tapes/2026-01-15-nba --min-edge 5 --open-holdout

    A sealed night is refused by replay and sweep until --open-holdout, which works for one run; that may be repeated.
    """


@holdout.command(no_args_is_help=True)
@click.argument("tapes", nargs=-1, required=True, metavar="TAPE...")
def seal(tapes: tuple[str, ...]) -> None:
    """
    Seal tapes that no setting was ever tried on.

    \b
      gametape holdout seal tapes/2026-01-15-nba tapes/2026-01-16-nba
    """
    from recorder.clock import SystemClock
    from replay.find import find_tapes
    from replay.holdout import HoldOuts
    from replay.study import trials_folder
    from replay.trials import TrialLedger

    nights, trials = HoldOuts(trials_folder()), TrialLedger(trials_folder())
    now_ns = SystemClock().now_ns()
    for tape in find_tapes(tapes):
        nights.seal(tape.digest(), tape.name, now_ns, trials=trials.count(tape.digest()))
        click.echo(f"{tape.name} is held out, under whatever name: {tape.digest()}")


@holdout.command("ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_nights(as_json: bool) -> None:
    """
    List the nights that are or were held out.

    \b
      gametape holdout ls --json
    """
    import msgspec

    from replay.holdout import HoldOuts
    from replay.study import trials_folder

    nights = list(HoldOuts(trials_folder()).known().values())
    if as_json:
        facts = {"schema": "gametape.holdout/1", "nights": [msgspec.to_builtins(night) for night in nights]}
        echo_json(facts)
        return
    for night in nights:
        state = f"opened by run {night.opened_by}" if night.opened_by else "sealed"
        click.echo(f"{night.tape}  {night.digest[:16]}  {state}")
    if not nights:
        click.echo("no night is held out", err=True)
