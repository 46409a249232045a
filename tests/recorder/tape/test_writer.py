from __future__ import annotations

import random
from pathlib import Path

import pytest

from recorder.envelope import Envelope, Kind
from recorder.errors import LockedError, UsageError
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter


def night(count: int, *, first_seq: int = 0, seed: int = 7) -> list[Envelope]:
    rng = random.Random(seed)
    return [
        Envelope(
            seq,
            1_700_000_000_000_000_000 + seq * 1_000_000,
            rng.choice(["espn.nba", "polymarket.market", "recorder"]),
            rng.randrange(3),
            rng.choice([Kind.FRAME, Kind.BODY, Kind.PULSE]),
            b'{"status":200}' if rng.random() < 0.3 else b"",
            rng.randbytes(rng.randrange(60)),
        )
        for seq in range(first_seq, first_seq + count)
    ]


def record(path: Path, envelopes: list[Envelope], *, each: int = 10, segment_raw_bytes: int = 4096) -> Path:
    with TapeWriter.create(path, created_ns=1, label="a test", segment_raw_bytes=segment_raw_bytes) as writer:
        for at, envelope in enumerate(envelopes, start=1):
            writer.append(envelope)
            if at % each == 0:
                writer.commit()
    return path


def test_reads_back_what_was_appended(tmp_path: Path) -> None:
    """Every envelope comes back equal and in order, over several segments."""
    envelopes = night(300)
    path = record(tmp_path / "a", envelopes)
    tape = open_tape(path)
    assert len(list((path / "hot").iterdir())) > 2
    assert (len(tape), tape.name, tape.label, tape.created_ns, tape.closed) == (300, "a", "a test", 1, True)
    assert (tape.first_ns, tape.last_ns) == (envelopes[0].recv_ns, envelopes[-1].recv_ns)
    assert list(tape.read()) == envelopes


def test_reads_a_part(tmp_path: Path) -> None:
    """A part by seq, by time or by feed is what a filter of the whole would give."""
    envelopes = night(200)
    tape = open_tape(record(tmp_path / "a", envelopes))
    since, until = envelopes[33].recv_ns, envelopes[77].recv_ns
    assert list(tape.read(first_seq=17, last_seq=42)) == envelopes[17:43]
    assert list(tape.read(since_ns=since, until_ns=until)) == envelopes[33:77]
    assert list(tape.read(feeds=["recorder"])) == [one for one in envelopes if one.feed == "recorder"]
    assert list(tape.read(first_seq=500)) == []


def test_commit_says_what_is_durable(tmp_path: Path) -> None:
    """commit returns the last durable seq, -1 before there is one; append alone makes nothing visible."""
    path = tmp_path / "a"
    writer = TapeWriter.create(path, created_ns=1)
    assert writer.commit() == -1
    for envelope in night(3):
        writer.append(envelope)
    assert len(open_tape(path)) == 0
    assert writer.commit() == 2
    assert len(open_tape(path)) == 3
    writer.close()


def test_resume_goes_on(tmp_path: Path) -> None:
    """A resumed tape goes on with the next seq in a new segment, and reads as one."""
    envelopes = night(50)
    path = record(tmp_path / "a", envelopes[:20])
    with TapeWriter.resume(path) as writer:
        assert (writer.next_seq, writer.last_ns) == (20, envelopes[19].recv_ns)
        for envelope in envelopes[20:]:
            writer.append(envelope)
    tape = open_tape(path)
    assert list(tape.read()) == envelopes
    assert tape.damage == ()


def test_one_writer(tmp_path: Path) -> None:
    """A second writer is refused and told who holds the tape; a tape is never created twice."""
    path = tmp_path / "a"
    with TapeWriter.create(path, created_ns=1):
        with pytest.raises(LockedError, match="being written"):
            TapeWriter.resume(path)
        with pytest.raises(LockedError):
            TapeWriter.create(path, created_ns=2)
    with pytest.raises(UsageError, match="already"):
        TapeWriter.create(path, created_ns=2)


@pytest.mark.parametrize("name", ["A", ".x", "-a", "a b", "a" * 65, "ü", "a\n"])
def test_refuses_names(tmp_path: Path, name: str) -> None:
    """A tape's name is a short lower-case word, so that it can be no path and no option."""
    with pytest.raises(UsageError):
        TapeWriter.create(f"{tmp_path}/{name}", created_ns=1)
