"""Dejavu: nearest games and the file they are in."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from simulated_examples import simulated_examples

from strategies.predictors.dejavu import Dejavu, DejavuSettings, read_past, write_past
from strategies.predictors.examples import Floats, log_odds

PAST = simulated_examples(300, known=0.7)
SETTINGS = DejavuSettings(k=7, decay=0.8, strength_points=5.0)


def slow_distances(pattern: Floats, strength: float) -> list[float]:
    """The definition, entry by entry."""
    found = []
    n = len(pattern)
    for game in range(len(PAST)):
        weights = [0.8 ** (n - 1 - k) for k in range(n)]
        apart = sum(w * (pattern[k] - PAST.patterns[game, k]) ** 2 for k, w in enumerate(weights)) / sum(weights)
        other = log_odds(PAST.prior_u6)[game]
        if not (np.isnan(strength) or np.isnan(other)):
            apart += (5.0 * (strength - other)) ** 2
        found.append(float(np.sqrt(apart)))
    return found


@pytest.mark.parametrize("strength", [0.4, np.nan])
@pytest.mark.parametrize("minutes", [1, 7, 18])
def test_the_nearest_games_are_those_of_the_definition(minutes: int, strength: float) -> None:
    """Distances, order and names equal the definition, for patterns complete or not, strength known or not."""
    dejavu = Dejavu(PAST, SETTINGS)
    pattern = simulated_examples(5, seed=9).patterns[4, :minutes].astype(np.float64)
    distances = slow_distances(pattern, strength)
    nearest = sorted(range(len(PAST)), key=lambda k: (round(distances[k], 9), k))
    named = dejavu.neighbours(pattern, strength, 10)
    if len({round(distances[k], 9) for k in nearest[:11]}) == 11:  # else any of those alike may be among the ten
        assert [one.game_id for one in named] == [PAST.game_ids[k] for k in nearest[:10]]
    assert [one.distance for one in named] == pytest.approx([distances[k] for k in nearest[:10]], abs=1e-3)
    first = PAST.game_ids.index(named[0].game_id)
    assert (named[0].home, named[0].away, named[0].date) == (PAST.home[first], PAST.away[first], PAST.dates[first])
    assert (named[0].half_margin, named[0].final_margin) == tuple(PAST.margins[first])


def test_the_forecast_is_what_the_nearest_added() -> None:
    """The lead plus the mean of what the k nearest games added to theirs."""
    pattern = PAST.patterns[11, :9].astype(np.float64)
    distances = slow_distances(pattern, np.nan)
    nearest = sorted(range(len(PAST)), key=lambda k: distances[k])[: SETTINGS.k]
    assert distances[nearest[-1]] < sorted(distances)[SETTINGS.k]  # no tie for the last place
    added = np.mean([PAST.margins[k] - PAST.patterns[k, 8] for k in nearest], axis=0)
    said = Dejavu(PAST, SETTINGS).margins(pattern[None], np.array([np.nan]))
    assert said[0] == pytest.approx(pattern[-1] + added)


def test_a_season_at_once_says_the_same_as_game_by_game() -> None:
    """The size of a batch changes nothing."""
    asked = simulated_examples(600, seed=5, known=0.5)
    patterns, strength = asked.patterns.astype(np.float64), log_odds(asked.prior_u6)
    dejavu = Dejavu(PAST, SETTINGS)
    together = dejavu.margins(patterns, strength)
    for k in (0, 255, 256, 599):
        assert dejavu.margins(patterns[k : k + 1], strength[k : k + 1])[0] == pytest.approx(together[k])


def test_fewer_games_than_neighbours() -> None:
    """A short past names all it has."""
    dejavu = Dejavu(PAST.where(np.arange(300) < 4), SETTINGS)
    assert len(dejavu.neighbours(np.array([3.0]), np.nan, 10)) == 4
    assert np.isfinite(dejavu.margins(np.array([[3.0]]), np.array([np.nan]))).all()


def test_the_past_is_read_as_it_was_written() -> None:
    """Every column comes back, and the same games make the same bytes."""
    back = read_past(write_past(PAST))
    for name in ("seasons", "dates", "patterns", "margins", "prior_u6"):
        assert np.array_equal(getattr(back, name), getattr(PAST, name))
    assert (back.game_ids, back.home, back.away) == (PAST.game_ids, PAST.home, PAST.away)
    assert write_past(back) == write_past(PAST)


def test_what_does_not_fit_is_refused() -> None:
    """A margin beyond a byte is no margin, and a file with objects in it is not opened."""
    with pytest.raises(ValueError, match="127"):
        write_past(replace(PAST, margins=PAST.margins + 200))
    out = io.BytesIO()
    np.savez(out, points=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_past(out.getvalue())
