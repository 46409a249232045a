"""One meaning of predictions too: by tape or by film, one envelope or all at once, in the background or at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from reel import Reel
from script import Score, Script

from replay.backtest import replay_film, replay_tape
from replay.core.engine import Engine
from replay.core.predictions import Forecast, Prediction, Predictor
from replay.film import build_film
from replay.find import load_strategy
from replay.live.forecasts import BackgroundForecaster
from replay.models import load_model
from replay.predictors import load_predictor
from replay.settings import Setting, cell_params

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def night() -> Reel:
    """One game's scoreboard every twenty seconds of play, from before tip-off to half-time; two minutes are missing."""
    script = Script().plan().scores(Score(state="pre"))
    for elapsed in range(0, 24 * 60 + 1, 20):
        script.wait(20)
        if 400 < elapsed < 520:
            continue
        period = min(elapsed // 720 + 1, 2)
        left = period * 720 - elapsed
        home, away = elapsed // 37, (elapsed + 300) // 41
        script.scores(Score(home, away, clock=f"{left // 60}:{left % 60:02}", period=period)).pulse()
    return Reel(script.envelopes)


def ideas() -> tuple:
    return load_strategy("fusion"), load_model("brownian")


def rounded(predictions: Iterable[Prediction]) -> list[tuple[object, ...]]:
    """What was said, to a thousandth, without how long it took."""
    return [
        (
            *(one.seq, one.recv_ns, one.game, one.entries, one.missing, one.prior_u6),
            *(
                (said.horizon, *(round(x, 3) for x in (said.point_forecast, said.interval_lower, said.interval_upper)))
                for said in one.forecasts
            ),
            tuple(neighbour.game_id for neighbour in one.forecasts[0].explanation.neighbours),
        )
        for one in predictions
    ]


def test_predictions_are_the_same_however_the_tape_is_played(night: Reel) -> None:
    """By film, by tape in pieces of any size, and live with the predictor in the background."""
    predictor = load_predictor("ensemble")
    by_film = replay_film(build_film(night), *ideas(), Setting(), predictor=predictor)
    said = rounded(by_film.predictions)
    assert {one.prior_u6 for one in by_film.predictions} - {-1}
    minutes = [len(one.entries) for one in by_film.predictions]
    assert minutes == [1, 2, 3, 4, 5, 6, 8, *range(9, 19)]
    assert [one.is_complete for one in by_film.predictions].count(True) == len(by_film.patterns) == 1
    for chunk in (1, 7, 10**6):
        by_tape = replay_tape(night, *ideas(), Setting(), chunk=chunk, predictor=predictor)
        assert rounded(by_tape.predictions) == said
    beside = BackgroundForecaster(lambda: predictor, lambda: 0)
    engine = Engine(*ideas(), cell_params([Setting()])[1], forecaster=beside)
    live = [one for envelope in night.envelopes for one in engine.step(envelope).predictions]
    live += beside.drain(LIMIT_S)
    beside.close()
    assert rounded(live) == said


def test_what_is_predicted_decides_nothing(night: Reel) -> None:
    """With the ensemble, with none, and with a predictor that always raises, the digest is the same; failures count."""

    class Raising:
        name = "raising"
        leagues = ("nba",)

        def predict(self, pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
            raise ZeroDivisionError

    def played(predictor: Predictor | None) -> tuple[str, int, int, str | None]:
        by_film = replay_film(build_film(night), *ideas(), Setting(), predictor=predictor)
        by_tape = replay_tape(night, *ideas(), Setting(), predictor=predictor)
        assert by_tape.summary() == by_film.summary()
        assert replace(by_tape, predictions=()).digest() == by_tape.digest()
        return by_film.digest(), len(by_film.predictions), by_film.prediction_failures, by_film.predictor

    digest, _, _, _ = played(None)
    assert played(None) == (digest, 0, 0, None)
    assert played(load_predictor("ensemble")) == (digest, 17, 0, "ensemble")
    assert played(Raising()) == (digest, 0, 17, "raising")
