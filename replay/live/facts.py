"""
What the recording process tells the outlet process about the night, and the bytes in between.

One message is a `Batch`: four bytes of length, big-endian, then MessagePack. Facts hold times, not ages: an age is
computed where somebody asks.

Units: u6 is a millionth (of a dollar, a share, a certainty), times in ns since the epoch; None where nobody knows.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

__all__ = [
    "LENGTH_BYTES",
    "LEVEL_BYTES",
    "TRUSTS",
    "Batch",
    "BookFact",
    "Fact",
    "FeedFact",
    "GameFact",
    "GapFact",
    "HealthFact",
    "PollFact",
    "PredictionFact",
    "RecorderFact",
    "SignalFact",
    "StageFact",
    "decode_batch",
    "encode_batch",
    "frame_length",
]

Status = Literal["scheduled", "live", "break", "delayed", "final"]
Trust = Literal["known", "unknown", "suspect"]
TRUSTS: tuple[Trust, ...] = ("unknown", "known", "suspect", "unknown")
"""By the numbers of `replay.core.state.book`; a book that was never seeded is as good as unknown."""

LEVEL_BYTES = 16
"""One level: price_u6 and size_u6, little-endian int64."""

_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size


class GameFact(msgspec.Struct, frozen=True, tag="game", array_like=True, gc=False):
    """A game as the engine sees it; seen_ns is when it was last confirmed, 0 for never."""

    game_id: str
    league: str
    home: str
    away: str
    status: Status
    period: int | None
    clock_ms: int | None
    home_score: int | None
    away_score: int | None
    seen_ns: int
    model_home_u6: int | None
    prior_home_u6: int | None
    home_token: str | None
    away_token: str | None
    pattern: tuple[int, ...]


class BookFact(msgspec.Struct, frozen=True, tag="book", array_like=True, gc=False):
    """A token's book; bids and asks best first, packed by LEVEL_BYTES."""

    token_id: str
    trust: Trust
    seen_ns: int
    bids: bytes
    asks: bytes


class SignalFact(msgspec.Struct, frozen=True, tag="signal", array_like=True, gc=False):
    """A decision; seq is the fact that caused it, n counts the decisions of one fact."""

    seq: int
    n: int
    recv_ns: int
    game_id: str
    token_id: str
    team: str
    side: int
    fair_u6: int
    ask_u6: int
    ask_size_u6: int
    edge_u6: int
    game_age_ns: int
    book_age_ns: int
    size_u6: int
    limit_u6: int
    refused: str | None


class PredictionFact(msgspec.Struct, frozen=True, tag="prediction", array_like=True, gc=False):
    """What a predictor said of a game; forecasts is a list in JSON."""

    game_id: str
    seq: int
    recv_ns: int
    minutes: int
    prior_u6: int | None
    forecasts: bytes


class GapFact(msgspec.Struct, frozen=True, tag="gap", array_like=True, gc=False):
    """A stretch in which a feed told nothing it should have told."""

    feed: str
    from_ns: int
    to_ns: int


class PollFact(msgspec.Struct, frozen=True):
    """Rolling statistics of one polled source: round trips in ms, errors among the same polls."""

    last_ms: float
    mean_ms: float
    min_ms: float
    max_ms: float
    errors: int


class FeedFact(msgspec.Struct, frozen=True):
    """One feed; heard_ns is its latest usable answer, 0 for never."""

    feed: str
    state: Literal["LIVE", "SILENT", "RECONNECTING", "STALE"]
    heard_ns: int
    per_s: float
    gaps: int
    reconnects: int
    polls: PollFact | None


class StageFact(msgspec.Struct, frozen=True):
    """
    How long it took from the wire to a stage, over count decisions; buckets counts by rising upper bounds.

    Units: ns; buckets pairs an upper bound in ns with the number of values up to it.
    """

    p50_ns: int
    p99_ns: int
    p999_ns: int
    count: int
    sum_ns: int
    buckets: tuple[tuple[int, int], ...]


class RecorderFact(msgspec.Struct, frozen=True):
    """How far the recording is, and how long ago the first envelope arrived that the disk does not have."""

    next_seq: int
    durable_seq: int
    lag_ms: int


class HealthFact(msgspec.Struct, frozen=True, tag="health", array_like=True):
    """How everything goes; reasons is empty where all is well."""

    reasons: tuple[str, ...]
    feeds: tuple[FeedFact, ...]
    latency: dict[str, StageFact]
    recorder: RecorderFact
    engine: str


Fact = GameFact | BookFact | SignalFact | PredictionFact | GapFact | HealthFact


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What changed up to seq; lost counts signals that had to make way before they could be told."""

    seq: int
    now_ns: int
    facts: list[Fact]
    lost: int = 0


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Batch)


def encode_batch(batch: Batch) -> bytes:
    """Return a batch as it goes over the link."""
    body = _ENCODER.encode(batch)
    return _LENGTH.pack(len(body)) + body


def frame_length(head: bytes) -> int:
    """Return how many bytes follow the first four."""
    (length,) = _LENGTH.unpack(head)
    return int(length)


def decode_batch(body: bytes) -> Batch:
    """Read a batch back, without its length."""
    return _DECODER.decode(body)
