"""Stacking and fitting."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import numpy as np
import pytest
from simulated_examples import simulated_examples

from recorder.errors import GametapeError
from strategies.predictors.ensemble import ENSEMBLE_FILE, NETWORK_FILE, PAST_FILE, Ensemble, EnsembleFile
from strategies.predictors.examples import Examples
from strategies.predictors.fit import fit_ensemble, stacked

NETWORK = files("strategies.predictors").joinpath(NETWORK_FILE).read_bytes()


def test_a_member_that_only_adds_noise_has_no_weight() -> None:
    """Where the second member is the first with errors of its own, the first stands alone."""
    generator = np.random.default_rng(0)
    margins = generator.normal(0, 10, 2_000)
    first = margins + generator.normal(0, 5, 2_000)
    noisy = first + generator.normal(0, 3, 2_000)
    assert stacked(np.stack([first, noisy]), margins) == (1.0, 0.0)


def test_members_that_err_apart_share_the_weight() -> None:
    """Three equally good members with independent errors count about alike."""
    generator = np.random.default_rng(1)
    margins = generator.normal(0, 10, 4_000)
    said = margins + generator.normal(0, 5, (3, 4_000))
    weights = stacked(said, margins)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0.2


def test_only_the_member_that_helps_stays() -> None:
    """Of two companions the useless one goes and the useful one stays, whatever their order."""
    generator = np.random.default_rng(2)
    margins = generator.normal(0, 10, 4_000)
    good, other = margins + generator.normal(0, 5, (2, 4_000))
    noise = good + generator.normal(0, 8, 4_000)
    assert stacked(np.stack([good, noise, other]), margins)[1] == 0
    assert stacked(np.stack([good, other, noise]), margins)[2] == 0
    assert stacked(np.stack([good, other, noise]), margins)[1] > 0.3


def test_the_first_member_stays_whatever_comes() -> None:
    """A better second member takes weight, but nothing pushes out the first by force."""
    generator = np.random.default_rng(3)
    margins = generator.normal(0, 10, 2_000)
    weights = stacked(np.stack([generator.normal(0, 10, 2_000), margins]), margins)
    assert weights == (0.0, 1.0)


EXAMPLES = simulated_examples(240)


@pytest.fixture(scope="module")
def trained_on() -> list[set[str]]:
    return []


@pytest.fixture(scope="module")
def fitted(trained_on: list[set[str]]) -> dict[str, bytes]:
    def pretended(examples: Examples, seed: int) -> bytes:
        """Stand in for the training: the network that ships, whatever the games."""
        assert seed == 5
        trained_on.append(set(examples.game_ids))
        return NETWORK

    return fit_ensemble(EXAMPLES, ["nba"], pretended, 5)


def test_a_fit_is_an_ensemble_that_covers_what_it_says(fitted: dict[str, bytes]) -> None:
    """Its files make an ensemble, and its 90 % intervals hold about nine of ten new games of the same making."""
    assert sorted(fitted) == sorted([ENSEMBLE_FILE, PAST_FILE, NETWORK_FILE])
    made = Ensemble(msgspec.json.decode(fitted[ENSEMBLE_FILE], type=EnsembleFile), fitted)
    fresh = simulated_examples(400, seed=77)
    within = np.zeros((len(fresh), 2))
    for game, pattern in enumerate(fresh.patterns.tolist()):
        for number, said in enumerate(made.predict(pattern, int(fresh.prior_u6[game]))):
            within[game, number] = said.interval_lower <= fresh.margins[game, number] <= said.interval_upper
    assert within.mean(axis=0) == pytest.approx(0.9, abs=0.06)


def test_what_is_left_out_is_left_out(fitted: dict[str, bytes], trained_on: list[set[str]]) -> None:
    """Each season is forecast by members that have not seen it; what ships has seen all."""
    both = set(EXAMPLES.game_ids)
    first = set(EXAMPLES.where(EXAMPLES.seasons == 2021).game_ids)
    assert sorted(map(sorted, trained_on)) == sorted(map(sorted, [first, both - first, both]))


def test_one_season_is_not_enough() -> None:
    """Nothing could be left out."""
    with pytest.raises(GametapeError, match="1 seasons"):
        fit_ensemble(EXAMPLES.where(EXAMPLES.seasons == 2021), ["nba"], lambda *_: NETWORK, 5)
