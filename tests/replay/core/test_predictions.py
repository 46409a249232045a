"""The seam of pattern predictors: what they are asked, and what becomes of what they answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count

import numpy as np
import pytest

from replay.core.patterns import ENTRIES, GAME, MARKS, PATTERN_COLUMNS, RECV_NS, SEQ, Mark
from replay.core.predictions import Asked, Forecast, Forecaster, asked_of

ASKED = Asked(seq=7, recv_ns=8, game=0, league="nba", entries=(1, 3), missing=0, prior_u6=-1)


def forecast(point: float = 1.0, lower: float = -5.0, upper: float = 6.0, coverage: float = 0.9) -> Forecast:
    return Forecast(horizon="half", point_forecast=point, interval_lower=lower, interval_upper=upper, coverage=coverage)


class Saying:
    """A predictor that does what it is told."""

    name = "saying"
    leagues = ("nba",)

    def __init__(self, answer: Callable[[Sequence[int], int], tuple[Forecast, ...]]) -> None:
        self.predict = answer


def raising(pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
    raise OSError("no such model")


def ticks() -> Callable[[], int]:
    clock = count(100, 5)
    return lambda: next(clock)


def test_a_prediction_says_what_it_was_made_from() -> None:
    """Entries, prior, seq and game come from the pattern, the latency from the clock handed in."""
    forecaster = Forecaster(Saying(lambda pattern, prior_u6: (forecast(pattern[-1] + prior_u6),)), ticks())
    (made,) = forecaster.see([ASKED])
    assert (made.seq, made.recv_ns, made.game, made.entries, made.prior_u6) == (7, 8, 0, (1, 3), -1)
    assert made.forecasts[0].point_forecast == 2
    assert made.latency_ns == 5
    assert not made.is_complete


def test_only_its_leagues_are_put_to_a_predictor() -> None:
    """A pattern of another league is neither predicted nor counted as a failure."""
    forecaster = Forecaster(Saying(raising), ticks())
    assert forecaster.see([ASKED._replace(league="wnba")]) == ()
    assert forecaster.failures == 0


@pytest.mark.parametrize(
    "answer",
    [
        raising,
        lambda pattern, prior_u6: None,
        lambda pattern, prior_u6: (7,),
        lambda pattern, prior_u6: (forecast(), forecast(point=math.nan)),
        lambda pattern, prior_u6: (forecast(upper=math.inf),),
        lambda pattern, prior_u6: (forecast(lower=2.0),),
        lambda pattern, prior_u6: (forecast(coverage=1.0),),
    ],
)
def test_what_is_no_forecast_is_counted_and_costs_nothing_else(
    answer: Callable[[Sequence[int], int], tuple[Forecast, ...]],
) -> None:
    """A predictor that raises, or answers NaN or a point outside its interval, loses that answer alone."""

    def sometimes(pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
        return (forecast(),) if len(pattern) == 1 else answer(pattern, prior_u6)

    forecaster = Forecaster(Saying(sometimes), ticks())
    made = forecaster.see([ASKED, ASKED._replace(seq=9, entries=(1,))])
    assert [one.seq for one in made] == [9]
    assert forecaster.failures == 1


def test_a_row_of_a_pattern_becomes_a_question() -> None:
    """What lies ahead is cut off, what is missing is counted, league and prior are those of the game."""
    rows = np.zeros((2, len(PATTERN_COLUMNS)), np.int64)
    rows[0, [SEQ, RECV_NS, GAME]] = (4, 40, 1)
    rows[0, ENTRIES] = np.arange(18)
    rows[0, MARKS] = Mark.AHEAD
    rows[0, MARKS.start : MARKS.start + 5] = (Mark.MISSING, Mark.MISSING, Mark.SEEN, Mark.CARRIED, Mark.SEEN)
    asked = asked_of(rows, ["nhl", "nba"], [-1, 600_000])
    assert asked[0] == Asked(4, 40, 1, "nba", (0, 1, 2, 3, 4), 2, 600_000)
    assert asked[1].entries == (0,) * 18
    assert asked[1].league == "nhl"
