"""
The upstream at one moment of a tape: what every URL answers, every book, and who is told what next.

Theory of operation: `Timeline` is a fold over envelopes. It holds the newest answer of each recorded request and the
current book of each token, never the whole night, so a tape of any length is served in the memory of one moment; and
since it only ever moves forward, nothing later than that moment can leak out of it. The one exception is stated in
`Opening`: what the tape learned in its first minute is served from the start, because a client may ask its first
questions a little faster than the recorder did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from recorder.envelope import Envelope, Kind
from replay.upstream.address import Address, address_of
from replay.upstream.wirebook import WireBook, WireMessage, split_frame

__all__ = ["OPENING_NS", "SCORE_FEEDS", "Answer", "Forward", "HangUp", "Opening", "Timeline", "subscribed_tokens"]

SCORE_FEEDS = ("espn.", "nba.scoreboard")
"""The feeds whose every body counts. The files of a single game are whole versions: the next one tells all."""

OPENING_NS = 60_000_000_000
_SERVED_HEADERS = ("cache-control", "content-type", "etag", "last-modified", "retry-after")
_CONTROL = frozenset({b"PONG", b"NO NEW ASSETS", b"INVALID OPERATION", b"ping"})
_SPORTS = "polymarket.sports"
_CUSTOM = frozenset({"best_bid_ask", "market_resolved", "new_market"})
_GLOBAL = frozenset({"market_resolved", "new_market"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a URL answers; headers are lower case and only those that a client acts on."""

    at_ns: int
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Forward:
    """
    A recorded frame is due.

    It goes to the sockets that hold one of its tokens; to all of them where it is global. A frame that names no token
    goes where the recorded connection's tokens are.
    """

    payload: bytes
    binary: bool
    tokens: Collection[str]
    everyone: bool = False
    custom: bool = False
    sports: bool = False
    """It came over the sports socket, and goes there."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The venue closed a connection. lost says that it went without a close frame."""

    code: int
    reason: str
    lost: bool
    tokens: Collection[str]
    sports: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """The first answer of every request that the tape saw answered within its first minute."""

    answers: Mapping[Address, Answer] = field(default_factory=dict)
    scores: frozenset[Address] = frozenset()
    """Those of them that a score feed asked."""

    @classmethod
    def of(cls, envelopes: Iterable[Envelope], first_ns: int) -> Opening:
        """Collect it; reads no further than the first minute."""
        timeline = Timeline()
        first: dict[Address, Answer] = {}
        scores: set[Address] = set()
        for envelope in envelopes:
            if envelope.recv_ns > first_ns + OPENING_NS:
                break
            if envelope.kind is Kind.BODY:
                timeline.apply(envelope)
                for address, answer in timeline.answers.items():
                    if address not in first and envelope.feed.startswith(SCORE_FEEDS):
                        scores.add(address)
                    first.setdefault(address, answer)
        return cls(first, frozenset(scores))


def subscribed_tokens(text: bytes) -> list[str]:
    """Return the tokens that a sent frame asks for; empty for any other frame."""
    try:
        asked = msgspec.json.decode(text, type=_Subscription)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return []
    return [] if asked.operation == "unsubscribe" else asked.assets_ids


class _SportsGame(msgspec.Struct):
    # Any of the two, of any type: it only tells one game from another.
    game_id: Any = msgspec.field(name="gameId", default=None)
    other_id: Any = msgspec.field(name="metadataGameId", default=None)


def _game_of(frame: bytes) -> str:
    try:
        game = msgspec.json.decode(frame, type=_SportsGame)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return ""
    return f"{game.game_id}/{game.other_id}"


class _Subscription(msgspec.Struct):
    assets_ids: list[str]
    operation: str = ""


class Timeline:
    """The fold. `apply` moves it on by one envelope and returns what that means for open sockets."""

    def __init__(self, opening: Opening | None = None, *, failed_is_503: bool = False) -> None:
        self.now_ns = 0
        self.answers: dict[Address, Answer] = dict((opening or Opening()).answers)
        self.fresh: set[Address] = set()
        self.recorded: set[Address] = set(self.answers)
        self._failed_is_503 = failed_is_503
        self._books: dict[str, WireBook] = {}
        self._conns: dict[tuple[str, int], dict[str, None]] = {}
        self._sports: dict[str, bytes] = {}

    def apply(self, envelope: Envelope) -> Forward | HangUp | None:
        """Take the tape's next envelope."""
        self.now_ns = envelope.recv_ns
        match envelope.kind:
            case Kind.FRAME:
                return self._frame(envelope)
            case Kind.CLOSED:
                return self._closed(envelope)
            case Kind.SENT:
                asked = dict.fromkeys(subscribed_tokens(envelope.payload))
                self._conns.setdefault((envelope.feed, envelope.conn), {}).update(asked)
            case Kind.BODY:
                self._body(envelope)
            case Kind.FAILED:
                self._failed(envelope)
            case _:
                pass
        return None

    def upcoming(self, envelope: Envelope) -> Address | None:
        """Name the request whose answer this envelope would change; None for any other envelope."""
        if envelope.kind is not Kind.BODY or envelope.feed.startswith("polymarket."):
            return None
        facts = envelope.facts()
        address = address_of(str(facts.get("url", "")))
        status = facts.get("status")
        known = self.answers.get(address) if address in self.fresh else None
        same = known is not None and known.status == status and known.body == envelope.payload
        return None if status == HTTPStatus.NOT_MODIFIED or same else address

    def frame(self, tokens: Iterable[str]) -> bytes | None:
        """Render the snapshot of a fresh subscription: one array of the books that are known; None where none is."""
        books = [frame for token in tokens if (book := self._books.get(token)) and (frame := book.frame())]
        return b"[" + b",".join(books) + b"]" if books else None

    def rest(self, token: str) -> bytes | None:
        """Render the `/book` answer of a token; None while its book is unknown, as in a gap."""
        book = self._books.get(token)
        return book.rest() if book else None

    def sports(self) -> list[bytes]:
        """Return the newest frame about each game, in order of arrival: what a fresh sports socket hears first."""
        return list(self._sports.values())

    def subscribed(self) -> list[str]:
        """Return the tokens that the recorder's open sockets hold at this moment."""
        return [token for tokens in self._conns.values() for token in tokens]

    def _book(self, token: str) -> WireBook:
        book = self._books.get(token)
        if book is None:
            book = self._books[token] = WireBook(token)
        return book

    def _frame(self, envelope: Envelope) -> Forward | None:
        if envelope.payload in _CONTROL:
            return None  # the venue's reply to a text of the recorder's; clients get replies to their own
        if envelope.feed == _SPORTS:
            game = _game_of(envelope.payload)
            self._sports.pop(game, None)
            self._sports[game] = envelope.payload
            return Forward(envelope.payload, binary=False, tokens=(), sports=True)
        binary = bool(envelope.meta) and bool(envelope.facts().get("binary"))
        try:
            messages = [] if binary else split_frame(envelope.payload)
        except msgspec.MsgspecError:
            messages = []
        named: dict[str, None] = {}
        for message, raw in messages:
            for token in message.tokens():
                named[token] = None
                if message.event_type not in _CUSTOM:
                    self._book(token).see(message, raw)
        kinds = {message.event_type for message, _ in messages}
        return Forward(
            envelope.payload,
            binary,
            named or self._conns.get((envelope.feed, envelope.conn), {}),
            everyone=bool(kinds & _GLOBAL),
            custom=bool(kinds) and kinds <= _CUSTOM,
        )

    def _closed(self, envelope: Envelope) -> HangUp | None:
        tokens = self._conns.pop((envelope.feed, envelope.conn), {})
        facts = envelope.facts()
        side = facts.get("side")
        if side == "us":
            return None  # the recorder left; the venue went on
        for token in tokens:
            self._book(token).forget()
        reason, sports = str(facts.get("reason") or ""), envelope.feed == _SPORTS
        return HangUp(int(facts.get("code") or 1006), reason, side == "lost", tokens, sports)

    def _body(self, envelope: Envelope) -> None:
        facts = envelope.facts()
        status = int(facts.get("status", 200))
        if envelope.feed == "polymarket.book":
            if status == HTTPStatus.OK:
                self._witness(envelope.payload)
            return
        address = address_of(str(facts.get("url", "")))
        self.recorded.add(address)
        self.fresh.add(address)
        if status == HTTPStatus.NOT_MODIFIED:
            return  # it confirms the body that stands there already
        headers = {name: text for name, text in dict(facts.get("headers") or {}).items() if name in _SERVED_HEADERS}
        self.answers[address] = Answer(envelope.recv_ns, status, headers, envelope.payload)

    def _witness(self, body: bytes) -> None:
        try:
            books: list[tuple[WireMessage, bytes]] = split_frame(body)
        except msgspec.MsgspecError:
            return
        for message, raw in books:
            if message.asset_id:
                self._book(message.asset_id).see_witness(raw)

    def _failed(self, envelope: Envelope) -> None:
        if not self._failed_is_503 or envelope.feed == "polymarket.book":
            return
        address = address_of(str(envelope.facts().get("url", "")))
        self.recorded.add(address)
        self.answers[address] = Answer(envelope.recv_ns, 503, {}, b"")
