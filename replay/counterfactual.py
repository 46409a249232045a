"""
Poll plans: what a view would have seen had we polled in another rhythm.

Phases are drawn per game and source from a seed, as a fraction of the interval, so that settings with the same phase number differ by the
interval alone. A plan faster than the recording cannot be answered from polls and is refused.
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
from replay.film import Film
from replay.settings import AS_RECORDED, View

__all__ = ["PollPlan", "fastest_interval_ms", "refuse_unanswerable", "timeline_of"]

Ints = NDArray[np.int64]

_MS_NS = 1_000_000
_SEQ, _RECV, _GAME, _SOURCE, _STATUS, _POLL = 0, 1, 2, 3, 4, 10
_TOLERANCE = 0.95
"""A recorder that means to poll every 2 s is a little faster at times."""


@dataclass(frozen=True, slots=True)
class PollPlan:
    """
    How the polls of every view are drawn. Units: ms. While no game is on a poller asks every idle_ms at most.

    The round trips are those that were recorded, in the order of a shuffle by the seed.
    """

    seed: int = 0
    idle_ms: int = 30_000


def fastest_interval_ms(film: Film) -> int:
    """Return the interval that the recording can answer: the median time between polls of a live game, the slower source's."""
    medians = []
    for _, series in _series(film):
        live = film.night.states[series, _STATUS] == GameStatus.LIVE
        times = film.night.states[series[live], _RECV]
        if len(times) > 2:
            medians.append(int(np.median(np.diff(times))) // _MS_NS)
    return max(medians, default=0)


def refuse_unanswerable(films: Sequence[Film], polls_ms: Sequence[int]) -> None:
    """
    Refuse a plan that is faster than what was recorded.

    Raises:
        UsageError: says which tape and what it can answer.
    """
    asked = [poll for poll in polls_ms if poll != AS_RECORDED]
    if not asked:
        return
    for film in films:
        fastest = fastest_interval_ms(film)
        if min(asked) < fastest * _TOLERANCE:
            raise UsageError(
                f"a poll every {min(asked) / 1000:g} s cannot be answered from {film.tape}",
                why=f"its scores were polled every {fastest / 1000:.3g} s while games were live, and what happened in between is not on it",
                hint=f"--poll {np.ceil(fastest / 1000):g} or slower",
            )


def timeline_of(film: Film, views: Sequence[View], plan: PollPlan) -> Timeline:
    """Return what each view sees when, on the clock of the book as it was recorded."""
    series = list(_series(film))
    recorded = np.arange(len(film.night.states), dtype=np.int64)
    parts: list[tuple[Ints, Ints]] = []
    polled: dict[tuple[int, int], tuple[Ints, Ints]] = {}
    for view in views:
        if view.poll_ms == AS_RECORDED:
            at_ns, state = film.night.states[:, _RECV].copy(), recorded
        else:
            key = (view.poll_ms, view.phase)
            if key not in polled:
                polled[key] = _polled(film, series, view, plan)
            at_ns, state = polled[key]
        parts.append((at_ns - view.book_delay_ms * _MS_NS, state))
    ends = np.cumsum([len(state) for _, state in parts])
    state = np.concatenate([part[1] for part in parts])
    return Timeline(
        at_ns=np.concatenate([part[0] for part in parts]),
        seq=film.night.states[state, _SEQ],
        state=state,
        bounds=np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1).astype(np.int64),
    )


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


def _polled(film: Film, series: list[tuple[tuple[int, int], Ints]], view: View, plan: PollPlan) -> tuple[Ints, Ints]:
    """Return (time seen, state) of all games under one rhythm and phase, merged by time."""
    at: list[Ints] = []
    what: list[Ints] = []
    for (game, source), part in series:
        draw = random.Random(f"{plan.seed}/{film.catalogue.games[game].game_id}/{source}/{view.phase}")
        recv_ns, state, live, rtts_ns = _observations(film, part, draw)
        room = int((film.last_ns - film.first_ns) // (min(view.poll_ms, plan.idle_ms) * _MS_NS)) + 2
        seen_ns, seen = np.empty(room, np.int64), np.empty(room, np.int64)
        count = resample(
            recv_ns,
            state,
            live,
            rtts_ns,
            film.first_ns,
            film.last_ns,
            int(draw.random() * view.poll_ms) * _MS_NS,
            view.poll_ms * _MS_NS,
            max(view.poll_ms, plan.idle_ms) * _MS_NS,
            seen_ns,
            seen,
        )
        at.append(seen_ns[:count])
        what.append(seen[:count])
    at_ns = np.concatenate(at) if at else np.zeros(0, np.int64)
    state = np.concatenate(what) if what else np.zeros(0, np.int64)
    order = np.lexsort((state, film.night.states[state, _SEQ], at_ns))
    return at_ns[order], state[order]


def _observations(film: Film, part: Ints, draw: random.Random) -> tuple[Ints, Ints, Ints, Ints]:
    """Return a game's observations at one source with that source's failed polls among them, and its round trips, shuffled."""
    states, polls = film.night.states, film.night.polls
    own = polls[states[part, _POLL]]
    feed = own[0, 3]
    missed = polls[(polls[:, 3] == feed) & (polls[:, 4] == 2), 2]
    recv_ns = np.concatenate([states[part, _RECV], missed])
    state = np.concatenate([part, np.full(len(missed), -1, np.int64)])
    on = np.isin(states[part, _STATUS], (int(GameStatus.LIVE), int(GameStatus.BREAK)))
    live = np.concatenate([on.astype(np.int64), np.zeros(len(missed), np.int64)])
    order = np.argsort(recv_ns, kind="stable")
    rtts = (own[:, 2] - own[:, 1]).tolist()
    draw.shuffle(rtts)
    return recv_ns[order], state[order], live[order], np.array(rtts, np.int64)
