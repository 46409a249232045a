"""The part of `gametape model` that is about predictors."""

from __future__ import annotations

import importlib.util
import json
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result
from simulated_history import write_history

from recorder.errors import UsageError
from replay.models.history import read_history
from strategies.models.cli import model
from strategies.predictors.card import CARD_FILE, PredictorCard
from strategies.predictors.cli import examples_of, refit
from strategies.predictors.ensemble import ENSEMBLE_FILE, NETWORK_FILE, PAST_FILE

NETWORK = files("strategies.predictors").joinpath(NETWORK_FILE).read_bytes()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A simulated history of three seasons that says who played."""
    games, timeline = write_history(tmp_path_factory.mktemp("history"), 330)
    frame = pl.read_parquet(games)
    number = np.arange(frame.height)
    teams = np.array(["BOS", "NYK", "LAL", "DEN", "MIA"])
    year = 2021 + number // 110
    named = frame.with_columns(
        home=pl.Series(teams[number % 5]),
        away=pl.Series(teams[(number + 1 + number // 5 % 4) % 5]),
        season_year=pl.Series(year),
        date=pl.Series(year * 10_000 + 101 + number % 110 // 5),
    )
    named.write_parquet(games)
    return games, timeline


def test_a_history_becomes_examples(history: tuple[Path, Path]) -> None:
    """Entries are the margins at the end of each minute, the targets those at half-time and at the end."""
    read = read_history(*history)
    examples = examples_of(read, np.full(read.games.height, -1, np.int64))
    changes = pl.read_parquet(history[1]).with_columns(
        elapsed=(pl.col("period") - 1) * 720 + 720 - pl.col("clock_s"), lead=pl.col("scoreHome") - pl.col("scoreAway")
    )
    for game in (0, 329):
        mine = changes.filter(pl.col("game_id") == examples.game_ids[game])
        at = dict(zip(mine["elapsed"].to_list(), mine["lead"].to_list(), strict=True))
        assert examples.patterns[game].tolist() == [at[60.0 * minute] for minute in range(1, 19)]
        assert examples.margins[game, 0] == at[1440.0]
    finals = (read.games["home_final"] - read.games["away_final"]).to_list()
    assert examples.margins[:, 1].tolist() == finals


def told(history: tuple[Path, Path], *more: str) -> Result:
    paths = ["--games", str(history[0]), "--timeline", str(history[1])]
    return CliRunner().invoke(model, ["eval", "--predictor", "ensemble", *paths, *more])


def test_an_evaluation_in_json(history: tuple[Path, Path]) -> None:
    """Errors, coverage and terciles for both horizons, of the seasons asked for, with priors walked from the first."""
    found = json.loads(told(history, "--seasons", "2022:2023", "--json").output)
    assert found["schema"] == "gametape.predictor.eval/1"
    assert (found["n_games"], found["n_priors"]) == (220, 220)
    for horizon in ("half", "final"):
        assert {"mae", "mae_interval", "gain", "coverage", "terciles", "members"} <= found[horizon].keys()
        assert 0.5 < found[horizon]["coverage"] <= 1


def test_an_evaluation_for_people(history: tuple[Path, Path]) -> None:
    """The same in words; without priors it says so."""
    output = told(history, "--prior", "none").output
    assert output.startswith("ensemble on nba: 330 games, the teams' strength known in 0\n")


def test_what_a_predictor_does_not_speak_of(history: tuple[Path, Path]) -> None:
    """Another league is a usage error."""
    failed = told(history, "--league", "wnba")
    assert isinstance(failed.exception, UsageError)
    assert "no answer for league 'wnba'" in str(failed.exception)


def test_training_needs_what_it_needs(history: tuple[Path, Path]) -> None:
    """Nobody knows how to fit another predictor; without PyTorch the error says what to install."""
    paths = ["--games", str(history[0]), "--timeline", str(history[1])]
    failed = CliRunner().invoke(model, ["fit", "--predictor", "mine", *paths])
    assert "'mine' cannot be fitted here" in str(failed.exception)
    if importlib.util.find_spec("torch") is None:
        failed = CliRunner().invoke(model, ["fit", "--predictor", "lstm", *paths])
        assert isinstance(failed.exception, UsageError)
        assert "train" in str(failed.exception.hint)


def test_predictors_are_listed_beside_the_models() -> None:
    """`ls` names the ensemble, as text and as JSON, and `card` shows its card."""
    assert "ensemble           predictor  " in CliRunner().invoke(model, ["ls"]).output
    listed = json.loads(CliRunner().invoke(model, ["ls", "--json"]).output)
    assert [one["predictor"] for one in listed["predictors"]] == ["ensemble"]
    assert "out of sample" in CliRunner().invoke(model, ["card", "ensemble"]).output
    assert json.loads(CliRunner().invoke(model, ["card", "ensemble", "--json"]).output)["predictor"] == "ensemble"


def test_a_refit_writes_what_a_card_stands_for(history: tuple[Path, Path]) -> None:
    """Four files; the card holds the test of the last season by a fit on those before it."""
    written, card = refit(read_history(*history), lambda *_: NETWORK, 7)
    assert sorted(written) == sorted([CARD_FILE, ENSEMBLE_FILE, PAST_FILE, NETWORK_FILE])
    assert isinstance(card, PredictorCard)
    assert (card.seasons, card.games) == ((2021, 2023), 330)
    assert card.tested is not None
    assert (card.tested.fitted_on, card.tested.tested_on) == ((2021, 2022), 2023)
    assert card.tested.scores["n_games"] == 110
    assert json.loads(written[CARD_FILE])["sha256"] == card.sha256


def test_real_games_are_within_reach() -> None:
    """On the history it was fitted on the ensemble errs no more than its card allows: a check of the shipped files."""
    if "GAMETAPE_REAL_DATA" not in os.environ:
        pytest.skip("GAMETAPE_REAL_DATA is not set")
    folder = Path(os.environ["GAMETAPE_REAL_DATA"]) / "nba_history"
    paths = folder / "games.parquet", folder / "score_timeline.parquet"
    found = json.loads(told(paths, "--seasons", "2024", "--json").output)
    assert found["half"]["mae"] <= 4.97
    assert found["final"]["mae"] <= 10.3
    assert found["final"]["gain_interval"][0] > 0
