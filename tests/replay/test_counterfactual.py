"""What a poller of another rhythm would have seen of a recorded night."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import AWAY, HOME, MS, URL, S, Score, Script, retaped

from recorder.errors import UsageError
from replay.backtest import replay_film
from replay.core.rows import POLL_COLUMNS, STATE_COLUMNS
from replay.counterfactual import PollPlan, fastest_intervals_ms, refuse_unanswerable, timeline_of
from replay.film import Film, build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View

_RECV, _SEQ, _GAME, _POLL = (STATE_COLUMNS.index(name) for name in ("recv_ns", "seq", "game", "poll"))
_SENT, _GOT, _OUTCOME = (POLL_COLUMNS.index(name) for name in ("sent_ns", "recv_ns", "outcome"))


def seen(film: Film, view: View, plan: PollPlan | None = None) -> list[tuple[int, int]]:
    """Return (time seen, number of the state) of one view, on the clock of the view."""
    timeline = timeline_of(film, [view], plan or PollPlan())
    at = timeline.at_ns + view.book_delay_ms * MS
    return list(zip(at.tolist(), timeline.state.tolist(), strict=True))


def filmed(script: Script, tmp_path: Path) -> Film:
    return build_film(retaped(script.envelopes, tmp_path / "tape"))


def counting(polls: int = 60) -> Script:
    """A game polled every two seconds, whose score says which poll it is."""
    script = Script().plan()
    for k in range(polls):
        script.wait(2).scores(Score(home=k), trip_ms=50 + k)
    return script.wait(5).pulse()


def test_as_recorded_is_what_was_recorded(sample_film: Film) -> None:
    """The view of the recorded polls sees every state when it was received, in order."""
    states = sample_film.night.states
    found = seen(sample_film, View())
    assert found == list(zip(states[:, _RECV].tolist(), range(len(states)), strict=True))


def test_never_a_later_body(sample_film: Film) -> None:
    """A simulated poll sees what had been received when it was sent, and later by that answer's round trip."""
    night = sample_film.night
    own = night.polls[night.states[:, _POLL]]
    for poll_ms in (2_100, 5_000, 30_000):
        for phase in range(3):
            found = np.array(seen(sample_film, View(poll_ms, phase)))
            assert len(found) > 100
            at, state = found.T
            assert (at - (own[state, _GOT] - own[state, _SENT]) >= night.states[state, _RECV]).all()
            assert (np.diff(at) >= 0).all()


def test_only_games_with_a_market_are_polled(tmp_path: Path) -> None:
    """A game that no plan names is in nobody's way and in nobody's view."""
    script = Script().plan()
    for _ in range(9):
        script.wait(2).scores(Score(id="401"), Score(id="999"))
    film = filmed(script, tmp_path)
    states = {state for _, state in seen(film, View(4_000))}
    assert {film.catalogue.games[game].game_id for game in film.night.states[sorted(states), _GAME]} == {"nba:401"}


def test_answers_between_polls_are_never_seen(tmp_path: Path) -> None:
    """A score that was corrected between two simulated polls never happened to that poller."""
    film = filmed(counting(), tmp_path)
    found = seen(film, View(10_000))
    scores = [int(film.night.states[state, STATE_COLUMNS.index("home")]) for _, state in found]
    # The first poll that can see anything shows the game on; from then on every fifth answer, until there are no more.
    assert {later - earlier for earlier, later in pairwise(scores[1:-1])} == {5}
    trips = [(at - film.night.states[state, _RECV], score) for (at, state), score in zip(found, scores, strict=True)]
    assert all(late >= (50 + score) * MS for late, score in trips)


def test_a_slower_plan_sees_a_part(tmp_path: Path) -> None:
    """In the same phase a poll every k intervals sees a subset of the answers, once both know that the game is on."""
    film = filmed(counting(300), tmp_path)
    # The idle interval is a multiple of every rhythm here, so that all stay in step.
    plan = PollPlan(seed=5, idle_ms=60_000)
    for phase in range(6):
        fast = {state for at, state in seen(film, View(2_000, phase), plan) if at > film.first_ns + 120 * S}
        for times in (2, 3, 5, 6, 10, 15):
            slow = seen(film, View(2_000 * times, phase), plan)
            late = {state for at, state in slow if at > film.first_ns + 125 * S}
            assert late
            assert late <= fast


def test_failed_polls_are_blind(tmp_path: Path) -> None:
    """While the newest recorded poll of a game's own URL failed, nothing is seen; another URL's failure is nobody's."""
    script = counting(20)
    for _ in range(10):
        script.wait(1).failed("https://site.api.espn.com/tomorrow")
    for _ in range(20):
        script.wait(1).failed(URL)
    from_ns, script = script.now_ns, script.wait(30)
    film = filmed(script.pulse(), tmp_path)
    times = [at for at, _ in seen(film, View(2_000))]
    assert any(from_ns - 28 * S < at < from_ns - 20 * S for at in times)
    assert max(times) < from_ns - 17 * S


def test_not_modified_is_an_answer(tmp_path: Path) -> None:
    """A 304 shows the game as it stood, as of the 304."""
    script = Script().plan().scores(Score(7, 3))
    for _ in range(30):
        script.wait(2).unchanged()
    film = filmed(script.wait(4).pulse(), tmp_path)
    found = seen(film, View(4_000))
    assert len({state for _, state in found}) > 10
    assert {int(film.night.states[state, STATE_COLUMNS.index("home")]) for _, state in found} == {7}


@given(
    poll_ms=st.integers(2_100, 40_000), phase=st.integers(0, 50), seed=st.integers(0, 5), delay=st.integers(0, 9_000)
)
def test_phases_come_from_the_seed(sample_film: Film, poll_ms: int, phase: int, seed: int, delay: int) -> None:
    """The same plan and view see the same; a book delay moves no poll."""
    view, plan = View(poll_ms, phase), PollPlan(seed)
    found = seen(sample_film, view, plan)
    assert found == seen(sample_film, view, plan)
    assert found == seen(sample_film, View(poll_ms, phase, delay), plan)


def test_phases_and_seeds_differ(sample_film: Film) -> None:
    """Another phase and another seed poll at other times."""
    first_polls = {
        seen(sample_film, View(10_000, phase), PollPlan(seed))[0][0] for phase in range(8) for seed in range(3)
    }
    assert len(first_polls) > 12


def test_what_is_seen_depends_on_nothing_later(sample_film: Film) -> None:
    """With every later state and poll cut away, a view sees the same until then."""
    night = sample_film.night
    for share in (0.3, 0.6, 0.9):
        kept = int(len(night.states) * share)
        kept -= int((night.states[:kept, _POLL] == night.states[kept, _POLL]).sum())
        cut_ns = int(night.states[kept - 1, _RECV])
        polls = night.polls[night.polls[:, POLL_COLUMNS.index("seq")] <= night.states[kept - 1, _SEQ]]
        short = Film(
            **{name: getattr(sample_film, name) for name in sample_film.__slots__}
            | {"night": night._replace(states=night.states[:kept], polls=polls), "last_ns": cut_ns}
        )
        for view in (View(4_000), View(15_000, 1)):
            whole = [one for one in seen(sample_film, view) if one[0] <= cut_ns]
            assert [one for one in seen(short, view) if one[0] <= cut_ns] == whole
            assert whole


def test_several_views_stand_one_after_the_other(sample_film: Film) -> None:
    """Each view's stretch of a timeline is what it sees alone, on the clock of the book as recorded."""
    views = [View(), View(5_000), View(5_000, 0, 700), View(15_000, 2)]
    timeline = timeline_of(sample_film, views, PollPlan())
    for view, (first, last) in zip(views, timeline.bounds.tolist(), strict=True):
        alone = timeline_of(sample_film, [view], PollPlan())
        np.testing.assert_array_equal(timeline.at_ns[first:last], alone.at_ns)
        np.testing.assert_array_equal(timeline.state[first:last], alone.state)
        np.testing.assert_array_equal(timeline.seq[first:last], sample_film.night.states[alone.state, _SEQ])


def test_a_source_may_have_a_rhythm_of_its_own(sample_film: Film) -> None:
    """NBA's own scores every 30 s beside ESPN's every 10: each source is seen as where all poll like it."""
    source = sample_film.night.states[:, STATE_COLUMNS.index("source")]
    mixed, fast, slow = (
        seen(sample_film, view) for view in (View(10_000, 1, nba_poll_ms=30_000), View(10_000, 1), View(30_000, 1))
    )
    for number, like in ((0, fast), (1, slow)):
        mine = [(at, state) for at, state in mixed if source[state] == number]
        assert mine == [(at, state) for at, state in like if source[state] == number] != []


# What a recording cannot answer ------------------------------------------------------------------------------------


def test_the_fastest_interval_is_what_was_recorded(tmp_path: Path) -> None:
    """A recording that polled every two seconds can answer that and no less."""
    film = filmed(counting(), tmp_path)
    assert max(fastest_intervals_ms(film)) == 2_000
    refuse_unanswerable([film], [View(), View(2_000), View(60_000)])


def test_a_plan_faster_than_the_recording_is_refused(tmp_path: Path) -> None:
    """The refusal is a usage error that names the tape and what it can answer."""
    film = filmed(counting(), tmp_path)
    with pytest.raises(UsageError) as caught:
        refuse_unanswerable([film], [View(), View(5_000), View(1_000)])
    assert caught.value.exit_code == 2
    assert "a poll every 1 s cannot be answered from tape" in caught.value.what
    assert str(caught.value.hint).startswith("--poll 2 or slower")


def test_the_rhythm_of_one_source_is_refused_alone(sample_film: Film) -> None:
    """What is too fast for the one source may be said of the other."""
    nba_ms = fastest_intervals_ms(sample_film)[1]
    slow_ms = max(fastest_intervals_ms(sample_film))
    refuse_unanswerable([sample_film], [View(slow_ms, nba_poll_ms=nba_ms)])
    with pytest.raises(UsageError, match=r"a poll every 0\.1 s cannot be answered"):
        refuse_unanswerable([sample_film], [View(slow_ms, nba_poll_ms=100)])


def test_a_night_without_games_refuses_nothing(tmp_path: Path) -> None:
    """Where nothing was on, there is nothing to be too fast for; the view is empty."""
    film = filmed(Script().plan().wait(5).pulse(), tmp_path)
    refuse_unanswerable([film], [View(1)])
    assert seen(film, View(1_000)) == []


# Decisions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [View(2_100), View(10_000), View(30_000, 1)])
def test_delayed_polls_never_decide_earlier(sample_film: Film, view: View) -> None:
    """Each change of score that a simulated poller acts on was known to the recording before."""
    night = sample_film.night
    ledger = replay_film(sample_film, load_strategy("fusion"), load_model("brownian"), Setting(view=view))
    received = dict(zip(night.states[:, _SEQ].tolist(), night.states[:, _RECV].tolist(), strict=True))
    by_score = ledger.evaluations[ledger.evaluations[:, 9] == 1]
    assert len(by_score) > 20
    assert all(now_ns > received[seq] for seq, now_ns in by_score[:, :2].tolist())


def test_a_late_book_is_decided_on_later(tmp_path: Path) -> None:
    """With scores far apart, each evaluation by a delayed book is the undelayed one, later by just the delay."""
    script = Script().plan().scores(Score(0, 0)).book(HOME, "0.4x10", "0.6x10").book(AWAY, "0.4x10", "0.6x10")
    for k in range(40):
        script.wait(0.1).change((HOME, "SELL", "0.55", str(k + 1)))
    film = filmed(script.wait(20).pulse(), tmp_path)
    strategy, model = load_strategy("fusion"), load_model("brownian")
    prompt, late = (
        replay_film(film, strategy, model, Setting(view=View(book_delay_ms=delay))).evaluations for delay in (0, 3_000)
    )
    # The books of before the first score are seen after it when they are late.
    by_book = [part[part[:, 0] > 3] for part in (prompt, late)]
    assert len(by_book[0]) == len(by_book[1]) == 40
    np.testing.assert_array_equal(by_book[0][:, 1] + 3 * S, by_book[1][:, 1])
    np.testing.assert_array_equal(np.delete(by_book[0], [1, 7], axis=1), np.delete(by_book[1], [1, 7], axis=1))
