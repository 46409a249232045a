"""Frames become columns and come back byte for byte, or stay as they are."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recorder.jit import interpreted
from recorder.tape import frames as module
from recorder.tape.frames import Frames, Payloads, ShapeBook, prove_frames, read_frames, write_back

TOKENS = ("7" * 77, "5" * 76)
MARKET = "0x" + "ab" * 32
DECIMALS = st.one_of(
    st.integers(0, 10**9).map(lambda value: f"{Decimal(value).scaleb(-6).normalize():f}"),
    st.sampled_from(["0.50", "100.000000", "0.0", "5", "0", ".5", "1e3", "05", "0.1234567", "-1", "1.", "9999999999"]),
)
QUOTES = st.one_of(DECIMALS, st.just(""))


def change(token: str, side: str, price: str, size: str, bid: str, ask: str, digest: str = "0f" * 20) -> dict[str, str]:
    said = {"asset_id": token, "price": price, "size": size, "side": side, "hash": digest}
    return said | {"best_bid": bid, "best_ask": ask}


def price_change(changes: list[dict[str, str]], stamp: str = "1757908892351", **more: Any) -> bytes:
    message = {"event_type": "price_change", "market": MARKET, "timestamp": stamp, "price_changes": changes, **more}
    return json.dumps(message, separators=(",", ":")).encode()


def quoted(bid: str, ask: str, spread: str) -> bytes:
    message = {"event_type": "best_bid_ask", "market": MARKET, "asset_id": TOKENS[0], "best_bid": bid, "best_ask": ask}
    return json.dumps({**message, "spread": spread, "timestamp": "1757908892351"}, separators=(",", ":")).encode()


def trade(price: str, size: str, side: str) -> bytes:
    message = {"market": MARKET, "asset_id": TOKENS[1], "price": price, "size": size, "side": side}
    ends = {"timestamp": "1750428146322", "transaction_hash": "0x" + "9e" * 32, "event_type": "last_trade_price"}
    return json.dumps(message | ends).encode()


CHANGES = st.builds(
    change, st.sampled_from(TOKENS), st.sampled_from(["BUY", "SELL", "HOLD"]), *[DECIMALS] * 2, *[QUOTES] * 2
)
FRAMES = st.one_of(
    st.lists(CHANGES, max_size=4).map(price_change),
    st.builds(quoted, QUOTES, QUOTES, QUOTES),
    st.builds(trade, DECIMALS, DECIMALS, st.sampled_from(["BUY", "SELL"])),
    st.sampled_from([b"PONG", b"", b"[]", b"{", b"{}", b'{"event_type":"<market>"}', "{ü}".encode(), b"\x00\xff"]),
    st.binary(max_size=30),
)


def read(payloads: list[bytes], book: ShapeBook | None = None) -> Frames:
    known = book or ShapeBook()
    laid = Payloads.of(payloads)
    return prove_frames(read_frames(laid, np.ones(len(laid), bool), known), laid, known)


def written(frames: Frames) -> list[bytes | None]:
    data, ends = write_back(frames, ShapeBook(frames.shapes))
    begins = [0, *ends.tolist()]
    return [
        data[begin:end].tobytes() if shape >= 0 else None
        for shape, begin, end in zip(frames.shape.tolist(), begins, ends.tolist(), strict=False)
    ]


def u6(text: str) -> int:
    return int(Decimal(text) * 1_000_000) if text else -1


def said(frames: Frames, at: int) -> list[tuple[Any, ...]]:
    """What the columns say of a frame, each change as a tuple."""
    return [
        (
            frames.texts[frames.asset[k]],
            {1: "BUY", 0: "SELL", -1: None}[int(frames.is_buy[k])],
            *(int(column[k]) for column in (frames.price_u6, frames.size_u6, frames.bid_u6, frames.ask_u6)),
        )
        for k in range(frames.first[at], frames.first[at + 1])
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(FRAMES, max_size=8))
@example([quoted("0.48", "0.5", "0.02"), quoted("0.48", "", ""), quoted("0.48", "0.5", "0.03"), quoted("", "", "0")])
@example([price_change([change(TOKENS[0], "BUY", "0.50", "100.000000", "", "1")])] * 2)
def test_what_is_read_comes_back_and_says_what_the_frame_says(payloads):
    """Every frame of a shape is written back byte for byte, and its columns are what a JSON decoder finds in it."""
    frames = read(payloads)
    for at, (payload, back) in enumerate(zip(payloads, written(frames), strict=True)):
        assert back in {None, payload}
        if back is None:
            continue
        message = json.loads(payload)
        told = message.get("price_changes", [message])
        columns = [
            (
                one["asset_id"],
                one.get("side"),
                *(u6(one.get(key, "")) for key in ("price", "size", "best_bid", "best_ask")),
            )
            for one in told
        ]
        assert said(frames, at) == columns
        assert (frames.texts[frames.market[at]], frames.source_ms[at]) == (message["market"], int(message["timestamp"]))


@settings(max_examples=15, deadline=None)
@given(st.lists(FRAMES, max_size=8))
def test_compiled_and_interpreted_read_the_same(payloads):
    """The compiled scanner and writer do what their source says."""
    plain = read(payloads)
    kept, module.INTERPRETED_BYTES_MAX = module.INTERPRETED_BYTES_MAX, -1
    try:
        fast = read(payloads)
        assert written(fast) == written(plain)
    finally:
        module.INTERPRETED_BYTES_MAX = kept
    for name in ("shape", "market", "source_ms", "first", "asset", "is_buy", "price_u6", "spelling", "hash"):
        assert getattr(fast, name).tolist() == getattr(plain, name).tolist()


@pytest.mark.parametrize(
    "odd",
    [
        price_change([change(TOKENS[0], "BUY", ".5", "1", "0", "1")]),
        price_change([change(TOKENS[0], "BUY", "0.5", "1e3", "0", "1")]),
        price_change([change(TOKENS[0], "BUY", "0.5", "1", "0", "1", "0F" * 20)]),
        price_change([change(TOKENS[0], "BUY", "", "1", "0", "1")]),
        price_change([change(TOKENS[0], "BUY", "0.5", "1", "0", "1")], stamp="01757908892351"),
        price_change([]),
        price_change([{"asset_id": TOKENS[0]}, {"asset_id": TOKENS[0], "price": "1"}]),
        price_change([change(TOKENS[0], "BUY", "0.5", "1", "0", "1")], question="<price>"),
        quoted("0.48", "0.5", "0.020"),
    ],
)
def test_what_cannot_be_written_again_stays_as_it_is(odd):
    """A spelling that is not ours, or a list of unlike things, leaves the frame raw and its neighbours as they were."""
    plain = price_change([change(TOKENS[0], "BUY", "0.5", "1", "0", "1")])
    assert written(read([plain, odd, plain])) == [plain, None, plain]


def test_a_scanner_that_misreads_costs_nothing(monkeypatch):
    """Were the scanner wrong about a value, the frame would stay raw: what is written is compared with what came."""
    payloads = [price_change([change(TOKENS[0], "BUY", price, "1", "0", "1")]) for price in ("0.5", "0.6", "0.7")]
    honest = interpreted(module.scan_frames)

    def misread(data: Any, begins: Any, ends: Any, wanted: Any, program: Any, to: Any) -> int:
        count = honest(data, begins, ends, wanted, program, to)
        if count == 3:
            to.price_u6[1] += 10_000
        return int(count)

    monkeypatch.setattr(module, "scan_frames", misread)
    frames = read(payloads)
    assert written(frames) == [payloads[0], None, payloads[2]]
    assert (frames.first.tolist(), frames.price_u6.tolist()) == ([0, 1, 1, 2], [500_000, 700_000])


def test_shapes_do_not_multiply():
    """A key whose value never repeats makes no more shapes than a file may have; the other frames stay raw."""
    payloads = [price_change([change(TOKENS[0], "BUY", "0.5", "1", "0", "1")], nonce=str(k)) for k in range(100)]
    frames = read(payloads)
    assert len(frames.shapes) == 64
    assert [back is None for back in written(frames)] == [False] * 64 + [True] * 36


def test_real_frames_become_columns(real_data: Path):
    """Every captured price change is a column frame; a book stays as it came."""
    burst = json.loads((real_data / "polymarket_ws/ws_market_price_change_crossing_burst.json").read_bytes())
    payloads = [json.dumps(message, separators=(",", ":")).encode() for message in burst]
    frames = read(payloads)
    assert [back == payload for back, payload in zip(written(frames), payloads, strict=True)] == [
        "price_changes" in message for message in burst
    ]
