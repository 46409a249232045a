"""
From an engine to facts: what changed since the last look, copied out, so that nobody else ever touches the fold.

A look costs one comparison of the books' and games' rows and a copy of those that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.events import GameStatus
from replay.core.patterns import ENTRIES, GAME, MARKS, PATTERN_MINUTES, Mark
from replay.core.state.book import (
    ASK_ROW,
    BEST_ASK,
    BEST_BID,
    BID_ROW,
    BOOK_NS,
    DOLLAR_U6,
    TRUST,
    UNIT_U6,
)
from replay.core.state.game import AWAY, CLOCK_MS, FIRST, GAME_NS, HOME, PERIOD, STATUS
from replay.live.facts import TRUSTS, BookFact, Fact, GameFact, PredictionFact, SignalFact, Status

if TYPE_CHECKING:
    from replay.core.engine import Engine, Outcome
    from replay.core.predictions import Prediction
    from replay.live.decisions import Decision

__all__ = ["STATUSES", "Observer", "named"]

Ints = NDArray[np.int64]

STATUSES: dict[int, Status] = {
    GameStatus.SCHEDULED: "scheduled",
    GameStatus.LIVE: "live",
    GameStatus.BREAK: "break",
    GameStatus.DELAYED: "delayed",
    GameStatus.FINAL: "final",
    GameStatus.CALLED_OFF: "final",
    GameStatus.UNKNOWN: "scheduled",
}


class Observer:
    """Looks at one engine from its own thread and says what changed; games without a market are not looked at."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._books: Ints = np.zeros((0, 0), np.int64)
        self._games: Ints = np.zeros((0, 0), np.int64)
        self._names: dict[int, tuple[str, ...]] = {}
        self._patterns: dict[int, tuple[int, ...]] = {}
        self._counted: tuple[int, int] = (-1, 0)

    def note(self, outcome: Outcome) -> None:
        """Take note of how far patterns came; to be called with every outcome."""
        for row in outcome.patterns.tolist():
            minutes = PATTERN_MINUTES - row[MARKS].count(Mark.AHEAD)
            self._patterns[row[GAME]] = tuple(row[ENTRIES][:minutes])

    def look(self, engine: Engine) -> list[Fact]:
        """Return the books and games that are not what they were at the last look."""
        return [*self._books_changed(engine), *self._games_changed(engine)]

    def signal(self, engine: Engine, cause: int, token: int, decision: Decision) -> SignalFact:
        """Return a decision as a fact; to be called once for each, in the order in which they were made."""
        last, n = self._counted
        n = n + 1 if last == cause else 0
        self._counted = (cause, n)
        team, game_id = named(engine, token)
        return SignalFact(
            seq=cause,
            n=n,
            recv_ns=decision.signal_ns,
            game_id=game_id,
            token_id=decision.token_id,
            team=team,
            side=decision.side,
            fair_u6=decision.fair_u6,
            ask_u6=decision.ask_u6,
            ask_size_u6=decision.ask_size_u6,
            edge_u6=decision.edge_u6,
            game_age_ns=decision.game_age_ns,
            book_age_ns=decision.book_age_ns,
            size_u6=decision.size_u6,
            limit_u6=decision.limit_u6,
            refused=decision.refused,
        )

    def predictions(self, engine: Engine, predictions: Sequence[Prediction]) -> list[PredictionFact]:
        """Return what was predicted, as facts."""
        games = engine.roller.catalogue.games
        return [
            PredictionFact(
                game_id=games[one.game].game_id,
                seq=one.seq,
                recv_ns=one.recv_ns,
                minutes=len(one.entries),
                prior_u6=_or_none(one.prior_u6),
                forecasts=msgspec.json.encode(one.forecasts),
            )
            for one in predictions
        ]

    def _books_changed(self, engine: Engine) -> list[Fact]:
        market, tokens = engine.fold.market, engine.roller.catalogue.tokens
        now = market.books[: len(tokens)]
        changed = _differing(self._books, now)
        self._books = now.copy()
        return [_book(market.books, market.levels, k, tokens[k]) for k in changed if market.game[k] >= 0]

    def _games_changed(self, engine: Engine) -> list[Fact]:
        catalogue, sight = engine.roller.catalogue, engine.fold.sight
        count = min(len(catalogue.games), sight.games.shape[1])
        tokens_of = engine.fold.market.tokens_of[:count]
        patterns = np.array([len(self._patterns.get(k, ())) for k in range(count)], np.int64).reshape(-1, 1)
        priors = np.array([engine.priors.of(k) for k in range(count)], np.int64).reshape(-1, 1)
        now = np.hstack([sight.games[0, :count], sight.fair_u6[0, :count, None], tokens_of, patterns, priors])
        changed = dict.fromkeys(_differing(self._games, now))
        for k, game in enumerate(catalogue.games[:count]):
            names = (game.game_id, game.home, game.away)
            if game.plan is not None and self._names.get(k) != names:
                self._names[k] = names
                changed[k] = None
        self._games = now
        return [self._game(engine, k) for k in changed if catalogue.games[k].plan is not None]

    def _game(self, engine: Engine, number: int) -> GameFact:
        game, sight = engine.roller.catalogue.games[number], engine.fold.sight
        row = sight.games[0, number]
        is_known = row[FIRST] == 1
        home_token, away_token = _token_ids(engine, number)
        return GameFact(
            game_id=game.game_id,
            league=game.league,
            home=game.home,
            away=game.away,
            status=STATUSES[int(row[STATUS])],
            period=int(row[PERIOD]) if is_known else None,
            clock_ms=_or_none(row[CLOCK_MS]),
            home_score=int(row[HOME]) if is_known else None,
            away_score=int(row[AWAY]) if is_known else None,
            seen_ns=int(row[GAME_NS]),
            model_home_u6=_or_none(sight.fair_u6[0, number]),
            prior_home_u6=_or_none(engine.priors.of(number)),
            home_token=home_token,
            away_token=away_token,
            pattern=self._patterns.get(number, ()),
        )


def named(engine: Engine, token: int) -> tuple[str, str]:
    """Return the team and the game that a token stands for, as strangers wrote them; empty where it stands for none."""
    market = engine.fold.market
    number = int(market.game[token])
    if number < 0:
        return "", ""
    game = engine.roller.catalogue.games[number]
    return (game.home if market.side[token] > 0 else game.away), game.game_id


def _token_ids(engine: Engine, game: int) -> tuple[str | None, str | None]:
    tokens = engine.roller.catalogue.tokens
    home, away = engine.fold.market.tokens_of[game].tolist()
    return (tokens[home] if home >= 0 else None), (tokens[away] if away >= 0 else None)


def _book(books: Ints, levels: Ints, token: int, token_id: str) -> BookFact:
    row = books[token]
    unit, best_bid, best_ask = int(row[UNIT_U6]), int(row[BEST_BID]), int(row[BEST_ASK])
    bids = _packed(levels[token, BID_ROW, : best_bid + 1], 0, unit)[::-1]
    ceiling = DOLLAR_U6 // unit
    asks = _packed(levels[token, ASK_ROW, best_ask:ceiling], best_ask, unit) if best_ask >= 0 else _NO_LEVELS
    return BookFact(token_id, TRUSTS[int(row[TRUST])], int(row[BOOK_NS]), bids.tobytes(), asks.tobytes())


def _packed(ladder: Ints, first: int, unit: int) -> NDArray[np.int64]:
    cells = np.flatnonzero(ladder)
    return np.column_stack([(cells + first) * unit, ladder[cells]]).astype("<i8")


_NO_LEVELS: Ints = np.zeros((0, 2), "<i8")


def _differing(before: Ints, now: Ints) -> Sequence[int]:
    """Return the numbers of the rows that are new or not what they were."""
    if before.shape[1:] != now.shape[1:]:
        return range(len(now))
    common = min(len(before), len(now))
    moved: list[int] = np.flatnonzero((before[:common] != now[:common]).any(axis=1)).tolist()
    return [*moved, *range(common, len(now))]


def _or_none(value: int | np.int64) -> int | None:
    return None if value < 0 else int(value)
