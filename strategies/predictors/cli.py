"""The part of the verb `gametape model` that is about pattern predictors: fit, eval, card."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from recorder.tape.show import echo_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from replay.models.history import History
    from strategies.predictors.card import PredictorCard
    from strategies.predictors.examples import Examples
    from strategies.predictors.fit import Train

__all__ = ["evaluate_predictor", "examples_of", "fit_predictor", "predictor_summary", "refit", "show_card"]

_SUMMARY = (
    "the margins at half-time and at the end from the first 18 minutes: a line on lead and strength, games that went "
    "alike, and a small LSTM, stacked; conformal intervals"
)
_DATA = "margins at every minute from score changes of public play-by-play; priors walked forward"
_LIMITS = (
    "anything but margins and the pre-game strength: fouls, line-ups, pace, who has the ball",
    "how much wilder or calmer the next season is: intervals are as wide as those of the seasons they come from",
    "free throws at the stopped clock of 18:00 count here and may come too late for the pattern of a live game",
    "any league but the one it was fitted on",
)


def evaluate_predictor(
    name: str, history: History, priors: NDArray[np.int64] | None, *, seed: int, draws: int, as_json: bool
) -> None:
    """
    Judge a predictor on a history; priors holds the prior of each game, None for none.

    Raises:
        UsageError: there is no such predictor, or it does not speak of this league.
    """
    import numpy as np

    from recorder.errors import UsageError
    from replay.predictors import load_predictor
    from strategies.predictors.evaluate import evaluate, evaluation_text

    predictor = load_predictor(name)
    if history.league not in predictor.leagues:
        raise UsageError(f"predictor {name!r} has no answer for league {history.league!r}", hint="gametape model ls")
    examples = examples_of(history, np.full(len(history), -1, np.int64) if priors is None else priors)
    found = evaluate(predictor, examples, seed=seed, draws=draws)
    if as_json:
        echo_json({"schema": "gametape.predictor.eval/1", "predictor": name, "league": history.league, **found})
    else:
        click.echo(f"{name} on {history.league}: {evaluation_text(found)}")


def fit_predictor(name: str, history: History, out: Path | None, *, seed: int, as_json: bool) -> None:
    """
    Fit the ensemble, or its recurrent member alone, and write the files.

    Raises:
        UsageError: this cannot be fitted here, or what training needs is not installed.
        GametapeError: the history is too short.
    """
    from recorder.errors import UsageError
    from strategies.predictors.card import card_text

    if name not in {"ensemble", "lstm"}:
        raise UsageError(f"predictor {name!r} cannot be fitted here", why="ensemble and lstm can")
    try:
        from strategies.predictors.train import train_recurrent
    except ImportError as error:
        raise UsageError(
            f"{error.name} is not installed", why="training needs it", hint='pip install "gametape[train,research]"'
        ) from error
    if name == "lstm":
        files, facts, text = _refit_lstm(history, train_recurrent, seed)
    else:
        files, card = refit(history, train_recurrent, seed)
        facts, text = {"card": msgspec.to_builtins(card)}, card_text(card)
    if out is not None:
        for file, content in files.items():
            (out / file).write_bytes(content)
        click.echo(f"wrote {', '.join(files)} to {out}", err=True)
    if as_json:
        echo_json({"schema": "gametape.predictor.fit/1", **facts})
    else:
        click.echo(text)


def predictor_summary(name: str) -> str:
    """Return what a predictor's card says of it in a line; nothing for one that came from elsewhere, without a card."""
    from strategies.predictors.card import read_card

    return read_card().summary if name == "ensemble" else ""


def show_card(name: str, *, as_json: bool) -> None:
    """
    Show the card of a predictor.

    Raises:
        UsageError: it has none.
    """
    from recorder.errors import UsageError
    from strategies.predictors.card import card_text, read_card

    if name != "ensemble":
        raise UsageError(f"predictor {name!r} has no card", why="it came from elsewhere")
    card = read_card()
    if as_json:
        echo_json({"schema": "gametape.predictor.card/1", **msgspec.to_builtins(card)})
    else:
        click.echo(card_text(card))


def examples_of(history: History, prior_u6: NDArray[np.int64]) -> Examples:
    """Return the games of a history as examples; prior_u6 holds the prior of each, -1 where there is none."""
    import numpy as np

    from replay.core.gameclock import PERIOD_RULES
    from replay.core.patterns import PATTERN_MINUTES
    from replay.models.history import states_on_grid
    from strategies.predictors.examples import Examples

    games = history.games
    states, _, _ = states_on_grid(history, 60_000, 60_000)
    leads = states.lead.reshape(games.height, -1)
    half = leads[:, PERIOD_RULES[history.league].regulation_ms // 120_000 - 1]
    final = (games["home_final"] - games["away_final"]).to_numpy()
    return Examples(
        game_ids=games["game_id"].to_list(),
        seasons=games["season_year"].fill_null(0).to_numpy(),
        dates=games["date"].fill_null(0).to_numpy(),
        home=games["home"].fill_null("").to_list(),
        away=games["away"].fill_null("").to_list(),
        patterns=leads[:, :PATTERN_MINUTES],
        margins=np.stack([half, final], axis=1),
        prior_u6=prior_u6,
    )


def refit(history: History, train: Train, seed: int) -> tuple[dict[str, bytes], PredictorCard]:
    """
    Fit the ensemble on a history; return its files, the card among them, and the card.

    With more than two seasons the card holds the test on the last one of a fit, ratings and all, on the others.

    Raises:
        GametapeError: the history is too short.
    """
    from strategies.predictors.card import CARD_FILE, PredictorCard, Tested
    from strategies.predictors.ensemble import ENSEMBLE_FILE, Ensemble, EnsembleFile
    from strategies.predictors.evaluate import evaluate
    from strategies.predictors.fit import fit_ensemble

    first, last = history.first_and_last("season_year")
    tested = None
    if last - first > 1:
        known = _rated(history, history.between(first, last - 1))
        files = fit_ensemble(known.where(known.seasons < last), [history.league], train, seed)
        numbers = msgspec.json.decode(files[ENSEMBLE_FILE], type=EnsembleFile)
        scores = evaluate(Ensemble(numbers, files), known.where(known.seasons == last))
        tested = Tested(fitted_on=(first, last - 1), tested_on=last, weights=numbers.weights, scores=scores)
    files = fit_ensemble(_rated(history, history), [history.league], train, seed)
    numbers = msgspec.json.decode(files[ENSEMBLE_FILE], type=EnsembleFile)
    card = PredictorCard(
        predictor="ensemble",
        version=1,
        summary=_SUMMARY,
        seed=seed,
        seasons=(first, last),
        dates=history.first_and_last("date"),
        games=history.games.height,
        data=_DATA,
        weights=numbers.weights,
        tested=tested,
        limits=_LIMITS,
        file=ENSEMBLE_FILE,
        sha256=hashlib.sha256(files[ENSEMBLE_FILE]).hexdigest(),
        files=numbers.files,
    )
    return {**files, CARD_FILE: msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"}, card


def _rated(history: History, known: History) -> Examples:
    """Return the examples of a history, every prior walked forward by a rule that was fitted on what is known."""
    from strategies.models.rating_fit import fit_ratings, priors_of

    return examples_of(history, priors_of(history, None, fit_ratings(known).rule))


def _refit_lstm(history: History, train: Train, seed: int) -> tuple[dict[str, bytes], dict[str, Any], str]:
    """Train the recurrent member alone; with more than one season, also on all but the last and test it there."""
    import numpy as np

    from strategies.predictors.ensemble import NETWORK_FILE
    from strategies.predictors.examples import HORIZONS, log_odds
    from strategies.predictors.recurrent import Recurrent

    first, last = history.first_and_last("season_year")
    network = train(_rated(history, history), seed)
    told: dict[str, Any] = {"predictor": "lstm", "games": history.games.height, "bytes": len(network)}
    lines = [f"lstm: {len(network):,} bytes, trained on {history.games.height:,} games"]
    if first < last:
        known = _rated(history, history.between(first, last - 1))
        test = known.where(known.seasons == last)
        member = Recurrent(train(known.where(known.seasons < last), seed))
        said = member.margins(test.patterns.astype(np.float64), log_odds(test.prior_u6))
        errors = np.abs(test.margins - said).mean(axis=0).tolist()
        told["tested"] = {"tested_on": last, "mae": dict(zip(HORIZONS, errors, strict=True))}
        lines.append(f"  fitted {first}-{last - 1}, tested {last}: MAE half {errors[0]:.3f}, final {errors[1]:.3f}")
    return {NETWORK_FILE: network}, told, "\n".join(lines)
