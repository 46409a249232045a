"""Sources: how model and market judge the same states, who shows a score first, how old everything is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from replay.calibration import brier_parts, judge
from replay.core.events import GameStatus
from replay.core.witnesses import SOURCE_NAMES
from replay.film import Film
from replay.report.facts import BinFact, Delay, FeedFact, Judgement, LeadLag, PhaseFact, ScoreFact, SourceFact
from replay.report.overlay import Course
from replay.report.quotes import Quotes
from replay.scoretimes import ScoreChange, Shown, score_changes
from replay.settings import Setting
from replay.settle import Basis
from replay.stats import GameBootstrap

__all__ = [
    "Moments",
    "delays_of",
    "feed_facts",
    "judgement_of",
    "leadlag_of",
    "moments_of",
    "score_facts",
    "source_facts",
]

Ints = NDArray[np.int64]

_BINS = 10
_ONE_U6 = 1_000_000
_MISSED = 2
_UNCHANGED = 1
_MS_NS = 1_000_000

Moments = Ints
"""int64 (n, 5): game over all tapes, period, the model's and the market's probability in u6, 1 for a home win."""


def moments_of(film: Film, quotes: Quotes, fairs: Ints, courses: dict[int, Course], numbers: dict[int, int]) -> Moments:
    """
    Return every live state at which model and market both had an answer, of games that one side has won.

    Shape: fairs (states,); numbers maps games of the film to games over all tapes.
    """
    parts = [np.zeros((0, 5), np.int64)]
    states = film.night.states
    for number, course in courses.items():
        token = int(quotes.tokens_of[number, 0])
        payout = film.payouts.get(film.catalogue.tokens[token]) if token >= 0 else None
        if payout is None or payout.basis is Basis.OPEN or payout.payout_u6 not in (0, _ONE_U6):
            continue
        moved = course.table[course.table[:, 4] == GameStatus.LIVE]
        mine = quotes.of(token)
        at = np.searchsorted(mine[:, 0], moved[:, 0], side="right") - 1
        moved, at = moved[at >= 0], at[at >= 0]
        bid, ask = mine[at, 2], mine[at, 3]
        model = fairs[moved[:, 3]]
        known = (bid >= 0) & (ask >= 0) & (model >= 0)
        parts.append(
            np.stack(
                [
                    np.full(int(known.sum()), numbers[number]),
                    states[moved[known, 3], 5],
                    model[known],
                    ((bid + ask) // 2)[known],
                    np.full(int(known.sum()), int(payout.payout_u6 == _ONE_U6)),
                ],
                axis=1,
            )
        )
    return np.concatenate(parts)


def judgement_of(moments: Moments, seed: int) -> Judgement | None:
    """Hold model and market against how the games ended; None where no game did."""
    if not len(moments):
        return None
    names, game = np.unique(moments[:, 0], return_inverse=True)
    won = moments[:, 4] == 1
    bootstrap = GameBootstrap(len(names), seed=seed, draws=500)
    model, market = (judge(moments[:, k], won, game, seed=seed) for k in (2, 3))
    errors = [((moments[:, k] - moments[:, 4] * _ONE_U6) / 1e6) ** 2 for k in (2, 3)]
    gap = np.bincount(game, errors[0] - errors[1], minlength=len(names))
    counts = np.bincount(game, minlength=len(names)).astype(np.float64)
    found = bootstrap.statistic(np.stack([gap, counts], axis=1), lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1))
    return Judgement(
        games=len(names),
        states=len(moments),
        model=_bins(moments[:, 2], won, game, bootstrap),
        market=_bins(moments[:, 3], won, game, bootstrap),
        model_brier=round(model.brier, 6),
        market_brier=round(market.brier, 6),
        model_log_loss=round(model.log_loss, 6),
        market_log_loss=round(market.log_loss, 6),
        model_parts=brier_parts(moments[:, 2], won, _BINS),
        market_parts=brier_parts(moments[:, 3], won, _BINS),
        difference=round(float(found.estimate), 6),
        difference_low=_finite(float(found.low)),
        difference_high=_finite(float(found.high)),
        phases=[
            PhaseFact(
                period=period,
                states=int((moments[:, 1] == period).sum()),
                model=round(float(errors[0][moments[:, 1] == period].mean()), 6),
                market=round(float(errors[1][moments[:, 1] == period].mean()), 6),
            )
            for period in np.unique(moments[:, 1]).tolist()
        ],
    )


def _bins(prob_u6: Ints, won: NDArray[np.bool_], game: Ints, bootstrap: GameBootstrap) -> list[BinFact]:
    """Return the bins that hold a state, each with limits by game."""
    where = np.minimum(prob_u6 * _BINS // _ONE_U6, _BINS - 1)
    cell = game * _BINS + where
    shape = (bootstrap.games, _BINS)
    counts = np.bincount(cell, minlength=shape[0] * _BINS).reshape(shape)
    wins = np.bincount(cell, won, minlength=shape[0] * _BINS).astype(np.int64).reshape(shape)
    forecast = np.bincount(where, prob_u6, minlength=_BINS) / _ONE_U6
    found = bootstrap.ratio(wins, counts)
    total = counts.sum(axis=0)
    # A bin that only one game ever entered has no spread to resample: no limits are better than a false certainty.
    several = (counts > 0).sum(axis=0) > 1
    return [
        BinFact(
            forecast=round(float(forecast[k] / total[k]), 4),
            frequency=round(float(found.estimate[k]), 4),
            low=_clipped(float(found.low[k])) if several[k] else None,
            high=_clipped(float(found.high[k])) if several[k] else None,
            states=int(total[k]),
        )
        for k in np.flatnonzero(total).tolist()
    ]


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _clipped(value: float) -> float | None:
    return round(min(max(value, 0.0), 1.0), 4) if math.isfinite(value) else None


def leadlag_of(film: Film, game: int) -> LeadLag | None:
    """Return how much later nba showed each score than espn did; None where not both were seen."""
    states = film.night.states
    first: list[dict[tuple[int, int], int]] = [{}, {}]
    mine = states[(states[:, 2] == game) & (states[:, 8] >= 0) & (states[:, 8] + states[:, 9] > 0)]
    for recv_ns, source, home, away in mine[:, [1, 3, 8, 9]].tolist():
        first[source].setdefault((home, away), recv_ns)
    # The first score that a source ever showed may be older than the tape.
    begun = max((min(seen.values()) for seen in first if seen), default=0)
    lags = [
        (first[1][score] - at_ns) // 1_000_000
        for score, at_ns in first[0].items()
        if score in first[1] and min(at_ns, first[1][score]) > begun
    ]
    return LeadLag(game_id=film.catalogue.games[game].game_id, lags_ms=lags) if lags else None


def score_facts(film: Film, game: int) -> list[ScoreFact]:
    """Return every change of a game's score with the bounds of when it happened and when each source showed it."""
    return [_score_fact(film.catalogue.games[game].game_id, change) for change in score_changes(film, game)]


def _score_fact(game_id: str, change: ScoreChange) -> ScoreFact:
    upper_ns = change.upper_ns
    return ScoreFact(
        game_id=game_id,
        home=change.home,
        away=change.away,
        upper_ns=upper_ns,
        width_ms=None if change.lower_ns is None else (upper_ns - change.lower_ns) // _MS_NS,
        shown=[None if one is None else _apart_ms(one, upper_ns) for one in change.shown],
    )


def _apart_ms(shown: Shown, from_ns: int) -> tuple[int | None, int]:
    after_ms = None if shown.after_ns is None else (shown.after_ns - from_ns) // _MS_NS
    return after_ms, (shown.by_ns - from_ns) // _MS_NS


def source_facts(scores: Sequence[ScoreFact]) -> list[SourceFact]:
    """
    Return how late each source shows the scores whose time is bounded, in the order of `shown`.

    A delay is at least what passed between the latest time of the event and the last look without it, and at most what
    passed between its earliest time and the first look with it.
    """
    known = [score for score in scores if score.width_ms is not None]
    facts = []
    for number, source in enumerate(SOURCE_NAMES):
        looks = [(score.width_ms or 0, score.shown[number]) for score in known]
        shown = [(width_ms, look) for width_ms, look in looks if look is not None]
        least = [max(look[0], 0) for _, look in shown if look[0] is not None]
        most = [look[1] + width_ms for width_ms, look in shown]
        firsts = [min((look[1] for look in score.shown if look is not None), default=None) for score in known]
        if shown:
            facts.append(
                SourceFact(
                    source=source,
                    scores=len(shown),
                    after_ms=int(np.median(least)) if least else None,
                    by_ms=int(np.median(most)),
                    first=sum(
                        look is not None and look[1] == first for (_, look), first in zip(looks, firsts, strict=True)
                    ),
                )
            )
    return facts


def delays_of(films: Sequence[Film], frame: pl.DataFrame, setting: Setting) -> list[Delay]:
    """Return the parts of the way from an event to a fill, in the order in which they happen."""
    trips = np.concatenate([_trips_ns(film) for film in films] or [np.zeros(0, np.int64)])
    own_ns = setting.order_delay_ms * 1_000_000
    sent = frame.filter(~pl.col("status").is_in(["too_small", "capped"]))
    venue = (sent["due_ns"] - sent["signal_ns"]).to_numpy() - own_ns
    made = [
        _delay("poll: request to answer", trips),
        _delay("age of the score at a signal", frame["game_age_ns"].to_numpy()),
        _delay("age of the book at a signal", frame["book_age_ns"].to_numpy()),
        _delay("book feed, as delayed by the setting", np.full(len(sent), setting.view.book_delay_ms * 1_000_000)),
        _delay("order: decision to venue", np.full(len(sent), own_ns)),
        _delay("venue: held before matching", venue),
    ]
    return [delay for delay in made if delay is not None]


def _trips_ns(film: Film) -> Ints:
    polls = film.night.polls
    scores = [k for k, feed in enumerate(film.catalogue.feeds) if feed.startswith(("espn.", "nba."))]
    mine = polls[np.isin(polls[:, 3], scores) & (polls[:, 4] != _MISSED)]
    trips: Ints = mine[:, 2] - mine[:, 1]
    return trips


def _delay(name: str, values_ns: Ints) -> Delay | None:
    if not len(values_ns):
        return None
    p50, p95, p99 = (round(float(value) / 1e6, 1) for value in np.quantile(values_ns, [0.5, 0.95, 0.99]))
    return Delay(name=name, p50_ms=p50, p95_ms=p95, p99_ms=p99, samples=len(values_ns))


def feed_facts(film: Film) -> list[FeedFact]:
    """Return how the polls of every feed of a film fared."""
    polls = film.night.polls
    facts = []
    for number, feed in enumerate(film.catalogue.feeds):
        mine = polls[polls[:, 3] == number]
        if not len(mine):
            continue
        trips = mine[mine[:, 4] != _MISSED]
        p50, p95 = np.quantile(trips[:, 2] - trips[:, 1], [0.5, 0.95]) / 1e6 if len(trips) else (0.0, 0.0)
        facts.append(
            FeedFact(
                tape=film.tape,
                feed=feed,
                polls=len(mine),
                unchanged=int((mine[:, 4] == _UNCHANGED).sum()),
                missed=int((mine[:, 4] == _MISSED).sum()),
                rtt_p50_ms=round(float(p50), 1),
                rtt_p95_ms=round(float(p95), 1),
            )
        )
    return facts
