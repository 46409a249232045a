"""
What the API says, as types: the one source of the answers' bytes and of their schema in the OpenAPI file.

Units: `_u6` is a millionth (of a dollar, a share, a certainty); `_ns` is UTC nanoseconds since the epoch as a decimal
string, because JavaScript cannot hold it; `_ms` and `_us` are integers. Ages are as of the answer. null stands for
what nobody knows.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from replay.live.facts import Status, Trust

__all__ = [
    "Book",
    "Edges",
    "Feed",
    "Games",
    "Health",
    "History",
    "Ladder",
    "Moment",
    "Pattern",
    "PatternAnswer",
    "Polls",
    "Prediction",
    "Problem",
    "Recorder",
    "Series",
    "Signal",
    "Signals",
    "Stage",
    "State",
    "Tokens",
]

Ns = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}$")]
PriceU6 = Annotated[int, Meta(ge=0, le=1_000_000)]


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The touch of one token's book; prices are there only while the book is known or suspect."""

    token_id: str
    trust: Trust
    bid_u6: PriceU6 | None
    bid_size_u6: int | None
    ask_u6: PriceU6 | None
    ask_size_u6: int | None
    mid_u6: PriceU6 | None
    book_age_ms: int | None
    recv_ns: Ns | None


class Ladder(Book, frozen=True, kw_only=True):
    """A whole book, best levels first: price_u6 and size_u6."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The books of both sides of a game; null where the side has no market."""

    home: Book | None
    away: Book | None


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """Fair value minus ask, for both sides."""

    home: int | None
    away: int | None


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """Home minus away at the end of each minute so far, n of 18."""

    entries: list[int]
    n: Annotated[int, Meta(ge=0, le=18)]
    of: Literal[18] = 18


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What was predicted when minute n was complete."""

    seq: int
    recv_ns: Ns
    n: int
    prior_home_u6: PriceU6 | None
    forecasts: list[Any]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A game and its market; is_stale says that it must not be shown as live, why says why."""

    game_id: str
    league: str
    home: str
    away: str
    status: Status
    period: int | None
    clock_ms: int | None
    home_score: int | None
    away_score: int | None
    game_age_ms: int | None
    recv_ns: Ns | None
    model_home_u6: PriceU6 | None
    prior_home_u6: PriceU6 | None
    tokens: Tokens
    edge_u6: Edges
    pattern: Pattern
    prediction: Prediction | None
    is_stale: bool
    why: str | None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one game, and when it was asked for."""

    schema: Literal["gametape.state/1"] = "gametape.state/1"
    now_ns: Ns
    game: State


class Games(msgspec.Struct, frozen=True, kw_only=True):
    """
    All games of tonight, worst first: what is stale, what is live, what is to come, what is over.

    label is the tape's, empty where it is a recording of the world.
    """

    schema: Literal["gametape.games/1"] = "gametape.games/1"
    now_ns: Ns
    label: str = ""
    games: list[State]


class PatternAnswer(Pattern, frozen=True, kw_only=True):
    """The pattern of one game."""

    schema: Literal["gametape.pattern/1"] = "gametape.pattern/1"
    game_id: str


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it stood when made; id is `<seq>.<n>`, side +1 to buy, -1 to sell; refused says why no order."""

    id: str
    seq: int
    recv_ns: Ns
    game_id: str
    token_id: str
    team: str
    side: Literal[1, -1]
    fair_u6: int
    ask_u6: int
    ask_size_u6: int
    edge_u6: int
    game_age_ms: int
    book_age_ms: int
    size_u6: int
    limit_u6: int
    refused: str | None


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """Signals in order; next_since asks for those after them; label as in Games."""

    schema: Literal["gametape.signals/1"] = "gametape.signals/1"
    label: str = ""
    signals: list[Signal]
    next_since: int


class Polls(msgspec.Struct, frozen=True, kw_only=True):
    """Round trips of the last hundred polls, and how many of these failed."""

    last_ms: float
    mean_ms: float
    min_ms: float
    max_ms: float
    errors: int


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One feed; polls is null for a socket."""

    feed: str
    state: Literal["LIVE", "SILENT", "RECONNECTING", "STALE"]
    age_ms: int | None
    per_s: float
    gaps: int
    reconnects: int
    polls: Polls | None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """From the wire to a stage, over all decisions."""

    p50_us: float
    p99_us: float
    p999_us: float
    count: int


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """How far the recording is; lag is how long the disk has been behind."""

    next_seq: int
    durable_seq: int
    lag_ms: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """ok, or degraded and why; label as in Games."""

    schema: Literal["gametape.health/1"] = "gametape.health/1"
    now_ns: Ns
    label: str = ""
    status: Literal["ok", "degraded"]
    reasons: list[str]
    engine: str
    feeds: list[Feed]
    latency: dict[str, Stage]
    recorder: Recorder | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """
    The course of a game, each row with its recv_ns first.

    score adds home and away; mid_home_u6, spread_u6 and model_home_u6 a value; clock the period and what it showed in
    ms; prediction the lower end, the point and the upper end of the final margin that was forecast, in points.
    """

    score: list[tuple[Ns, int, int]]
    mid_home_u6: list[tuple[Ns, int | None]]
    spread_u6: list[tuple[Ns, int | None]]
    model_home_u6: list[tuple[Ns, int | None]]
    clock: list[tuple[Ns, int | None, int | None]]
    prediction: list[tuple[Ns, float, float, float]]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The course of one game since the engine has followed it; gaps are [from_ns, to_ns, feed]."""

    schema: Literal["gametape.history/1"] = "gametape.history/1"
    game_id: str
    series: Series
    signals: list[Signal]
    gaps: list[tuple[Ns, Ns, str]]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer (RFC 9457)."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
