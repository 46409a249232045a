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
from replay.models.card import card_text, read_card
from replay.models.history import read_history
from strategies.models.brownian import COEFFICIENTS_FILE
from strategies.models.cli import refit
from strategies.models.fit import PUBLISHED, fit_brownian
from strategies.models.rating import RATINGS_FILE


def test_it_finds_the_walk_that_made_the_games(tmp_path: Path) -> None:
    """From 1,500 simulated games the drift and the spread come back, with what the clock hides."""
    made, card = refit(read_history(*write_history(tmp_path, 1_500)))
    fitted = msgspec.json.decode(made[COEFFICIENTS_FILE])["nba"]
    assert fitted["mu"] == pytest.approx(MU, abs=1.2)
    assert fitted["alone"]["sigma"] == pytest.approx(SIGMA, rel=0.1)
    assert 0 < fitted["alone"]["c"] < 3 * C
    assert abs(fitted["alone"]["ball"]) < 0.5
    assert "told" not in fitted
    assert msgspec.json.decode(made[RATINGS_FILE]) == {}
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
    made, card = refit(read_history(folder / "games.parquet", folder / "score_timeline.parquet", seasons=(2021, 2024)))
    for name, text in made.items():
        assert text == files("strategies.models").joinpath(name).read_bytes()
    assert card == read_card("brownian")
    fitted = msgspec.json.decode(made[COEFFICIENTS_FILE])["nba"]
    assert fitted["mu"] == pytest.approx(2.62, abs=0.01)
    for walk in (fitted["alone"], fitted["told"]):
        assert walk["ball"] == pytest.approx(0.52, abs=0.01)  # half of what a possession scores


def test_the_card_keeps_what_was_promised() -> None:
    """Out of sample the prior lowers the Brier score by 0.006 and more, and the interval by game excludes zero."""
    untold, told = read_card("brownian").measured["nba"][:2]
    assert (untold.priors, told.priors) == ("none", "ratings")
    assert (told.fitted_on, told.tested_on) == ((2021, 2023), (2024, 2024))
    assert told.gain is not None
    gain, low, high = told.gain
    assert gain == pytest.approx(untold.brier - told.brier, abs=2e-6)
    assert gain >= 0.006
    assert 0 < low < gain < high
    assert untold.brier <= 0.1686


def test_published_leagues_say_their_source() -> None:
    """Every league that nobody fitted is named on the card with where its constants come from."""
    card = read_card("brownian")
    assert card.published == {league: found.source for league, found in PUBLISHED.items()}
    assert all(card.published.values())
    assert "uncalibrated" in card_text(card)
