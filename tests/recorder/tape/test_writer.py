from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.envelope import Envelope, Kind
from recorder.errors import DiskError, LockedError, UsageError
from recorder.tape.fs import RealFs
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter, is_being_written

# Writes envelopes for ever and says on stdout, after each commit, which seq is durable.
WRITE_FOREVER = """
import sys
from recorder.envelope import Envelope, Kind
from recorder.tape.writer import TapeWriter
writer = TapeWriter.create(sys.argv[1], created_ns=1, segment_raw_bytes=20_000)
while True:
    for _ in range(7):
        seq = writer.next_seq
        writer.append(Envelope(seq, seq, "a", 0, Kind.FRAME, b"", b"payload %d" % seq * 9))
    print(writer.commit(), flush=True)
"""


class FailingFs(RealFs):
    """A disk on which the call numbers in `fails` are refused; a refused write leaves half of its bytes."""

    def __init__(self, fails: range, error: int) -> None:
        self.calls = 0
        self.fails = fails
        self.error = error
        self.refused: list[int] = []
        self.synced_after_refusal: list[int] = []

    def _turn(self) -> bool:
        self.calls += 1
        return self.calls in self.fails

    def write(self, fd: int, data: bytes) -> None:
        if self._turn():
            super().write(fd, data[: len(data) // 2])
            self.refused.append(fd)
            raise OSError(self.error, os.strerror(self.error))
        super().write(fd, data)

    def sync_data(self, fd: int) -> None:
        if fd in self.refused:
            self.synced_after_refusal.append(fd)
        if self._turn():
            self.refused.append(fd)
            raise OSError(self.error, os.strerror(self.error))
        super().sync_data(fd)

    def sync_dir(self, path: Path) -> None:
        if self._turn():
            raise OSError(self.error, os.strerror(self.error))
        super().sync_dir(path)

    def close(self, fd: int) -> None:
        if fd in self.refused:
            self.refused.remove(fd)
        super().close(fd)


def test_reads_back_what_was_appended(tmp_path, night, record):
    """Every envelope comes back equal and in order, over several segments."""
    envelopes = night(300)
    path = record(tmp_path / "a", envelopes)
    tape = open_tape(path)
    assert len(list((path / "hot").iterdir())) > 2
    assert (len(tape), tape.name, tape.label, tape.closed) == (300, "a", "a test", True)
    assert (tape.first_ns, tape.last_ns) == (envelopes[0].recv_ns, envelopes[-1].recv_ns)
    assert list(tape.read()) == envelopes


def test_commit_says_what_is_durable(tmp_path, night):
    """commit returns the last durable seq, -1 before there is one; append alone makes nothing visible."""
    path = tmp_path / "a"
    with TapeWriter.create(path, created_ns=1) as writer:
        assert writer.commit() == -1
        for envelope in night(3):
            writer.append(envelope)
        assert len(open_tape(path)) == 0
        assert writer.commit() == 2
        assert len(open_tape(path)) == 3


def test_segments_do_not_depend_on_commits(tmp_path, night, record):
    """Where segments end, and so the digest, follows from the envelopes and not from when they were committed."""
    envelopes = night(200)
    digests = {
        open_tape(record(tmp_path / f"tape-{each}" / "a", envelopes, each=each)).digest()
        for each in (1, 7, 1000)
        if not (tmp_path / f"tape-{each}").mkdir()
    }
    assert len(digests) == 1


def test_refuses_an_envelope_out_of_order(tmp_path):
    """A seq with a hole and a time that falls are bugs of ours, and stop the program."""
    with TapeWriter.create(tmp_path / "a", created_ns=1) as writer:
        writer.append(Envelope(0, 10, "a", 0, Kind.PULSE, b"", b""))
        with pytest.raises(AssertionError, match="seq 2"):
            writer.append(Envelope(2, 10, "a", 0, Kind.PULSE, b"", b""))
        with pytest.raises(AssertionError, match="falls behind"):
            writer.append(Envelope(1, 9, "a", 0, Kind.PULSE, b"", b""))


def test_resume_goes_on(tmp_path, night, record):
    """A resumed tape goes on with the next seq in a new segment, and reads as one."""
    envelopes = night(50)
    path = record(tmp_path / "a", envelopes[:20])
    with TapeWriter.resume(path) as writer:
        assert (writer.next_seq, writer.last_ns) == (20, envelopes[19].recv_ns)
        for envelope in envelopes[20:]:
            writer.append(envelope)
    assert list(open_tape(path).read()) == envelopes
    assert verify_tape(path, deep=True).ok


def test_resume_cuts_what_a_crash_left(tmp_path, night, record):
    """Cut the last block anywhere: resume goes on after the last whole one, and keeps the rest aside."""
    envelopes = night(30)
    whole = record(tmp_path / "whole", envelopes, segment_raw_bytes=1 << 20, close=False)
    data = (whole / "hot" / f"{0:020d}.hot").read_bytes()
    kept_sizes = set()
    for cut in range(0, len(data), 37):
        path = record(tmp_path / f"cut-{cut}", envelopes, segment_raw_bytes=1 << 20, close=False)
        os.truncate(path / "hot" / f"{0:020d}.hot", cut)
        with TapeWriter.resume(path) as writer:
            kept = writer.next_seq
            for envelope in night(5, first_seq=kept):
                writer.append(envelope)
        kept_sizes.add(kept)
        assert list(open_tape(path).read())[:kept] == envelopes[:kept]
        assert verify_tape(path, deep=True).ok
        assert len(open_tape(path)) == kept + 5
    assert kept_sizes == {0, 10, 20}


def test_one_writer(tmp_path):
    """A second writer is refused and told who holds the tape; a tape is never created twice."""
    path = tmp_path / "a"
    with TapeWriter.create(path, created_ns=1):
        assert is_being_written(path)
        with pytest.raises(LockedError) as refused:
            TapeWriter.resume(path)
        assert str(os.getpid()) in refused.value.why
        with pytest.raises(LockedError):
            TapeWriter.create(path, created_ns=2)
    assert not is_being_written(path)
    with pytest.raises(UsageError, match="already"):
        TapeWriter.create(path, created_ns=2)


def test_never_writes_into_strange_directories(tmp_path):
    """A directory that holds something else is left alone."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not empty"):
        TapeWriter.create(tmp_path / "a", created_ns=1)


@pytest.mark.parametrize("name", ["A", ".x", "-a", "a b", "a" * 65, "ü", "a\n", "a\u2024b", "con\u202e"])
def test_refuses_names(tmp_path, name):
    """A tape's name is a short lower-case word, so that it can be no path and no option."""
    with pytest.raises(UsageError):
        TapeWriter.create(f"{tmp_path}/{name}", created_ns=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", range(5))
def test_sigkill_loses_nothing_acknowledged(tmp_path, seed):
    """Kill a writer at a moment of a seed's choice: everything it called durable is there, and it can go on."""
    path = tmp_path / "a"
    child = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(random.Random(seed).randrange(1, 60)):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    acknowledged = [int(line) for line in child.stdout.read().splitlines() if line.strip()]
    child.stdout.close()
    child.wait()
    with TapeWriter.resume(path) as writer:
        assert writer.next_seq > max(acknowledged, default=-1)
        writer.append(Envelope(writer.next_seq, 1 << 60, "a", 0, Kind.PULSE, b"", b""))
    read = list(open_tape(path).read())
    assert [one.payload for one in read[:-1]] == [b"payload %d" % seq * 9 for seq in range(len(read) - 1)]
    assert verify_tape(path, deep=True).ok


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("lasts", [1, 4])
def test_a_refusing_disk_loses_nothing(tmp_path, night, error, lasts):
    """Refuse any call, once or for a while: commit says so, nothing is lost, and no failed file is synced again."""
    envelopes = night(40)
    fs = FailingFs(range(0), error)
    with TapeWriter.create(tmp_path / "counting", created_ns=1, fs=fs, segment_raw_bytes=1000) as writer:
        before = fs.calls
        for envelope in envelopes:
            writer.append(envelope)
            writer.commit()
        calls = fs.calls - before
    for nth in range(1, calls, 7):
        fs = FailingFs(range(0), error)
        path = tmp_path / f"nth-{nth}"
        writer = TapeWriter.create(path, created_ns=1, fs=fs, segment_raw_bytes=1000)
        fs.fails = range(fs.calls + nth, fs.calls + nth + lasts)
        durable = -1
        for envelope in envelopes:
            writer.append(envelope)
            try:
                durable = writer.commit()
            except DiskError:
                assert len(open_tape(path)) >= durable + 1
        fs.fails = range(0)
        assert writer.commit() == envelopes[-1].seq
        writer.close()
        assert fs.synced_after_refusal == []
        assert list(open_tape(path).read()) == envelopes
        assert verify_tape(path, deep=True).damage == ()


def test_empty_folders_may_be_gone(tmp_path, envelopes, record):
    """Git keeps no empty folder: a tape that came without them is gone on with, sealed, and gone on with again."""
    path = record(tmp_path / "night", envelopes)
    for write in (True, False, True):
        for folder in ("hot", "sealed", "manifest", "tmp"):
            if (path / folder).is_dir() and not any((path / folder).iterdir()):
                (path / folder).rmdir()
        if write:
            with TapeWriter.resume(path) as writer:
                writer.append(Envelope(writer.next_seq, writer.last_ns, "recorder", 0, Kind.PULSE, b"", b""))
        else:
            seal_tape(path)
    assert verify_tape(path, deep=True).ok
    assert len(open_tape(path)) == len(envelopes) + 2
