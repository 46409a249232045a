"""A night written by hand, envelope by envelope, in the exact wire formats; and tapes made of envelopes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.tape.reader import Tape, open_tape
from recorder.tape.writer import TapeWriter

__all__ = ["AWAY", "HOME", "MS", "URL", "S", "Score", "Script", "retaped"]

MS = 1_000_000
S = 1_000 * MS
START_NS = 1_768_500_000 * S
HOME, AWAY = "home-token", "away-token"
URL = "https://site.api.espn.com/scoreboard"
MARKET, BOOK, GAMMA, ESPN = "polymarket.market", "polymarket.book", "gamma.markets", "espn.nba"


@dataclass(frozen=True)
class Score:
    """One game as ESPN shows it."""

    home: int = 0
    away: int = 0
    clock: str = "12:00"
    period: int = 1
    state: str = "in"
    id: str = "401"

    def event(self) -> dict[str, object]:
        name = {"pre": "STATUS_SCHEDULED", "in": "STATUS_IN_PROGRESS", "post": "STATUS_FINAL"}[self.state]
        kind = {"name": name, "state": self.state, "completed": self.state == "post"}
        sides = [("home", "1", "Pacers", self.home), ("away", "2", "Knicks", self.away)]
        competitors = [
            {"homeAway": side, "team": {"id": number, "name": team}, "score": str(score)}
            for side, number, team, score in sides
        ]
        status = {"type": kind, "displayClock": self.clock, "period": self.period}
        return {"id": self.id, "competitions": [{"competitors": competitors, "status": status}]}


@dataclass
class Script:
    """Envelopes in the making; `wait` moves the time on."""

    envelopes: list[Envelope] = field(default_factory=list)
    now_ns: int = START_NS

    def wait(self, seconds: float) -> Script:
        self.now_ns += int(seconds * S)
        return self

    def add(self, kind: Kind, feed: str, payload: bytes = b"", meta: bytes = b"", conn: int = 0) -> Script:
        self.envelopes.append(Envelope(len(self.envelopes), self.now_ns, feed, conn, kind, meta, payload))
        return self

    def frame(self, *messages: dict[str, object], conn: int = 1) -> Script:
        body = messages[0] if len(messages) == 1 else list(messages)
        return self.add(Kind.FRAME, MARKET, json.dumps(body).encode(), conn=conn)

    def book(self, token: str, bids: str, asks: str, *, conn: int = 1, tick: str | None = None) -> Script:
        """A snapshot; levels as `0.50x100 0.49x20`."""
        return self.frame(self._book(token, bids, asks, tick) | {"event_type": "book"}, conn=conn)

    def witness(self, token: str, bids: str, asks: str) -> Script:
        body = json.dumps([self._book(token, bids, asks, None)]).encode()
        return self.answer(body, feed=BOOK, url="https://clob.polymarket.com/books")

    def _book(self, token: str, bids: str, asks: str, tick: str | None) -> dict[str, object]:
        def levels(text: str) -> list[dict[str, str]]:
            return [dict(zip(("price", "size"), level.split("x"), strict=True)) for level in text.split()]

        stamp = str(self.now_ns // MS)
        book = {"market": "0x1", "asset_id": token, "timestamp": stamp, "hash": "", "tick_size": tick}
        return {key: value for key, value in book.items() if value is not None} | {
            "bids": levels(bids),
            "asks": levels(asks),
        }

    def change(self, *changes: tuple[str, str, str, str], conn: int = 1, best: tuple[str, str] | None = None) -> Script:
        """Levels as (token, BUY or SELL, price, size); best as the venue names bid and ask after it."""
        said = {} if best is None else {"best_bid": best[0], "best_ask": best[1]}
        levels = [
            {"asset_id": token, "side": side, "price": price, "size": size, **said}
            for token, side, price, size in changes
        ]
        stamp = str(self.now_ns // MS)
        message = {"event_type": "price_change", "market": "0x1", "timestamp": stamp, "price_changes": levels}
        return self.frame(message, conn=conn)

    def answer(self, body: bytes, *, feed: str = ESPN, url: str = URL, status: int = 200, trip_ms: int = 50) -> Script:
        meta = encode_meta({"url": url, "status": status, "sent_ns": self.now_ns - trip_ms * MS, "headers": {}})
        return self.add(Kind.BODY, feed, body, meta)

    def scores(self, *scores: Score, url: str = URL, trip_ms: int = 50) -> Script:
        return self.answer(
            json.dumps({"events": [score.event() for score in scores]}).encode(), url=url, trip_ms=trip_ms
        )

    def unchanged(self, url: str = URL, *, feed: str = ESPN) -> Script:
        return self.answer(b"", feed=feed, url=url, status=304)

    def failed(self, url: str = URL, *, feed: str = ESPN) -> Script:
        meta = encode_meta({"url": url, "sent_ns": self.now_ns - S, "why": "no answer"})
        return self.add(Kind.FAILED, feed, meta=meta)

    def closed(self, conn: int = 1) -> Script:
        meta = encode_meta({"code": 1006, "reason": "", "side": "lost"})
        return self.add(Kind.CLOSED, MARKET, meta=meta, conn=conn)

    def silent(self, asset: str | None, conn: int = 1) -> Script:
        return self.add(Kind.SILENT, MARKET, meta=encode_meta({"asset": asset, "since_ns": self.now_ns}), conn=conn)

    def note(self, name: str, payload: bytes = b"") -> Script:
        return self.add(Kind.NOTE, "recorder", payload, encode_meta({"note": name}))

    def pulse(self) -> Script:
        return self.add(Kind.PULSE, "recorder")

    def plan(self, *, home: str = HOME, away: str = AWAY, game: str = "401") -> Script:
        refs = [{"source": "espn", "league": "nba", "id": game}, {"source": "nba", "league": "nba", "id": f"00{game}"}]
        names = {"game_id": f"nba:{game}", "league": "nba", "start_ns": None, "home": "Pacers", "away": "Knicks"}
        market = {"market_id": "0x1", "home_token_id": home, "away_token_id": away, "confidence": "exact"}
        return self.note("plan", json.dumps({"games": [names | {"refs": refs} | market]}).encode())

    def market(self, *tokens: str, **rules: object) -> Script:
        """A market of the catalogue; rules in the words of the Gamma API."""
        known = {"conditionId": "0x1", "outcomes": '["Pacers","Knicks"]', "clobTokenIds": json.dumps(tokens), **rules}
        return self.answer(json.dumps([known]).encode(), feed=GAMMA, url="https://gamma-api.polymarket.com/markets")


def retaped(
    envelopes: Iterable[Envelope], path: Path, change: Callable[[Envelope], Iterable[Envelope]] = lambda one: (one,)
) -> Tape:
    """Write envelopes as a tape of their own, each as what change makes of it, numbered anew."""
    with TapeWriter.create(path, created_ns=1) as writer:
        for envelope in envelopes:
            for one in change(envelope):
                writer.append(msgspec.structs.replace(one, seq=writer.next_seq))
    return open_tape(path)
