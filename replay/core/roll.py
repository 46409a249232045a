"""
From envelopes to rows: decoding, naming and ordering, once, live and in replay alike.

The roller gives tokens and games their numbers, notes which connection a book came by so that a broken one can be forgotten, keeps
the last answer of every URL so that `not modified` can repeat it, and turns the plan's links into rows, so that nothing is known
before its envelope. It decides nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from replay.core.decode import decode
from replay.core.events import (
    BID,
    BookSnapshot,
    Event,
    FeedGap,
    GameRef,
    LevelChange,
    MarketSeen,
    PlanGame,
    PlanSeen,
    PollMissed,
    PollUnchanged,
    ScoreSeen,
    TickSizeChanged,
    TradePrinted,
    Undecodable,
)
from replay.core.gameclock import PERIOD_RULES
from replay.core.rows import (
    OP_ASK,
    OP_BID,
    OP_FORGET,
    OP_LAST,
    OP_LINK,
    OP_RULES,
    OP_SNAPSHOT,
    OP_SNAPSHOT_ASK,
    OP_SNAPSHOT_BID,
    OP_SNAPSHOT_END,
    OP_TICK,
    OP_TRADE_BUY,
    OP_TRADE_SELL,
    OP_WITNESS,
    POLL_COLUMNS,
    ROW_COLUMNS,
    RULES_COLUMNS,
    STATE_COLUMNS,
    Night,
    Rows,
    frozen,
)
from recorder.envelope import Envelope, Kind

__all__ = ["Catalogue", "Game", "Roller"]

_SOURCE_NUMBERS = {"espn": 0, "nba": 1}
_MS = 1_000_000


@dataclass(slots=True)
class Game:
    """One game of the catalogue: its own id, league and teams; plan is None while no market belongs to it."""

    game_id: str
    league: str
    home: str
    away: str
    plan: PlanGame | None = None


@dataclass(slots=True)
class Catalogue:
    """The names behind the numbers: token ids, games and feeds in order of first appearance."""

    tokens: list[str] = field(default_factory=list)
    games: list[Game] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)


class Roller:
    """Turns envelopes into the columns of a Night, in seq order, as many at a time as there are."""

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        """Begin with an empty catalogue. on_event is shown every event, as evidence for after the game."""
        self.catalogue = Catalogue()
        self.on_event = on_event
        self.counts: Counter[str] = Counter()
        """How many events of each name were decoded."""
        self._token_numbers: dict[str, int] = {}
        self._game_numbers: dict[GameRef, int] = {}
        self._feed_numbers: dict[str, int] = {}
        self._conn_of: dict[int, tuple[str, int]] = {}
        self._last_answer: dict[str, list[ScoreSeen]] = {}
        self._markets: dict[str, MarketSeen] = {}
        self._rows = array("q")
        self._states = array("q")
        self._polls = array("q")
        self._rules = array("q")

    def roll(self, envelopes: Iterable[Envelope]) -> Night:
        """Return what these envelopes mean. Indices between the tables count within the returned night."""
        for envelope in envelopes:
            events = decode(envelope)
            for event in events:
                self.counts[type(event).__name__] += 1
                if self.on_event is not None:
                    self.on_event(event)
            if envelope.kind in (Kind.BODY, Kind.FAILED):
                self._answer(envelope, events)
            else:
                for event in events:
                    self._event(envelope, event)
        return self._cut()

    def _cut(self) -> Night:
        """Hand over the columns gathered so far and begin anew."""
        table = _table(self._rows, len(ROW_COLUMNS))
        columns = [frozen(table[:, k].astype(kind)) for k, kind in enumerate(ROW_COLUMNS.values())]
        night = Night(
            rows=Rows(*columns),
            states=_table(self._states, len(STATE_COLUMNS)),
            polls=_table(self._polls, len(POLL_COLUMNS)),
            rules=_table(self._rules, len(RULES_COLUMNS)),
        )
        self._rows, self._states, self._polls, self._rules = array("q"), array("q"), array("q"), array("q")
        return night

    # Books ---------------------------------------------------------------------------------------------------

    def _row(self, at: Envelope, op: int, token: int, price_u6: int = 0, size_u6: int = 0) -> None:
        self._rows.extend((at.seq, at.recv_ns, op, token, price_u6, size_u6, -1, -1, -1))

    def _token(self, token_id: str) -> int:
        number = self._token_numbers.get(token_id)
        if number is None:
            number = self._token_numbers[token_id] = len(self.catalogue.tokens)
            self.catalogue.tokens.append(token_id)
        return number

    def _event(self, at: Envelope, event: Event) -> None:
        match event:
            case LevelChange():
                token = self._token(event.token_id)
                self._conn_of[token] = (at.feed, at.conn)
                op = (OP_BID if event.side == BID else OP_ASK) + (OP_LAST if event.last else 0)
                self._rows.extend(
                    (
                        at.seq,
                        at.recv_ns,
                        op,
                        token,
                        event.price_u6,
                        event.size_u6,
                        -1 if event.best_bid_u6 is None else event.best_bid_u6,
                        -1 if event.best_ask_u6 is None else event.best_ask_u6,
                        -1 if event.source_ns is None else event.source_ns // _MS,
                    )
                )
            case BookSnapshot():
                self._snapshot(at, event)
            case TradePrinted():
                op = OP_TRADE_BUY if event.side == BID else OP_TRADE_SELL
                self._row(at, op, self._token(event.token_id), event.price_u6, event.size_u6 or 0)
            case TickSizeChanged():
                self._row(at, OP_TICK, self._token(event.token_id), event.new_tick_u6)
            case FeedGap():
                self._gap(at, event)
            case PlanSeen():
                self._plan(at, event)
            case MarketSeen():
                self._market(at, event)
            case _:
                pass

    def _snapshot(self, at: Envelope, book: BookSnapshot) -> None:
        token = self._token(book.token_id)
        if not book.witness:
            self._conn_of[token] = (at.feed, at.conn)
        source_ms = -1 if book.source_ns is None else book.source_ns // _MS
        bid = book.bids[0][0] if book.bids else -1
        ask = book.asks[0][0] if book.asks else -1
        op = OP_WITNESS if book.witness else OP_SNAPSHOT
        self._rows.extend((at.seq, at.recv_ns, op, token, 0, 0, bid, ask, source_ms))
        for price_u6, size_u6 in book.bids:
            self._row(at, OP_SNAPSHOT_BID, token, price_u6, size_u6)
        for price_u6, size_u6 in book.asks:
            self._row(at, OP_SNAPSHOT_ASK, token, price_u6, size_u6)
        self._row(at, OP_SNAPSHOT_END, token)
        if book.tick_u6 is not None:
            self._row(at, OP_TICK, token, book.tick_u6)

    def _gap(self, at: Envelope, gap: FeedGap) -> None:
        if gap.token_id is not None:
            known = self._token_numbers.get(gap.token_id)
            if known is not None:
                self._row(at, OP_FORGET, known)
            return
        broken = (gap.feed, gap.conn)
        for token, conn in self._conn_of.items():
            if conn == broken:
                self._row(at, OP_FORGET, token)

    # The catalogue -------------------------------------------------------------------------------------------

    def _game(self, ref: GameRef, home: str, away: str) -> int:
        number = self._game_numbers.get(ref)
        if number is None:
            number = self._game_numbers[ref] = len(self.catalogue.games)
            game_id = f"{ref.league}:{ref.id}" if ref.source == "espn" else f"{ref.league}:{ref.source}:{ref.id}"
            self.catalogue.games.append(Game(game_id, ref.league, home, away))
        return number

    def _plan(self, at: Envelope, plan: PlanSeen) -> None:
        for game in plan.games:
            number = self._game(game.refs[0], game.home, game.away) if game.refs else len(self.catalogue.games)
            if number == len(self.catalogue.games):
                self.catalogue.games.append(Game(game.game_id, game.league, game.home, game.away))
            for ref in game.refs:
                self._game_numbers[ref] = number
            entry = self.catalogue.games[number]
            if entry.plan == game:
                continue
            entry.plan = game
            entry.game_id, entry.home, entry.away = game.game_id, game.home, game.away
            for token_id, side in ((game.home_token_id, 1), (game.away_token_id, -1)):
                token = self._token(token_id)
                self._row(at, OP_LINK, token, number, side)
                market = self._markets.get(token_id)
                if market is not None:
                    self._rule(at, token, market)

    def _market(self, at: Envelope, market: MarketSeen) -> None:
        for token_id in market.token_ids:
            before = self._markets.get(token_id)
            self._markets[token_id] = market
            token = self._token_numbers.get(token_id)
            if token is not None and (before is None or _rules_of(before) != _rules_of(market)):
                self._rule(at, token, market)

    def _rule(self, at: Envelope, token: int, market: MarketSeen) -> None:
        index = len(self._rules) // len(RULES_COLUMNS)
        self._rules.extend((at.seq, at.recv_ns, token, *_rules_of(market)))
        self._row(at, OP_RULES, token, index)

    # Scores --------------------------------------------------------------------------------------------------

    def _answer(self, at: Envelope, events: list[Event]) -> None:
        """Take the answer to a poll: its observations, or those of the answer that it says still holds."""
        facts = at.facts()
        url = str(facts.get("url", ""))
        outcome = 0
        scores: list[ScoreSeen] = []
        for event in events:
            if isinstance(event, ScoreSeen):
                scores.append(event)
            elif isinstance(event, PollUnchanged):
                outcome, scores = 1, self._last_answer.get(url, [])
            elif isinstance(event, PollMissed | Undecodable):
                outcome = 2
            else:
                self._event(at, event)
        if scores and outcome == 2:
            outcome = 0
        if scores and outcome == 0:
            self._last_answer[url] = scores
        poll = len(self._polls) // len(POLL_COLUMNS)
        first = len(self._states) // len(STATE_COLUMNS)
        for score in scores:
            self._score(at, score, poll)
        if at.feed not in self._feed_numbers:
            self._feed_numbers[at.feed] = len(self.catalogue.feeds)
            self.catalogue.feeds.append(at.feed)
        sent_ns = int(facts.get("sent_ns", at.recv_ns))
        self._polls.extend((at.seq, sent_ns, at.recv_ns, self._feed_numbers[at.feed], outcome, first, len(scores)))

    def _score(self, at: Envelope, score: ScoreSeen, poll: int) -> None:
        game = self._game(score.game, score.home.name, score.away.name)
        rules = PERIOD_RULES.get(score.game.league)
        possession = {score.home.id: 1, score.away.id: -1}.get(score.possession_team_id or "", 0)
        self._states.extend(
            (
                at.seq,
                at.recv_ns,
                game,
                _SOURCE_NUMBERS.get(score.game.source, 0),
                int(score.status),
                _or_absent(score.period),
                _or_absent(score.clock_ms),
                int(rules is not None and rules.is_counting_up),
                _or_absent(score.home_score),
                _or_absent(score.away_score),
                poll,
                possession,
            )
        )


def _or_absent(value: int | None) -> int:
    return -1 if value is None else value


def _rules_of(market: MarketSeen) -> tuple[int, int, int, int]:
    """Return venue_delay_ns, fee_rate_u6, tick_u6 and size_min_u6; -1 where the catalogue does not say."""
    delay_ms = _or_absent(market.venue_delay_ms)
    return (
        delay_ms * _MS if delay_ms >= 0 else -1,
        _or_absent(market.fee_rate_u6),
        _or_absent(market.tick_u6),
        _or_absent(market.size_min_u6),
    )


def _table(values: array[int], width: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return values as a read-only table of that many columns."""
    table = np.frombuffer(values, np.int64) if len(values) else np.zeros(0, np.int64)
    table = table.reshape(-1, width)
    table.setflags(write=False)
    return table
