"""Fitting ratings, and priors walked through a history."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recorder.errors import UsageError
from replay.calibration import judge
from replay.core.models import NO_MODEL
from replay.models.history import read_history
from strategies.models.rating import RATINGS_FILE, Games
from strategies.models.rating_fit import fit_ratings, priors_of


@dataclass
class Nights:
    """A history without its scores."""

    games: Games | None
    league: str = "nba"

    def played(self) -> Games | None:
        return self.games

    def __len__(self) -> int:
        return 380


def simulated(seasons: int, seed: int = 5) -> Games:
    """Return simulated seasons of 20 teams whose strengths are drawn once; every pair meets twice a season."""
    generator = np.random.default_rng(seed)
    codes = [f"T{number:02}" for number in range(20)]
    strength = dict(zip(codes, generator.normal(0, 6, len(codes)), strict=True))
    pairs = [(home, away) for home in codes for away in codes if home != away]
    rows = []
    for season in range(2021, 2021 + seasons):
        for number, pair in enumerate(generator.permutation(len(pairs)).tolist()):
            home, away = pairs[pair]
            margin = round(strength[home] - strength[away] + 3 + generator.normal(0, 12)) or 1
            rows.append((season, season * 10_000 + 101 + number, home, away, margin))
    return Games(*(list(column) for column in zip(*rows, strict=True)))


def test_ratings_find_who_is_better() -> None:
    """From two simulated seasons, the priors of the third beat a coin by far, and its games go on from the ratings."""
    whole = simulated(3)
    earlier, last = (Games(*(column[part] for column in whole)) for part in (slice(760), slice(760, None)))
    rated = fit_ratings(Nights(earlier))
    assert (rated.season, rated.through, len(rated.teams)) == (2022, 20220101 + 379, 20)
    assert rated.rule.home == pytest.approx(3, abs=1)
    won = np.array(last.margins) > 0
    priors = priors_of(Nights(last), rated)
    assert judge(priors, won, np.arange(len(won)), seed=1).brier < 0.215
    assert priors[0] != priors_of(Nights(whole), rated)[0]
    assert np.abs(priors - priors_of(Nights(whole), rated)[760:]).max() <= 1


def test_games_that_the_ratings_have_seen_are_walked_from_the_start() -> None:
    """Ratings that end after a game know its result: they lend their rule, not their numbers."""
    games = simulated(1)
    rated = fit_ratings(Nights(games))
    strangers = msgspec.structs.replace(rated, teams={})
    assert priors_of(Nights(games), rated).tolist() == priors_of(Nights(games), strangers).tolist()


def test_a_game_without_teams_has_no_prior() -> None:
    """Where nobody is named nothing is said; a history that names nobody at all cannot be rated."""
    games = simulated(1)
    rated = fit_ratings(Nights(games))
    games.homes[3] = ""
    priors = priors_of(Nights(games), rated)
    assert np.flatnonzero(priors == NO_MODEL).tolist() == [3]
    assert set(priors_of(Nights(None), rated).tolist()) == {NO_MODEL}
    with pytest.raises(UsageError, match="cannot be rated"):
        fit_ratings(Nights(None))
    with pytest.raises(UsageError, match="no ratings"):
        priors_of(Nights(games), None)


def test_a_refit_on_the_real_history_gives_the_shipped_ratings() -> None:
    """Fitted again on seasons 2021-2024, the ratings come out as shipped, to the byte."""
    if "GAMETAPE_REAL_DATA" not in os.environ:
        pytest.skip("GAMETAPE_REAL_DATA is not set")
    folder = Path(os.environ["GAMETAPE_REAL_DATA"]) / "nba_history"
    history = read_history(folder / "games.parquet", folder / "score_timeline.parquet", seasons=(2021, 2024))
    text = msgspec.json.format(msgspec.json.encode({"nba": fit_ratings(history)}), indent=2) + b"\n"
    assert text == files("strategies.models").joinpath(RATINGS_FILE).read_bytes()
