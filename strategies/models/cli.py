"""The verb `gametape model`: fit, eval, card, ls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from replay.models.card import Card
    from replay.models.history import History

__all__ = ["model", "refit"]

_BROWNIAN_LIMITS = (
    "who has the ball, fouls, timeouts and who is on the court",
    "the strength of the teams: every game starts from the home advantage alone",
    "any league that is not listed: it has no answer there",
)


def _seasons(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Read `2021:2023` or `2024`."""
    del ctx, param
    if value is None:
        return None
    first, _, last = value.partition(":")
    last = last or first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise click.BadParameter(f"{value!r} is no range of seasons such as 2021:2023")
    return int(first), int(last)


_NAME = click.option("--model", "name", default="brownian", show_default=True, help="Model by its installed name.")
_GAMES = click.option("--games", required=True, type=click.Path(path_type=Path), help="Parquet: one row per game.")
_TIMELINE = click.option(
    "--timeline", required=True, type=click.Path(path_type=Path), help="Parquet: one row per score change."
)
_LEAGUE = click.option("--league", default="nba", show_default=True, help="League of the history.")
_SEASONS = click.option(
    "--seasons", callback=_seasons, metavar="A[:B]", help="Only seasons A to B, by ending year. [default: all]"
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def model() -> None:
    """
    Fit, evaluate and describe win-probability models.

    \b
      gametape model ls
      gametape model card brownian
      gametape model eval --model brownian --games games.parquet --timeline score_timeline.parquet
      gametape model fit  --model brownian --games games.parquet --timeline score_timeline.parquet --out fitted/
    """


@model.command("ls")
@_JSON
def ls(*, as_json: bool) -> None:
    """
    List the installed models.

    \b
      gametape model ls --json
    """
    from replay.models import model_names
    from replay.models.card import read_card

    cards = {name: read_card(name) for name in model_names()}
    if as_json:
        models = [
            {"model": name, "leagues": list(card.training), "summary": card.summary} for name, card in cards.items()
        ]
        _print_json("gametape.model.ls/1", {"models": models})
        return
    for name, card in cards.items():
        click.echo(f"{name:12} {','.join(card.training):8} {card.summary}")


@model.command("card")
@click.argument("name", default="brownian")
@_JSON
def card(name: str, *, as_json: bool) -> None:
    """
    Show what a model was made from and how well it did.

    \b
      gametape model card brownian
    """
    from replay.models.card import card_text, read_card

    found = read_card(name)
    if as_json:
        _print_json("gametape.model.card/1", msgspec.to_builtins(found))
    else:
        click.echo(card_text(found))


@model.command("eval")
@_NAME
@_GAMES
@_TIMELINE
@_LEAGUE
@_SEASONS
@click.option("--seed", default=7, show_default=True, help="Seed of the bootstrap by game.")
@click.option("--draws", default=500, show_default=True, type=click.IntRange(1), help="Resamples of the bootstrap.")
@_JSON
def evaluate(
    name: str,
    games: Path,
    timeline: Path,
    league: str,
    seasons: tuple[int, int] | None,
    seed: int,
    draws: int,
    *,
    as_json: bool,
) -> None:
    """
    Judge a model on a history: Brier, log loss, calibration error, by period, with intervals by game.

    \b
      gametape model eval --games games.parquet --timeline score_timeline.parquet --seasons 2024 --json
    """
    from replay.models import load_model
    from replay.models.evaluate import evaluate as judged
    from replay.models.evaluate import evaluation_text
    from replay.models.history import read_history

    loaded = load_model(name)
    history = read_history(games, timeline, league, seasons)
    found = {"model": name, "league": league, **judged(loaded, history, seed=seed, draws=draws)}
    if as_json:
        _print_json("gametape.model.eval/1", found)
    else:
        click.echo(evaluation_text(found))


@model.command("fit")
@_NAME
@_GAMES
@_TIMELINE
@_LEAGUE
@_SEASONS
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the coefficients and the card. [default: print]",
)
@_JSON
def fit(
    name: str,
    games: Path,
    timeline: Path,
    league: str,
    seasons: tuple[int, int] | None,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """
    Fit a model on a history; with more than one season, also on all but the last, which it is then tested on.

    \b
      gametape model fit --model brownian --games games.parquet --timeline score_timeline.parquet --seasons 2021:2024
    """
    from recorder.errors import UsageError
    from replay.models.card import card_text
    from replay.models.history import read_history

    if name != "brownian":
        raise UsageError(f"model {name!r} cannot be fitted here", why="brownian can", hint="gametape model fit --help")
    coefficients, described = refit(read_history(games, timeline, league, seasons))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / described.file).write_bytes(coefficients)
        text = msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
        (out / f"{name}.card.json").write_bytes(text)
        click.echo(f"wrote {out / described.file} and its card", err=True)
    if as_json:
        fitted = {"coefficients": msgspec.json.decode(coefficients), "card": msgspec.to_builtins(described)}
        _print_json("gametape.model.fit/1", fitted)
    else:
        click.echo(coefficients.decode().rstrip())
        click.echo(card_text(described))


def refit(history: History) -> tuple[bytes, Card]:
    """
    Fit the Brownian model of a history's league; return its coefficients file and its card.

    With more than one season the card also holds the test on the last one of a fit on the others.

    Raises:
        GametapeError: the history does not determine the coefficients.
    """
    from replay.models.card import Card, digest
    from replay.models.evaluate import measure, training
    from replay.models.history import states_on_grid
    from strategies.models.brownian import COEFFICIENTS_FILE, Brownian
    from strategies.models.fit import fit_brownian

    def fitted_on(part: History) -> Brownian:
        states, _, is_home_win = states_on_grid(part)
        return Brownian({part.league: fit_brownian(states, is_home_win)})

    fitted = fitted_on(history)
    text = msgspec.json.format(msgspec.json.encode(fitted.leagues), indent=2) + b"\n"
    measured = [measure(fitted, history, history)]
    first, last = history.first_and_last("season_year")
    if first < last:
        earlier = history.between(first, last - 1)
        measured.insert(0, measure(fitted_on(earlier), earlier, history.between(last, last)))
    described = Card(
        model=fitted.name,
        version=1,
        summary="the lead as a Brownian motion with three coefficients; no pre-game knowledge",
        source="Stern, A Brownian Motion Model for the Progress of Sports Scores, JASA 1994",
        file=COEFFICIENTS_FILE,
        sha256=digest(text),
        training={history.league: training(history)},
        measured={history.league: tuple(measured)},
        limits=_BROWNIAN_LIMITS,
    )
    return text, described


def _print_json(schema: str, body: dict[str, object]) -> None:
    click.echo(msgspec.json.encode({"schema": schema, **body}))
