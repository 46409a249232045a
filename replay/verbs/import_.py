"""`gametape import`: other people's files as a tape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.config import parse_duration_ns
from recorder.errors import UsageError
from recorder.tape.show import echo_json, safe

if TYPE_CHECKING:
    from recorder.tape.reader import Tape
    from replay.core.events import PlanSeen
    from replay.importers.source import Imported

__all__ = ["KINDS", "import_"]

KINDS = {
    "market": "market-channel messages with receive times: lines of JSON, or one array",
    "quotes": "best bids and asks: a Parquet table",
    "espn": "an ESPN game summary (JSON) whose plays have wall clocks",
    "nba": "an NBA play-by-play (JSON) with timeActual; a boxscore may follow it",
}
_KINDS = "\n".join(f"  {kind:<8} {line}" for kind, line in KINDS.items())
_HELP = f"""\
Make a tape of other people's files, to backtest before the first recorded night.

\b
  gametape import quotes q.parquet --assume-size 100 espn game.json --game 401772994=SLUG --out tapes/first
  gametape import market frames.jsonl espn game.json --game 401772994=HOME_TOKEN,AWAY_TOKEN --out tapes/second
  gametape import nba playbyplay.json boxscore.json --out tapes/scores-only

Files of several kinds become one tape, merged by time. It is labelled `imported` and says, in `info` and on every run,
what it is; its notes say what no replay of it can answer.

\b
KIND, before its files:
{_KINDS}
"""


@click.command("import", no_args_is_help=True, help=_HELP)
@click.argument("words", nargs=-1, required=True, metavar="KIND FILE... [KIND FILE...]...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new tape, a directory.")
@click.option("--game", "games", multiple=True, metavar="GAME=HOME,AWAY", help="Which tokens belong to which game.")
@click.option("--plan", type=click.Path(path_type=Path, dir_okay=False), default=None, help="The same, from a file.")
@click.option("--poll", default="2s", show_default=True, metavar="TIME", help="How often rendered scores are polled.")
@click.option("--score-delay", default="0s", show_default=True, metavar="TIME", help="Show plays so much later.")
@click.option("--assume-size", default=None, metavar="SHARES", help="Where quotes have no sizes: so many at a touch.")
@click.option("--columns", default="", metavar="WHAT=NAME,...", help="Columns of quotes that are not found by name.")
@click.option("--zone", default="UTC", show_default=True, help="Of quotes whose times name no zone.")
@click.option("--time-key", default=None, metavar="KEY", help="Where lines of JSON keep the receive time.")
@click.option(
    "--begin", "begins", multiple=True, metavar="KIND=TIME", help="Move a kind's rows: the first comes then (UTC)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def import_(
    words: tuple[str, ...],
    out: Path,
    games: tuple[str, ...],
    plan: Path | None,
    begins: tuple[str, ...],
    as_json: bool,
    **options: str | None,
) -> None:
    """Read the options; `_HELP` is what a user sees."""
    from replay.importers.mapping import parse_game, plan_of, read_plan
    from replay.importers.tape import moved, write_imported
    from replay.newtape import ready_for_tape

    ready_for_tape(out)
    mappings = [parse_game(text) for text in games]
    known = None if plan is None else read_plan(plan)
    if known is not None and mappings:
        raise click.UsageError("--game and --plan say the same thing; give one")
    tokens = [token for one in mappings for token in (one.home_token_id, one.away_token_id)]
    if known is not None:
        tokens = [token for game in known.games for token in (game.home_token_id, game.away_token_id)]
    starts = dict(_begin(text) for text in begins)
    inputs = _read(words, tokens, options)
    for one in inputs:
        if one.kind in starts:
            moved(one, starts[one.kind])
    found = [game for one in inputs for game in one.games]
    made_plan = known or plan_of(mappings, found)
    tape = write_imported(out, inputs, made_plan)
    _tell(tape, inputs, made_plan, as_json=as_json)


def _begin(text: str) -> tuple[str, int]:
    from datetime import UTC

    from replay.importers.source import moment_ns

    kind, _, time = text.partition("=")
    try:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}")
        return kind, moment_ns(time, UTC)
    except ValueError as error:
        raise UsageError(
            f"{text!r} does not say when a kind begins", why=str(error), hint="--begin quotes=2025-05-31T23:45"
        ) from None


def _grouped(words: Sequence[str]) -> list[tuple[str, list[Path]]]:
    """Return each kind with its files."""
    groups: list[tuple[str, list[Path]]] = []
    for word in words:
        if word in KINDS:
            groups.append((word, []))
        elif groups:
            groups[-1][1].append(Path(word))
        else:
            raise click.UsageError(f"{word!r} is no kind of file: {', '.join(KINDS)}")
    empty = [kind for kind, paths in groups if not paths]
    if empty:
        raise click.UsageError(f"{empty[0]} needs a file")
    return groups


def _read(words: Sequence[str], tokens: Sequence[str], options: dict[str, str | None]) -> list[Imported]:
    from replay.importers.market import import_market
    from replay.importers.plays import Polling, import_espn, import_nba
    from replay.importers.quotes import import_quotes
    from replay.importers.source import zone_of

    every_ns = parse_duration_ns(options["poll"] or "2s")
    if not every_ns:
        raise click.UsageError("--poll 0 would never end")
    polling = Polling(every_ns, parse_duration_ns(options["score_delay"] or "0"))
    inputs: list[Imported] = []
    for kind, paths in _grouped(words):
        if kind == "nba":
            inputs += [import_nba(path, polling, box) for path, box in _with_boxscores(paths)]
            continue
        for path in paths:
            match kind:
                case "market":
                    inputs.append(import_market(path, time_key=options["time_key"]))
                case "espn":
                    inputs.append(import_espn(path, polling))
                case _:
                    zone, size = zone_of(options["zone"] or "UTC"), _shares(options["assume_size"])
                    columns = _columns(options["columns"] or "")
                    inputs.append(import_quotes(path, tokens=tokens, zone=zone, size=size, columns=columns))
    return inputs


def _with_boxscores(paths: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Pair each play-by-play with the boxscore that follows it."""
    from replay.importers.source import read_file

    pairs: list[tuple[Path, Path | None]] = []
    for path in paths:
        if b'"actions"' in read_file(path) or not pairs:
            pairs.append((path, None))
        else:
            pairs[-1] = (pairs[-1][0], path)
    return pairs


def _shares(text: str | None) -> str | None:
    from replay.core.exact import exact_u6

    if text is None:
        return None
    try:
        if exact_u6(text) <= 0:
            raise ValueError(text)
    except ValueError:
        raise UsageError(f"--assume-size {text} is no number of shares", hint="--assume-size 100") from None
    return text


def _columns(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not all(equals for _, equals, _ in pairs):
        raise UsageError(f"--columns {text!r} is not WHAT=NAME,...", hint="--columns time=ts,market=slug")
    return {what.strip(): name.strip() for what, _, name in pairs}


def _tell(tape: Tape, inputs: Sequence[Imported], plan: PlanSeen, *, as_json: bool) -> None:
    tokens = list(dict.fromkeys(token for one in inputs for token in one.tokens))
    games = [game for one in inputs for game in one.games]
    if as_json:
        facts = {
            "schema": "gametape.import/1",
            "tape": str(tape.path),
            "digest": tape.digest(),
            "label": tape.label,
            "events": len(tape),
            "first_ns": tape.first_ns,
            "last_ns": tape.last_ns,
            "files": [one.facts() for one in inputs],
            "tokens": tokens,
            "games": games,
            "plan": plan,
        }
        echo_json(facts)
        return
    click.echo(f"{tape.path}  {len(tape):,} events, digest {tape.digest()}")
    for one in inputs:
        click.echo(safe(f"  {one.file}: {len(one.rows):,} rows, {one.what}; times: {one.clock}"))
        for cannot in one.cannot:
            click.echo(f"    cannot answer {cannot}")
    for game in plan.games:
        market = game.market_id or game.home_token_id[:16]
        click.echo(safe(f"  {game.game_id}  {game.away} at {game.home}  market {market}"))
    if not plan.games:
        names = ", ".join(f"{game.id} ({game.away} at {game.home})" for game in games) or "none"
        none = f"  no game has a market, so nothing can be traded. games: {names}; tokens: {len(tokens)}"
        click.echo(safe(none), err=True)
        for token in tokens[:6]:
            click.echo(safe(f"    {token}"), err=True)
