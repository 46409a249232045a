"""
Backtest: films in, ledgers and cells out.

`replay_tape` drives the engine envelope by envelope, as live does; `run_settings` folds a film once for any number of
settings. Both end in the same settlement, and must agree to the micro-dollar: the tests hold them against each other,
and every sweep re-checks a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from recorder.clock import SystemClock
from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, SKIP_NAMES, Timeline
from replay.core.engine import Engine, Fold, Freshness, night_values
from replay.core.models import WinProbability
from replay.core.predictions import Forecaster, Prediction, Predictor, asked_of
from replay.core.priors import PriorFold
from replay.core.roll import Catalogue
from replay.core.rows import POLL_COLUMNS, Night, frozen
from replay.core.scoreboard import PatternFold
from replay.core.state.book import ASK_ROW, BID_ROW, best_price_u6
from replay.core.state.market import Market
from replay.core.strategy import Strategy, Watching
from replay.core.tally import Tally
from replay.counterfactual import PollPlan, seen_by
from replay.film import Film, heard_ns
from replay.ledger import Ledger, Settlement
from replay.models import load_model
from replay.parts import Part
from replay.settings import Setting, View, cell_params
from replay.settle import Basis, Evidence, Payout

if TYPE_CHECKING:
    from recorder.envelope import Envelope
    from recorder.tape.reader import Tape

__all__ = ["Cell", "coverage_of", "replay_film", "replay_tape", "run_settings", "sum_settings"]

Ints = NDArray[np.int64]

_CELL = ORDER_COLUMNS.index("cell")
_POLL_FEED, _POLL_OUTCOME = POLL_COLUMNS.index("feed"), POLL_COLUMNS.index("outcome")
_MISSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """
    What one setting came to on one film.

    orders (n, len(ORDER_COLUMNS)); pnl_u6 (games,) by game of the catalogue; looks as in Sight.
    """

    setting: Setting
    orders: Ints
    pnl_u6: Ints
    looks: dict[str, int]


def replay_tape(
    tape: Tape,
    strategy: Strategy,
    model: WinProbability,
    setting: Setting,
    *,
    chunk: int = 1_000,
    freshness: Freshness = Freshness(),  # noqa: B008 - frozen
    predictor: Predictor | None = None,
) -> Ledger:
    """
    Play a tape through the engine as live would have, so many envelopes at a time, and return the ledger.

    Raises:
        CorruptError: the tape is damaged.
    """
    _, params, _ = cell_params([setting])
    forecaster = _forecaster(predictor)
    engine = Engine(strategy, model, params, freshness=freshness, forecaster=forecaster)
    evidence = Evidence()
    engine.roller.on_event = evidence.see
    said: list[Ints] = []
    polls: list[Ints] = []
    predictions: list[Prediction] = []
    events, last_ns = 0, tape.first_ns or 0
    for envelopes in _chunks(tape.read(), chunk):
        outcome = engine.feed(envelopes)
        said.append(outcome.evaluations)
        polls.append(engine.last_polls)
        predictions += outcome.predictions
        events += len(envelopes)
        last_ns = heard_ns(envelopes, last_ns)
    engine.fold.finish()
    catalogue = engine.roller.catalogue
    payouts = {token: evidence.payout(token) for token in catalogue.tokens}
    first_ns = tape.first_ns or 0
    return Ledger(
        tape=tape.name,
        tape_digest=tape.digest(),
        label=tape.label,
        events=events,
        first_ns=first_ns,
        last_ns=last_ns,
        config={"strategy": strategy.name, "model": model.name, **setting.describe()},
        tokens=list(catalogue.tokens),
        games=[game.game_id for game in catalogue.games],
        game_of=engine.fold.market.game[: len(catalogue.tokens)].tolist(),
        evaluations=_stacked(said, len(EVALUATION_COLUMNS)),
        orders=engine.fold.orders(),
        looks=_named_looks(engine.fold, 0),
        settlements=_settlements(engine.fold, 0, catalogue, payouts),
        coverage=coverage_of(catalogue, _stacked(polls, len(POLL_COLUMNS)), first_ns, last_ns),
        patterns=engine.pattern_fold.patterns(),
        model_failures=engine.model_failures,
        **_said(predictor, predictions, forecaster),
    )


def replay_film(
    film: Film,
    strategy: Strategy,
    model: WinProbability,
    setting: Setting,
    *,
    polls: PollPlan = PollPlan(),  # noqa: B008 - frozen
    freshness: Freshness = Freshness(),  # noqa: B008 - frozen
    predictor: Predictor | None = None,
) -> Ledger:
    """Return the ledger of one setting from a film; that of `replay_tape` where the setting polls as recorded."""
    fold, failed, _ = _folded(film, strategy, model, [setting], polls, freshness, record=True)
    catalogue = film.catalogue
    leagues = [game.league for game in catalogue.games]
    pattern_fold = PatternFold(strategy.watcher() if isinstance(strategy, Watching) else None)
    # Of the night as it was recorded: what a view polls has no part in patterns.
    patterns = pattern_fold.see(film.night.states, leagues)
    forecaster = _forecaster(predictor)
    priors = PriorFold(model)
    priors.see(film.night, film.catalogue)
    asked = asked_of(patterns, leagues, [priors.of(number) for number in range(len(leagues))])
    predictions = () if forecaster is None else forecaster.see(asked)
    return Ledger(
        tape=film.tape,
        tape_digest=film.digest,
        label=film.label,
        events=film.events,
        first_ns=film.first_ns,
        last_ns=film.last_ns,
        config={"strategy": strategy.name, "model": model.name, **setting.describe()},
        tokens=list(catalogue.tokens),
        games=[game.game_id for game in catalogue.games],
        game_of=fold.market.game[: len(catalogue.tokens)].tolist(),
        evaluations=fold.take_evaluations(),
        orders=fold.orders(),
        looks=_named_looks(fold, 0),
        settlements=_settlements(fold, 0, catalogue, film.payouts),
        coverage=coverage_of(catalogue, film.night.polls, film.first_ns, film.last_ns),
        patterns=pattern_fold.patterns(),
        model_failures=failed,
        **_said(predictor, predictions, forecaster),
    )


def _forecaster(predictor: Predictor | None) -> Forecaster | None:
    return None if predictor is None else Forecaster(predictor, SystemClock().now_ns)


class _Said(TypedDict):
    predictor: str | None
    predictions: tuple[Prediction, ...]
    prediction_failures: int


def _said(predictor: Predictor | None, predictions: Sequence[Prediction], forecaster: Forecaster | None) -> _Said:
    """Return what a ledger holds of a predictor."""
    return {
        "predictor": None if predictor is None else predictor.name,
        "predictions": tuple(predictions),
        "prediction_failures": 0 if forecaster is None else forecaster.failures,
    }


def run_settings(
    film: Film,
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    *,
    polls: PollPlan = PollPlan(),  # noqa: B008 - frozen
    freshness: Freshness = Freshness(),  # noqa: B008 - frozen
) -> list[Cell]:
    """Fold a film once for all settings and return their cells in the order given."""
    fold, _, order = _folded(film, strategy, model, settings, polls, freshness, record=False)
    orders = fold.orders()
    orders = orders[np.argsort(orders[:, _CELL], kind="stable")]
    bounds = np.searchsorted(orders[:, _CELL], np.arange(len(settings) + 1))
    pnl = _pnl_by_game(fold, film)
    cells: list[Cell | None] = [None] * len(settings)
    for row, number in enumerate(order.tolist()):
        cells[number] = Cell(
            setting=settings[number],
            orders=orders[bounds[row] : bounds[row + 1]],
            pnl_u6=pnl[row],
            looks=_named_looks(fold, int(fold.cells.params[0, row])),
        )
    return [cell for cell in cells if cell is not None]


def sum_settings(
    film: Film,
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    *,
    polls: PollPlan = PollPlan(),  # noqa: B008 - frozen
    freshness: Freshness = Freshness(),  # noqa: B008 - frozen
) -> Part:
    """Fold a film once for all settings and return what they came to, in the order given, without their orders."""
    tally = Tally(len(settings))
    fold, _, order = _folded(film, strategy, model, settings, polls, freshness, record=False, on_settled=tally.take)
    rows = np.argsort(order)
    return Part(
        tally.figures(fold.cells.stake_u6[1])[rows],
        _pnl_by_game(fold, film)[rows],
        tally.decisions()[rows],
    )


def _folded(  # noqa: PLR0913 - options, by keyword
    film: Film,
    strategy: Strategy,
    model: WinProbability,
    settings: Sequence[Setting],
    polls: PollPlan,
    freshness: Freshness,
    *,
    record: bool,
    on_settled: Callable[[Ints], None] | None = None,
) -> tuple[Fold, int, Ints]:
    views, params, order = cell_params(settings)
    fold = Fold(
        strategy,
        params,
        tokens=max(len(film.catalogue.tokens), 1),
        games=max(len(film.catalogue.games), 1),
        freshness=freshness,
        view_delays_ns=[view.book_delay_ms * 1_000_000 for view in views],
        record=record,
        on_settled=on_settled,
    )
    timeline, states = seen_by(film, views, polls)
    night, fairs, failed = _valued(film, states, timeline, views, model)
    fold.run(night, fairs, timeline, film.last_ns)
    fold.finish()
    return fold, failed, order


def _valued(
    film: Film, states: Ints, timeline: Timeline, views: Sequence[View], model: WinProbability
) -> tuple[Night, Ints, int]:
    """
    Return the night with the states that views see, what they are worth, and how many states a model failed on.

    Where views ask several models, the states are there once for each, and the timeline is moved to those of its own.
    """
    night = film.night._replace(states=states)
    names = list(dict.fromkeys(view.model for view in views))
    answers = [night_values(load_model(name) if name else model, night, film.catalogue) for name in names]
    for view, (first, past) in zip(views, timeline.bounds.tolist(), strict=True):
        timeline.state[first:past] += names.index(view.model) * len(states)
    fairs = np.concatenate([values for values, _ in answers])
    told = states if len(names) == 1 else frozen(np.tile(states, (len(names), 1)))
    return night._replace(states=told), fairs, sum(failed for _, failed in answers)


def coverage_of(catalogue: Catalogue, polls: Ints, first_ns: int, last_ns: int) -> dict[str, float]:
    """Return the share of polls of each polled feed that brought an answer, and how long the tape is in seconds."""
    covered: dict[str, float] = {"seconds": round((last_ns - first_ns) / 1e9, 3)}
    for number, feed in enumerate(catalogue.feeds):
        outcomes = polls[polls[:, _POLL_FEED] == number, _POLL_OUTCOME]
        if len(outcomes):
            covered[feed] = round(float((outcomes != _MISSED).mean()), 6)
    return covered


def _chunks(envelopes: Iterator[Envelope], size: int) -> Iterator[list[Envelope]]:
    while chunk := list(islice(envelopes, size)):
        yield chunk


def _stacked(parts: list[Ints], width: int) -> Ints:
    return np.concatenate([np.zeros((0, width), np.int64), *parts])


def _named_looks(fold: Fold, view: int) -> dict[str, int]:
    return dict(zip(SKIP_NAMES, fold.looks(view).tolist(), strict=True))


def _mid_u6(market: Market, token: int) -> int | None:
    bid = best_price_u6(market.books, token, BID_ROW)
    ask = best_price_u6(market.books, token, ASK_ROW)
    return (bid + ask) // 2 if bid >= 0 and ask >= 0 else None


def _settlements(fold: Fold, cell: int, catalogue: Catalogue, payouts: dict[str, Payout]) -> list[Settlement]:
    settled = []
    for token, token_id in enumerate(catalogue.tokens):
        game = int(fold.market.game[token])
        if game < 0:
            continue
        payout, basis = _payout_u6(fold.market, token, payouts.get(token_id))
        settled.append(
            Settlement(
                token_id=token_id,
                game_id=catalogue.games[game].game_id,
                shares_u6=int(fold.cells.position_u6[token, cell]),
                cash_u6=int(fold.cells.cash_u6[token, cell]),
                payout_u6=payout,
                basis=basis,
            )
        )
    return settled


def _payout_u6(market: Market, token: int, payout: Payout | None) -> tuple[int | None, str]:
    if payout is None or payout.basis is Basis.OPEN:
        return _mid_u6(market, token), Basis.OPEN.value
    return payout.payout_u6, payout.basis.value


def _pnl_by_game(fold: Fold, film: Film) -> Ints:
    """Return profit and loss in u6, shape (cells, games), every token rounded on its own as a settlement is."""
    pnl = np.zeros((fold.cells.params.shape[1], max(len(film.catalogue.games), 1)), np.int64)
    for token, token_id in enumerate(film.catalogue.tokens):
        game = int(fold.market.game[token])
        if game < 0:
            continue
        payout, _ = _payout_u6(fold.market, token, film.payouts.get(token_id))
        held = fold.cells.position_u6[token] * (payout or 0)
        pnl[:, game] += fold.cells.cash_u6[token] + (held + 500_000) // 1_000_000
    return pnl
