from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.plan import Plan, PlannedGame, SourceRef

S = 1_000_000_000
T0_NS = 1_768_505_400 * S
GAME = PlannedGame(
    game_id="nba:401",
    league="nba",
    start_ns=T0_NS,
    home="Pacers",
    away="Knicks",
    refs=(SourceRef("espn", "nba", "401"), SourceRef("nba", "nba", "0022")),
    market_id="0xabc",
    home_token_id="222",
    away_token_id="111",
    confidence="exact",
)


@dataclass
class Script:
    """Writes envelopes second by second, as a recorder would."""

    envelopes: list[Envelope] = field(default_factory=list)

    def put(self, at_s: float, feed: str, kind: Kind, payload: object = b"", conn: int = 0, **facts: object) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        recv_ns = T0_NS + int(at_s * S)
        self.envelopes.append(Envelope(len(self.envelopes), recv_ns, feed, conn, kind, encode_meta(facts), data))

    def plan(self, at_s: float, *games: PlannedGame) -> None:
        self.put(at_s, "recorder", Kind.NOTE, Plan(games or (GAME,)).encode(), note="plan")

    def espn(self, at_s: float, state: str, *, status: int = 200, url: str = "http://espn/a") -> None:
        competitions = [{"status": {"type": {"state": state}}}]
        body: object = {"events": [{"id": "401", "competitions": competitions}]} if status == 200 else b""
        sent_ns = T0_NS + int((at_s - 0.1) * S)
        self.put(at_s, "espn.nba", Kind.BODY, body, url=url, status=status, sent_ns=sent_ns)

    def opened(self, at_s: float, conn: int) -> None:
        self.put(at_s, "polymarket.market", Kind.OPENED, conn=conn, url="ws://x")

    def books(self, at_s: float, conn: int, tokens: tuple[str, ...] = ("222", "111")) -> None:
        sent = str((T0_NS + int(at_s * S)) // 1_000_000 - 50)
        frame = [{"event_type": "book", "asset_id": token, "timestamp": sent} for token in tokens]
        self.put(at_s, "polymarket.market", Kind.FRAME, frame, conn=conn)

    def change(self, at_s: float, conn: int, number: int = 0) -> None:
        change = {"event_type": "price_change", "price_changes": [{"asset_id": "222"}], "hash": number}
        self.put(at_s, "polymarket.market", Kind.FRAME, change, conn=conn)

    def closed(self, at_s: float, conn: int) -> None:
        self.put(at_s, "polymarket.market", Kind.CLOSED, conn=conn, code=1006, reason="", side="lost")


@pytest.fixture
def script() -> Callable[[], Script]:
    return Script
