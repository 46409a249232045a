"""
The vocabulary: everything an envelope can mean, in our words.

An event holds meaning only; when and where it was received stand on the envelope it was decoded from. Units come last
in names: u6 is a millionth (of a dollar, of a share), ns is UTC nanoseconds since the epoch, ms milliseconds. Absence
is None, never a stand-in value.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec

__all__ = [
    "ASK",
    "BID",
    "BestQuoted",
    "BookSnapshot",
    "ClockStepped",
    "ControlText",
    "Event",
    "FeedGap",
    "GameRef",
    "GameStatus",
    "LevelChange",
    "MarketListed",
    "MarketResolved",
    "MarketSeen",
    "PlanGame",
    "PlanSeen",
    "Play",
    "PlaysSeen",
    "PollMissed",
    "PollUnchanged",
    "Pulse",
    "ScoreSeen",
    "Team",
    "TickSizeChanged",
    "TradePrinted",
    "Undecodable",
    "VenueScoreSeen",
    "event_as_dict",
]

BID = 1
ASK = -1


class GameStatus(IntEnum):
    """Where a game is. Decided by state, completed flag and name, never by an id or a display text."""

    SCHEDULED = 0
    LIVE = 1
    BREAK = 2
    """Between periods, half-time included: the game is on, its clock is not."""
    DELAYED = 3
    FINAL = 4
    CALLED_OFF = 5
    """Postponed, cancelled, suspended or abandoned: over for tonight, without a result."""
    UNKNOWN = 6


class _Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event: immutable, compared by value."""


class GameRef(_Fact, frozen=True, kw_only=True, gc=False):
    """One game as one source names it: league (our key, such as `nba`) and the source's own id."""

    source: str
    league: str
    id: str


class Team(_Fact, frozen=True, kw_only=True, gc=False):
    """A team as one source names it. name is the nickname (`Warriors`), the best key across sources."""

    id: str
    name: str
    abbreviation: str
    display_name: str


class ScoreSeen(_Fact, frozen=True, kw_only=True, gc=False):
    """
    One game in one answer of a score source.

    Units: clock_ms is what is left of the period where the clock runs down and what has passed of the game where it
    runs up (soccer); None where the sport has no clock or the text is empty. period counts from 1; 0 before the start;
    None where the source left it out. index is the position within the body.
    """

    game: GameRef
    status: GameStatus
    status_name: str
    completed: bool
    home: Team
    away: Team
    home_score: int | None
    away_score: int | None
    period: int | None
    clock_ms: int | None
    start_ns: int | None
    neutral_site: bool = False
    possession_team_id: str | None = None
    detail: str = ""
    source_ns: int | None = None
    index: int = 0
    warnings: tuple[str, ...] = ()


class Play(_Fact, frozen=True, kw_only=True, gc=False):
    """
    One play, and the score as it stood after it.

    number is the play's identity, order its place among the others; rows are inserted, edited and taken away later.
    source_ns is when it happened by the scorer's table (tenths of a second, its clock), edited_ns when the row was last
    written.
    """

    number: int
    order: int
    kind: str
    period: int
    clock_ms: int | None
    home_score: int
    away_score: int
    source_ns: int | None
    edited_ns: int | None


class PlaysSeen(_Fact, frozen=True, kw_only=True, gc=False):
    """
    All plays of one game, in their order, as one answer has them: a whole version, not what is new.

    version_ns is the newest time in it, by which an older version is known; unread counts plays that could not be read.
    """

    game: GameRef
    plays: tuple[Play, ...]
    version_ns: int | None
    unread: int = 0


class VenueScoreSeen(_Fact, frozen=True, kw_only=True, gc=False):
    """
    One game as the venue's sports socket speaks of it: informational, and of every league.

    home and away are the wire's slots, which are not safe: whoever joins goes by names. Scores are None where the text
    is no pair of numbers; elapsed is the text as it came, for nobody says which way it runs. source_ns is when the
    venue last updated it, where it says so. ended is not the last word: a game may come back.
    """

    venue_game_id: str
    league: str
    home: str
    away: str
    home_score: int | None
    away_score: int | None
    status: str
    period: str
    elapsed: str
    live: bool | None
    ended: bool | None
    source_ns: int | None


class BookSnapshot(_Fact, frozen=True, kw_only=True, gc=False):
    """
    A whole book of one token. bids are sorted best (highest) first, asks best (lowest) first; sizes above zero.

    verified says whether the venue's own hash could be recomputed: None where the frame leaves out hashed fields.
    """

    token_id: str
    market_id: str
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    hash: str
    source_ns: int | None
    witness: bool = False
    """True for a REST answer: a second opinion, not the stream itself."""
    tick_u6: int | None = None
    size_min_u6: int | None = None
    last_trade_u6: int | None = None
    neg_risk: bool | None = None
    verified: bool | None = None
    index: int = 0


class LevelChange(_Fact, frozen=True, kw_only=True, gc=False):
    """
    One level's new absolute size; zero removes it.

    side is BID or ASK. last says that the message ends here for this token: only then is the book as the venue left it.
    """

    token_id: str
    market_id: str
    side: int
    price_u6: int
    size_u6: int
    best_bid_u6: int | None
    best_ask_u6: int | None
    source_ns: int | None
    hash: str = ""
    last: bool = True
    index: int = 0
    index_in_message: int = 0


class TradePrinted(_Fact, frozen=True, kw_only=True, gc=False):
    """A trade. side is what the taker did: BID bought, ASK sold."""

    token_id: str
    market_id: str
    side: int
    price_u6: int
    size_u6: int | None
    source_ns: int | None
    transaction_hash: str | None = None
    index: int = 0


class TickSizeChanged(_Fact, frozen=True, kw_only=True, gc=False):
    """The price step of a token changed; off-grid levels stay legal until the next snapshot."""

    token_id: str
    market_id: str
    old_tick_u6: int
    new_tick_u6: int
    source_ns: int | None
    index: int = 0


class BestQuoted(_Fact, frozen=True, kw_only=True, gc=False):
    """The venue's own word on the best prices; None where it says that a side is empty."""

    token_id: str
    market_id: str
    best_bid_u6: int | None
    best_ask_u6: int | None
    source_ns: int | None
    index: int = 0


class MarketListed(_Fact, frozen=True, kw_only=True, gc=False):
    """The venue announced a market; global, so mostly not one of ours."""

    market_id: str
    slug: str
    question: str
    token_ids: tuple[str, ...]
    outcomes: tuple[str, ...]
    source_ns: int | None
    index: int = 0


class MarketResolved(_Fact, frozen=True, kw_only=True, gc=False):
    """A market paid out. winning_token_id is None where the venue did not name a winner (a 50-50 may do so)."""

    market_id: str
    token_ids: tuple[str, ...]
    winning_token_id: str | None
    winning_outcome: str | None
    source_ns: int | None
    index: int = 0


class MarketSeen(_Fact, frozen=True, kw_only=True, gc=False):
    """
    A market as the catalogue showed it at that moment: the rules a backtest must know as of then.

    payout_u6 pairs with token_ids and is there only when the market is closed with exact 1/0, 0/1 or 0.5/0.5 prices.
    Whoever decides must not read it before its envelope; settlement may.
    """

    market_id: str
    slug: str
    question: str
    sports_type: str | None
    token_ids: tuple[str, ...]
    outcomes: tuple[str, ...]
    venue_game_id: str | None
    start_ns: int | None
    tick_u6: int | None
    size_min_u6: int | None
    venue_delay_ms: int | None
    fee_rate_u6: int | None
    """Taker fee rate in millionths; 0 where fees are off; None where the catalogue does not say."""
    fee_exponent: int | None
    clear_book_on_start: bool | None
    accepting_orders: bool | None
    closed: bool
    payout_u6: tuple[int, ...] | None = None
    index: int = 0


class PlanGame(_Fact, frozen=True, kw_only=True, gc=False):
    """One game of the plan: the score sources' ids and the market's tokens."""

    game_id: str
    """Ours: league and ESPN id, `nba:401772994`."""
    league: str
    start_ns: int | None
    home: str
    away: str
    refs: tuple[GameRef, ...]
    market_id: str
    home_token_id: str
    away_token_id: str
    confidence: str = "exact"


class PlanSeen(_Fact, frozen=True, kw_only=True, gc=False):
    """Which tokens belong to which game, as the recorder mapped them; the latest one holds."""

    games: tuple[PlanGame, ...]


class FeedGap(_Fact, frozen=True, kw_only=True, gc=False):
    """
    A feed told us nothing it should have told us, from here on.

    token_id names the one asset that is silent; None means the whole connection. What was known through it is unknown
    until the next snapshot.
    """

    feed: str
    conn: int
    why: str
    token_id: str | None = None


class PollMissed(_Fact, frozen=True, kw_only=True, gc=False):
    """A poll brought no usable answer: timeout, refusal, an error status or a body that is no answer."""

    feed: str
    why: str
    status: int | None = None


class PollUnchanged(_Fact, frozen=True, kw_only=True, gc=False):
    """The source said `not modified`: what we knew still holds as of now."""

    feed: str


class ControlText(_Fact, frozen=True, kw_only=True, gc=False):
    """A text frame that is not JSON: `PONG`, `NO NEW ASSETS`, `INVALID OPERATION`."""

    feed: str
    text: str


class Pulse(_Fact, frozen=True, kw_only=True, gc=False):
    """A second has passed."""


class ClockStepped(_Fact, frozen=True, kw_only=True, gc=False):
    """The machine's wall clock was set; by how much."""

    step_ns: int


class Undecodable(_Fact, frozen=True, kw_only=True, gc=False):
    """
    Bytes that mean nothing to this decoder; they stay on the tape.

    may_move_books says that a change of a book may be lost with them; a message of a kind that moves none cannot.
    """

    feed: str
    reason: str
    index: int = 0
    may_move_books: bool = False


Event = (
    ScoreSeen
    | PlaysSeen
    | VenueScoreSeen
    | BookSnapshot
    | LevelChange
    | TradePrinted
    | TickSizeChanged
    | BestQuoted
    | MarketListed
    | MarketResolved
    | MarketSeen
    | PlanSeen
    | FeedGap
    | PollMissed
    | PollUnchanged
    | ControlText
    | Pulse
    | ClockStepped
    | Undecodable
)


def event_as_dict(event: Event) -> dict[str, Any]:
    """Return an event as plain JSON values, its name under `event` first and a game's status as a word."""
    body: dict[str, Any] = msgspec.to_builtins(event)
    if isinstance(event, ScoreSeen):
        body["status"] = event.status.name.lower()
    return {"event": type(event).__name__, **body}
