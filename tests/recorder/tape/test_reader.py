from __future__ import annotations

import itertools
import os
import shutil

import pytest

from recorder.envelope import Envelope, Kind
from recorder.errors import CorruptError, UsageError
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter


def caught_up(follower):
    """What a follower yields until it says that there is none more."""
    return list(itertools.takewhile(lambda one: one is not None, follower))


@pytest.mark.parametrize("sealed", [False, True])
def test_reads_a_part(tape, envelopes, sealed):
    """A part by seq, by time or by feed is what a filter of the whole would give."""
    if sealed:
        seal_tape(tape)
    opened = open_tape(tape)
    since, until = envelopes[32].recv_ns, envelopes[47].recv_ns
    assert list(opened.read()) == envelopes
    assert list(opened.read(first_seq=17, last_seq=42)) == envelopes[17:43]
    assert list(opened.read(since_ns=since, until_ns=until)) == [
        one for one in envelopes if since <= one.recv_ns < until
    ]
    assert list(opened.read(feeds=["recorder"])) == [one for one in envelopes if one.feed == "recorder"]
    assert list(opened.read(first_seq=500)) == []
    assert list(opened.read(last_seq=0)) == envelopes[:1]


def test_an_empty_tape_reads_as_nothing(tmp_path):
    """A tape without an envelope is a tape."""
    TapeWriter.create(tmp_path / "a", created_ns=1).close()
    opened = open_tape(tmp_path / "a")
    assert (len(opened), opened.first_ns, opened.last_ns, list(opened.read())) == (0, 0, 0, [])


def test_a_missing_tape_is_a_usage_error(tmp_path):
    """What is not there, and what is no tape, is said to be so."""
    for path in (tmp_path / "a", tmp_path):
        with pytest.raises(UsageError, match="no tape"):
            open_tape(path)


def test_never_reads_over_a_hole(tape, envelopes):
    """A read of a range with damage ends in an error that says where; ranges without it read as ever."""
    (tape / "hot" / f"{21:020d}.hot").unlink()
    opened = open_tape(tape)
    with pytest.raises(CorruptError, match="seq 21 to 40"):
        list(opened.read())
    with pytest.raises(CorruptError):
        opened.digest()
    assert list(opened.read(0, 20)) == envelopes[:21]
    assert list(opened.read(41)) == envelopes[41:]
    assert list(open_tape(tape, salvage=True).read()) == envelopes[:21] + envelopes[41:]


def test_sealing_meanwhile_changes_no_read(tape, envelopes):
    """A tape that was opened hot and then sealed reads on from the sealed files."""
    opened = open_tape(tape)
    reading = opened.read()
    first = [next(reading) for _ in range(5)]
    seal_tape(tape)
    assert first + list(reading) == envelopes


def test_sealing_meanwhile_opens_the_tape_once(tape, envelopes, monkeypatch):
    """Of a tape that was sealed since it was opened the digest is the same, and the rest is read in one go."""
    opened, reopened = open_tape(tape), []
    before = open_tape(tape).digest()
    seal_tape(tape)
    monkeypatch.setattr(type(opened), "_reopen", lambda self: reopened.append(1) or open_tape(self.path))
    assert list(opened.read(7, 52)) == envelopes[7:53]
    assert len(reopened) == 1
    assert opened.digest() == before == opened.digest()


def test_follows_a_writer(tmp_path, night):
    """A follower sees what was committed, only that, over segment ends, resumption and sealing."""
    envelopes = night(90)
    path = tmp_path / "a"
    writer = TapeWriter.create(path, created_ns=1, segment_raw_bytes=700)
    follower, late = open_tape(path).follow(), open_tape(path).follow(first_seq=40)
    seen, seen_late = [], []
    for at, envelope in enumerate(envelopes):
        writer.append(envelope)
        if at % 4 == 0:
            writer.commit()
            assert seen == envelopes[: len(seen)]
            seen += caught_up(follower)
            assert seen == envelopes[: at + 1]
        if at == 30:
            seal_tape(path)
        if at == 50:
            writer.close()
            writer = TapeWriter.resume(path, segment_raw_bytes=700)
        if at == 70:
            seal_tape(path)
            seen_late += caught_up(late)
    writer.close()
    seal_tape(path)
    seen += caught_up(follower)
    seen_late += caught_up(late)
    assert seen == envelopes
    assert seen_late == envelopes[40:]
    assert caught_up(open_tape(path).follow(feeds=["recorder"])) == [one for one in envelopes if one.feed == "recorder"]


def test_a_follower_passes_a_segment_that_was_given_up(tmp_path, night):
    """Where a writer gave up a file after a block that a follower had seen already, the follower goes on."""
    envelopes = night(20)
    path = tmp_path / "a"
    writer = TapeWriter.create(path, created_ns=1)
    for envelope in envelopes[:5]:
        writer.append(envelope)
    writer.commit()
    writer._lock.release()
    lost = tmp_path / "lost"
    shutil.copytree(path, lost)
    # In this world the file also got a block of five that was never acknowledged; the writer begins a new one at 5.
    other = TapeWriter.resume(lost)
    for envelope in envelopes[5:]:
        other.append(envelope)
    other.close()
    hot, block = path / "hot" / f"{0:020d}.hot", (lost / "hot" / f"{5:020d}.hot").read_bytes()[80:]
    follower = open_tape(path).follow()
    seen = caught_up(follower)
    with hot.open("ab") as file:
        file.write(block)
    seen += caught_up(follower)
    os.truncate(hot, hot.stat().st_size - len(block))
    with TapeWriter.resume(path) as again:
        for envelope in [*envelopes[5:], Envelope(20, 1 << 62, "a", 0, Kind.PULSE, b"", b"")]:
            again.append(envelope)
    seen += caught_up(follower)
    seen += caught_up(follower)
    assert [one.seq for one in seen] == list(range(21))


def test_a_sealed_segment_that_no_entry_names_is_no_empty_night(tape):
    """Without its manifest a sealed tape is damaged, not empty; reading and digest say so."""
    seal_tape(tape)
    shutil.rmtree(tape / "manifest")
    (tape / "manifest").mkdir()
    opened = open_tape(tape)
    assert opened.damage
    with pytest.raises(CorruptError, match="manifest/ at byte 0, seq 0 on"):
        list(opened.read())
    with pytest.raises(CorruptError):
        opened.digest()
