"""
From envelopes to rows: decoding, naming and ordering, once, live and in replay alike.

The roller gives tokens and games their numbers, notes which connection a book came by so that a broken one can be
forgotten, keeps the last answer of every URL so that `not modified` can repeat it, and turns the plan's links into
rows, so that nothing is known before its envelope. It decides nothing.

Whatever the bytes are, it does not raise: a number that no fold could use (a tick of nothing, a fee above the whole, a
score of twenty digits) counts as not said.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from replay.core.answers import Answers, or_absent
from replay.core.decode import decode
from replay.core.events import (
    BID,
    BestQuoted,
    BookSnapshot,
    ClockStepped,
    ControlText,
    Event,
    FeedGap,
    GameRef,
    LevelChange,
    MarketListed,
    MarketResolved,
    MarketSeen,
    PlanGame,
    PlanSeen,
    PlaysSeen,
    PollMissed,
    PollUnchanged,
    Pulse,
    ScoreSeen,
    TickSizeChanged,
    TradePrinted,
    Undecodable,
    VenueScoreSeen,
)
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
    ROW_COLUMNS,
    RULES_COLUMNS,
    Night,
    Rows,
    frozen,
)
from replay.core.witnesses import PLAY_COLUMNS, SIGHTING_COLUMNS, Witnesses

__all__ = ["Catalogue", "Game", "Roller"]

_MS = 1_000_000
_DOLLAR_U6 = 1_000_000
_PRICE_MAX = np.iinfo(np.int32).max
_TOKENS_MAX = (1 << 15) - 1


class _Told(msgspec.Struct, gc=False):
    """What a note is about."""

    note: str = ""


_TOLD = msgspec.json.Decoder(_Told)


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
        """
        Begin with an empty catalogue.

        on_event is shown every event but changes of levels, as evidence for after the game.
        """
        self.catalogue = Catalogue()
        self.on_event = on_event
        self.counts: Counter[str] = Counter()
        """How many events of each name were decoded."""
        self._token_numbers: dict[str, int] = {}
        self._game_numbers: dict[GameRef, int] = {}
        self._conn_of: dict[int, tuple[str, int]] = {}
        self._markets: dict[str, MarketSeen] = {}
        self._witnesses = Witnesses(self._game_numbers)
        # Rows one after the other: a list grows faster than an array, and becomes one when it is cut.
        self._rows: list[int] = []
        self._rules: list[int] = []
        self._names: list[type] = []
        self._answers = Answers(self.catalogue.feeds, self._witnesses, self._scored, self._show)
        # Total, so that a new kind of event must be thought about here; None: it moves no column.
        self._takers: dict[type, Callable[[Envelope, Any], None] | None] = {
            LevelChange: lambda at, change: self._take(at, [change]),
            BookSnapshot: self._snapshot,
            TradePrinted: self._trade,
            TickSizeChanged: self._tick_changed,
            FeedGap: self._gap,
            PlanSeen: self._plan,
            MarketSeen: self._market,
            VenueScoreSeen: self._witnesses.venue,
            # Scores, and what came of a poll, are taken where the answer is.
            **dict.fromkeys((ScoreSeen, PlaysSeen, PollMissed, PollUnchanged)),
            Undecodable: self._unread,
            # Evidence for after the game, or for people.
            **dict.fromkeys((BestQuoted, MarketListed, MarketResolved, ControlText, Pulse, ClockStepped)),
        }

    def roll(self, envelopes: Iterable[Envelope]) -> Night:
        """
        Return what these envelopes mean. Indices between the tables count within the returned night.

        Raises:
            UsageError: more tokens than a night has numbers for.
        """
        for envelope in envelopes:
            self.take(envelope)
        return self.cut()

    def take(self, envelope: Envelope, *, is_read: bool = False) -> None:
        """Take one envelope; `cut` has what it means. is_read: what an answer says is read already, scores apart."""
        kind = envelope.kind
        if kind is Kind.BODY or kind is Kind.FAILED:
            self._answers.take(envelope, is_read=is_read)
            return
        events = decode(envelope)
        self._names += map(type, events)
        if kind is Kind.NOTE:
            self._note(envelope)
        if events:
            self._take(envelope, events)

    def token(self, token_id: str) -> int:
        """
        Return the number of a token, a new one where it is new.

        Raises:
            UsageError: there are no more numbers.
        """
        return self._token(token_id)

    def connect(self, token: int, feed: str, conn: int) -> None:
        """Note which connection a token's book comes by, so that it is forgotten where that one breaks."""
        self._conn_of[token] = (feed, conn)

    def _take(self, at: Envelope, events: Iterable[Event]) -> None:
        """Take what an envelope means, in the order of the wire; nearly all of a night is changes of levels."""
        seq, recv_ns, conn = at.seq, at.recv_ns, (at.feed, at.conn)
        for event in events:
            if type(event) is not LevelChange:
                self._show(at, event)
                continue
            token = self._token_numbers.get(event.token_id)
            if token is None:
                token = self._token(event.token_id)
            self._conn_of[token] = conn
            bid_u6, ask_u6, source_ns = event.best_bid_u6, event.best_ask_u6, event.source_ns
            op = OP_BID if event.side == BID else OP_ASK
            self._rows += (
                seq,
                recv_ns,
                op + OP_LAST if event.last else op,
                token,
                event.price_u6,
                event.size_u6,
                -1 if bid_u6 is None else bid_u6,
                -1 if ask_u6 is None else ask_u6,
                -1 if source_ns is None else source_ns // _MS,
            )

    def _show(self, at: Envelope, event: Event) -> None:
        """Hand an event to whoever collects evidence and to the columns that it moves."""
        if self.on_event is not None:
            self.on_event(event)
        take = self._takers[type(event)]
        if take is not None:
            take(at, event)

    def cut(self, levels: NDArray[np.int64] | None = None) -> Night:
        """
        Hand over the columns gathered so far and begin anew.

        levels: rows that were read without this roller, i64 (n, 9), in seq order; no envelope gives some of both.
        """
        for name, count in Counter(self._names).items():
            self.counts[name.__name__] += count
        rows = _table(self._rows, len(ROW_COLUMNS))
        if levels is not None and len(levels):
            rows = np.concatenate((levels, rows)) if len(rows) else levels
            rows = rows[np.argsort(rows[:, 0], kind="stable")]
        states, polls = self._answers.cut(self.counts)
        night = Night(
            rows=_columns(rows),
            states=states,
            polls=polls,
            rules=_table(self._rules, len(RULES_COLUMNS)),
            sightings=_table(self._witnesses.sightings, len(SIGHTING_COLUMNS)),
            plays=_table(self._witnesses.plays, len(PLAY_COLUMNS)),
        )
        self._witnesses.cut()
        self._rows, self._rules, self._names = [], [], []
        return night

    # Books ---------------------------------------------------------------------------------------------------

    def _row(self, at: Envelope, op: int, token: int, price_u6: int = 0, size_u6: int = 0) -> None:
        self._rows += (at.seq, at.recv_ns, op, token, price_u6, size_u6, -1, -1, -1)

    def _token(self, token_id: str) -> int:
        number = self._token_numbers.get(token_id)
        if number is None:
            number = self._token_numbers[token_id] = len(self.catalogue.tokens)
            if number > _TOKENS_MAX:
                raise UsageError(f"more than {_TOKENS_MAX:,} tokens on one tape", why="a night has no numbers for them")
            self.catalogue.tokens.append(token_id)
        return number

    def _snapshot(self, at: Envelope, book: BookSnapshot) -> None:
        token = self._token(book.token_id)
        if not book.witness:
            self._conn_of[token] = (at.feed, at.conn)
        seq, recv_ns = at.seq, at.recv_ns
        source_ms = -1 if book.source_ns is None else book.source_ns // _MS
        bid = book.bids[0][0] if book.bids else -1
        ask = book.asks[0][0] if book.asks else -1
        op = OP_WITNESS if book.witness else OP_SNAPSHOT
        rows = self._rows
        rows += (seq, recv_ns, op, token, 0, 0, bid, ask, source_ms)
        for op, levels in ((OP_SNAPSHOT_BID, book.bids), (OP_SNAPSHOT_ASK, book.asks)):
            for price_u6, size_u6 in levels:
                rows += (seq, recv_ns, op, token, price_u6, size_u6, -1, -1, -1)
        self._row(at, OP_SNAPSHOT_END, token)
        if book.tick_u6 is not None:
            self._tick(at, token, book.tick_u6)

    def _trade(self, at: Envelope, trade: TradePrinted) -> None:
        op = OP_TRADE_BUY if trade.side == BID else OP_TRADE_SELL
        self._row(at, op, self._token(trade.token_id), trade.price_u6, trade.size_u6 or 0)

    def _tick_changed(self, at: Envelope, change: TickSizeChanged) -> None:
        self._tick(at, self._token(change.token_id), change.new_tick_u6)

    def _tick(self, at: Envelope, token: int, tick_u6: int) -> None:
        if 0 < tick_u6 < _DOLLAR_U6:
            self._row(at, OP_TICK, token, tick_u6)

    def _gap(self, at: Envelope, gap: FeedGap) -> None:
        if gap.token_id is not None:
            known = self._token_numbers.get(gap.token_id)
            if known is not None:
                self._row(at, OP_FORGET, known)
            return
        self._forget(at, (gap.feed, gap.conn))

    def _unread(self, at: Envelope, unread: Undecodable) -> None:
        """Forget the books of a connection that said something about books which nobody understood."""
        if unread.may_move_books and at.kind is Kind.FRAME:
            self._forget(at, (at.feed, at.conn))

    def _forget(self, at: Envelope, broken: tuple[str, int]) -> None:
        for token, conn in self._conn_of.items():
            if conn == broken:
                self._row(at, OP_FORGET, token)

    def _note(self, at: Envelope) -> None:
        """
        Forget every book where a recording begins or is gone on with.

        A recorder that was killed could write no CLOSED; nobody listened until the session that follows.
        """
        if _note_of(at) == "session":
            for token in self._conn_of:
                self._row(at, OP_FORGET, token)
            self._conn_of.clear()

    # The catalogue -------------------------------------------------------------------------------------------

    def _game(self, ref: GameRef, home: str, away: str) -> int:
        number = self._game_numbers.get(ref)
        if number is None:
            number = self._game_numbers[ref] = len(self.catalogue.games)
            game_id = f"{ref.league}:{ref.id}" if ref.source == "espn" else f"{ref.league}:{ref.source}:{ref.id}"
            self.catalogue.games.append(Game(game_id, ref.league, home, away))
        return number

    def _scored(self, score: ScoreSeen) -> int:
        """Return the number of the game of a score; it is known by the names of its teams from here on."""
        number = self._game(score.game, score.home.name, score.away.name)
        self._witnesses.name(number, score)
        return number

    def _plan(self, at: Envelope, plan: PlanSeen) -> None:
        for game in plan.games:
            number = self._game(game.refs[0], game.home, game.away) if game.refs else len(self.catalogue.games)
            if number == len(self.catalogue.games):
                self.catalogue.games.append(Game(game.game_id, game.league, game.home, game.away))
            for ref in game.refs:
                self._game_numbers[ref] = number
            self._answers.renumber()
            self._witnesses.link(number, game)
            entry = self.catalogue.games[number]
            if entry.plan == game:
                continue
            if entry.plan is not None:
                self._unlink(at, number, entry.plan, game)
            entry.plan = game
            entry.game_id, entry.home, entry.away = game.game_id, game.home, game.away
            for token_id, side in ((game.home_token_id, 1), (game.away_token_id, -1)):
                token = self._token(token_id)
                self._row(at, OP_LINK, token, number, side)
                market = self._markets.get(token_id)
                if market is not None:
                    self._rule(at, token, market)

    def _unlink(self, at: Envelope, number: int, before: PlanGame, now: PlanGame) -> None:
        """Take their side from the tokens that a game no longer has: nothing is decided on them from here on."""
        for token_id in (before.home_token_id, before.away_token_id):
            if token_id not in (now.home_token_id, now.away_token_id):
                self._row(at, OP_LINK, self._token(token_id), number, 0)

    def _market(self, at: Envelope, market: MarketSeen) -> None:
        self._witnesses.list_market(market)
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


def _note_of(at: Envelope) -> str:
    """Return what a note is about, nothing where that cannot be read."""
    try:
        return _TOLD.decode(at.meta or b"{}").note
    except (ValueError, RecursionError):
        return ""


def _rules_of(market: MarketSeen) -> tuple[int, int, int, int]:
    """Return venue_delay_ns, fee_rate_u6, tick_u6 and size_min_u6; -1 where the catalogue does not say."""
    return (
        -1 if market.venue_delay_ms is None else market.venue_delay_ms * _MS,
        or_absent(market.fee_rate_u6, _DOLLAR_U6),
        or_absent(market.tick_u6 or None, _DOLLAR_U6 - 1),
        -1 if market.size_min_u6 is None else market.size_min_u6,
    )


def _table(values: list[int], width: int) -> NDArray[np.int64]:
    """Return values as a read-only table of that many columns."""
    table = np.frombuffer(array("q", values), np.int64) if values else np.zeros(0, np.int64)
    table = table.reshape(-1, width)
    table.setflags(write=False)
    return table


def _columns(table: NDArray[np.int64]) -> Rows:
    """Return the rows as columns of their own widths; a price too large for its column stays too large to be one."""
    columns: dict[str, Any] = {}
    for at, (name, width) in enumerate(ROW_COLUMNS.items()):
        column = table[:, at]
        if width is np.int32:
            column = np.minimum(column, _PRICE_MAX)
        columns[name] = frozen(column.astype(width))
    return Rows(**columns)
