"""`gametape golden`: has a change moved any decision?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.errors import RegressionError, UsageError
from recorder.tape.show import echo_json
from replay.verbs.options import cell_options, films_of, setting_of

if TYPE_CHECKING:
    from replay.gates import GateResult
    from replay.golden_check import Checked

__all__ = ["golden"]

_FOLDER = Path("tests/golden")


@click.group(no_args_is_help=True)
def golden() -> None:
    """
    Check that no decision has moved since the golden run.

    \b
      gametape golden update tapes/2026-01-15-nba --min-edge 5 --reason "first golden"
      gametape golden check                                     every golden of tests/golden
      gametape golden check tests/golden/sample.json --junit golden.xml --gate "pnl_per_game.ci_low>-5"

    A golden is a small file that is committed: what was decided on which tape by which setting. `check` exits 0 where
    nothing moved and 4 where something did, and names the first decision that did, field by field, and the envelope
    it follows from.
    """


@golden.command(no_args_is_help=True)
@click.argument("tapes", nargs=-1, required=True, metavar="TAPE...")
@click.option("--reason", required=True, help="Why what is decided changes; kept in the file.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="One golden of all tapes.")
@cell_options
def update(
    tapes: tuple[str, ...],
    reason: str,
    out: Path | None,
    min_edge: str,
    seed: int,
    strategy: str,
    model_name: str,
    **options: object,
) -> None:
    """
    Write goldens anew, with a reason.

    \b
      gametape golden update data/sample --min-edge 3 --order-delay 250ms --reason "fees as of July"
      gametape golden update tapes/* --poll 5 --out tests/golden/january.json --reason "model refitted"

    Without --out each tape gets its own file in tests/golden. The options are those of `replay`. Refused where the
    environment says CI=true: a golden changes when somebody means it to.
    """
    from recorder.config import is_ci
    from recorder.folders import make_folder, ready_to_write
    from replay.counterfactual import PollPlan
    from replay.find import find_tapes
    from replay.golden import Recipe, path_between, take, write_golden
    from replay.live.decisions import LiveConfig

    if is_ci():
        raise UsageError(
            "goldens are not updated in CI",
            why="CI=true: a golden changes by hand, with a reason",
            hint="gametape golden check",
        )
    if not reason.strip():
        raise UsageError("a golden changes for a reason", hint='--reason "…"')
    recipe = Recipe(
        LiveConfig(strategy=strategy, model=model_name, setting=setting_of(min_edge, options)), PollPlan(seed)
    )
    if out is None:
        make_folder(_FOLDER)
    else:
        ready_to_write(out)
    opened = find_tapes(tapes)
    for batch in [opened] if out is not None else [[tape] for tape in opened]:
        path = out or _FOLDER / f"{batch[0].name}.json"
        paths = [path_between(path, tape) for tape in batch]
        made = take(films_of(batch), paths, recipe, reason.strip()).golden
        write_golden(made, path)
        click.echo(f"{path}: digest {made.digest}")


@golden.command()
@click.argument("what", nargs=-1, metavar="[FILE|TAPE]...")
@click.option("--gate", "gates", multiple=True, metavar="GATE", help='Such as "pnl_per_game.ci_low>0"; several times.')
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write a JUnit file.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write Markdown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(
    what: tuple[str, ...], gates: tuple[str, ...], junit: Path | None, markdown: Path | None, as_json: bool
) -> None:
    """
    Run goldens again and explain the first decision that moved.

    \b
      gametape golden check
      gametape golden check data/sample
      gametape golden check tests/golden/sample.json --gate "fill_rate>=0.6" --markdown golden.md

    FILE is a golden, TAPE a tape whose goldens stand in tests/golden; without either, all that stand there. A gate
    holds for each golden by itself. In a GitHub workflow the step's summary and annotations are written as well.
    """
    from recorder.config import is_ci, step_summary
    from recorder.folders import ready_to_write
    from replay.gates import figures_of, parse_gate, pass_through
    from replay.golden_check import check_golden
    from replay.golden_report import as_junit, as_lines, as_markdown, workflow_errors

    parsed = [parse_gate(text) for text in gates]
    for path in filter(None, (junit, markdown)):
        ready_to_write(path)
    checks: list[Checked] = []
    passed: list[GateResult] = []
    for path in _goldens(what):
        checked, taken = check_golden(path, films_of)
        checks.append(checked)
        passed += pass_through(parsed, figures_of(taken.ledgers))
        for line in [] if as_json else as_lines(checked):
            click.echo(line)
    if as_json:
        _print_json(checks, passed)
    else:
        for gate in passed:
            click.echo(f"gate {gate.gate}: {'holds' if gate.ok else 'fails'}, it is {gate.value}")
    if junit is not None:
        junit.write_text(as_junit(checks, passed), encoding="utf-8")
    summary = step_summary() if is_ci() else None
    if markdown is not None:
        markdown.write_text(as_markdown(checks, passed), encoding="utf-8")
    if summary is not None:
        with summary.open("a", encoding="utf-8") as file:
            file.write(as_markdown(checks, passed))
        for line in workflow_errors(checks, passed):
            click.echo(line, err=True)
    _refuse(checks, passed)


def _goldens(what: Sequence[str]) -> list[Path]:
    """Find the golden files that are meant."""
    from replay.golden import read_golden

    known = sorted(_FOLDER.glob("*.json"))
    if not what:
        if not known:
            raise UsageError(f"there is no golden in {_FOLDER}", hint='gametape golden update TAPE --reason "…"')
        return known
    found: list[Path] = []
    for word in what:
        path = Path(word)
        if path.suffix == ".json" or path.is_file():
            found.append(path)
            continue
        name = path.resolve().name
        of_tape = [one for one in known if any(entry.tape == name for entry in read_golden(one).tapes)]
        if not of_tape:
            hint = f'gametape golden update {word} --reason "…"'
            raise UsageError(f"there is no golden of {name} in {_FOLDER}", hint=hint)
        found += of_tape
    return list(dict.fromkeys(found))


def _print_json(checks: list[Checked], passed: list[GateResult]) -> None:
    ok = all(checked.ok for checked in checks) and all(gate.ok for gate in passed)
    facts = {"schema": "gametape.golden.check/1", "ok": ok, "goldens": checks, "gates": passed}
    echo_json(facts)


def _refuse(checks: list[Checked], passed: list[GateResult]) -> None:
    moved = [(checked, verdict) for checked in checks for verdict in checked.tapes if not verdict.ok]
    if moved:
        checked, verdict = moved[0]
        pointed = verdict.decision or verdict.evaluation
        count = f"{sum(not checked.ok for checked in checks)} of {len(checks)} goldens moved"
        meant = (
            f'gametape golden update --reason "…", if it is meant; first: {pointed.cat}'
            if pointed and pointed.cat
            else ""
        )
        raise RegressionError(count, why=f"{checked.golden}, tape {verdict.tape}: {verdict.why}", hint=meant)
    failed = [gate for gate in passed if not gate.ok]
    if failed:
        raise RegressionError(
            f"{len(failed)} of {len(passed)} gates fail", why=f"{failed[0].gate}: it is {failed[0].value}"
        )
