"""Fitting the Brownian model."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import pytest
from simulated_history import MU, SIGMA, C, write_history

from recorder.errors import GametapeError
from replay.core.models import GameStates
from replay.models.card import read_card
from replay.models.history import read_history
from strategies.models.brownian import COEFFICIENTS_FILE
from strategies.models.cli import refit
from strategies.models.fit import fit_brownian


def test_it_finds_the_walk_that_made_the_games(tmp_path: Path) -> None:
    """From 1,500 simulated games the drift and the spread come back, with what the clock hides."""
    text, card = refit(read_history(*write_history(tmp_path, 1_500)))
    fitted = msgspec.json.decode(text)["nba"]
    assert fitted["mu"] == pytest.approx(MU, abs=1.2)
    assert fitted["sigma"] == pytest.approx(SIGMA, rel=0.1)
    assert 0 < fitted["c"] < 3 * C
    assert card.training["nba"].games == 1_500
    held_out, in_sample = card.measured["nba"]
    assert (held_out.fitted_on, held_out.tested_on, held_out.n_games) == ((2021, 2021), (2022, 2022), 750)
    assert (in_sample.fitted_on, in_sample.tested_on) == ((2021, 2022), (2021, 2022))
    assert in_sample.intervals["brier"][0] < in_sample.brier < in_sample.intervals["brier"][1]


def test_the_same_history_gives_the_same_file(tmp_path: Path) -> None:
    """A fit is a function of its data, to the byte."""
    paths = write_history(tmp_path, 60)
    assert refit(read_history(*paths))[0] == refit(read_history(*paths))[0]


def test_what_does_not_determine_the_coefficients_is_refused() -> None:
    """One kind of state, always won: no coefficients follow, and that is said."""
    states = GameStates.from_columns(
        "nba", period=np.full(50, 4), clock_ms=30_000, status=1, home_score=20, away_score=10
    )
    with pytest.raises(GametapeError, match="no Brownian model fits"):
        fit_brownian(states, np.ones(50, np.bool_))


def test_a_refit_on_the_real_history_gives_the_shipped_files() -> None:
    """Fitted again on seasons 2021-2024, coefficients and card come out as shipped, to the byte."""
    if "GAMETAPE_REAL_DATA" not in os.environ:
        pytest.skip("GAMETAPE_REAL_DATA is not set")
    folder = Path(os.environ["GAMETAPE_REAL_DATA"]) / "nba_history"
    text, card = refit(read_history(folder / "games.parquet", folder / "score_timeline.parquet", seasons=(2021, 2024)))
    assert text == files("strategies.models").joinpath(COEFFICIENTS_FILE).read_bytes()
    assert card == read_card("brownian")
    fitted = msgspec.json.decode(text)["nba"]
    assert (round(fitted["mu"], 2), round(fitted["sigma"], 2), round(fitted["c"], 2)) == (2.63, 2.7, 0.19)
