"""
A second opinion on what was known when: the books of a tape as plain dicts, and when each game was last heard of.

It reads the decoded events and knows nothing of the columns, kernels and ladders that decide; the laws of `laws` hold
what the engine did against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from recorder.envelope import Envelope, Kind
from replay.core.decode import decode
from replay.core.events import (
    BID,
    BookSnapshot,
    Event,
    FeedGap,
    GameRef,
    LevelChange,
    PlanSeen,
    PollUnchanged,
    ScoreSeen,
    Undecodable,
)

__all__ = ["Standing", "Trust", "Witness"]

_MS_NS = 1_000_000
_DOLLAR_U6, _STEP_U6 = 1_000_000, 100
_GHOST_U6 = 10_000


class Trust(Enum):
    """What a book may be used for."""

    DARK = "in a gap, or before its first snapshot"
    UNSEEDED = "moved since a gap, without a snapshot"
    SUSPECT = "crossed, or contradicted by the venue's own best prices"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Standing:
    """A book at the end of a message: trust, best bid and ask (None for an empty side) and the size at the ask."""

    trust: Trust
    bid_u6: int | None
    ask_u6: int | None
    ask_size_u6: int
    heard_ns: int


@dataclass(slots=True)
class _Book:
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    trust: Trust = Trust.DARK
    snapshot_ms: int = -1
    heard_ns: int = 0

    def standing(self) -> Standing:
        ask = min(self.asks, default=None)
        size = self.asks[ask] if ask is not None else 0
        return Standing(self.trust, max(self.bids, default=None), ask, size, self.heard_ns)

    def replace(self, book: BookSnapshot, at_ns: int) -> None:
        self.bids, self.asks = (
            {price: size for price, size in side if _fits(price)} for side in (book.bids, book.asks)
        )
        self.snapshot_ms = -1 if book.source_ns is None else book.source_ns // _MS_NS
        self.trust, self.heard_ns = Trust.KNOWN, at_ns
        self.settle(None, None)

    def settle(self, their_bid_u6: int | None, their_ask_u6: int | None) -> None:
        bid, ask = max(self.bids, default=None), min(self.asks, default=None)
        crossed = bid is not None and ask is not None and bid >= ask
        contradicted = (their_bid_u6 is not None and their_bid_u6 != bid) or (
            their_ask_u6 is not None and their_ask_u6 != ask
        )
        self.trust = Trust.SUSPECT if crossed or contradicted else Trust.KNOWN


def _fits(price_u6: int) -> bool:
    return 0 < price_u6 < _DOLLAR_U6 and price_u6 % _STEP_U6 == 0


class Witness:
    """What was known after the envelopes shown so far."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.undecodable = 0
        self._books: dict[str, _Book] = {}
        self._conn_of: dict[str, tuple[str, int]] = {}
        self._refs: dict[str, tuple[GameRef, ...]] = {}
        self._heard_ns: dict[GameRef, int] = {}
        self._answers: dict[str, list[GameRef]] = {}
        self.moments: dict[str, list[Standing]] = {}
        """By token: how its book stood at the end of each message of the latest envelope."""

    def see(self, envelope: Envelope) -> None:
        """Take the next envelope."""
        self.moments = {}
        events = decode(envelope)
        if envelope.kind is Kind.NOTE and b'"session"' in envelope.meta:
            for token_id in self._conn_of:
                self._books[token_id] = _Book()
            self._conn_of.clear()
        for event in events:
            self._take(envelope, event)
        if envelope.kind is Kind.BODY:
            self._answer(envelope, events)

    def standing(self, token_id: str) -> Standing:
        """Return how a token's book stands now."""
        return self._book(token_id).standing()

    def heard_ns(self, token_id: str) -> int:
        """Return when the game of a token was last heard of, from any source; 0 for never."""
        return max((self._heard_ns.get(ref, 0) for ref in self._refs.get(token_id, ())), default=0)

    def _book(self, token_id: str) -> _Book:
        return self._books.setdefault(token_id, _Book())

    def _take(self, at: Envelope, event: Event) -> None:
        match event:
            case LevelChange():
                self._change(at, event)
            case BookSnapshot():
                self._snapshot(at, event)
            case FeedGap():
                self._gap(event)
            case PlanSeen():
                for game in event.games:
                    for token_id in (game.home_token_id, game.away_token_id):
                        self._refs[token_id] = game.refs
            case Undecodable():
                self.undecodable += 1
                if event.may_move_books and at.kind is Kind.FRAME:
                    self._lose((at.feed, at.conn))
            case _:
                pass

    def _change(self, at: Envelope, change: LevelChange) -> None:
        book = self._book(change.token_id)
        self._conn_of[change.token_id] = (at.feed, at.conn)
        if book.trust is Trust.DARK:
            book.trust = Trust.UNSEEDED
        if book.trust is Trust.UNSEEDED:
            return
        if change.source_ns is not None and change.source_ns // _MS_NS < book.snapshot_ms:
            return
        side = book.bids if change.side == BID else book.asks
        if not _fits(change.price_u6):
            book.trust = Trust.SUSPECT
        elif change.size_u6:
            side[change.price_u6] = change.size_u6
        else:
            side.pop(change.price_u6, None)
        if change.last:
            book.heard_ns = at.recv_ns
            book.settle(change.best_bid_u6, change.best_ask_u6)
            self.moments.setdefault(change.token_id, []).append(book.standing())

    def _snapshot(self, at: Envelope, snapshot: BookSnapshot) -> None:
        book = self._book(snapshot.token_id)
        if snapshot.witness:
            bid = snapshot.bids[0][0] if snapshot.bids else 0
            ask = snapshot.asks[0][0] if snapshot.asks else _DOLLAR_U6
            ghost = bid <= _GHOST_U6 and ask >= _DOLLAR_U6 - _GHOST_U6
            if ghost or book.trust not in {Trust.SUSPECT, Trust.UNSEEDED}:
                return
        else:
            self._conn_of[snapshot.token_id] = (at.feed, at.conn)
        book.replace(snapshot, at.recv_ns)
        self.moments.setdefault(snapshot.token_id, []).append(book.standing())

    def _gap(self, gap: FeedGap) -> None:
        if gap.token_id is not None:
            self._books[gap.token_id] = _Book()
            return
        self._lose((gap.feed, gap.conn))

    def _lose(self, broken: tuple[str, int]) -> None:
        """Know nothing any more of the books that came by a connection."""
        for token_id, conn in self._conn_of.items():
            if conn == broken:
                self._books[token_id] = _Book()

    def _answer(self, at: Envelope, events: list[Event]) -> None:
        url = str(at.facts().get("url", ""))
        seen = [event.game for event in events if isinstance(event, ScoreSeen)]
        if any(isinstance(event, PollUnchanged) for event in events):
            seen = self._answers.get(url, [])
        elif seen:
            self._answers[url] = seen
        elif events and all(isinstance(event, Undecodable) for event in events):
            self._answers.pop(url, None)
        for ref in seen:
            self._heard_ns[ref] = at.recv_ns
