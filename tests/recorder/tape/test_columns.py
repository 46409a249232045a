"""A sealed segment says what its frames mean to any tool that reads Parquet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import polars as pl
import pytest

from recorder.envelope import Envelope, Kind
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape

PAGE = Path(__file__).resolve().parents[3] / "docs" / "format.md"
TOKENS = ("7" * 77, "5" * 76)


def frame(number: int) -> bytes:
    changes = [
        {
            "asset_id": TOKENS[k],
            "price": f"0.{40 + number}",
            "size": f"{number}.50",
            "side": ("BUY", "SELL")[k],
            "hash": f"{number:040x}",
            "best_bid": "0.4",
            "best_ask": "",
        }
        for k in range(2)
    ]
    message = {"event_type": "price_change", "market": "0xab", "timestamp": f"{1757908892351 + number}"}
    return json.dumps({**message, "price_changes": changes}, separators=(",", ":")).encode()


@pytest.fixture
def sealed(tmp_path, record):
    """A sealed tape of ten frames of two changes each, a PONG after every one."""
    envelopes = [
        Envelope(k, 1000 + k, "polymarket.market", 1, Kind.FRAME, b"", b"PONG" if k % 2 else frame(k))
        for k in range(20)
    ]
    path = record(tmp_path / "night", envelopes, segment_raw_bytes=1 << 20)
    seal_tape(path)
    assert list(open_tape(path).read()) == envelopes
    return path


def answer(path: Path) -> list[tuple[object, ...]]:
    """Ask a tape what docs/format.md asks."""
    (statement,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return duckdb.sql(statement.replace("tapes/tonight", str(path))).fetchall()


def test_the_question_of_the_page_is_answered(sealed):
    """DuckDB reads prices and sizes with the statement that docs/format.md shows, without this program."""
    assert answer(sealed) == [
        (1000 + k, 1757908892351 + k, TOKENS[side], ("BUY", "SELL")[side], (40 + k) / 100, k + 0.5)
        for k in range(0, 20, 2)
        for side in range(2)
    ]


def test_the_mirror_of_a_change_is_told_by_it_too(tmp_path, record):
    """A pair of which one half follows from the other is one in the file, and two to who asks as told there."""
    halves = (("0.41", "BUY", "0.4", "0.43"), ("0.59", "SELL", "0.57", "0.6"))
    keys = ("price", "side", "best_bid", "best_ask")
    changes = [
        {"asset_id": token, **dict(zip(keys, half, strict=True)), "size": "7", "hash": f"{k:040x}"}
        for k, (token, half) in enumerate(zip(TOKENS, halves, strict=True))
    ]
    message = {"event_type": "price_change", "timestamp": "1757908892351", "price_changes": changes}
    payload = json.dumps(message, separators=(",", ":")).encode()
    envelope = Envelope(0, 1000, "polymarket.market", 1, Kind.FRAME, b"", payload)
    path = record(tmp_path / "night", [envelope], segment_raw_bytes=1 << 20)
    seal_tape(path)
    assert list(open_tape(path).read()) == [envelope]
    table = pl.read_parquet(path / "sealed" / "*.parquet")
    assert (len(table["changes"][0]), table["mirror_asset"][0]) == (1, TOKENS[1])
    assert table["mirror_hash"][0] == (1).to_bytes(20, "big")
    assert answer(path) == [
        (1000, 1757908892351, TOKENS[0], "BUY", 0.41, 7),
        (1000, 1757908892351, TOKENS[1], "SELL", 0.59, 7),
    ]


def test_a_frame_is_values_or_a_payload(sealed):
    """Polars sees a shape and no payload, or a payload and no shape; an empty text is no price."""
    table = pl.read_parquet(sealed / "sealed" / "*.parquet")
    assert table["payload"].to_list() == [None, b"PONG"] * 10
    assert table["frame"].is_null().to_list() == [False, True] * 10
    changes = table.explode("changes").unnest("changes").filter(pl.col("asset").is_not_null())
    assert changes["best_bid_u6"].unique().to_list() == [400_000]
    assert changes["best_ask_u6"].null_count() == len(changes) == 20
    assert changes["hash"][2] == (2).to_bytes(20, "big")
