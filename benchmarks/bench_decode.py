"""
How many frames and bodies a second the decoders read, and how fast a film is made of a tape.

    python benchmarks/bench_decode.py
    python benchmarks/bench_decode.py season     only: many nights, one after the other

Prints one line a case: the best of several rounds, in processor time of one core. The nights are simulated.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

import numpy as np

from recorder.envelope import Envelope, Kind, encode_row
from recorder.operate.machine import resident_bytes
from recorder.tape.batch import batch_of_rows
from recorder.tape.frames import Payloads, ShapeBook, read_frames
from recorder.tape.reader import Tape, open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.books import read_snapshots
from replay.core.decode import decode
from replay.film import build_film
from replay.synth.night import night, plan_night

TOKENS = ("7" * 77, "5" * 77)
MARKET = "0x" + "ab" * 32
_NIGHTS = 8


def price_change(number: int, count: int = 2) -> bytes:
    """Render one mirrored pair of changes, as the venue sends most of its frames, or the first of it."""
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
        for token, price, side in pairs[:count]
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


def scanner(name: str, frames: list[bytes]) -> None:
    """Time the compiled scanner and print it."""
    laid = Payloads.of(frames)
    book, wanted = ShapeBook(), np.ones(len(laid), bool)
    read_frames(laid, wanted, book)
    seconds = min(timeit.repeat(lambda: read_frames(laid, wanted, book), timer=time.process_time, number=1, repeat=5))
    print(f"{name:32} {len(laid) / seconds:>10,.0f} /s {len(laid.data) / seconds / 1e6:>8.0f} MB/s")


def books(name: str, frames: list[bytes]) -> None:
    """Time the compiled reader of books and print it."""
    envelopes = [Envelope(seq, seq, "polymarket.market", 1, Kind.FRAME, b"", one) for seq, one in enumerate(frames)]
    batch = batch_of_rows(b"".join(map(encode_row, envelopes)), len(envelopes), ShapeBook())
    wanted = np.arange(len(batch))
    rows = len(read_snapshots(batch, wanted).rows)
    seconds = min(timeit.repeat(lambda: read_snapshots(batch, wanted), timer=time.process_time, number=1, repeat=5))
    size = sum(map(len, frames))
    print(
        f"{name:32} {len(frames) / seconds:>10,.0f} /s {size / seconds / 1e6:>8.0f} MB/s {rows / seconds:,.0f} rows/s"
    )


def film(name: str, tape: Tape, *, plain: bool = False) -> None:
    """
    Time a film and print it, with the bytes that an event of it takes in memory.

    The digest of a hot tape, which is taken once when a film is looked for, is not in it.
    """
    build_film(tape, plain=plain)
    seconds = min(timeit.repeat(lambda: build_film(tape, plain=plain), timer=time.process_time, number=1, repeat=3))
    made = build_film(tape, plain=plain)
    rows = made.night.rows
    size = sum(getattr(rows, column).nbytes for column in rows._fields) / max(1, len(rows.seq))
    print(f"{name:32} {len(tape):>9,} envelopes {len(tape) / seconds:>10,.0f} /s {seconds:7.3f} s  {size:.0f} B a row")


def recorded(path: Path, envelopes: list[Envelope]) -> Tape:
    """Write envelopes as a tape, numbered anew."""
    with TapeWriter.create(path, created_ns=0, label="simulated") as writer:
        for seq, one in enumerate(envelopes):
            writer.append(Envelope(seq, one.recv_ns, one.feed, one.conn, one.kind, one.meta, one.payload))
    return open_tape(path)


def films() -> None:
    """Time films: of a night, of its market frames alone, and of more and more of them."""
    folder = Path(tempfile.mkdtemp(prefix="bench-decode-"))
    try:
        whole = list(night(plan_night(7, 2, "2026-01-15", 100_000)))
        frames = [one for one in whole if one.kind is Kind.FRAME and one.feed == "polymarket.market"]
        changes = [one for one in frames if one.payload.startswith(b'{"event_type":"price_change"')]
        answers = [one for one in whole if one.feed.startswith(("espn.", "nba."))]
        for name, envelopes in (("night", whole), ("frames", frames), ("changes", changes), ("scores", answers)):
            film(f"film, {name}, by decoders", recorded(folder / name, envelopes), plain=True)
            film(f"film, {name}, hot", open_tape(folder / name))
            seal_tape(folder / name)
            film(f"film, {name}, sealed", open_tape(folder / name))
        for times in (1, 2, 4, 8):
            film(f"growth: {times} x, sealed changes", grown(folder / f"x{times}", changes[: 6_000 * times]))
    finally:
        shutil.rmtree(folder)


def grown(path: Path, envelopes: list[Envelope]) -> Tape:
    """Write and seal a tape."""
    recorded(path, envelopes)
    seal_tape(path)
    return open_tape(path)


def season() -> None:
    """Film different nights one after the other, as a season is streamed, and print what the process holds."""
    folder = Path(tempfile.mkdtemp(prefix="bench-season-"))
    try:
        for seed in range(_NIGHTS):
            recorded(folder / f"night{seed}", list(night(plan_night(seed, 1, "2026-01-15", 50_000))))
            seal_tape(folder / f"night{seed}")
        events, held = 0, []
        begin = time.process_time()
        for seed in range(_NIGHTS):
            events += build_film(open_tape(folder / f"night{seed}")).events
            held.append((resident_bytes(os.getpid()) or 0) / 2**20)
        seconds = time.process_time() - begin
        mib = ", ".join(f"{one:.0f}" for one in held)
        print(f"season: {_NIGHTS} nights, {events:,} envelopes, {events / seconds:,.0f} /s, MiB after each: {mib}")
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Run every case."""
    if sys.argv[1:] == ["season"]:
        season()
        return
    scanner("scanner, 1 change", [price_change(number, 1) for number in range(20_000)])
    scanner("scanner, 2 changes", [price_change(number) for number in range(20_000)])
    books("scanner, book, 2 x 40 levels", [book(40)] * 2_000)
    meta = b'{"url":"u","status":200,"sent_ns":1,"headers":{}}'
    frames = [Envelope(n, n, "polymarket.market", 1, Kind.FRAME, b"", price_change(n)) for n in range(20_000)]
    report("price_change, 2 changes", frames)
    report("book, 2 x 40 levels", [Envelope(0, 0, "polymarket.market", 1, Kind.FRAME, b"", book(40))] * 1_000)
    report("scoreboard, 12 games", [Envelope(0, 0, "espn.nba", 0, Kind.BODY, meta, scoreboard(12))] * 500)
    films()
    season()


if __name__ == "__main__":
    main()
