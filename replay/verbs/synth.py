"""`gametape synth`: a simulated night as a tape."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from recorder.numbers import Span
from recorder.tape.show import echo_json

if TYPE_CHECKING:
    from replay.synth.night import Night, NightSummary

__all__ = ["synth"]

_LINE_EVERY_NS = 10_000_000_000
_REDRAW_EVERY_NS = 200_000_000


@click.command(no_args_is_help=True)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same bytes.")
@click.option("--games", type=int, default=8, show_default=True, help="How many games, 1 to 15.")
@click.option("--league", type=click.Choice(["nba"]), default="nba", show_default=True, help="Which league plays.")
@click.option("--book-events", type=int, default=None, help="Level changes of the whole night  [default: 50000 a game]")
@click.option(
    "--poll-live",
    type=Span(0.5, 600),
    default=2.0,
    show_default=True,
    help="Seconds between polls of a scoreboard while a game is on.",
)
@click.option("--date", default="2026-01-15", show_default=True, help="The game day in New York.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The tape to make: a directory that is not there."
)
@click.option(
    "--seal/--hot", "is_sealed", default=False, help="Seal the tape into Parquet, or leave it as it was written."
)
@click.option("--json", "as_json", is_flag=True, help="Say what was made as one JSON object.")
def synth(
    seed: int,
    games: int,
    league: str,
    book_events: int | None,
    poll_live: float,
    date: str,
    out: Path,
    is_sealed: bool,
    as_json: bool,
) -> None:
    """
    Make a simulated night in the exact wire formats.

    \b
      gametape synth --seed 7 --games 8 --out tapes/simulated
      gametape synth --seed 1 --games 1 --book-events 5000 --out tapes/small --seal
      gametape synth --seed 1 --poll-live 10 --out tapes/slow

    Games, scores, books and trades are invented; the teams' names are real, and nobody in it is. The tape is labelled
    `simulated` and its second envelope says so. docs/simulation.md describes the world it comes from.
    """
    from recorder.tape.reader import open_tape
    from replay.newtape import ready_for_tape
    from replay.synth.night import LABEL, plan_night, write_night

    ready_for_tape(out)
    plan = plan_night(seed, games, date, book_events, live_ns=round(poll_live * 1e9))
    click.echo(f"simulating {games} {league} games of {date} from seed {seed}", err=True)
    with _Progress(plan) as progress:
        summary = write_night(out, plan, progress=progress)
    if is_sealed:
        from recorder.tape.seal import seal_tape

        seal_tape(out)
    digest = open_tape(out).digest()
    if as_json:
        facts = {
            "schema": "gametape.synth/1",
            "tape": str(out),
            "label": LABEL,
            "digest": digest,
            "events": summary.events,
            "book_events": summary.level_changes,
            "payload_bytes": summary.payload_bytes,
            "first_ns": summary.first_ns,
            "last_ns": summary.last_ns,
            "seed": seed,
            "games": [_game(plan, index) for index in range(games)],
        }
        echo_json(facts)
        return
    click.echo(
        f"{out}  {LABEL}  {summary.events:,} envelopes, {summary.level_changes:,} level changes, digest {digest}"
    )
    for index in range(games):
        game = _game(plan, index)
        click.echo(f"  {game['game_id']}  {game['away']} {game['away_score']} at {game['home']} {game['home_score']}")


def _game(plan: Night, index: int) -> dict[str, str | int]:
    game = plan.games[index]
    last = game.moments[-1]
    return {
        "game_id": f"{game.league}:{game.espn_id}",
        "home": game.home.name,
        "away": game.away.name,
        "home_score": last.home,
        "away_score": last.away,
        "slug": game.market.slug,
    }


class _Progress:
    """How far the night has come, on stderr: a bar on a terminal, else a plain line each ten seconds."""

    def __init__(self, plan: Night) -> None:
        from recorder.clock import SystemClock

        self._span = plan.span
        self._now_ns: Callable[[], int] = SystemClock().now_ns
        self._is_terminal = sys.stderr.isatty()
        self._next_ns = self._now_ns() + (0 if self._is_terminal else _LINE_EVERY_NS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, summary: NightSummary) -> None:
        now_ns = self._now_ns()
        if now_ns < self._next_ns:
            return
        done = (summary.last_ns - self._span.first_ns) / (self._span.last_ns - self._span.first_ns)
        text = f"simulated {done:4.0%}  {summary.events:,} envelopes  {summary.level_changes:,} level changes"
        if self._is_terminal:
            filled = int(done * 30)
            click.echo(f"\r{'━' * filled}{'╌' * (30 - filled)} {text}\x1b[K", nl=False, err=True)
            self._next_ns = now_ns + _REDRAW_EVERY_NS
        else:
            click.echo(text, err=True)
            self._next_ns = now_ns + _LINE_EVERY_NS
