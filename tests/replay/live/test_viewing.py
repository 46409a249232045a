"""A viewing shows what the night knew: at every moment what a live engine's board showed, by whatever way one came."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from recorder.tape.reader import open_tape
from replay.core.predictions import Forecast, Forecaster
from replay.film import build_film
from replay.live.board import Board
from replay.live.decisions import LiveConfig
from replay.live.facts import Batch
from replay.live.observe import Observer
from replay.live.viewing import Viewing

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"
GAME = "nba:401879700"
CHUNK = 500


class Doubling:
    """A predictor that says twice the lead, give or take ten."""

    name = "doubling"
    leagues = ("nba",)

    def predict(self, pattern: Sequence[int], prior_u6: int) -> tuple[Forecast, ...]:
        """Return one forecast of the end."""
        del prior_u6
        point = 2.0 * pattern[-1]
        shared = {"point_forecast": point, "interval_lower": point - 10, "interval_upper": point + 10, "coverage": 0.9}
        return tuple(Forecast(horizon=horizon, **shared) for horizon in ("half", "final"))


@pytest.fixture(scope="module")
def film():
    return build_film(open_tape(SAMPLE))


@pytest.fixture(scope="module")
def viewing(film):
    return Viewing(film, LiveConfig(), Forecaster(Doubling(), lambda: 0))


@pytest.fixture(scope="module")
def moments(viewing):
    """A dozen moments over the night."""
    first, last = int(viewing.tape.first_ns), int(viewing.tape.last_ns)
    return [first + (last - first) * k // 12 for k in range(13)]


def test_a_moment_is_what_a_live_board_showed(film, moments):
    """An engine that is fed the tape's envelopes until then, and looked at as live, says the same of every game."""
    silent = Viewing(film, LiveConfig())
    engine, observer, board = LiveConfig().engine(), Observer(), Board()
    envelopes = list(open_tape(SAMPLE).read())
    times = [envelope.recv_ns for envelope in envelopes]
    done = 0
    for at_ns in moments:
        until = bisect_right(times, at_ns)
        for first in range(done, until, CHUNK):
            part = envelopes[first : min(first + CHUNK, until)]
            observer.note(engine.feed(part))
            board.apply(Batch(0, part[-1].recv_ns, observer.look(engine)))
        done = until
        live = {state.game_id: state for state in board.states(at_ns)}
        shown = {state.game_id: state for state in silent.moment(at_ns).games}
        assert {game_id: shown[game_id] for game_id in live} == live
        assert len(live) == 3 or at_ns == moments[0]


def test_the_way_to_a_moment_does_not_matter(viewing, moments):
    """Forward in steps, in one leap, or back from the end: the same answer, to the byte."""
    stepped = [msgspec.json.encode(viewing.moment(at_ns)) for at_ns in moments]
    back = [msgspec.json.encode(viewing.moment(at_ns)) for at_ns in reversed(moments)]
    assert back[::-1] == stepped
    viewing.moment(moments[0])
    assert msgspec.json.encode(viewing.moment(moments[-1])) == stepped[-1]


def test_the_prior_is_the_price_of_the_last_moment_before_the_game(viewing):
    """However far the leap over the start was, the prior is the mid that stood then."""
    first_ns, begin_ns, last_ns = (
        int(at) for at in (viewing.tape.first_ns, viewing.tape.begin_ns, viewing.tape.last_ns)
    )
    before = {state.game_id: state for state in viewing.moment(begin_ns - 1).games}
    viewing.moment(first_ns)
    after = {state.game_id: state for state in viewing.moment(last_ns).games}
    (first,) = [one for one in viewing.moment(begin_ns).games if one.status == "live"]
    assert before[first.game_id].status == "scheduled"
    assert before[first.game_id].prior_home_u6 is None
    assert after[first.game_id].prior_home_u6 == before[first.game_id].tokens.home.mid_u6


def test_predictions_come_when_their_minute_was_complete(viewing):
    """Of the end, one for each of 18 minutes; the state of a moment holds the latest, and none before the first."""
    rows = viewing.history(GAME, 100).series.prediction
    assert len(rows) == 18
    for at, low, point, high in rows:
        assert (low, high) == (point - 10, point + 10)
        (state,) = [one for one in viewing.moment(int(at)).games if one.game_id == GAME]
        assert state.prediction.recv_ns == at
        assert point == 2 * state.pattern.entries[-1]
    (before,) = [one for one in viewing.moment(int(rows[0][0]) - 1).games if one.game_id == GAME]
    assert before.prediction is None


def test_nothing_of_a_moment_is_from_later(viewing, moments):
    """No time in an answer lies after the moment, and its signals are the newest until then, newest first."""
    for at_ns in moments:
        answer = viewing.moment(at_ns)
        seen = [int(state.recv_ns) for state in answer.games if state.recv_ns]
        told = [int(signal.recv_ns) for signal in answer.signals]
        assert max([*seen, *told], default=0) <= at_ns
        assert told == sorted(told, reverse=True)
        all_told = [int(one.recv_ns) for one in viewing.signals(5_000)]
        assert len(told) == min(sum(at <= at_ns for at in all_told), 100)


def test_a_course_is_thin_and_whole(viewing):
    """No series has more points than asked for, times never fall, the last score is the final one."""
    for points in (10, 200, 5_000):
        course = viewing.history(GAME, points)
        for name in ("score", "mid_home_u6", "spread_u6", "model_home_u6", "clock"):
            rows = getattr(course.series, name)
            times = [int(row[0]) for row in rows]
            assert 1 < len(rows) <= points
            assert times == sorted(times)
        (state,) = [one for one in viewing.games().games if one.game_id == GAME]
        assert course.series.score[-1][1:] == (state.home_score, state.away_score)
    assert [row[0] for row in course.series.mid_home_u6] == [row[0] for row in course.series.spread_u6]
    assert course.gaps


def test_a_course_meets_its_moments(viewing):
    """Market and model of the course are those of the moment at which they changed."""
    course = viewing.history(GAME, 5_000)
    for row, spread in list(zip(course.series.mid_home_u6, course.series.spread_u6, strict=True))[40::300]:
        (state,) = [one for one in viewing.moment(int(row[0])).games if one.game_id == GAME]
        book = state.tokens.home
        assert (row[1], spread[1]) == (book.mid_u6, None if book.mid_u6 is None else book.ask_u6 - book.bid_u6)
    for at, fair in course.series.model_home_u6[5::60]:
        (state,) = [one for one in viewing.moment(int(at)).games if one.game_id == GAME]
        assert state.model_home_u6 == fair


def test_an_unknown_game_has_no_course(viewing):
    """It raises KeyError, which the server says as 404."""
    with pytest.raises(KeyError):
        viewing.history("nba:404", 100)
