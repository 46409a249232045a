"""
What a source would have shown between the recorded polls, from the times at which the plays happened.

Where the play-by-play of a game is on the tape, every score has a time of its own, and a source that is polled seldom
can be asked about more often than it was. It showed a score between two recorded answers, the last that lacked it and
the first that had it; within these, at the time of the event (the latest that its bounds allow) plus the delay of the
source. How late a source is, the same tape says: each score bounds one delay from both sides, and the distribution that
makes all these bounds most likely is the one that delays are drawn from. A score whose bounds leave room for none of
them is shown when it was recorded. So nothing is shown before it happened, before the source was seen without it, or
later than it was recorded.

Between two scores the clock goes on with the plays, as late as the score before them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.core.events import GameStatus
from replay.core.plays import PlayChange
from replay.core.rows import STATE_COLUMNS
from replay.core.witnesses import PLAY_COLUMNS
from replay.film import Film
from replay.scoretimes import ScoreChange, Shown, score_changes

__all__ = ["EventSeries", "delay_weights", "event_series", "require_event_times"]

Ints = NDArray[np.int64]

_BIN_NS = 250_000_000
_LONGEST_NS = 60_000_000_000
_ROUNDS = 40
_ONE = 1_000_000
_PERIOD_STEP = 100_000_000
_PLAY = [PLAY_COLUMNS.index(name) for name in ("seq", "period", "clock_ms", "home", "away", "source_ns")]
_RECV, _STATUS, _PERIOD, _CLOCK, _POLL = (
    STATE_COLUMNS.index(name) for name in ("recv_ns", "status", "period", "clock_ms", "poll")
)


@dataclass(frozen=True, slots=True)
class EventSeries:
    """
    One game at one source, play by play.

    rows (n, len(STATE_COLUMNS)), in order; step (n,) which score each belongs to; event_ns (n,); is_score (n,).
    By score (m,): low_ns when an answer that lacked it last arrived, high_ns when the first that had it did, lower_ns
    and upper_ns when it happened; weights (bins,) of the source's delays.
    """

    rows: Ints
    step: Ints
    event_ns: Ints
    is_score: NDArray[np.bool_]
    low_ns: Ints
    high_ns: Ints
    lower_ns: Ints
    upper_ns: Ints
    weights: Ints

    def shown_ns(self, draw: random.Random | None) -> tuple[Ints, NDArray[np.bool_]]:
        """
        Return when each row is shown, and whether it is shown at all.

        With a draw the source is late by chance; without one it shows a score as early as its bounds allow.
        """
        at_ns = np.empty(len(self.low_ns), np.int64)
        for k in range(len(at_ns)):
            at_ns[k] = max(self.low_ns[k] + 1, self.lower_ns[k]) if draw is None else self._drawn_ns(k, draw)
        at_ns = np.maximum.accumulate(at_ns)
        first = np.flatnonzero(self.is_score)
        late_ns = at_ns - self.event_ns[first]
        shown = np.maximum(at_ns[self.step], self.event_ns + late_ns[self.step])
        shown[first] = at_ns
        until = np.append(at_ns[1:], np.iinfo(np.int64).max)
        return shown, self.is_score | (shown < until[self.step])

    def _drawn_ns(self, k: int, draw: random.Random) -> int:
        luck = draw.random()
        fits = self.weights * _fits(self.low_ns[k : k + 1], self.high_ns[k : k + 1], self.upper_ns[k : k + 1])[0]
        total = int(fits.sum())
        if not total:
            return int(self.high_ns[k])
        place = int(np.searchsorted(np.cumsum(fits), int(luck * total), side="right"))
        return int(self.upper_ns[k]) + _delay_ns(place)


def require_event_times(films: Sequence[Film]) -> None:
    """
    Refuse tapes on which a score has no time of its own.

    Raises:
        UsageError: says which tape, which game and which score.
    """
    for film in films:
        for number, game in enumerate(film.catalogue.games):
            if game.plan is None:
                continue
            changes = score_changes(film, number)
            blind = next((one for one in changes if one.event_ns is None), None)
            if blind is not None:
                raise UsageError(
                    f"{film.tape} does not say when every score of {game.game_id} happened",
                    why=f"{blind.home}:{blind.away} has no time of its own that can be believed",
                    hint="without --event-times, or gametape sweep --bounds alone",
                )


def event_series(film: Film, game: int, source: int, part: Ints, changes: Sequence[ScoreChange]) -> EventSeries | None:
    """Return a game's plays as a source would have shown them, None for none; part are its recorded states."""
    shown = [change.shown[source] for change in changes]
    kept = [k for k, one in enumerate(shown) if one is not None]
    rows = _rows(film, game, source, part, shown)
    if not rows:
        return None
    known = [one for one in shown if one is not None]
    number = {k: at for at, k in enumerate(kept)}
    low = np.array([film.first_ns if one.lacked_ns is None else one.lacked_ns for one in known], np.int64)
    high = np.array([one.by_ns for one in known], np.int64)
    upper = np.array([changes[k].upper_ns for k in kept], np.int64)
    return EventSeries(
        rows=np.array([row for row, *_ in rows], np.int64),
        step=np.array([number[k] for _, k, _, _ in rows], np.int64),
        event_ns=np.array([event_ns for *_, event_ns, _ in rows], np.int64),
        is_score=np.array([is_score for *_, is_score in rows], np.bool_),
        low_ns=low,
        high_ns=high,
        lower_ns=np.array([changes[k].lower_ns or 0 for k in kept], np.int64),
        upper_ns=upper,
        weights=delay_weights(low, high, upper),
    )


def delay_weights(low_ns: Ints, high_ns: Ints, event_ns: Ints) -> Ints:
    """
    Return how likely each delay is, in bins of a quarter of a second, from scores that bound one each.

    The weights that make all bounds most likely, found by giving each score's unit to the bins that it allows, again
    and again; in integers, so that they are the same on every machine. Zeros where no score bounds a delay.
    """
    fits = _fits(low_ns, high_ns, event_ns)
    fits = fits[fits.any(axis=1)].astype(np.int64)
    weights = np.full(fits.shape[1], _ONE, np.int64)
    for _ in range(_ROUNDS if len(fits) else 0):
        shares = fits * weights
        weights = (shares * _ONE // np.maximum(shares.sum(axis=1, keepdims=True), 1)).sum(axis=0)
        weights = weights * _ONE // max(int(weights.max()), 1)
    return weights if len(fits) else np.zeros_like(weights)


def _fits(low_ns: Ints, high_ns: Ints, event_ns: Ints) -> NDArray[np.bool_]:
    """Say of every score (rows) which delays (bins) its bounds allow."""
    delays = _BIN_NS // 2 + _BIN_NS * np.arange(_LONGEST_NS // _BIN_NS, dtype=np.int64)
    at_ns = event_ns[:, None] + delays
    return np.asarray((low_ns[:, None] < at_ns) & (at_ns <= high_ns[:, None]))


def _delay_ns(place: int) -> int:
    return _BIN_NS // 2 + _BIN_NS * place


def _rows(
    film: Film, game: int, source: int, part: Ints, shown: Sequence[Shown | None]
) -> list[tuple[list[int], int, int, bool]]:
    """Return (state, which change it belongs to, when it happened, whether it is that change) for every play."""
    plays, states = film.night.plays, film.night.states[part]
    own = plays[(plays[:, 2] == game) & (plays[:, -1] != PlayChange.INSERTED)][:, _PLAY].tolist()
    found: list[tuple[list[int], int, int, bool]] = []
    score, step, furthest = (0, 0), -1, -1
    for seq, period, clock_ms, home, away, event_ns in own:
        is_score = (home, away) != score
        if is_score:
            score, step = (home, away), step + 1
        look = shown[step] if 0 <= step < len(shown) else None
        if look is None or event_ns < 0:
            continue
        before = int(np.searchsorted(states[:, _RECV], look.lacked_ns or 0, side="right")) - 1
        at = [period, clock_ms]
        if before >= 0:
            # A source's clock runs on while its score lags: it does not go back when the score comes.
            at = max(at, states[before, [_PERIOD, _CLOCK]].tolist(), key=_progress)
        progress = _progress(at)
        if not is_score and progress <= furthest:
            continue
        furthest = max(furthest, progress)
        status = int(GameStatus.BREAK if at[1] == 0 else GameStatus.LIVE)
        poll = int(states[np.searchsorted(states[:, _RECV], look.by_ns) % len(states), _POLL])
        state = [seq, look.by_ns, game, source, status, *at, 0, home, away, poll, 0]
        found.append((state, step, event_ns, is_score))
    return found


def _progress(at: Sequence[int]) -> int:
    """Return how far a period and its clock are, as a number that grows."""
    period, clock_ms = at
    return period * _PERIOD_STEP - clock_ms
