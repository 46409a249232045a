"""The verb `film`: decode tapes ahead of time, and prove that today's decoders still make what was stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from recorder.errors import RegressionError
from recorder.tape.show import echo_json
from replay.verbs.options import progress_bar, stopwatch

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["film"]


@click.command(no_args_is_help=True)
@click.argument("tapes", nargs=-1, required=True, metavar="TAPE...")
@click.option("--check", is_flag=True, help="Decode envelope by envelope and compare with every stored film.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a tape.")
def film(tapes: tuple[str, ...], check: bool, as_json: bool) -> None:
    """
    Decode tapes ahead of time, or check what was decoded.

    \b
      gametape film tapes/*             decode now, so that replay and sweep start at once
      gametape film --check tonight     do today's decoders still make the stored columns?

    A film is a tape as columns; it lies in the cache under the digest of its tape and of the decoders' source. With
    --check the tape is decoded anew by the decoders alone, and held against every film of it in the cache, also those
    of earlier decoders, and against the one that the sealed columns give. The first difference is named and the exit
    code is 4.
    """
    from replay.find import find_tapes

    for tape in find_tapes(tapes):
        with stopwatch() as seconds:
            told = _checked(tape) if check else _made(tape)
            facts = {"schema": "gametape.film/1", "tape": tape.name, **told, "seconds": seconds()}
        if as_json:
            echo_json(facts)
        else:
            said = f"{told['films']} films are what today's decoders make" if check else f"{told['rows']:,} rows"
            click.echo(f"{tape.name}: {told['events']:,} envelopes, {said}")


def _made(tape: Tape) -> dict[str, int]:
    from replay.film import open_film
    from replay.find import cache_folder

    with progress_bar(f"decoding {tape.name}") as tell:
        made = open_film(tape, cache_folder("film"), on_progress=tell)
    return {"events": made.events, "rows": len(made.night.rows.seq)}


def _checked(tape: Tape) -> dict[str, int]:
    from replay.film import build_film
    from replay.film_check import first_difference, stored_films
    from replay.find import cache_folder

    with progress_bar(f"decoding {tape.name}") as tell:
        today = build_film(tape, plain=True, on_progress=tell)
    films = [("the film of its columns", build_film(tape))]
    films += [(str(stored.folder), stored) for stored in stored_films(cache_folder("film"), tape.digest(), tape.name)]
    for name, stored in films:
        difference = first_difference(stored, today)
        if difference is not None:
            seq = difference.seq
            hint = "" if seq is None else f"gametape cat {tape.path} --first-seq {seq} --limit 1"
            raise RegressionError(f"{name} is not what today's decoders make", why=str(difference), hint=hint)
    return {"events": today.events, "rows": len(today.night.rows.seq), "films": len(films)}
