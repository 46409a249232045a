"""
The board: the night as the outlet process knows it, folded from batches; whatever is asked is answered from here.

It holds facts with times and turns them into ages when somebody asks, so that a feed that died is old without a word
from anybody.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from recorder.times import SECOND_NS
from replay.live.contract import (
    Book,
    Edges,
    Feed,
    Health,
    History,
    Ladder,
    Pattern,
    Polls,
    Prediction,
    Recorder,
    Series,
    Signal,
    Stage,
    State,
    Tokens,
)
from replay.live.facts import (
    LEVEL_BYTES,
    Batch,
    BookFact,
    FeedFact,
    GameFact,
    GapFact,
    HealthFact,
    PredictionFact,
    SignalFact,
)
from replay.live.history import Course

__all__ = ["Board", "Changes", "signal_answer"]

_MS = 1_000_000
_DOLLAR_U6 = 1_000_000
_LEVEL = struct.Struct("<qq")
_SIGNALS_MAX = 100_000
_GAPS_MAX = 5_000
_GAME_STALE_NS = {"live": 30 * SECOND_NS, "break": 90 * SECOND_NS, "delayed": 90 * SECOND_NS}
_SCHEDULED_STALE_NS = 300 * SECOND_NS
_SILENT_HEALTH_NS = 10 * SECOND_NS
_LAG_MS_MAX = 2_000
_ORDER = {"live": 1, "break": 1, "delayed": 1, "scheduled": 2, "final": 3}


@dataclass(slots=True)
class Changes:
    """What a batch changed: ids of games in order, and what was said."""

    seq: int
    games: dict[str, None] = field(default_factory=dict)
    patterns: dict[str, None] = field(default_factory=dict)
    predictions: dict[str, None] = field(default_factory=dict)
    signals: list[SignalFact] = field(default_factory=list)


@dataclass(slots=True)
class _Past:
    score: Course = field(default_factory=lambda: Course(2))
    mid: Course = field(default_factory=lambda: Course(1, spacing_ns=SECOND_NS))
    spread: Course = field(default_factory=lambda: Course(1, spacing_ns=SECOND_NS))
    model: Course = field(default_factory=lambda: Course(1, spacing_ns=SECOND_NS))
    clock: Course = field(default_factory=lambda: Course(2, spacing_ns=10 * SECOND_NS))
    prediction: Course = field(default_factory=lambda: Course(3, "d"))


class Board:
    """Everything that can be asked about the night."""

    def __init__(self, label: str = "") -> None:
        """Begin with nothing known; label is the tape's: what is simulated is told as simulated."""
        self.label = label
        self.seq = -1
        self.games: dict[str, GameFact] = {}
        self.books: dict[str, BookFact] = {}
        self.signals: list[SignalFact] = []
        self.lost_signals = 0
        self.health_fact: HealthFact | None = None
        self.health_ns = 0
        self.gaps: deque[GapFact] = deque(maxlen=_GAPS_MAX)
        self._predictions: dict[str, PredictionFact] = {}
        self._pasts: dict[str, _Past] = {}
        self._game_of: dict[str, str] = {}

    def apply(self, batch: Batch) -> Changes:
        """Take a batch and return what it changed."""
        changes = Changes(batch.seq)
        self.seq = max(self.seq, batch.seq)
        self.lost_signals += batch.lost
        for fact in batch.facts:
            match fact:
                case GameFact():
                    self._game(fact, changes)
                case BookFact():
                    self.books[fact.token_id] = fact
                    game_id = self._game_of.get(fact.token_id)
                    if game_id is not None:
                        changes.games[game_id] = None
                case SignalFact():
                    self.signals.append(fact)
                    changes.signals.append(fact)
                case PredictionFact():
                    self._predict(fact, changes)
                case GapFact():
                    self.gaps.append(fact)
                case HealthFact():
                    self.health_fact, self.health_ns = fact, batch.now_ns
        if len(self.signals) > _SIGNALS_MAX:
            del self.signals[: _SIGNALS_MAX // 2]
        for game_id in changes.games:
            self._remember(game_id, batch.now_ns)
        return changes

    def state(self, game_id: str, now_ns: int) -> State:
        """
        Return a game as of now.

        Raises:
            KeyError: there is no such game.
        """
        game = self.games[game_id]
        home, away = self._book(game.home_token, now_ns), self._book(game.away_token, now_ns)
        why = self._why_stale(game, now_ns)
        fair = game.model_home_u6
        return State(
            game_id=game.game_id,
            league=game.league,
            home=game.home,
            away=game.away,
            status=game.status,
            period=game.period,
            clock_ms=game.clock_ms,
            home_score=game.home_score,
            away_score=game.away_score,
            game_age_ms=_age_ms(game.seen_ns, now_ns),
            recv_ns=_text(game.seen_ns),
            model_home_u6=fair,
            prior_home_u6=game.prior_home_u6,
            tokens=Tokens(home=home, away=away),
            edge_u6=Edges(home=_edge(fair, home), away=_edge(None if fair is None else _DOLLAR_U6 - fair, away)),
            pattern=Pattern(entries=list(game.pattern), n=len(game.pattern)),
            prediction=self.prediction(game_id),
            is_stale=why is not None,
            why=why,
        )

    def is_stale(self, game_id: str, now_ns: int) -> bool:
        """
        Say whether a game must not be shown as live.

        Raises:
            KeyError: there is no such game.
        """
        return self._why_stale(self.games[game_id], now_ns) is not None

    def states(self, now_ns: int) -> list[State]:
        """Return all games, worst first."""
        states = [self.state(game_id, now_ns) for game_id in self.games]
        return sorted(states, key=lambda state: (not state.is_stale, _ORDER[state.status], state.league, state.game_id))

    def ladder(self, token_id: str, now_ns: int) -> Ladder:
        """
        Return a whole book as of now.

        Raises:
            KeyError: there is no such token.
        """
        fact = self.books[token_id]
        is_usable = fact.trust != "unknown"
        touch = msgspec.structs.asdict(_touch(fact, now_ns))
        bids, asks = (_levels(fact.bids), _levels(fact.asks)) if is_usable else ([], [])
        return Ladder(**touch, bids=bids, asks=asks)

    def signals_after(self, seq: int, n: int, most: int) -> list[SignalFact]:
        """Return signals after one, in order, at most so many."""
        first = bisect_right(self.signals, (seq, n), key=lambda one: (one.seq, one.n))
        return self.signals[first : first + most]

    def prediction(self, game_id: str) -> Prediction | None:
        """Return what was predicted last for a game, None where nothing was."""
        fact = self._predictions.get(game_id)
        if fact is None:
            return None
        forecasts = msgspec.json.decode(fact.forecasts)
        return Prediction(
            seq=fact.seq,
            recv_ns=str(fact.recv_ns),
            n=fact.minutes,
            prior_home_u6=fact.prior_u6,
            forecasts=forecasts,
        )

    def history(self, game_id: str, points: int) -> History:
        """
        Return the course of a game in at most so many points a series.

        Raises:
            KeyError: there is no such game.
        """
        self.games[game_id]
        past: Any = self._pasts.get(game_id) or _Past()
        series = Series(
            score=past.score.points(points),
            mid_home_u6=past.mid.points(points),
            spread_u6=past.spread.points(points),
            model_home_u6=past.model.points(points),
            clock=past.clock.points(points),
            prediction=past.prediction.points(points),
        )
        return History(
            game_id=game_id,
            series=series,
            signals=[signal_answer(one) for one in self.signals if one.game_id == game_id][-points:],
            gaps=[(str(gap.from_ns), str(gap.to_ns), gap.feed) for gap in self.gaps][-points:],
        )

    def health(self, now_ns: int) -> Health:
        """Return how everything goes as of now."""
        fact = self.health_fact
        if fact is None:
            reasons = ["the engine has said nothing yet"]
            return Health(
                now_ns=str(now_ns),
                label=self.label,
                status="degraded",
                reasons=reasons,
                engine="starting",
                feeds=[],
                latency={},
                recorder=None,
            )
        reasons = [*fact.reasons, *self._own_reasons(fact, now_ns)]
        stages = {
            name: Stage(p50_us=one.p50_ns / 1e3, p99_us=one.p99_ns / 1e3, p999_us=one.p999_ns / 1e3, count=one.count)
            for name, one in fact.latency.items()
        }
        return Health(
            now_ns=str(now_ns),
            label=self.label,
            status="degraded" if reasons else "ok",
            reasons=reasons,
            engine=fact.engine,
            feeds=[_feed(one, now_ns) for one in fact.feeds],
            latency=stages,
            recorder=Recorder(
                next_seq=fact.recorder.next_seq, durable_seq=fact.recorder.durable_seq, lag_ms=fact.recorder.lag_ms
            ),
        )

    def _own_reasons(self, fact: HealthFact, now_ns: int) -> list[str]:
        reasons = [why] if (why := self._why_blind(now_ns)) is not None else []
        reasons += [f"{one.feed} is {one.state}" for one in fact.feeds if one.state != "LIVE"]
        if fact.recorder.lag_ms > _LAG_MS_MAX:
            reasons.append(f"the disk is {fact.recorder.lag_ms} ms behind")
        if self.lost_signals:
            reasons.append(f"{self.lost_signals} signals had to make way")
        return reasons

    def _game(self, fact: GameFact, changes: Changes) -> None:
        before = self.games.get(fact.game_id)
        self.games[fact.game_id] = fact
        for token_id in (fact.home_token, fact.away_token):
            if token_id is not None:
                self._game_of[token_id] = fact.game_id
        changes.games[fact.game_id] = None
        if fact.pattern and (before is None or before.pattern != fact.pattern):
            changes.patterns[fact.game_id] = None

    def _predict(self, fact: PredictionFact, changes: Changes) -> None:
        self._predictions[fact.game_id] = fact
        changes.games[fact.game_id] = changes.predictions[fact.game_id] = None
        past = self._pasts.setdefault(fact.game_id, _Past())
        for one in msgspec.json.decode(fact.forecasts):
            if one["horizon"] == "final":
                past.prediction.add(fact.recv_ns, one["interval_lower"], one["point_forecast"], one["interval_upper"])

    def _remember(self, game_id: str, now_ns: int) -> None:
        game = self.games.get(game_id)
        if game is None:
            return
        past = self._pasts.setdefault(game_id, _Past())
        if game.home_score is not None and game.away_score is not None:
            past.score.add(game.seen_ns, game.home_score, game.away_score)
            past.clock.add(game.seen_ns, game.period, game.clock_ms)
        past.model.add(now_ns, game.model_home_u6)
        book = self._book(game.home_token, now_ns)
        if book is None or book.trust != "known":
            past.mid.add(now_ns, None)
            past.spread.add(now_ns, None)
            return
        past.mid.add(book_ns := int(book.recv_ns or now_ns), book.mid_u6)
        touch = (book.bid_u6, book.ask_u6)
        past.spread.add(book_ns, None if touch[0] is None or touch[1] is None else touch[1] - touch[0])

    def _book(self, token_id: str | None, now_ns: int) -> Book | None:
        if token_id is None:
            return None
        fact = self.books.get(token_id)
        return _touch(fact or BookFact(token_id, "unknown", 0, b"", b""), now_ns)

    def _why_blind(self, now_ns: int) -> str | None:
        """Say why nothing of the night can be news; None where it can."""
        if self.health_fact is None:
            return None
        quiet_ns = now_ns - self.health_ns
        if quiet_ns > _SILENT_HEALTH_NS:
            return f"the recorder has said nothing for {quiet_ns // SECOND_NS} s"
        return "the engine has ended" if self.health_fact.engine in {"cut", "ended"} else None

    def _why_stale(self, game: GameFact, now_ns: int) -> str | None:
        """Say why a game must not be shown as live; None where it may. What is over stays as it is."""
        if game.status == "final":
            return None
        if (why := self._why_blind(now_ns)) is not None:
            return why
        if not game.seen_ns:
            return "no score source has shown it yet" if game.status != "scheduled" else None
        age_ns = now_ns - game.seen_ns
        if age_ns > _GAME_STALE_NS.get(game.status, _SCHEDULED_STALE_NS):
            return f"not seen for {age_ns // SECOND_NS} s"
        for side, token_id in (("home", game.home_token), ("away", game.away_token)):
            book = self.books.get(token_id or "")
            trust = "unknown" if book is None else book.trust
            if game.status != "scheduled" and trust != "known":
                return f"the {side} book is {trust}"
        return None


def signal_answer(fact: SignalFact) -> Signal:
    """Return a signal as the API tells it."""
    return Signal(
        id=f"{fact.seq}.{fact.n}",
        seq=fact.seq,
        recv_ns=str(fact.recv_ns),
        game_id=fact.game_id,
        token_id=fact.token_id,
        team=fact.team,
        side=1 if fact.side > 0 else -1,
        fair_u6=fact.fair_u6,
        ask_u6=fact.ask_u6,
        ask_size_u6=fact.ask_size_u6,
        edge_u6=fact.edge_u6,
        game_age_ms=fact.game_age_ns // _MS,
        book_age_ms=fact.book_age_ns // _MS,
        size_u6=fact.size_u6,
        limit_u6=fact.limit_u6,
        refused=fact.refused,
    )


def _touch(fact: BookFact, now_ns: int) -> Book:
    is_usable = fact.trust != "unknown"
    bid: tuple[int | None, int | None] = _LEVEL.unpack_from(fact.bids) if is_usable and fact.bids else (None, None)
    ask: tuple[int | None, int | None] = _LEVEL.unpack_from(fact.asks) if is_usable and fact.asks else (None, None)
    return Book(
        token_id=fact.token_id,
        trust=fact.trust,
        bid_u6=bid[0],
        bid_size_u6=bid[1],
        ask_u6=ask[0],
        ask_size_u6=ask[1],
        mid_u6=None if bid[0] is None or ask[0] is None else (bid[0] + ask[0]) // 2,
        book_age_ms=_age_ms(fact.seen_ns, now_ns),
        recv_ns=_text(fact.seen_ns),
    )


def _levels(packed: bytes) -> list[tuple[int, int]]:
    return [_LEVEL.unpack_from(packed, at) for at in range(0, len(packed), LEVEL_BYTES)]


def _edge(fair_u6: int | None, book: Book | None) -> int | None:
    if fair_u6 is None or book is None or book.trust != "known" or book.ask_u6 is None:
        return None
    return fair_u6 - book.ask_u6


def _feed(fact: FeedFact, now_ns: int) -> Feed:
    return Feed(
        feed=fact.feed,
        state=fact.state,
        age_ms=_age_ms(fact.heard_ns, now_ns),
        per_s=fact.per_s,
        gaps=fact.gaps,
        reconnects=fact.reconnects,
        polls=None if fact.polls is None else Polls(**msgspec.structs.asdict(fact.polls)),
    )


def _age_ms(seen_ns: int, now_ns: int) -> int | None:
    return max(0, now_ns - seen_ns) // _MS if seen_ns else None


def _text(seen_ns: int) -> str | None:
    return str(seen_ns) if seen_ns else None
