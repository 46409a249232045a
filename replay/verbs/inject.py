"""`gametape inject`: put faults into a recording and hold what comes out to the laws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.errors import RegressionError
from recorder.tape.show import echo_json
from replay.inject.language import FAULTS, parse_faults, targets_of
from replay.verbs.options import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.tape.reader import Tape
    from replay.inject.laws import Checked, Violation
    from replay.inject.matrix import Trial

__all__ = ["inject"]


_LANGUAGE = "\n".join(f"  {parse_faults(name)[0]!s:<20} {FAULTS[name].line}" for name in FAULTS)
_TARGETS = "\n".join(f"  {name:<20} {targets_of(name)}" for name in ("polls", "scores", "book", "all"))
_HELP = f"""\
Put faults into a recording and hold what comes out to the laws.

\b
  gametape inject tonight --faults "drop 5% polls; freeze book 20s" --out tapes/bad-night
  gametape inject tonight --seed 3 --faults "duplicate; reorder 50ms; stale-cdn 30s; score-flap" --out tapes/echoes
  gametape inject data/sample --matrix 4          every fault under four seeds; writes nothing

The new tape is labelled `injected` and is what a recorder would have written of such a night. It is then replayed
and held to laws, such as: nothing is decided on a book that is unknown. Exit code 4 where one does not hold.

\b
Faults, with what each takes, in any order (`x3` is three times), and is when that is left out:
{_LANGUAGE}

\b
What can be befallen, besides a feed by its name:
{_TARGETS}
"""


@click.command(no_args_is_help=True, help=_HELP)
@click.argument("tape", metavar="TAPE")
@click.option("--faults", "text", default=None, metavar="FAULTS", help="Faults, separated by `;`.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="The same seed does the same.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="The new tape, a directory.")
@click.option("--check/--no-check", "is_checked", default=True, show_default=True, help="Hold it to the laws.")
@click.option("--matrix", type=click.IntRange(1, 1_000), default=None, metavar="N", help="Every fault under N seeds.")
@click.option("--strategy", default="fusion", show_default=True, help="A name, or path/to/file.py:Name.")
@click.option("--model", "model_name", default="brownian", show_default=True, help="gametape model ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def inject(
    tape: str,
    text: str | None,
    seed: int,
    out: Path | None,
    is_checked: bool,
    matrix: int | None,
    strategy: str,
    model_name: str,
    as_json: bool,
) -> None:
    """Read the options; `_HELP` is what a user sees."""
    from replay.find import find_tapes, load_strategy
    from replay.inject.laws import check_tape
    from replay.inject.matrix import ALL_FAULTS, run_matrix
    from replay.inject.tape import inject_tape
    from replay.models import load_model
    from replay.newtape import ready_for_tape

    faults = None if text is None else parse_faults(text)
    if matrix is None and (faults is None or out is None):
        raise click.UsageError("say --faults and --out, or --matrix")
    if matrix is not None and out is not None:
        raise click.UsageError("--matrix writes nothing; leave out --out")
    if out is not None:
        ready_for_tape(out)
    (opened,) = find_tapes([tape])
    ideas = load_strategy(strategy), load_model(model_name)
    if matrix is not None:
        chosen = ALL_FAULTS if faults is None else [faults]
        with progress_bar("injecting") as tell:
            trials = run_matrix(opened, *ideas, range(seed, seed + matrix), faults=chosen, on_progress=tell)
        _tell_matrix(trials, matrix, as_json=as_json)
        _refuse([breach for trial in trials for breach in trial.checked.violations], None)
        return
    assert faults is not None
    assert out is not None
    made = inject_tape(opened, faults, seed, out)
    checked = check_tape(made, *ideas) if is_checked else None
    _tell(made, checked, as_json=as_json)
    _refuse([] if checked is None else checked.violations, out)


def _tell(made: Tape, checked: Checked | None, *, as_json: bool) -> None:
    from replay.inject.laws import LAWS

    if as_json:
        facts: dict[str, object] = {
            "schema": "gametape.inject/1",
            "tape": str(made.path),
            "digest": made.digest(),
            "label": made.label,
            "events": len(made),
            "checked": checked,
        }
        echo_json(facts)
        return
    click.echo(f"{made.path}  {len(made):,} events, digest {made.digest()}")
    click.echo(f"  {made.label}")
    if checked is None:
        return
    click.echo(f"  {checked.undecodable:,} messages could not be decoded and were kept")
    broken = {breach.law for breach in checked.violations}
    for law, cases in checked.cases.items():
        verdict = "BROKEN" if law in broken else "holds" if cases else "no case"
        click.echo(f"  {verdict:<7} {cases:>8,}  {law}: {LAWS[law]}")


def _tell_matrix(trials: Sequence[Trial], seeds: int, *, as_json: bool) -> None:
    kinds = len(trials) // seeds
    cases = sum(sum(trial.checked.cases.values()) for trial in trials)
    broken = sum(len(trial.checked.violations) for trial in trials)
    if as_json:
        rows = [
            {"faults": "; ".join(map(str, trial.faults)), "seed": trial.seed, "checked": trial.checked}
            for trial in trials
        ]
        facts = {"schema": "gametape.inject.matrix/1", "cases": cases, "violations": broken, "trials": rows}
        echo_json(facts)
        return
    for first in range(0, len(trials), seeds):
        row = trials[first : first + seeds]
        looked = sum(sum(trial.checked.cases.values()) for trial in row)
        failed = sum(len(trial.checked.violations) for trial in row)
        lost = sum(trial.checked.undecodable for trial in row)
        faults = "; ".join(map(str, row[0].faults))
        click.echo(f"{looked:>10,} cases  {failed:>3} broken  {lost:>6,} undecodable  {faults}")
    click.echo(f"{kinds} faults x {seeds} seeds, {cases:,} cases, laws broken: {broken}")


def _refuse(violations: Sequence[Violation], out: Path | None) -> None:
    if violations:
        first = violations[0]
        place = "" if first.seq is None else f" at seq {first.seq}"
        hint = (
            f"gametape cat {out} --first-seq {first.seq} --limit 1" if out is not None and first.seq is not None else ""
        )
        raise RegressionError(
            f"{len(violations):,} breaches of the laws", why=f"{first.law}{place}: {first.why}", hint=hint
        )
