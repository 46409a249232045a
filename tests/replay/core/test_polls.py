"""Which recorded answers a poller of another rhythm sees, and when."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.core.polls import resample

END = 1_000
Observation = tuple[int, bool, bool, int]  # received, answered, the game is on, round trip


def seen(
    observations: list[Observation], interval: int, phase: int = 0, idle: int | None = None
) -> list[tuple[int, int]]:
    """Return (time seen, number of the observation)."""
    recv, answered, on, trip = (np.array(column, np.int64) for column in zip(*observations, strict=True))
    state = np.where(answered == 1, np.arange(len(recv)), -1)
    times, states = np.empty(END + 2, np.int64), np.empty(END + 2, np.int64)
    idle = interval if idle is None else idle
    count = resample(recv, state, on, trip, 0, END, phase, interval, idle, times, states)
    return list(zip(times[:count].tolist(), states[:count].tolist(), strict=True))


@st.composite
def recordings(draw: st.DrawFn) -> list[Observation]:
    """Polls of any rhythm, some failed, with round trips no longer than the time since the poll before."""
    gaps = draw(st.lists(st.integers(1, 40), min_size=1, max_size=40))
    facts = st.tuples(st.booleans(), st.booleans(), st.integers(0, 60))
    times = np.cumsum(gaps).tolist()
    return [(time, *draw(facts)) for time in times]


def test_the_newest_answer_at_or_before() -> None:
    """At each poll the newest recorded answer is seen, one round trip later; nothing is seen before the first."""
    polls = [(10, True, True, 3), (20, True, True, 4), (25, True, True, 5)]
    assert seen(polls, 10)[:4] == [(13, 0), (24, 1), (35, 2), (45, 2)]


def test_a_failed_poll_is_blind() -> None:
    """Where the newest recorded poll failed, the simulated one brings nothing, not the answer before it."""
    polls = [(10, True, True, 0), (20, False, True, 0), (40, True, True, 0)]
    assert seen(polls, 10)[:4] == [(10, 0), (40, 2), (50, 2), (60, 2)]


def test_the_rhythm_follows_the_game() -> None:
    """Slow until an answer shows the game on, fast from then on, slow again when it is over."""
    polls = [(5, True, False, 0), (95, True, True, 0), (130, True, False, 0)]
    assert [time for time, _ in seen(polls, 10, idle=100)][:7] == [100, 110, 120, 130, 230, 330, 430]


@given(recordings(), st.integers(1, 50), st.integers(0, 50))
def test_nothing_is_seen_before_it_was_recorded(polls: list[Observation], interval: int, phase: int) -> None:
    """Every answer is seen at least its round trip after it was recorded, and times never fall."""
    found = seen(polls, interval, phase)
    assert all(time >= polls[state][0] + polls[state][3] for time, state in found)
    assert found == sorted(found, key=lambda one: one[0])


@given(recordings(), st.integers(1, 20), st.integers(1, 6), st.integers(0, 50))
def test_a_slower_poll_sees_a_part_of_a_faster_one(
    polls: list[Observation], interval: int, times: int, phase: int
) -> None:
    """A poll every k intervals, in phase, sees a subset of the answers; with equal round trips at the same times."""
    fast, slow = seen(polls, interval, phase), seen(polls, interval * times, phase)
    assert {state for _, state in slow} <= {state for _, state in fast}
    even = [(time, answered, on, 7) for time, answered, on, _ in polls]
    assert set(seen(even, interval * times, phase)) <= set(seen(even, interval, phase))


@given(recordings(), st.integers(1, 50), st.integers(0, 50), st.integers(0, END))
def test_later_recordings_change_nothing_earlier(polls: list[Observation], interval: int, phase: int, cut: int) -> None:
    """What is seen up to a moment depends on nothing that was recorded after it."""
    before = [poll for poll in polls if poll[0] <= cut]
    if before:
        whole = [one for one in seen(polls, interval, phase) if one[0] <= cut]
        assert [one for one in seen(before, interval, phase) if one[0] <= cut] == whole
