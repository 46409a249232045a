from __future__ import annotations

import random
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from scored import film_of, number_of, simulated, truth
from script import S, Score, Script

from recorder.errors import UsageError
from replay.bounds import with_bounds, with_event_times
from replay.core.rows import STATE_COLUMNS
from replay.counterfactual import PollPlan, refuse_unanswerable, seen_by
from replay.eventstates import delay_weights, event_series, require_event_times
from replay.film import Film
from replay.scoretimes import score_changes
from replay.settings import Bound, Setting, View

HOME, AWAY, GAME, SOURCE = (STATE_COLUMNS.index(name) for name in ("home", "away", "game", "source"))
FAST = 1_000
Seen = dict[tuple[int, int, int], int]


@pytest.fixture(scope="module")
def nights() -> tuple[object, Film, Film]:
    """The same simulated night polled every ten seconds and every second."""
    plan, slow = simulated(5, live_s=10)
    _, fast = simulated(5, live_s=1)
    return plan, slow, fast


def first_seen(film: Film, game: int, view: View) -> Seen:
    """When a view first saw each score of a game: (source, home, away) to time."""
    timeline, states = seen_by(film, [view], PollPlan())
    seen: Seen = {}
    for at_ns, state in zip(timeline.at_ns.tolist(), states[timeline.state].tolist(), strict=True):
        if state[GAME] == game:
            seen.setdefault((state[SOURCE], state[HOME], state[AWAY]), at_ns)
    return seen


def view(bound: Bound, phase: int = 0) -> View:
    return View(FAST, phase, 0, bound)


def test_a_fast_plan_on_a_slow_recording_lies_between_its_bounds(nights) -> None:
    """No score is seen before the optimistic answer sees it, nor after the pessimistic one does."""
    plan, slow, _ = nights
    for index in range(2):
        game = number_of(slow, plan, index)
        early, told, late = (
            first_seen(slow, game, view(bound)) for bound in (Bound.EVENTS_OPTIMISTIC, Bound.EVENTS, Bound.PESSIMISTIC)
        )
        both = late.keys() & told.keys()
        assert len(both) > 150
        assert all(early[key] <= told[key] <= late[key] for key in both)
        # What happened between two recorded polls is seen too.
        assert late.keys() <= told.keys()
        assert len(told) > len(late)


def test_the_optimistic_answer_of_event_times_is_tighter(nights) -> None:
    """A score is not shown before it happened, however long ago the poll before it was."""
    plan, slow, _ = nights
    game = number_of(slow, plan, 0)
    plain, tight = (first_seen(slow, game, view(bound)) for bound in (Bound.OPTIMISTIC, Bound.EVENTS_OPTIMISTIC))
    both = plain.keys() & tight.keys()
    assert sum(tight[key] - plain[key] for key in both) > len(both) * S


def test_it_is_what_a_fast_recording_of_the_same_night_shows(nights) -> None:
    """Held against the night polled every second: within the bounds, and closer than the slow recording by far."""
    plan, slow, fast = nights
    errors: dict[Bound, list[int]] = {Bound.EVENTS: [], Bound.PESSIMISTIC: []}
    for index in range(2):
        game = number_of(slow, plan, index)
        real = first_seen(fast, number_of(fast, plan, index), View(FAST))
        early = first_seen(slow, game, view(Bound.EVENTS_OPTIMISTIC))
        late = first_seen(slow, game, view(Bound.PESSIMISTIC))
        for bound, found in errors.items():
            told = first_seen(slow, game, view(bound))
            found += [abs(told[key] - real[key]) for key in real.keys() & told.keys()]
        both = real.keys() & early.keys() & late.keys()
        # a poll of the plan is up to an interval and a trip after the moment at which the score can be seen
        slack_ns = (FAST + 500) * 1_000_000
        assert all(early[key] - slack_ns <= real[key] <= late[key] + slack_ns for key in both)
    assert median(errors[Bound.EVENTS]) < median(errors[Bound.PESSIMISTIC]) / 2


def test_nothing_is_seen_before_its_event_and_its_delay(nights) -> None:
    """At a simulated poll a score is there only if its latest possible time and some delay have passed."""
    plan, slow, _ = nights
    for index in range(2):
        game = number_of(slow, plan, index)
        scores = [(one.home, one.away) for one in score_changes(slow, game)]
        changes = [one for one in score_changes(slow, game) if scores.count((one.home, one.away)) == 1]
        for phase in range(3):
            told = first_seen(slow, game, view(Bound.EVENTS, phase))
            for change in changes:
                for source in (0, 1):
                    at_ns = told.get((source, change.home, change.away))
                    assert at_ns is None or at_ns >= change.upper_ns
        happened = {(home, away): at_ns for home, away, at_ns in reversed(truth(plan, index))}
        assert all(at_ns >= happened[home, away] for (_, home, away), at_ns in told.items() if home + away)


def test_phases_draw_their_own_delays_and_plans_share_them(nights) -> None:
    """Another phase is another draw; another interval, seed and phase alike, sees the same moments."""
    plan, slow, _ = nights
    game = number_of(slow, plan, 0)
    one, other = (first_seen(slow, game, view(Bound.EVENTS, phase)) for phase in (0, 1))
    assert sum(abs(one[key] - other[key]) > 2 * S for key in one.keys() & other.keys()) > 20
    slower = first_seen(slow, game, replace(view(Bound.EVENTS), poll_ms=2 * FAST))
    assert all(one[key] <= slower[key] for key in one.keys() & slower.keys() if key[1:] != (0, 0))


def test_recorded_views_are_what_they_were(nights) -> None:
    """A plan that polls can answer sees no state but the recorded ones, whoever else is asked beside it."""
    _, slow, _ = nights
    views = [View(), View(10_000)]
    alone, _ = seen_by(slow, views, PollPlan())
    beside, states = seen_by(slow, [*views, view(Bound.EVENTS)], PollPlan())
    count = alone.bounds[-1, 1]
    assert np.array_equal(alone.at_ns, beside.at_ns[:count])
    assert np.array_equal(alone.state, beside.state[:count])
    assert np.array_equal(states[: len(slow.night.states)], slow.night.states)


def test_without_event_times_it_is_refused() -> None:
    """A tape without plays cannot answer; it says which game and which score, and --bounds still can."""
    script = Script().plan()
    for number in range(8):
        script.wait(10).scores(Score(2 * number, 0, f"{11 - number}:00"))
    film = film_of(script.envelopes)
    fast = Setting(view=View(FAST))
    with pytest.raises(UsageError, match="does not say when every score"):
        with_event_times([film], [fast])
    with pytest.raises(UsageError, match="cannot be answered"):
        refuse_unanswerable([film], [View(FAST)])
    assert len(with_bounds([film], [fast])) == 2


def test_only_faster_plans_are_answered_from_event_times(nights) -> None:
    """The others stay what they are; with bounds there are two."""
    _, slow, _ = nights
    settings = [Setting(view=View(poll_ms)) for poll_ms in (-1, FAST, 10_000, 30_000)]
    require_event_times([slow])
    told = [setting.view.bound for setting in with_event_times([slow], settings)]
    assert told == [Bound.NONE, Bound.EVENTS, Bound.NONE, Bound.NONE]
    bounded = [setting.view.bound for setting in with_bounds([slow], settings, event_times=True)]
    assert bounded == [Bound.NONE, Bound.PESSIMISTIC, Bound.EVENTS_OPTIMISTIC, Bound.NONE, Bound.NONE]


def test_the_delays_that_bounds_make_likely_are_found() -> None:
    """Scores seen by slow polls at chance phases: the weights gather where the delays were, 3 to 5 s."""
    draw = random.Random(4)
    event = np.arange(400, dtype=np.int64) * 40 * S
    shown = event + np.array([int(draw.uniform(3, 5) * S) for _ in event])
    phase = np.array([draw.randrange(10 * S) for _ in event])
    high = shown + (phase - shown) % (10 * S)
    weights = delay_weights(high - 10 * S, high, event)
    seconds = (np.arange(len(weights)) + 0.5) / 4
    near = weights[(seconds > 2.5) & (seconds < 5.5)].sum()
    assert near > 0.95 * weights.sum()
    assert not delay_weights(high, high, event).any()


def test_a_game_without_plays_has_no_series() -> None:
    """Its views are answered from polls alone."""
    film = film_of(Script().plan().scores(Score()).wait(2).scores(Score(2, 0, "11:00")).envelopes)
    assert event_series(film, 0, 0, np.array([0, 1]), score_changes(film, 0)) is None
