"""
The engine: envelopes in, evaluations and orders out, from a finished tape and from one that is being written alike.

`feed` takes however many envelopes there are: one, what a socket just delivered, or a whole tape; the outcome is the
same to the byte. `fold` takes columns that were rolled before, with any number of views and cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Envelope, Kind
from replay.core.cells import (
    CELL_COLUMNS,
    CURSOR_WIDTH,
    NO_EDGE,
    ORDER_COLUMNS,
    REPEATS,
    Cells,
    Log,
    OrderStatus,
    Sight,
    Timeline,
    new_cells,
    new_log,
    new_sight,
)
from replay.core.jit import interpreted
from replay.core.models import GameStates, WinProbability
from replay.core.patterns import no_patterns
from replay.core.predictions import Forecasting, Prediction, asked_of
from replay.core.priors import PriorFold
from replay.core.roll import Catalogue, Roller
from replay.core.rows import POLL_COLUMNS, Night
from replay.core.scoreboard import PatternFold
from replay.core.state.market import Market, grown_market, new_market
from replay.core.strategy import Strategy, Watching

__all__ = [
    "DECODED",
    "EDGE",
    "INFERRED",
    "Engine",
    "Fold",
    "Freshness",
    "Outcome",
    "fair_values",
    "night_values",
    "states_of",
]

Ints = NDArray[np.int64]

DECODED, INFERRED, EDGE = "decoded", "inferred", "edge"
"""The stages of a step, in order."""

_STATUS = ORDER_COLUMNS.index("status")
_LOG_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an input may be and still be acted on. Units: ns."""

    book_ns: int = 30_000_000_000
    game_ns: int = 30_000_000_000


class Outcome(NamedTuple):
    """
    What a fold said: evaluations of view 0, orders, and patterns, in the order in which they were said.

    patterns came a minute further, complete or not. predictions are those that are ready by now: not always of these
    patterns, for a forecaster may take its time.

    Shape: evaluations i64 (n, len(EVALUATION_COLUMNS)), orders i64 (n, len(ORDER_COLUMNS)), patterns i64 (n,
    len(PATTERN_COLUMNS)).
    """

    evaluations: Ints
    orders: Ints
    patterns: Ints
    predictions: tuple[Prediction, ...] = ()


def fair_values(
    model: WinProbability, states: Ints, catalogue: Catalogue, prior_u6: Ints | None = None
) -> tuple[Ints, int]:
    """
    Return the home side's fair value of every state in u6, -1 for none, and how many states the model failed on.

    A model that raises on a batch is asked state by state, so that what is lost does not depend on what came with it.

    Shape: prior_u6 (len(states),), as `PriorFold.see` returns it; without it no state has a prior.
    """
    told = np.full(len(states), -1, np.int64) if prior_u6 is None else prior_u6
    fairs = np.full(len(states), -1, np.int64)
    failed = 0
    leagues = [game.league for game in catalogue.games]
    for league in sorted(set(leagues)):
        mask = np.array([name == league for name in leagues], bool)[states[:, 2]]
        if not mask.any():
            continue
        answer = _asked(model, league, states[mask], told[mask])
        if answer is not None:
            fairs[mask] = answer
            continue
        for k in np.flatnonzero(mask).tolist():
            alone = _asked(model, league, states[k : k + 1], told[k : k + 1])
            if alone is None:
                failed += 1
            else:
                fairs[k] = alone[0]
    return fairs, failed


def night_values(model: WinProbability, night: Night, catalogue: Catalogue) -> tuple[Ints, int]:
    """Return the fair values of a whole night, as `fair_values` does, every state told the prior of its game."""
    return fair_values(model, night.states, catalogue, PriorFold(model).see(night, catalogue))


def states_of(league: str, states: Ints, prior_u6: Ints | int = -1) -> GameStates:
    """
    Return a night's observations of one league as a model is given them.

    Shape: states (n, len(STATE_COLUMNS)); prior_u6 (n,).
    """
    return GameStates.from_columns(
        league,
        period=states[:, 5],
        clock_ms=states[:, 6],
        status=states[:, 4],
        home_score=states[:, 8],
        away_score=states[:, 9],
        prior_u6=prior_u6,
        possession=states[:, 11],
    )


def _asked(model: WinProbability, league: str, states: Ints, prior_u6: Ints) -> Ints | None:
    """Return the model's answer for the home side, or None where it raised."""
    try:
        return model.predict_wp(states_of(league, states, prior_u6), 1)
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError):
        return None


def _act_at_threshold(params: Ints) -> bool:
    """Say whether cells act at their threshold alone: they re-arm there and sell nothing."""
    rearm_u6, least_u6, exit_u6 = (
        params[:, CELL_COLUMNS.index(name)] for name in ("rearm_u6", "min_edge_u6", "exit_edge_u6")
    )
    return bool(((rearm_u6 == least_u6) & (exit_u6 == NO_EDGE)).all())


class Fold:
    """The state of a fold in progress: a market, views and cells, and the log of what was said."""

    def __init__(
        self,
        strategy: Strategy,
        params: Ints,
        *,
        tokens: int,
        games: int,
        freshness: Freshness,
        view_delays_ns: Sequence[int] = (0,),
        record: bool = True,
        on_settled: Callable[[Ints], None] | None = None,
    ) -> None:
        """
        Begin with nothing known. params as in Cells, sorted by view and then by wake_u6.

        on_settled is shown the orders in the order of their signals, block by block, when it is known what became of
        them, and nobody else keeps them: they are overwritten afterwards. Without it the fold keeps them itself.
        """
        self.strategy = strategy
        self.kernel = strategy.run
        views = len(view_delays_ns)
        self.market: Market = new_market(tokens, games)
        self.sight: Sight = new_sight(
            views, games, tokens, book_fresh_ns=freshness.book_ns, game_fresh_ns=freshness.game_ns, record=record
        )
        self.sight.delay_ns[:] = view_delays_ns
        for view in range(views):
            mine = np.flatnonzero(params[:, 0] == view)
            if len(mine):
                self.sight.cells[view] = mine[0], mine[-1] + 1, _act_at_threshold(params[mine])
        self.cells: Cells = new_cells(params, tokens)
        room = max(_LOG_ROWS, 4 * len(params))
        self.log: Log = new_log(_LOG_ROWS if record else 2, room, len(params) * tokens + 1)
        self._said: list[Ints] = []
        self._settled: list[Ints] = []
        self._on_settled = on_settled
        self._left = 0

    @property
    def signals(self) -> int:
        """How many orders there were so far."""
        return self._left + int(self.log.counts[1])

    @property
    def tokens(self) -> int:
        """How many tokens there is room for."""
        return len(self.market.books)

    @property
    def games(self) -> int:
        """How many games there is room for."""
        return len(self.market.tokens_of)

    def grow(self, tokens: int, games: int) -> None:
        """Make room for more tokens and games."""
        self.market = grown_market(self.market, tokens, games)
        old, views = self.sight, len(self.sight.delay_ns)
        sight = new_sight(views, games, tokens, book_fresh_ns=0, game_fresh_ns=0, record=False)
        sight.games[:, : old.games.shape[1]] = old.games
        sight.fair_u6[:, : old.fair_u6.shape[1]] = old.fair_u6
        sight.edge_u6[:, : old.edge_u6.shape[1]] = old.edge_u6
        sight.busy[:, : old.busy.shape[1]] = old.busy
        sight.found[:, : old.found.shape[1]] = old.found
        sight.settled[: len(old.settled)] = old.settled
        self.sight = sight._replace(
            delay_ns=old.delay_ns, cells=old.cells, looks=old.looks, fresh=old.fresh, record=old.record
        )
        cells = new_cells(self.cells.params.T, tokens)
        for name in Cells._fields[1:]:
            before = getattr(self.cells, name)
            getattr(cells, name)[: len(before)] = before
        self.cells = cells
        due = np.zeros((cells.params.shape[1] * tokens + 1, 2), np.int64)
        due[: len(self.log.due)] = self.log.due
        self.log = self.log._replace(due=due)

    def run(self, night: Night, fairs: Ints, timeline: Timeline, until_ns: int) -> None:
        """Fold a stretch of night. What is said is set aside whenever the log is full."""
        cursor = np.zeros((len(timeline.bounds), CURSOR_WIDTH), np.int64)
        cursor[:, 0] = timeline.bounds[:, 0]
        start = 0
        while start >= 0:
            start = self.kernel(
                night.rows,
                night.rules,
                night.states,
                fairs,
                timeline,
                self.market,
                self.sight,
                self.cells,
                self.log,
                cursor,
                start,
                until_ns,
            )
            if start >= 0:
                self._make_room()

    def _make_room(self) -> None:
        if self.log.counts[0]:
            self._said.append(self.log.evaluations[: self.log.counts[0]].copy())
            self.log.counts[0] = 0
        orders, (count, under_way) = self.log.orders, self.log.counts[1:].tolist()
        if len(orders) - count >= 2 * self.cells.params.shape[1]:
            return
        self._settle(int(self.log.due[:under_way, 1].min()) if under_way else count)
        if 2 * self.log.counts[1] > len(orders):
            self.log = self.log._replace(orders=np.concatenate([orders, np.zeros_like(orders)]))

    def _settle(self, count: int) -> None:
        """Let so many orders go, none of them under way; those behind move up in the log."""
        log = self.log
        if self._on_settled is None:
            self._settled.append(log.orders[:count].copy())
        elif count:
            self._on_settled(log.orders[:count])
        left = int(log.counts[1]) - count
        log.orders[:left] = log.orders[count : count + left]
        log.counts[1] = left
        log.due[: log.counts[2], 1] -= count
        self._left += count

    def take_evaluations(self) -> Ints:
        """Return the evaluations since the last time and forget them."""
        said = [*self._said, self.log.evaluations[: self.log.counts[0]].copy()]
        self._said = []
        self.log.counts[0] = 0
        return said[0] if len(said) == 1 else np.concatenate(said)

    def looks(self, view: int) -> Ints:
        """Return how often a look at a token on this view came to what, by SKIP_NAMES."""
        looks: Ints = self.sight.looks[view].copy()
        np.add.at(looks, self.sight.found[view], self.sight.settled[:, REPEATS])
        return looks

    def orders(self, first: int = 0) -> Ints:
        """Return a copy of the orders from number first on, as they stand now; those kept elsewhere are not known."""
        here = self.log.orders[: self.log.counts[1]]
        if first >= self._left:
            return here[first - self._left :].copy()
        return np.concatenate([*self._settled, here])[first:]

    def finish(self) -> None:
        """The tape ends here: orders still under way have expired."""
        orders = self.log.orders[: self.log.counts[1]]
        orders[orders[:, _STATUS] == OrderStatus.PENDING, _STATUS] = OrderStatus.EXPIRED
        self.log.counts[2] = 0
        self._settle(len(orders))


class Engine:
    """One view as it was recorded, any cells on it: what runs live, and what a replay compares with."""

    def __init__(
        self,
        strategy: Strategy,
        model: WinProbability,
        params: Ints,
        *,
        freshness: Freshness = Freshness(),
        forecaster: Forecasting | None = None,
        on_stage: Callable[[str], None] = lambda _: None,
    ) -> None:
        """
        Begin before the first envelope. params as in Cells, all of view 0, sorted by wake_u6.

        on_stage is told whenever a step has come to a stage; what it does there is nobody's input.
        """
        self.roller = Roller()
        self.model = model
        self.model_failures = 0
        self.priors = PriorFold(model)
        self.fold = Fold(strategy, params, tokens=16, games=8, freshness=freshness)
        self.last_polls: Ints = np.zeros((0, len(POLL_COLUMNS)), np.int64)
        """The polls of the latest envelopes fed."""
        self.pattern_fold = PatternFold(strategy.watcher() if isinstance(strategy, Watching) else None)
        self.forecaster = forecaster
        self._on_stage = on_stage
        self._orders_told = 0

    def interpret(self, *, interpreting: bool) -> None:
        """Run the kernels as plain Python from here on, while the compiler is not ready; or compiled again."""
        self.fold.kernel = interpreted(self.fold.strategy.run) if interpreting else self.fold.strategy.run
        self.pattern_fold.scoreboard.interpret(interpreting=interpreting)

    def step(self, envelope: Envelope) -> Outcome:
        """Take one envelope and return what follows from it."""
        return self.feed((envelope,))

    def feed(self, envelopes: Sequence[Envelope]) -> Outcome:
        """Take envelopes in seq order and return the evaluations and the new orders that follow from them."""
        # What a live engine decided is on the tape for people and for the parity check; it is nobody's input.
        inputs = [envelope for envelope in envelopes if envelope.kind is not Kind.DECISION]
        night = self.roller.roll(inputs)
        self._on_stage(DECODED)
        self.last_polls = night.polls
        under_way = self.fold.log.counts[2]
        patterns = no_patterns()
        if inputs and (under_way or len(night.rows.seq) or len(night.states)):
            patterns = self._fold(night, inputs[-1].recv_ns)
        first, self._orders_told = self._orders_told, self.fold.signals
        # After the fold: what a predictor costs, it costs no decision of these envelopes.
        return Outcome(self.fold.take_evaluations(), self.fold.orders(first), patterns, self._predicted(patterns))

    def _predicted(self, patterns: Ints) -> tuple[Prediction, ...]:
        if self.forecaster is None:
            return ()
        if not len(patterns):
            return self.forecaster.see(())
        games = self.roller.catalogue.games
        priors = [self.priors.of(number) for number in range(len(games))]
        return self.forecaster.see(asked_of(patterns, [game.league for game in games], priors))

    def _fold(self, night: Night, until_ns: int) -> Ints:
        catalogue = self.roller.catalogue
        tokens, games = len(catalogue.tokens), len(catalogue.games)
        if tokens > self.fold.tokens or games > self.fold.games:
            self.fold.grow(max(tokens, 2 * self.fold.tokens), max(games, 2 * self.fold.games))
        priors = self.priors.see(night, catalogue)
        fairs, failed = fair_values(self.model, night.states, catalogue, priors)
        self.model_failures += failed
        self._on_stage(INFERRED)
        patterns = self.pattern_fold.see(night.states, [game.league for game in catalogue.games])
        count = len(night.states)
        timeline = Timeline(
            at_ns=night.states[:, 1].copy(),
            seq=night.states[:, 0].copy(),
            state=np.arange(count, dtype=np.int64),
            bounds=np.array([[0, count]], np.int64),
        )
        self.fold.run(night, fairs, timeline, until_ns)
        self._on_stage(EDGE)
        return patterns
