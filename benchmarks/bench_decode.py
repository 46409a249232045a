"""
How many frames and bodies a second the decoders read, one core, from memory.

    python benchmarks/bench_decode.py

Prints one line a case: the best of five rounds, in processor time.
"""

from __future__ import annotations

import hashlib
import json
import time
import timeit
from collections.abc import Callable

from recorder.envelope import Envelope, Kind
from replay.core.decode import decode

TOKENS = ("7" * 77, "5" * 77)
MARKET = "0x" + "ab" * 32


def price_change(number: int) -> bytes:
    """Render one mirrored pair of changes, as the venue sends most of its frames."""
    cents, size = number % 97 + 1, f"{number * 37 % 5000}.{number % 100:02}"
    pairs = ((TOKENS[0], cents, "BUY"), (TOKENS[1], 100 - cents, "SELL"))
    changes = [
        {
            "asset_id": token,
            "price": f"0.{price:02}",
            "size": size,
            "side": side,
            "hash": f"{number:040x}",
            "best_bid": "0.48",
            "best_ask": "0.52",
        }
        for token, price, side in pairs
    ]
    message = {"market": MARKET, "price_changes": changes, "timestamp": "1757908892351", "event_type": "price_change"}
    return json.dumps(message, separators=(",", ":")).encode()


def book(depth: int) -> bytes:
    """Render one full book with as many levels on each side."""
    levels = [{"price": f"0.{cents:03}", "size": f"{cents * 7}.5"} for cents in range(1, depth + 1)]
    message = {
        "market": MARKET,
        "asset_id": TOKENS[0],
        "timestamp": "1757908892351",
        "hash": "",
        "bids": levels,
        "asks": levels[::-1],
        "min_order_size": "5",
        "tick_size": "0.001",
        "neg_risk": False,
        "last_trade_price": "0.5",
    }
    message["hash"] = hashlib.sha1(json.dumps(message, separators=(",", ":")).encode()).hexdigest()
    return json.dumps([{**message, "event_type": "book"}], separators=(",", ":")).encode()


def scoreboard(games: int) -> bytes:
    """Render one ESPN scoreboard without the padding that real ones have."""
    status = {
        "clock": 98,
        "displayClock": "1:38",
        "period": 2,
        "type": {"id": "2", "name": "STATUS_IN_PROGRESS", "state": "in", "completed": False, "detail": "1:38 - 2nd"},
    }
    team = {"id": "28", "name": "Raptors", "abbreviation": "TOR", "displayName": "Toronto Raptors"}
    sides = [{"homeAway": side, "score": "47", "team": team, "records": [{"x": 1}] * 20} for side in ("home", "away")]
    event = {"id": "1", "date": "2022-10-02T22:00Z", "competitions": [{"competitors": sides, "status": status}]}
    return json.dumps({"events": [event] * games}).encode()


def report(name: str, envelopes: list[Envelope]) -> None:
    """Time one case and print it."""

    def run(decoder: Callable[[Envelope], object] = decode) -> None:
        for envelope in envelopes:
            decoder(envelope)

    run()
    seconds = min(timeit.repeat(run, timer=time.process_time, number=1, repeat=5))
    size = sum(len(envelope.payload) for envelope in envelopes)
    print(f"{name:32} {len(envelopes) / seconds:>10,.0f} /s {size / seconds / 1e6:>8.0f} MB/s")


def main() -> None:
    """Run every case."""
    meta = b'{"url":"u","status":200,"sent_ns":1,"headers":{}}'
    frames = [Envelope(n, n, "polymarket.market", 1, Kind.FRAME, b"", price_change(n)) for n in range(20_000)]
    report("price_change, 2 changes", frames)
    report("book, 2 x 40 levels", [Envelope(0, 0, "polymarket.market", 1, Kind.FRAME, b"", book(40))] * 1_000)
    report("scoreboard, 12 games", [Envelope(0, 0, "espn.nba", 0, Kind.BODY, meta, scoreboard(12))] * 500)


if __name__ == "__main__":
    main()
