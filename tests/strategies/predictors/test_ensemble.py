"""The ensemble as it ships: what it says, what it costs to load, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files

import msgspec
import numpy as np
import pytest

from recorder.errors import CorruptError
from replay.core.predictions import Forecast
from strategies.predictors.ensemble import ENSEMBLE_FILE, MEMBERS, Ensemble, EnsembleFile, load

FOLDER = files("strategies.predictors")
FITTED = msgspec.json.decode(FOLDER.joinpath(ENSEMBLE_FILE).read_bytes(), type=EnsembleFile)
DATA = {name: FOLDER.joinpath(name).read_bytes() for name in FITTED.files}
PATTERN = (2, 2, 5, 3, 3, 6, 8, 8, 11, 9, 9, 7, 10, 12, 12, 14, 11, 12)


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return load()


def test_loaded_twice_it_says_the_same(ensemble: Ensemble) -> None:
    """The same entries and prior give the same forecasts, whatever was asked before."""
    ensemble.predict((-3,), 400_000)
    assert ensemble.predict(PATTERN, 640_000) == load().predict(PATTERN, 640_000)


@pytest.mark.parametrize("prior_u6", [-1, 640_000])
@pytest.mark.parametrize("minutes", range(1, 19))
def test_a_forecast_holds_together(ensemble: Ensemble, minutes: int, prior_u6: int) -> None:
    """At every minute: both horizons, the point in the middle of its interval, and equal to the weighted members."""
    said = ensemble.predict(PATTERN[:minutes], prior_u6)
    assert [forecast.horizon for forecast in said] == ["half", "final"]
    for forecast in said:
        explained = forecast.explanation
        assert forecast.coverage == FITTED.coverage
        middle = (forecast.interval_lower + forecast.interval_upper) / 2
        assert middle == pytest.approx(forecast.point_forecast, abs=2e-3)
        assert sum(explained.ensemble.values()) == pytest.approx(1)
        mixed = sum(weight * getattr(explained, name) for name, weight in explained.ensemble.items())
        assert mixed == pytest.approx(forecast.point_forecast, abs=2e-3)
        distances = [one.distance for one in explained.neighbours]
        assert len(distances) == 10
        assert distances == sorted(distances)
    assert said[0].interval_upper - said[0].interval_lower < said[1].interval_upper - said[1].interval_lower


def test_weights_are_by_horizon_and_by_what_is_known() -> None:
    """Weights that differ reach the forecast they were fitted for."""
    weights = {"half": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), "final": ((0.0, 0.0, 1.0), (0.25, 0.25, 0.5))}
    mixed = Ensemble(msgspec.structs.replace(FITTED, weights=weights), DATA)

    def counted(forecast: Forecast) -> list[float]:
        return [forecast.explanation.ensemble[name] for name in MEMBERS]

    assert [counted(one) for one in mixed.predict(PATTERN, -1)] == [[1, 0, 0], [0, 0, 1]]
    half, final = mixed.predict(PATTERN, 640_000)
    assert [counted(half), counted(final)] == [[0, 1, 0], [0.25, 0.25, 0.5]]
    assert half.point_forecast == half.explanation.dejavu


def test_a_favourite_is_expected_to_do_better(ensemble: Ensemble) -> None:
    """From the same pattern the final margin rises with the prior."""
    finals = [ensemble.predict(PATTERN, prior_u6)[1].point_forecast for prior_u6 in (200_000, 500_000, 800_000)]
    assert finals == sorted(finals)
    assert finals[2] - finals[0] > 3


def test_a_neighbour_is_a_game_that_was_played(ensemble: Ensemble) -> None:
    """Asked with the pattern of a game of the past, the nearest is that game, by name, with what happened next."""
    past = ensemble._dejavu.past
    game = 4_321
    half, _ = ensemble.predict(past.patterns[game].tolist(), int(past.prior_u6[game]))
    nearest = half.explanation.neighbours[0]
    assert (nearest.game_id, nearest.date) == (past.game_ids[game], past.dates[game])
    assert (nearest.home, nearest.away) == (past.home[game], past.away[game])
    assert (nearest.half_margin, nearest.final_margin) == tuple(past.margins[game])
    assert nearest.distance == 0


@pytest.mark.parametrize("pattern", [(), (0,) * 19])
def test_what_is_no_pattern_is_refused(ensemble: Ensemble, pattern: tuple[int, ...]) -> None:
    """Nothing to go on, or more than 18 entries."""
    with pytest.raises(ValueError, match="entries"):
        ensemble.predict(pattern, -1)


@pytest.mark.parametrize("name", sorted(FITTED.files))
def test_another_file_than_the_one_it_was_fitted_with_is_refused(name: str) -> None:
    """One changed byte is noticed by name."""
    changed = bytearray(DATA[name])
    changed[-1] ^= 1
    with pytest.raises(CorruptError, match=name):
        Ensemble(FITTED, {**DATA, name: bytes(changed)})


def test_asking_needs_none_of_what_fitting_needs() -> None:
    """A process that predicts imports no scikit-learn, MAPIE, PyTorch or polars."""
    script = (
        "import sys; from strategies.predictors.ensemble import load; load().predict((1, 2), -1); "
        "print(sorted({'sklearn', 'mapie', 'torch', 'polars', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_shape_is_what_it_should_be() -> None:
    """Two horizons, known or not, eighteen minutes; widths are positive and wider the longer there is to play."""
    assert np.array(FITTED.linear).shape == (2, 2, 18, 3)
    widths = np.array(FITTED.widths)
    assert widths.shape == (2, 2, 18, 3)
    assert (widths > 0).all()
    assert (widths[:, :, 0].mean(axis=-1) > widths[:, :, 17].mean(axis=-1)).all()
    assert np.array(FITTED.edges).shape == (18, 2)
