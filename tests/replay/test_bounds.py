"""Bounds of what a faster poller would have seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recorder.errors import UsageError
from replay.bounds import with_bounds
from replay.core.events import GameStatus
from replay.counterfactual import PollPlan, fastest_intervals_ms, timeline_of
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import AS_RECORDED, Bound, Setting, View
from replay.sweep import run_sweep

IDEAS = (load_strategy("fusion"), load_model("brownian"))
FAST = 500


def first_seen(film, view) -> dict[tuple[int, int, int, int], int]:
    """When a view first sees each score of each game that is on."""
    line = timeline_of(film, [view], PollPlan())
    found: dict[tuple[int, int, int, int], int] = {}
    for at_ns, state in zip(line.at_ns.tolist(), line.state.tolist(), strict=True):
        row = film.night.states[state]
        if row[4] == GameStatus.LIVE:
            found.setdefault((int(row[2]), int(row[3]), int(row[8]), int(row[9])), at_ns)
    return found


def test_only_faster_plans_are_bounded(sample_film) -> None:
    """What the recording can answer stays one cell; what it cannot becomes two, in place."""
    own = max(fastest_intervals_ms(sample_film))
    settings = [Setting(view=View(poll_ms=poll)) for poll in (AS_RECORDED, FAST, own, 10 * own)]
    bounded = with_bounds([sample_film], settings)
    assert [(one.view.poll_ms, one.view.bound) for one in bounded] == [
        (AS_RECORDED, Bound.NONE),
        (FAST, Bound.PESSIMISTIC),
        (FAST, Bound.OPTIMISTIC),
        (own, Bound.NONE),
        (10 * own, Bound.NONE),
    ]


def test_the_optimist_sees_every_score_first(sample_film) -> None:
    """No score is seen later by the optimist, round trips apart, and by the pessimist none before it was recorded."""
    slow, quick = (first_seen(sample_film, View(FAST, 0, 0, bound)) for bound in (Bound.PESSIMISTIC, Bound.OPTIMISTIC))
    recorded = first_seen(sample_film, View())
    assert len(recorded) > 100
    assert slow.keys() <= quick.keys()
    rtt_ns = int((sample_film.night.polls[:, 2] - sample_film.night.polls[:, 1]).max())
    assert all(quick[score] <= slow[score] + rtt_ns for score in slow)
    assert all(recorded[score] <= slow[score] for score in slow if score in recorded)
    earlier = [slow[score] - quick[score] for score in slow]
    assert np.median(earlier) >= 500_000_000


def test_the_optimist_waits_for_the_poll_before(sample_film) -> None:
    """No score is seen before the poll that still showed the one before it was sent."""
    states, polls = sample_film.night.states, sample_film.night.polls
    line = timeline_of(sample_film, [View(FAST, 0, 0, Bound.OPTIMISTIC)], PollPlan())
    for at_ns, state in zip(line.at_ns.tolist(), line.state.tolist(), strict=True):
        same = np.flatnonzero((states[:state, 2] == states[state, 2]) & (states[:state, 3] == states[state, 3]))
        if len(same):
            assert at_ns >= polls[states[same[-1], 10], 1]


def test_bounds_are_cells_that_say_so(sample_film) -> None:
    """A faster plan is refused as such and answered as bounds; rows and descriptions name the bound."""
    asked = [Setting(view=View(poll_ms=FAST))]
    with pytest.raises(UsageError, match="cannot be answered") as refused:
        run_sweep([sample_film], *IDEAS, asked)
    assert "--bounds" in refused.value.hint
    swept = run_sweep([sample_film], *IDEAS, with_bounds([sample_film], asked))
    assert [row["bound"] for row in swept.rows()] == ["pessimistic", "optimistic"]
    assert swept.cells[0].decisions != swept.cells[1].decisions
    assert swept.rechecked == 2


def test_a_setting_without_a_bound_reads_as_before() -> None:
    """Only bounds name themselves in a description, so that no digest of another setting changes."""
    assert "bound" not in Setting().describe()
    bounded = replace(Setting(), view=View(FAST, 0, 0, Bound.OPTIMISTIC)).describe()
    assert bounded == Setting(view=View(FAST)).describe() | {"bound": "optimistic"}
