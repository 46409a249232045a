"""
Poll plans: what a view would have seen had we polled in another rhythm.

Phases are drawn per game and source from a seed: one instant for each phase number, from which the polls of every
interval are counted. So settings with the same phase number differ by the interval alone, and while a game is on a
poller of a multiple of the interval sees a part of what the faster one sees, and nothing else. Round trips are those of
the recorded polls that the answers come from, so that nothing a view sees depends on what is recorded later.

A plan faster than the recording cannot be answered from polls and is refused, unless the tape says when each score
happened (`eventstates`); see `bounds` for what can be said without.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.core.cells import Timeline
from replay.core.events import GameStatus
from replay.core.polls import resample
from replay.core.rows import POLL_COLUMNS, STATE_COLUMNS, frozen
from replay.eventstates import EventSeries, event_series
from replay.film import Film
from replay.scoretimes import ScoreChange, score_changes
from replay.settings import AS_RECORDED, Bound, View

__all__ = ["PollPlan", "fastest_intervals_ms", "refuse_unanswerable", "seen_by", "timeline_of", "too_fast"]

Ints = NDArray[np.int64]
_Observations = tuple[Ints, Ints, Ints, Ints]
_Observed = tuple[tuple[int, int], _Observations]
"""A game and its source, and what `_observations` says of them."""
_Told = tuple[int, EventSeries]
"""Where the states begin that the plays of a game tell of, and what they tell."""

_MS_NS = 1_000_000
_SEQ, _RECV, _GAME, _SOURCE, _STATUS, _POLL = (
    STATE_COLUMNS.index(name) for name in ("seq", "recv_ns", "game", "source", "status", "poll")
)
_POLL_SENT, _POLL_RECV, _POLL_OUTCOME, _POLL_URL = (
    POLL_COLUMNS.index(name) for name in ("sent_ns", "recv_ns", "outcome", "url")
)
_PERIOD, _CLOCK = STATE_COLUMNS.index("period"), STATE_COLUMNS.index("clock_ms")
_PERIOD_STEP = 100_000_000
_EVENT_BOUNDS = (Bound.EVENTS, Bound.EVENTS_OPTIMISTIC)
_MISSED = 2
_SOURCES = _ESPN, _NBA = 0, 1
_ORIGIN_MS = 86_400_000
"""Phases are drawn from a day, which is long against any interval."""
_TOLERANCE = 0.95
"""A recorder that means to poll every 2 s is a little faster at times."""


@dataclass(frozen=True, slots=True)
class PollPlan:
    """
    How the polls of every view are drawn: phases from the seed; while its game is not on, a poller asks every idle_ms.

    Units: ms. An interval slower than idle_ms is kept all the time.
    """

    seed: int = 0
    idle_ms: int = 30_000


def fastest_intervals_ms(film: Film) -> list[int]:
    """Return for each source the interval that a recording can answer: the median time between polls of a live game."""
    fastest = [0] * len(_SOURCES)
    for (_, source), series in _series(film):
        live = film.night.states[series, _STATUS] == GameStatus.LIVE
        times = film.night.states[series[live], _RECV]
        if len(times) > 2:
            fastest[source] = max(fastest[source], int(np.median(np.diff(times))) // _MS_NS)
    return fastest


def too_fast(view: View, fastest_ms: Sequence[int]) -> list[tuple[int, int]]:
    """Return the intervals of a plan that are faster than a recording's by source, with these, in ms."""
    if view.poll_ms == AS_RECORDED:
        return []
    asked = [(_live_ms(view, source), fastest_ms[source]) for source in _SOURCES]
    return [(poll_ms, fastest) for poll_ms, fastest in asked if poll_ms < fastest * _TOLERANCE]


def _live_ms(view: View, source: int) -> int:
    """Return how often a view polls a source while a game is on."""
    return view.nba_poll_ms or view.poll_ms if source == _NBA else view.poll_ms


def refuse_unanswerable(films: Sequence[Film], views: Sequence[View]) -> None:
    """
    Refuse a plan that is faster than what was recorded.

    Raises:
        UsageError: says which tape and what it can answer.
    """
    asked = {(view.poll_ms, view.nba_poll_ms): view for view in views}
    for film in films if any(view.poll_ms != AS_RECORDED for view in views) else ():
        fastest = fastest_intervals_ms(film)
        refused = [one for view in asked.values() for one in too_fast(view, fastest)]
        if refused:
            poll_ms, fastest_ms = min(refused)
            enough = np.ceil(fastest_ms / 1000)
            raise UsageError(
                f"a poll every {poll_ms / 1000:g} s cannot be answered from {film.tape}",
                why=f"it was polled every {fastest_ms / 1000:.3g} s while games were on, and nothing between is on it",
                hint=f"--poll {enough:g} or slower; sweep --bounds, or --event-times if it has plays",
            )


def timeline_of(film: Film, views: Sequence[View], plan: PollPlan) -> Timeline:
    """Return what each view sees when, on the clock of the book as it was recorded."""
    return seen_by(film, views, plan)[0]


def seen_by(film: Film, views: Sequence[View], plan: PollPlan) -> tuple[Timeline, Ints]:
    """
    Return what each view sees when, on the clock of the book as it was recorded, and the states that it speaks of.

    Those are the night's own and, where a view is answered from event times, behind them those that the plays tell of.
    """
    series = list(_series(film))
    recorded = np.arange(len(film.night.states), dtype=np.int64)
    told, states = (
        _told(film, series) if any(view.bound in _EVENT_BOUNDS for view in views) else ({}, film.night.states)
    )
    parts: list[tuple[Ints, Ints]] = []
    polled: dict[tuple[int, int, int, Bound], tuple[Ints, Ints]] = {}
    observed: dict[tuple[Bound, int], list[_Observed]] = {}
    for view in views:
        if view.poll_ms == AS_RECORDED:
            at_ns, state = film.night.states[:, _RECV].copy(), recorded
        else:
            key = (view.poll_ms, view.nba_poll_ms, view.phase, view.bound)
            drawn = (view.bound, view.phase if view.bound is Bound.EVENTS else 0)
            if drawn not in observed:
                observed[drawn] = [(whose, _observations(film, part, view.bound)) for whose, part in series]
                if view.bound in _EVENT_BOUNDS:
                    observed[drawn] = [_with_events(film, states, told, one, view, plan) for one in observed[drawn]]
            if key not in polled:
                polled[key] = _polled(film, states, observed[drawn], view, plan)
            at_ns, state = polled[key]
        parts.append((at_ns - view.book_delay_ms * _MS_NS, state))
    ends = np.cumsum([len(state) for _, state in parts])
    state = np.concatenate([part[1] for part in parts])
    timeline = Timeline(
        at_ns=np.concatenate([part[0] for part in parts]),
        seq=states[state, _SEQ],
        state=state,
        bounds=np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1).astype(np.int64),
    )
    return timeline, states


def _told(film: Film, series: list[tuple[tuple[int, int], Ints]]) -> tuple[dict[tuple[int, int], _Told], Ints]:
    """Return what the plays say of every game at every source, and the night's states with theirs behind them."""
    changes: dict[int, list[ScoreChange]] = {}
    told: dict[tuple[int, int], _Told] = {}
    parts = [film.night.states]
    count = len(parts[0])
    for (game, source), part in series:
        if game not in changes:
            changes[game] = score_changes(film, game)
        found = event_series(film, game, source, part, changes[game])
        if found is not None:
            told[game, source] = (count, found)
            parts.append(found.rows)
            count += len(found.rows)
    return told, frozen(np.concatenate(parts))


def _with_events(
    film: Film,
    states: Ints,
    told: dict[tuple[int, int], _Told],
    observed: _Observed,
    view: View,
    plan: PollPlan,
) -> _Observed:
    """Put what the plays say between the recorded observations, by time."""
    whose, (recv_ns, state, live, rtt_ns) = observed
    if whose not in told:
        return observed
    first, series = told[whose]
    game, source = whose
    name = f"{plan.seed}/{film.catalogue.games[game].game_id}/{source}/{view.phase}/delay"
    at_ns, is_shown = series.shown_ns(random.Random(name) if view.bound is Bound.EVENTS else None)
    own = np.flatnonzero(is_shown)
    # At the same time the play comes first: what was recorded then has it too, and a newer clock.
    times = np.concatenate([at_ns[own], recv_ns])
    merged = np.concatenate([first + own, state])
    order = np.lexsort((np.concatenate([np.zeros(len(own)), np.ones(len(recv_ns))]), times))
    merged = merged[order]
    progress = np.where(merged >= 0, states[merged, _PERIOD] * _PERIOD_STEP - states[merged, _CLOCK], -1)
    is_play = merged >= first
    furthest = np.maximum.accumulate(np.where(is_play, -1, progress))
    score = np.zeros(len(merged), np.bool_)
    score[is_play] = series.is_score[merged[is_play] - first]
    keep = ~is_play | score | (progress > furthest)
    trips = np.concatenate([_trip_ns(film, states, first + own), rtt_ns])[order]
    lives = np.concatenate([np.ones(len(own), np.int64), live])[order]
    return whose, (times[order][keep], merged[keep], lives[keep], trips[keep])


def _trip_ns(film: Film, states: Ints, which: Ints) -> Ints:
    """Return the round trip of the polls that first showed these states."""
    polls = film.night.polls[states[which, _POLL]]
    trips: Ints = polls[:, _POLL_RECV] - polls[:, _POLL_SENT]
    return trips


def _series(film: Film) -> list[tuple[tuple[int, int], Ints]]:
    """Return ((game, source), indices into states) for every game that has a market, in order of game and source."""
    states = film.night.states
    key = states[:, _GAME] * 2 + states[:, _SOURCE]
    order = np.argsort(key, kind="stable")
    found = []
    edges = np.flatnonzero(np.diff(key[order])) + 1
    for part in np.split(order, edges) if len(order) else []:
        game, source = divmod(int(key[part[0]]), 2)
        if film.catalogue.games[game].plan is not None:
            found.append(((game, source), part))
    return found


def _polled(film: Film, states: Ints, observed: list[_Observed], view: View, plan: PollPlan) -> tuple[Ints, Ints]:
    """Return (time seen, state) of all games under one rhythm and phase, merged by time."""
    at: list[Ints] = []
    what: list[Ints] = []
    for (game, source), (recv_ns, state, live, rtt_ns) in observed:
        live_ms = _live_ms(view, source)
        room = int((film.last_ns - film.first_ns) // (live_ms * _MS_NS)) + 2
        draw = random.Random(f"{plan.seed}/{film.catalogue.games[game].game_id}/{source}/{view.phase}")
        seen_ns, seen = np.empty(room, np.int64), np.empty(room, np.int64)
        count = resample(
            recv_ns,
            state,
            live,
            rtt_ns,
            film.first_ns,
            film.last_ns,
            draw.randrange(_ORIGIN_MS) % live_ms * _MS_NS,
            live_ms * _MS_NS,
            max(live_ms, plan.idle_ms) * _MS_NS,
            seen_ns,
            seen,
        )
        at.append(seen_ns[:count])
        what.append(seen[:count])
    at_ns = np.concatenate(at) if at else np.zeros(0, np.int64)
    state = np.concatenate(what) if what else np.zeros(0, np.int64)
    order = np.lexsort((state, states[state, _SEQ], at_ns))
    return at_ns[order], state[order]


def _observations(film: Film, part: Ints, bound: Bound) -> _Observations:
    """
    Return time, state (-1 for a failed poll of the same URLs), whether the game is on, and round trip, by time.

    With the optimistic bound the time is the first at which a poll could have seen the state, and no poll fails.
    """
    states, polls = film.night.states, film.night.polls
    own = polls[states[part, _POLL]]
    failed = polls[np.isin(polls[:, _POLL_URL], own[:, _POLL_URL]) & (polls[:, _POLL_OUTCOME] == _MISSED)]
    first_ns = own[:, _POLL_RECV]
    if bound is Bound.OPTIMISTIC:
        # A state came after the poll before it was asked for: what that one answered was still the state before.
        first_ns = np.concatenate([first_ns[:1], np.minimum(own[:-1, _POLL_SENT], first_ns[1:])])
        failed = failed[:0]
    blind = np.zeros(len(failed), np.int64)
    on = np.isin(states[part, _STATUS], (int(GameStatus.LIVE), int(GameStatus.BREAK)))
    recv_ns = np.concatenate([first_ns, failed[:, _POLL_RECV]])
    state = np.concatenate([part, blind - 1])
    live = np.concatenate([on.astype(np.int64), blind])
    rtt_ns = np.concatenate([own[:, _POLL_RECV] - own[:, _POLL_SENT], blind])
    order = np.argsort(recv_ns, kind="stable")
    return recv_ns[order], state[order], live[order], rtt_ns[order]
