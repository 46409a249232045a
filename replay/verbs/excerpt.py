"""`gametape excerpt`: a short stretch of a tape as a tape of its own."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.errors import UsageError
from recorder.numbers import Span
from recorder.tape.show import echo_json
from recorder.times import SECOND_NS, iso_ns

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["excerpt"]


@click.command(no_args_is_help=True)
@click.argument("tape", metavar="TAPE")
@click.option("--around", required=True, metavar="SEQ|TIME", help="A seq, or a time: ISO (UTC) or nanoseconds.")
@click.option("--seconds", type=Span(0.001, 86_400), default=90.0, show_default=True, help="How long.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new tape, a directory.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def excerpt(tape: str, around: str, seconds: float, out: Path, as_json: bool) -> None:
    """
    Cut a short stretch out of a tape: a fixture that verifies.

    \b
      gametape excerpt tonight --around 21442 --out tests/fixtures/late-score
      gametape excerpt tonight --around 2026-01-16T02:07 --seconds 30 --out gap

    The stretch lies half before, half after. What was known when it begins stands before it: plan, rules, last
    scores, books.
    """
    from recorder.tape.locate import locate_tape
    from recorder.tape.reader import open_tape
    from replay.excerpt import cut_excerpt
    from replay.newtape import ready_for_tape

    ready_for_tape(out)
    opened = open_tape(locate_tape(tape, _tapes_dir()))
    half_ns = round(seconds * SECOND_NS / 2)
    middle_ns = _middle_ns(opened, around)
    made = cut_excerpt(opened, out, since_ns=middle_ns - half_ns, until_ns=middle_ns + half_ns)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    if as_json:
        facts = {
            "schema": "gametape.excerpt/1",
            "tape": str(out),
            "events": made.events,
            "bytes": size,
            "first_seq": made.first_seq,
            "last_seq": made.last_seq,
            "before": made.before,
        }
        echo_json(facts)
        return
    told = (
        f"seq {made.first_seq:,} to {made.last_seq:,} of {opened.name}, after {made.before} envelopes of what was known"
    )
    click.echo(f"{out}: {told}; {size / 1024:,.0f} KiB")


def _tapes_dir() -> Path:
    from recorder.config import load_config

    return Path(load_config().config.tapes_dir)


def _middle_ns(tape: Tape, around: str) -> int:
    """Return the moment that is meant, UTC nanoseconds."""
    if around.isascii() and around.isdigit():
        if len(around) == 19:
            return int(around)
        found = next(tape.read(int(around), int(around)), None)
        if found is None:
            raise UsageError(f"there is no seq {around}", why=f"the tape ends at {tape.next_seq - 1}")
        return found.recv_ns
    try:
        return iso_ns(around, UTC)
    except ValueError:
        raise UsageError(f"{around!r} is neither a seq nor a time", hint="--around 2026-01-15T19:30:00 (UTC)") from None
