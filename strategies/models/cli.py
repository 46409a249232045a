"""The verb `gametape model`: fit, eval, card, ls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from recorder.tape.show import echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from replay.models.card import Card, Measured
    from replay.models.history import History
    from strategies.models.brownian import Brownian
    from strategies.models.rating import LeagueRatings

__all__ = ["fitted_on", "model", "refit"]

_BROWNIAN_LIMITS = (
    "fouls, timeouts and who is on the court; who has the ball only where the source says it",
    "the teams since the ratings ended: trades, injuries, rest; a prior from the market knows more",
    "a league's next season: the home edge moves from one to the next by more than a season can tell",
    "soccer, where a draw is a third result, and any league that is not listed: it has no answer there",
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
_PRIOR = click.option(
    "--prior",
    type=click.Choice(["ratings", "none"]),
    default="ratings",
    show_default=True,
    help="Tell the model who plays, by ratings walked through the games before; or nothing.",
)
_PREDICTOR = click.option("--predictor", metavar="NAME", help="A pattern predictor instead of a model: ensemble.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def model() -> None:
    """
    Fit, evaluate and describe win-probability models and pattern predictors.

    \b
      gametape model ls
      gametape model card brownian
      gametape model card ensemble
      gametape model eval --model brownian --games games.parquet --timeline score_timeline.parquet
      gametape model fit  --model brownian --games games.parquet --timeline score_timeline.parquet --out fitted/
    """


@model.command("ls")
@_JSON
def ls(*, as_json: bool) -> None:
    """
    List the installed models and predictors.

    \b
      gametape model ls --json
    """
    from replay.models import model_names
    from replay.models.card import read_card
    from replay.predictors import predictor_names
    from strategies.predictors.cli import predictor_summary

    predictors = {name: predictor_summary(name) for name in predictor_names()}
    cards = {name: read_card(name) for name in model_names()}
    if as_json:
        models = [
            {"model": name, "leagues": [*card.training, *card.published], "summary": card.summary}
            for name, card in cards.items()
        ]
        listed = [{"predictor": name, "summary": summary} for name, summary in predictors.items()]
        echo_json({"schema": "gametape.model.ls/1", "models": models, "predictors": listed})
        return
    for name, card in cards.items():
        click.echo(f"{name:18} {','.join([*card.training, *card.published])}  {card.summary}")
    for name, summary in predictors.items():
        click.echo(f"{name:18} predictor  {summary}")


@model.command("card")
@click.argument("name", default="brownian")
@_JSON
def card(name: str, *, as_json: bool) -> None:
    """
    Show what a model was made from and how well it did.

    \b
      gametape model card brownian
      gametape model card ensemble
    """
    from replay.models.card import card_text, read_card
    from replay.predictors import predictor_names

    if name in predictor_names():
        from strategies.predictors.cli import show_card

        show_card(name, as_json=as_json)
        return
    found = read_card(name)
    if as_json:
        echo_json({"schema": "gametape.model.card/1", **msgspec.to_builtins(found)})
    else:
        click.echo(card_text(found))


@model.command("eval")
@_NAME
@_PREDICTOR
@_GAMES
@_TIMELINE
@_LEAGUE
@_SEASONS
@_PRIOR
@click.option("--seed", default=7, show_default=True, help="Seed of the bootstrap by game.")
@click.option("--draws", default=500, show_default=True, type=click.IntRange(1), help="Resamples of the bootstrap.")
@_JSON
def evaluate(
    name: str,
    predictor: str | None,
    games: Path,
    timeline: Path,
    league: str,
    seasons: tuple[int, int] | None,
    prior: str,
    seed: int,
    draws: int,
    *,
    as_json: bool,
) -> None:
    """
    Judge a model on a history: Brier, log loss, calibration error, by period, with intervals by game.

    \b
      gametape model eval --games games.parquet --timeline score_timeline.parquet --seasons 2024 --json
      gametape model eval --games games.parquet --timeline score_timeline.parquet --prior none
      gametape model eval --predictor ensemble --games games.parquet --timeline score_timeline.parquet

    Of a predictor: absolute error of its forecasts at 18:00 and what its intervals hold, by size of the lead.

    Where the history names the teams, every game's prior is that of ratings walked through the games before it. Where
    it begins after the shipped ratings they go on from there.
    """
    from replay.models import load_model
    from replay.models.evaluate import evaluate as judged
    from replay.models.evaluate import evaluation_text
    from replay.models.history import read_history

    history = read_history(games, timeline, league, seasons)
    whole = history if seasons is None else read_history(games, timeline, league)
    priors = _priors(history, whole) if prior == "ratings" else None
    if predictor is not None:
        from strategies.predictors.cli import evaluate_predictor

        evaluate_predictor(predictor, history, priors, seed=seed, draws=draws, as_json=as_json)
        return
    judged_by = judged(load_model(name), history, prior_u6=priors, seed=seed, draws=draws)
    found = {"model": name, "league": league, **judged_by}
    if as_json:
        echo_json({"schema": "gametape.model.eval/1", **found})
    else:
        click.echo(evaluation_text(found))


@model.command("fit")
@_NAME
@_PREDICTOR
@_GAMES
@_TIMELINE
@_LEAGUE
@_SEASONS
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the coefficients and the card. [default: print]",
)
@click.option("--seed", default=7, show_default=True, help="Seed of a predictor's training.")
@_JSON
def fit(
    name: str,
    predictor: str | None,
    games: Path,
    timeline: Path,
    league: str,
    seasons: tuple[int, int] | None,
    out: Path | None,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """
    Fit a model on a history; with more than one season, also on all but the last, which it is then tested on.

    \b
      gametape model fit --model brownian --games games.parquet --timeline score_timeline.parquet --seasons 2021:2024
      gametape model fit --predictor ensemble --games games.parquet --timeline score_timeline.parquet --out fitted/
      gametape model fit --predictor lstm --games games.parquet --timeline score_timeline.parquet
    """
    from recorder.errors import UsageError
    from recorder.folders import make_folder
    from replay.models.card import card_text
    from replay.models.history import read_history

    if out is not None:
        make_folder(out)
    if predictor is not None:
        from strategies.predictors.cli import fit_predictor

        fit_predictor(predictor, read_history(games, timeline, league, seasons), out, seed=seed, as_json=as_json)
        return
    if name != "brownian":
        raise UsageError(f"model {name!r} cannot be fitted here", why="brownian can", hint="gametape model fit --help")
    made, described = refit(read_history(games, timeline, league, seasons))
    coefficients = made[described.file]
    if out is not None:
        for file, text in {**made, f"{name}.card.json": _pretty(described)}.items():
            (out / file).write_bytes(text)
        click.echo(f"wrote {out / described.file}, {', '.join(described.companions)} and their card", err=True)
    if as_json:
        fitted = {"coefficients": msgspec.json.decode(coefficients), "card": msgspec.to_builtins(described)}
        echo_json({"schema": "gametape.model.fit/1", **fitted})
    else:
        click.echo(coefficients.decode().rstrip())
        click.echo(card_text(described))


def _priors(history: History, whole: History) -> NDArray[np.int64] | None:
    """Return the priors of a part of a history, walked through the whole of it; None where its league is not rated."""
    from strategies.models.rating import Ratings

    rated = Ratings.load().leagues.get(whole.league)
    priors = _walked(whole, rated)
    return None if priors is None else priors[whole.rows(history)]


def _walked(history: History, rated: LeagueRatings | None) -> NDArray[np.int64] | None:
    """Return every game's prior by ratings; None where there are none, or the history does not say who played."""
    from strategies.models.rating_fit import priors_of

    return None if rated is None or history.played() is None else priors_of(history, rated)


def refit(history: History) -> tuple[dict[str, bytes], Card]:
    """
    Fit the Brownian model and the ratings of a history's league; return their files by name, and the card.

    With more than one season the card also holds the test on the last one of a fit on the others. A history that does
    not say who played gives a model without ratings.

    Raises:
        GametapeError: the history does not determine the coefficients.
    """
    from replay.core.modelfiles import digest
    from replay.models.card import Card
    from replay.models.evaluate import training
    from strategies.models.brownian import COEFFICIENTS_FILE
    from strategies.models.fit import PUBLISHED
    from strategies.models.rating import RATINGS_FILE

    fitted, rated = fitted_on(history)
    published = {league: found for league, found in PUBLISHED.items() if league != history.league}
    ratings = {} if rated is None else {history.league: rated}
    files = {COEFFICIENTS_FILE: _pretty({**fitted.leagues, **published}), RATINGS_FILE: _pretty(ratings)}
    measured = list(_measured(fitted, rated, history, history))
    first, last = history.first_and_last("season_year")
    if first < last:
        earlier = history.between(first, last - 1)
        measured = [*_measured(*fitted_on(earlier), earlier, history.between(last, last)), *measured]
    described = Card(
        model="brownian",
        version=2,
        summary="the lead as a Brownian motion that starts from a pre-game prior: the market's, or team ratings",
        source="Stern, A Brownian Motion Model for the Progress of Sports Scores, JASA 1994",
        file=COEFFICIENTS_FILE,
        sha256=digest(files[COEFFICIENTS_FILE]),
        training={history.league: training(history)},
        measured={history.league: tuple(measured)},
        limits=_BROWNIAN_LIMITS,
        companions={RATINGS_FILE: digest(files[RATINGS_FILE])},
        published={league: found.source for league, found in published.items()},
    )
    return files, described


def fitted_on(history: History) -> tuple[Brownian, LeagueRatings | None]:
    """Fit ratings where a history names teams, and the model to states that know what the ratings said."""
    from replay.models.history import states_to_fit, with_priors
    from strategies.models.brownian import Brownian
    from strategies.models.fit import fit_brownian
    from strategies.models.rating import Ratings
    from strategies.models.rating_fit import fit_ratings

    states, game, is_home_win = states_to_fit(history)
    rated = None if history.played() is None else fit_ratings(history)
    priors = _walked(history, rated)
    if priors is not None:
        states = with_priors(states, game, priors)
    ratings = Ratings({} if rated is None else {history.league: rated})
    return Brownian({history.league: fit_brownian(states, is_home_win)}, ratings), rated


def _measured(
    fitted: Brownian, rated: LeagueRatings | None, fitted_on: History, tested_on: History
) -> Iterator[Measured]:
    """Measure without priors, then with those of the ratings where there are any."""
    from replay.models.evaluate import measure

    yield measure(fitted, fitted_on, tested_on)
    priors = _walked(tested_on, rated)
    if priors is not None:
        yield measure(fitted, fitted_on, tested_on, priors)


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
