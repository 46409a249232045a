"""The verb `chaos`."""

from __future__ import annotations

from pathlib import Path

import click

from recorder.errors import Exit, UsageError
from recorder.folders import make_folder
from recorder.numbers import Span
from recorder.tape.show import echo_json

__all__ = ["chaos"]


@click.command()
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Which faults, when; the same seed, the same night."
)
@click.option("--hours", type=Span(0.25, 24 * 14), default=24.0, show_default=True, help="Virtual hours.")
@click.option("--tape", type=click.Path(path_type=Path), help="Keep the tape here. Default: nowhere.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as JSON.")
def chaos(*, seed: int, hours: float, tape: Path | None, as_json: bool) -> None:
    """
    Record a simulated night of faults and say what was lost.

    \b
    gametape chaos --seed 7 --hours 24
    gametape chaos --seed 7 --hours 2 --json
    gametape chaos --hours 2 --tape tapes/chaos; gametape info tapes/chaos

    The real recorder, its real clients and its real writer run against simulated sources in virtual time, while sockets
    fall silent or break, answers are stale, late, refused or torn, the disk is full, the clock jumps and the process is
    killed. Exit 0: nothing that was acknowledged is lost, and no promise broken. Exit 1 otherwise.
    """
    import tempfile

    from recorder.chaos.judge import as_json as facts_of
    from recorder.chaos.judge import judge
    from recorder.chaos.world import simulate

    if tape is not None and tape.exists():
        raise UsageError(f"there is something at {tape}", hint="choose another name")

    def on_hour(hour: int) -> None:
        click.echo(f"hour {hour} of {hours:g}", err=True)

    with tempfile.TemporaryDirectory(prefix="gametape-chaos-") as folder:
        path = tape or Path(folder) / "chaos"
        make_folder(path.parent)
        record = simulate(path, seed=seed, hours=hours, on_hour=on_hour)
        verdict = judge(path, record)
    facts = facts_of(verdict, seed=seed, hours=hours)
    if as_json:
        echo_json(facts)
    else:
        _print(facts)
    if not verdict.ok:
        raise SystemExit(Exit.FAILED)


def _print(facts: dict[str, object]) -> None:
    faults, heal, peak = facts["faults_by_name"], facts["heal_s"], facts["peak_per_minute"]
    assert isinstance(faults, dict)
    assert isinstance(heal, dict)
    assert isinstance(peak, dict)
    click.echo(f"seed {facts['seed']}, {facts['hours']} h of virtual time")
    click.echo("  " + ", ".join(f"{name} {count}" for name, count in faults.items()))
    click.echo("  live again after: " + ", ".join(f"{name} {_seconds(value)}" for name, value in heal.items()))
    click.echo("  most asked within a minute: " + ", ".join(f"{name} {count}" for name, count in peak.items()))
    violated = facts["violated"]
    assert isinstance(violated, list)
    for what in violated:
        click.echo(f"  violated: {what}")
    click.echo(f"faults injected      {facts['faults']:>10,}")
    click.echo(f"events acknowledged  {facts['acknowledged']:>10,}")
    click.echo(f"events lost          {facts['lost']:>10,}")
    click.echo(f"invariants violated  {facts['violations']:>10,}")


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"
