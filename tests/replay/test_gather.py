"""Rows made of columns are the rows that the decoders make of the envelopes one by one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reel import Reel, stretch

from recorder.envelope import Envelope, Kind
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.film import Film, build_film
from replay.gather import meaning

CHANGE = '{"asset_id":"<asset_id>","price":"<price>","size":"<size>","side":"<side>"}'
HEAD = '"event_type":"price_change","market":"<market>","timestamp":"<timestamp>"'


def assert_equal(fast: Film, plain: Film) -> None:
    for name in plain.night.rows._fields:
        one, other = getattr(fast.night.rows, name), getattr(plain.night.rows, name)
        assert (name, one.dtype, one.tolist()) == (name, other.dtype, other.tolist())
    for name in plain.night._fields[1:]:
        assert np.array_equal(getattr(fast.night, name), getattr(plain.night, name)), name
    assert (fast.catalogue, fast.counts, fast.payouts) == (plain.catalogue, plain.counts, plain.payouts)
    assert (fast.events, fast.first_ns, fast.last_ns) == (plain.events, plain.first_ns, plain.last_ns)


def odd(message: dict[str, Any], rng: random.Random) -> bytes:
    """A frame that is nearly, or not at all, what the venue sends."""
    change = rng.choice(message["price_changes"])
    match rng.randrange(12):
        case 0:
            change["price"] = rng.choice([".5", "5e-1", "0.1234567", "", "2500.5", 0.5, None])
        case 1:
            change["size"] = rng.choice(["1e3", "-1", "99999999999", "0.50", 7])
        case 2:
            change["best_bid"] = rng.choice(["", "0", "1", "1.0", "0.500", "x", "12"])
        case 3:
            message["timestamp"] = rng.choice(["", "0", "9223372036855", "99999999999999", "12", 1757908892351])
        case 4:
            message["price_changes"] = [dict(change, size=str(k)) for k in range(3)] + message["price_changes"]
        case 5:
            del change[rng.choice(sorted(change))]
        case 6:
            message["extra"] = rng.choice(["1", {"a": []}, None])
        case 7:
            message["event_type"] = rng.choice(["price_changes", "book", "last_trade_price", "best_bid_ask"])
        case 8:
            message.update(asset_id=change["asset_id"], price="0.5", side=rng.choice(["BUY", "SELL", "?"]))
        case 9:
            return json.dumps([message, message]).encode()
        case 10:
            return json.dumps(message).encode()[: rng.randrange(400)]
        case _:
            message["price_changes"] *= 2
    return json.dumps(message, separators=(",", ":")).encode()


def spoilt(seed: int) -> Reel:
    """A few minutes of play in which three frames in ten are odd, connections change and a recording begins anew."""
    rng = random.Random(seed)
    envelopes: list[Envelope] = []
    for one in stretch().envelopes[:2_500]:
        conn, payload = one.conn, one.payload
        if one.kind is Kind.FRAME and payload.startswith(b'{"event_type":"price_change"'):
            conn += rng.random() < 0.2
            if rng.random() < 0.3:
                payload = odd(json.loads(payload), rng)
        envelopes.append(Envelope(0, one.recv_ns, one.feed, conn, one.kind, one.meta, payload))
        if rng.random() < 0.01:
            closed = b'{"code":1006,"side":"lost"}'
            envelopes.append(
                Envelope(0, one.recv_ns, "polymarket.market", rng.randrange(1, 4), Kind.CLOSED, closed, b"")
            )
        if rng.random() < 0.002:
            envelopes.append(Envelope(0, one.recv_ns, "recorder", 0, Kind.NOTE, b'{"note":"session"}', b""))
    return Reel(envelopes)


@pytest.mark.parametrize("seed", range(4))
def test_odd_frames_change_nothing(seed):
    """Whatever frames are mixed in, and however many are read at a time, the film is that of the decoders alone."""
    reel = spoilt(seed)
    plain = build_film(reel, plain=True)
    assert plain.counts["Undecodable"] > 5
    assert_equal(build_film(reel), plain)
    assert_equal(build_film(reel, chunk=97), plain)


def test_hot_and_sealed_make_the_same_film(tmp_path):
    """Columns from blocks and columns from Parquet are one film, and it is that of the decoders."""
    reel = spoilt(9)
    with TapeWriter.create(tmp_path / "night", created_ns=0, segment_raw_bytes=400_000) as writer:
        for envelope in reel.envelopes:
            writer.append(envelope)
    hot = build_film(open_tape(tmp_path / "night"))
    seal_tape(tmp_path / "night")
    sealed = open_tape(tmp_path / "night")
    assert_equal(hot, build_film(sealed, plain=True))
    assert_equal(build_film(sealed), hot)


def test_a_real_sequence_makes_the_same_film(real_data: Path):
    """The captured market sequence, some hundred levels and two books, gives equal films."""
    burst = json.loads((real_data / "polymarket_ws/ws_market_price_change_crossing_burst.json").read_bytes())
    frames = [json.dumps(message, separators=(",", ":")).encode() for message in burst]
    reel = Reel([Envelope(k, k, "polymarket.market", 1, Kind.FRAME, b"", frame) for k, frame in enumerate(frames)])
    plain = build_film(reel, plain=True)
    assert plain.counts["LevelChange"] == 98
    assert_equal(build_film(reel), plain)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (f'{{{HEAD},"price_changes":[{CHANGE}]}}', True),
        (f'{{{HEAD},"extra":"1","price_changes":[{CHANGE}]}}', False),
        (f'{{{HEAD},"price_changes":[{CHANGE}],"event_type":"book"}}', False),
        (f'{{{HEAD},"changes":[{CHANGE}]}}', False),
        (f'{{"event_type":"price_change","market":"<market>","price_changes":[{CHANGE}]}}', False),
        (f'{{{HEAD},"price_changes":[{CHANGE.replace("<price>", "0.5")}]}}', False),
        (f'{{{HEAD},"asset_id":"<asset_id>","best_bid":"<best_bid>","best_ask":"<best_ask>"}}', False),
        (f"{{{HEAD.replace('price_change', 'best_bid_ask')},{CHANGE[1:]}", False),
    ],
)
def test_only_what_is_wholly_known_is_not_asked_of_the_decoder(text, known):
    """A shape with a key too many, too few, twice or that is no hole is left to the decoder."""
    assert (meaning(text) > 0) is known
