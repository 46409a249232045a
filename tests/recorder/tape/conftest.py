from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.envelope import Envelope, Kind
from recorder.tape.writer import TapeWriter

T0_NS = 1_700_000_000_000_000_000


def make_night(count: int, *, first_seq: int = 0, seed: int = 7) -> list[Envelope]:
    """Envelopes of every shape: three feeds, empty and random payloads, ties in time."""
    rng = random.Random(seed)
    return [
        Envelope(
            seq,
            T0_NS + seq // 2 * 1_000_000,
            rng.choice(["espn.nba", "polymarket.market", "recorder"]),
            rng.randrange(3),
            rng.choice([Kind.FRAME, Kind.BODY, Kind.PULSE]),
            '{"status":200,"team":"Lübeck"}'.encode() if rng.random() < 0.3 else b"",
            rng.randbytes(rng.randrange(60)),
        )
        for seq in range(first_seq, first_seq + count)
    ]


def record_tape(
    path: Path, envelopes: list[Envelope], *, each: int = 10, segment_raw_bytes: int = 4096, close: bool = True
) -> Path:
    """A tape with a block for each so many envelopes; without close as a killed writer leaves it."""
    writer = TapeWriter.create(path, created_ns=T0_NS, label="a test", segment_raw_bytes=segment_raw_bytes)
    for at, envelope in enumerate(envelopes, start=1):
        writer.append(envelope)
        if at % each == 0:
            writer.commit()
    if close:
        writer.close()
    else:
        writer.commit()
        writer._lock.release()
    return path


@pytest.fixture
def night() -> Callable[..., list[Envelope]]:
    return make_night


@pytest.fixture
def record() -> Callable[..., Path]:
    return record_tape


@pytest.fixture
def envelopes() -> list[Envelope]:
    return make_night(60)


@pytest.fixture
def tape(tmp_path: Path, envelopes: list[Envelope]) -> Path:
    """A closed hot tape of 60 envelopes, in blocks of ten and several segments."""
    return record_tape(tmp_path / "night", envelopes, segment_raw_bytes=1500)
