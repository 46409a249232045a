"""Fitting ratings, and priors walked through a history."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from recorder.errors import UsageError
from replay.calibration import judge
from replay.core.models import NO_MODEL
from replay.models.history import History, read_history
from strategies.models.rating import RATINGS_FILE
from strategies.models.rating_fit import fit_ratings, priors_of


def simulated(seasons: int = 3, seed: int = 5) -> History:
    """Return simulated seasons of 20 teams whose strengths are drawn once; every pair meets twice a season."""
    generator = np.random.default_rng(seed)
    codes = [f"T{number:02}" for number in range(20)]
    strength = dict(zip(codes, generator.normal(0, 6, len(codes)), strict=True))
    rows = []
    for season in range(2021, 2021 + seasons):
        pairs = [(home, away) for home in codes for away in codes if home != away]
        for number, pair in enumerate(generator.permutation(len(pairs))):
            home, away = pairs[pair]
            margin = round(strength[home] - strength[away] + 3 + generator.normal(0, 12)) or 1
            rows.append((f"{season}{number:04}", season, season * 10_000 + 101 + number, 100 + margin, 100, home, away))
    columns = ("game_id", "season_year", "date", "home_final", "away_final", "home", "away")
    return History("nba", pl.DataFrame(rows, columns, orient="row"), pl.DataFrame())


def test_ratings_find_who_is_better() -> None:
    """From simulated games the priors of the last season beat a coin by far, with ratings of the seasons before."""
    history = simulated()
    rated = fit_ratings(History("nba", history.games[:760], history.timeline))
    last = History("nba", history.games[760:], history.timeline)
    won = (last.games["home_final"] > last.games["away_final"]).to_numpy()
    scores = judge(priors_of(last, rated), won, np.arange(len(won)), seed=1)
    assert scores.brier < 0.215
    assert rated.rule.home == pytest.approx(3, abs=1)
    assert (rated.season, rated.through, len(rated.teams)) == (2022, 20220101 + 379, 20)


def test_a_history_that_the_ratings_have_seen_is_walked_from_the_start() -> None:
    """Ratings that end after a game began know its result: they lend their rule, not their numbers."""
    history = simulated(1)
    rated = fit_ratings(history)
    assert priors_of(history, rated).tolist() == priors_of(history, None, rated.rule).tolist()
    even = priors_of(history, rated)[0]
    assert 500_000 < even < 620_000


def test_a_history_without_teams_has_no_priors() -> None:
    """Where nobody is named there is nothing to rate, and fitting says so."""
    history = simulated(1)
    nameless = History("nba", history.games.with_columns(home=pl.lit(None, pl.String)), history.timeline)
    assert set(priors_of(nameless, fit_ratings(history)).tolist()) == {NO_MODEL}
    with pytest.raises(UsageError, match="cannot be rated"):
        fit_ratings(nameless)
    with pytest.raises(UsageError, match="no ratings"):
        priors_of(history, None)


def test_a_refit_on_the_real_history_gives_the_shipped_ratings() -> None:
    """Fitted again on seasons 2021-2024, the ratings come out as shipped, to the byte."""
    if "GAMETAPE_REAL_DATA" not in os.environ:
        pytest.skip("GAMETAPE_REAL_DATA is not set")
    folder = Path(os.environ["GAMETAPE_REAL_DATA"]) / "nba_history"
    history = read_history(folder / "games.parquet", folder / "score_timeline.parquet", seasons=(2021, 2024))
    text = msgspec.json.format(msgspec.json.encode({"nba": fit_ratings(history)}), indent=2) + b"\n"
    assert text == files("strategies.models").joinpath(RATINGS_FILE).read_bytes()
