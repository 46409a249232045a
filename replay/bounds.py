"""
Bounds: what can be said of a poll plan that is faster than the recording.

A score that the recorder first saw at one poll changed at some time since the poll before: the time is censored by that
interval, and no recording tells where in it the change lies. So a faster plan has no answer, but two: the optimistic
one, in which every change happened right after the poll before and no poll failed, and the pessimistic one, in which
nothing was to be seen before it was recorded. The truth is seen between the two. Profit mostly lies between theirs, but
need not: a cell that acts earlier may act on other edges.

Where the tape says when every score happened, a faster plan does have an answer (`replay.eventstates`), and its
optimistic bound is tighter: no score is shown before it can have happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from replay.counterfactual import fastest_intervals_ms, too_fast
from replay.eventstates import require_event_times
from replay.film import Film
from replay.settings import Bound, Setting

__all__ = ["with_bounds", "with_event_times"]


def with_bounds(films: Sequence[Film], settings: Sequence[Setting], *, event_times: bool = False) -> list[Setting]:
    """
    Return the settings, those that poll faster than any of the recordings as two: pessimistic, then optimistic.

    Raises:
        UsageError: event_times are wanted and a tape does not have them.
    """
    optimistic = Bound.EVENTS_OPTIMISTIC if event_times else Bound.OPTIMISTIC
    return _split(films, settings, (Bound.PESSIMISTIC, optimistic), event_times=event_times)


def with_event_times(films: Sequence[Film], settings: Sequence[Setting]) -> list[Setting]:
    """
    Return the settings, those that poll faster than any of the recordings answered from the times of the plays.

    Raises:
        UsageError: there are such settings, and a tape does not say when every score happened.
    """
    return _split(films, settings, (Bound.EVENTS,), event_times=True)


def _split(
    films: Sequence[Film], settings: Sequence[Setting], bounds: Sequence[Bound], *, event_times: bool
) -> list[Setting]:
    views = {(one.view.poll_ms, one.view.nba_poll_ms): one.view for one in settings}
    fastest = [fastest_intervals_ms(film) for film in films]
    faster = {polls for polls, view in views.items() if any(too_fast(view, one) for one in fastest)}
    if faster and event_times:
        require_event_times(films)
    found: list[Setting] = []
    for setting in settings:
        if (setting.view.poll_ms, setting.view.nba_poll_ms) in faster:
            found += [replace(setting, view=replace(setting.view, bound=bound)) for bound in bounds]
        else:
            found.append(setting)
    return found
