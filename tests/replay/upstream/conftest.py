"""Small tapes in memory, in the recorder's conventions, for the server to play."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from recorder.envelope import Envelope, Kind, encode_meta
from replay.upstream.player import MemorySource
from replay.upstream.wirebook import book_hash

S = 1_000_000_000
# 2026-01-15 19:00 in New York
START_NS = 1_768_521_600 * S
SCOREBOARD = "https://site.api.espn.com/apis/site/v2/sports/basketball/nba/scoreboard"


class TapeBuilder:
    """Collects envelopes; every call adds one at a time given in seconds from the start."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self._seq = itertools.count()

    def add(self, at_s: float, feed: str, conn: int, kind: Kind, meta: dict[str, Any], payload: bytes = b"") -> None:
        at_ns = START_NS + round(at_s * S)
        self.envelopes.append(Envelope(next(self._seq), at_ns, feed, conn, kind, encode_meta(meta), payload))

    def body(
        self, at_s: float, url: str, payload: bytes, *, feed: str = "espn.nba", status: int = 200, **headers: str
    ) -> None:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        meta = {"url": url, "status": status, "sent_ns": START_NS, "headers": named}
        self.add(at_s, feed, 0, Kind.BODY, meta, payload)

    def scores(self, at_s: float, payload: bytes, *, day: str = "20260115", **headers: str) -> None:
        self.body(at_s, f"{SCOREBOARD}?dates={day}&limit=300", payload, **headers)

    def opened(self, at_s: float, tokens: list[str], *, conn: int = 1) -> None:
        self.add(at_s, "polymarket.market", conn, Kind.OPENED, {"url": "wss://x/ws/market"})
        text = json.dumps({"assets_ids": tokens, "type": "market", "custom_feature_enabled": True}).encode()
        self.add(at_s, "polymarket.market", conn, Kind.SENT, {}, text)

    def frame(self, at_s: float, message: Any, *, conn: int = 1) -> bytes:
        payload = message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode()
        self.add(at_s, "polymarket.market", conn, Kind.FRAME, {}, payload)
        return payload

    def closed(self, at_s: float, code: int, *, side: str = "them", conn: int = 1, reason: str = "") -> None:
        self.add(at_s, "polymarket.market", conn, Kind.CLOSED, {"code": code, "reason": reason, "side": side})

    def source(self) -> MemorySource:
        return MemorySource("small", tuple(self.envelopes))


@pytest.fixture
def tape() -> TapeBuilder:
    return TapeBuilder()


@pytest.fixture
def book() -> Callable[..., dict[str, Any]]:
    """Return a maker of full `book` messages with a true hash."""

    def make(
        token: str, bids: dict[str, str], asks: dict[str, str], *, at_ms: int = 1_768_521_600_000
    ) -> dict[str, Any]:
        message = {
            "event_type": "book",
            "market": "0x" + "11" * 32,
            "asset_id": token,
            "timestamp": str(at_ms),
            "hash": "",
            "bids": [{"price": price, "size": size} for price, size in bids.items()],
            "asks": [{"price": price, "size": size} for price, size in asks.items()],
            "min_order_size": "5",
            "tick_size": "0.01",
            "neg_risk": False,
            "last_trade_price": "0.51",
        }
        return message | {"hash": book_hash(message)}

    return make


@pytest.fixture
def change() -> Callable[..., dict[str, Any]]:
    """Return a maker of `price_change` messages from (token, side, price, size) rows."""

    def make(*rows: tuple[str, str, str, str], at_ms: int = 1_768_521_601_000) -> dict[str, Any]:
        changes = [
            {"asset_id": token, "price": price, "size": size, "side": side, "hash": "00" * 20}
            for token, side, price, size in rows
        ]
        return {
            "event_type": "price_change",
            "market": "0x" + "11" * 32,
            "timestamp": str(at_ms),
            "price_changes": changes,
        }

    return make
