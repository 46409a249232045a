"""A predictor beside the live engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from replay.core.predictions import Asked, Forecast, Forecaster
from replay.live.forecasts import BackgroundForecaster, forecasting

LIMIT_S = 30.0


def asked(seq: int) -> Asked:
    return Asked(seq=seq, recv_ns=seq, game=0, league="nba", entries=(seq, seq + 1), missing=0, prior_u6=-1)


class Adding:
    """Forecasts the last entry, as soon as it is let go; raises on 13."""

    name = "adding"
    leagues = ("nba",)

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()

    def predict(self, pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
        self.begun.set()
        assert self.go.wait(LIMIT_S)
        if pattern[0] == 13:
            raise LookupError("no luck")
        last = pattern[-1]
        return (
            Forecast(
                horizon="half", point_forecast=last, interval_lower=last - 1, interval_upper=last + 1, coverage=0.9
            ),
        )


@pytest.fixture
def predictor() -> Iterator[Adding]:
    made = Adding()
    yield made
    made.go.set()


def test_predictions_are_those_made_at_once(predictor: Adding) -> None:
    """In the background the same predictor says the same, in the same order, and its failure costs one answer."""
    predictor.go.set()
    questions = [asked(seq) for seq in (1, 2, 13, 4)]
    beside = BackgroundForecaster(lambda: predictor, lambda: 0)
    made = [*beside.see(questions), *beside.drain(LIMIT_S)]
    beside.close()
    assert tuple(made) == Forecaster(predictor, lambda: 0).see(questions)
    assert [one.seq for one in made] == [1, 2, 4]
    assert beside.failures == 1


def test_a_predictor_that_hangs_holds_nobody_up(predictor: Adding) -> None:
    """While it hangs patterns are taken, the oldest are given up and counted; when it goes on the rest is predicted."""
    beside = BackgroundForecaster(lambda: predictor, lambda: 0, waiting_max=3)
    assert beside.see([asked(0)]) == ()
    assert predictor.begun.wait(LIMIT_S)
    for seq in range(20, 30):
        assert beside.see([asked(seq)]) == ()
    assert beside.failures == 7
    predictor.go.set()
    assert [one.seq for one in beside.drain(LIMIT_S)] == [0, 27, 28, 29]
    beside.close()


def test_a_predictor_that_cannot_be_loaded_is_counted() -> None:
    """It says why, each pattern counts as a failure, and nothing else happens."""
    with forecasting("no such predictor", lambda: 0) as beside:
        assert beside is not None
        assert beside.see([asked(1), asked(2)]) == ()
        assert beside.drain(LIMIT_S) == ()
        assert beside.failures == 2
        assert "no predictor" in beside.why


def test_no_name_is_no_forecaster() -> None:
    """Without a predictor there is nothing to ask."""
    with forecasting(None, lambda: 0) as beside:
        assert beside is None
