"""
Viewings: a recorded tape made ready to be looked at, moment by moment and game by game, in the words of the API.

What is shown of a moment is what was known then: the engine's own fold is taken up to it and looked at as it is live,
so a viewing knows no more than the night did. Going forward folds what lies between; going back begins again, for a
fold is quick and every stored state would be one more thing to keep true.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, Timeline
from replay.core.engine import Outcome, night_values
from replay.core.patterns import RECV_NS
from replay.core.predictions import asked_of
from replay.core.priors import PriorFold
from replay.core.rows import Night, Rows
from replay.live.board import Board, signal_answer
from replay.live.contract import Games, History, Ns, Series, Signal, State
from replay.live.decisions import decisions_of
from replay.live.facts import Batch, SignalFact
from replay.live.observe import Observer
from replay.report.overlay import courses, coverage, thin
from replay.report.quotes import quotes_of

if TYPE_CHECKING:
    from replay.core.predictions import Forecasting, Prediction
    from replay.film import Film
    from replay.live.decisions import LiveConfig

__all__ = ["TapeFact", "TapeGames", "TapeMoment", "Viewing"]

Ints = NDArray[np.int64]

_BEFORE_NS = 600_000_000_000
"""How much of a game's course is shown before its first live moment: the market is awake by then."""
_AFTER_NS = 120_000_000_000
_SIGNALS_MAX = 100
_UNKNOWN = -1
_SPREAD_BITS = 21  # a spread is at most 1,000,000
_NONE = (np.zeros((0, len(EVALUATION_COLUMNS)), np.int64), np.zeros((0, len(ORDER_COLUMNS)), np.int64))


class TapeFact(msgspec.Struct, frozen=True, kw_only=True):
    """The tape that is looked at; begin_ns is the first moment at which a game was on."""

    name: str
    label: str
    first_ns: Ns
    last_ns: Ns
    begin_ns: Ns


class TapeGames(Games, frozen=True, kw_only=True):
    """All games at the end of the tape; that there is a tape says that this is no live night."""

    tape: TapeFact


class TapeMoment(msgspec.Struct, frozen=True, kw_only=True):
    """All games as they stood at a moment, worst first, and the latest signals until then, newest first."""

    schema: Literal["gametape.moments/1"] = "gametape.moments/1"
    now_ns: Ns
    games: list[State]
    signals: list[Signal]


@dataclass(frozen=True, slots=True)
class _Reel:
    """A film, and what follows from its scores alone: fair values by state, patterns and predictions by time."""

    film: Film
    fairs: Ints
    patterns: Ints
    predictions: list[Prediction]


class _Seat:
    """An engine before a film, and how far it has been taken."""

    def __init__(self, film: Film, config: LiveConfig) -> None:
        self.engine = config.engine()
        self.engine.roller.catalogue = film.catalogue
        fold = self.engine.fold
        fold.grow(max(len(film.catalogue.tokens), fold.tokens), max(len(film.catalogue.games), fold.games))
        fold.sight.record[0] = 0
        self.observer = Observer()
        self.board = Board()
        self.at_ns = -1
        self._row = 0
        self._state = 0
        self._pattern = 0
        self._prediction = 0

    def forward(self, reel: _Reel, at_ns: int) -> None:
        """Fold what was received until at_ns, and tell the board what changed."""
        night, states, patterns = reel.film.night, reel.film.night.states, reel.patterns
        row, state = (int(np.searchsorted(of, at_ns, side="right")) for of in (night.rows.recv_ns, states[:, 1]))
        pattern = int(np.searchsorted(patterns[:, RECV_NS], at_ns, side="right"))
        columns: dict[str, NDArray[Any]] = {name: getattr(night.rows, name)[self._row : row] for name in Rows._fields}
        seen = slice(self._state, state)
        timeline = Timeline(
            at_ns=states[seen, 1].copy(),
            seq=states[seen, 0].copy(),
            state=np.arange(self._state, state, dtype=np.int64),
            bounds=np.array([[0, state - self._state]], np.int64),
        )
        part = Night(rows=Rows(**columns), states=states, polls=night.polls, rules=night.rules)
        self.engine.fold.run(part, reel.fairs, timeline, at_ns)
        self.engine.priors.see(part._replace(states=states[seen]), reel.film.catalogue)
        prediction = bisect_right(reel.predictions, at_ns, key=lambda one: one.recv_ns)
        told = tuple(reel.predictions[self._prediction : prediction])
        outcome = Outcome(*_NONE, patterns[self._pattern : pattern], told)
        self.observer.note(outcome)
        facts = [*self.observer.look(self.engine), *self.observer.predictions(self.engine, outcome.predictions)]
        self.board.apply(Batch(0, at_ns, facts))
        self._row, self._state, self._pattern, self._prediction = row, state, pattern, prediction
        self.at_ns = at_ns


class Viewing:
    """One tape, ready to be looked at."""

    def __init__(self, film: Film, config: LiveConfig, forecaster: Forecasting | None = None) -> None:
        """
        Fold the whole film once, for its signals.

        Raises:
            UsageError: there is no such strategy or model.
        """
        self._film = film
        self._config = config
        self._seat = _Seat(film, config)
        engine = self._seat.engine
        states, games = film.night.states, film.catalogue.games
        fairs, _ = night_values(engine.model, film.night, film.catalogue)
        leagues = [game.league for game in games]
        patterns = engine.pattern_fold.see(states, leagues)
        priors = PriorFold(engine.model)
        priors.see(film.night, film.catalogue)
        asked = asked_of(patterns, leagues, [priors.of(number) for number in range(len(games))])
        predictions = [] if forecaster is None else list(forecaster.see(asked))
        self._reel = _Reel(film, fairs, patterns, predictions)
        self._quotes = quotes_of(film)
        self._courses = courses(film)
        on = [course.begin_ns for course in self._courses.values() if len(course.heard_ns)]
        self.tape = TapeFact(
            name=film.tape,
            label=film.label,
            first_ns=str(film.first_ns),
            last_ns=str(film.last_ns),
            begin_ns=str(min(on, default=film.first_ns)),
        )
        self._seat.forward(self._reel, film.last_ns)
        told = decisions_of(engine.fold.orders(), film.catalogue)
        self._signals: list[SignalFact] = [self._seat.observer.signal(engine, *one) for one in told]

    def games(self) -> TapeGames:
        """Return the games as they stood at the end of the tape."""
        now_ns = self._film.last_ns
        return TapeGames(
            now_ns=str(now_ns), label=self.tape.label, games=self._board(now_ns).states(now_ns), tape=self.tape
        )

    def moment(self, at_ns: int) -> TapeMoment:
        """Return what was known at a moment."""
        known = bisect_right(self._signals, at_ns, key=lambda one: one.recv_ns)
        latest = self._signals[max(known - _SIGNALS_MAX, 0) : known]
        return TapeMoment(
            now_ns=str(at_ns),
            games=self._board(at_ns).states(at_ns),
            signals=[signal_answer(one) for one in reversed(latest)],
        )

    def signals(self, limit: int) -> list[Signal]:
        """Return the first signals of the tape, at most so many."""
        return [signal_answer(one) for one in self._signals[:limit]]

    def history(self, game_id: str, points: int) -> History:
        """
        Return the course of a game from shortly before its first live moment on, in at most so many points a series.

        Raises:
            KeyError: there is no such game, or it was never seen.
        """
        numbers = {game.game_id: number for number, game in enumerate(self._film.catalogue.games)}
        course = self._courses[numbers[game_id]]
        begin_ns = max(course.begin_ns - _BEFORE_NS, self._film.first_ns)
        end_ns = min(course.end_ns + _AFTER_NS, self._film.last_ns)
        token = int(self._quotes.tokens_of[numbers[game_id], 0])
        quotes = _within(self._quotes.of(token), begin_ns, end_ns)
        moved = _within(course.table, begin_ns, end_ns)
        _, _, gaps = coverage(course, self._quotes.of(token))
        mid, spread = _market(quotes, points)
        return History(
            game_id=game_id,
            series=Series(
                score=[(str(at), home, away) for at, home, away in _scores(moved, points)],
                mid_home_u6=mid,
                spread_u6=spread,
                model_home_u6=[
                    (str(at), None if fair < 0 else fair)
                    for at, fair in thin(moved[:, 0], self._reel.fairs[moved[:, 3]], points).tolist()
                ],
                clock=self._clock(moved, points),
                prediction=self._margins(numbers[game_id]),
            ),
            signals=[signal_answer(one) for one in self._signals if one.game_id == game_id],
            gaps=[(str(first), str(last), what) for first, last, what in gaps],
        )

    def _board(self, at_ns: int) -> Board:
        if at_ns < self._seat.at_ns:
            self._seat = _Seat(self._film, self._config)
        self._seat.forward(self._reel, at_ns)
        return self._seat.board

    def _margins(self, game: int) -> list[tuple[str, float, float, float]]:
        """Return what was predicted of a game's end: the interval and its point."""
        return [
            (str(one.recv_ns), forecast.interval_lower, forecast.point_forecast, forecast.interval_upper)
            for one in self._reel.predictions
            if one.game == game
            for forecast in one.forecasts
            if forecast.horizon == "final"
        ]

    def _clock(self, moved: Ints, points: int) -> list[tuple[str, int | None, int | None]]:
        shown = self._film.night.states[moved[:, 3]][:, [1, 5, 6]]
        chosen = shown[_evenly(len(shown), points)].tolist()
        return [(str(at), _or_none(period), _or_none(clock_ms)) for at, period, clock_ms in chosen]


def _within(table: Ints, begin_ns: int, end_ns: int) -> Ints:
    """Return the rows between two moments, and the one that held at the first of them as if it came then."""
    first = max(int(np.searchsorted(table[:, 0], begin_ns, side="right")) - 1, 0)
    part = table[first : int(np.searchsorted(table[:, 0], end_ns, side="right"))].copy()
    part[:, 0] = np.maximum(part[:, 0], begin_ns)
    return part


def _market(quotes: Ints, points: int) -> tuple[list[tuple[str, int | None]], list[tuple[str, int | None]]]:
    """Return mid and spread at the same moments, so that bid and ask follow from them."""
    bid, ask = quotes[:, 2], quotes[:, 3]
    is_known = (bid >= 0) & (ask >= 0)
    # A crossed book is in doubt and has no row here, so a spread is never negative and fits beside its mid.
    both = np.where(is_known, (((bid + ask) // 2) << _SPREAD_BITS) | np.maximum(ask - bid, 0), _UNKNOWN)
    rows = thin(quotes[:, 0], both, points).tolist()
    mask = (1 << _SPREAD_BITS) - 1
    mid = [(str(at), None if value < 0 else value >> _SPREAD_BITS) for at, value in rows]
    return mid, [(str(at), None if value < 0 else value & mask) for at, value in rows]


def _scores(moved: Ints, points: int) -> list[list[int]]:
    """Return time, home and away of every change of the score."""
    if not len(moved):
        return []
    is_change = np.concatenate([[True], (np.diff(moved[:, 1:3], axis=0) != 0).any(axis=1)])
    changes = moved[is_change, :3]
    chosen: list[list[int]] = changes[_evenly(len(changes), points)].tolist()
    return chosen


def _evenly(count: int, points: int) -> Ints:
    """Return which of so many rows to keep, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, points)).astype(np.int64)) if count else np.zeros(0, np.int64)


def _or_none(value: int) -> int | None:
    return None if value < 0 else value
