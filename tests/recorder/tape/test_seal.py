from __future__ import annotations

import os

import duckdb
import pyarrow as pa
import pytest

from recorder.errors import CorruptError, DiskError, LockedError
from recorder.tape.columns import table_of_rows
from recorder.tape.fs import RealFs
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeLock, TapeWriter


class CrashError(Exception):
    """The moment at which the process is gone."""


class CrashingFs(RealFs):
    """A disk that takes a number of operations and then the process is gone."""

    def __init__(self, left: int) -> None:
        self.left = left

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise CrashError

    def create(self, path):
        self._count()
        return super().create(path)

    def write(self, fd, data):
        self._count()
        super().write(fd, data)

    def sync_data(self, fd):
        self._count()
        super().sync_data(fd)

    def sync_dir(self, path):
        self._count()
        super().sync_dir(path)

    def rename(self, source, target):
        self._count()
        super().rename(source, target)

    def link(self, source, target):
        self._count()
        super().link(source, target)

    def unlink(self, path):
        self._count()
        super().unlink(path)


def test_changes_nothing_but_the_form(tape, envelopes):
    """Sealed, a tape has the same digest and the same envelopes; sealing again does nothing."""
    before = open_tape(tape).digest()
    report = seal_tape(tape)
    after = open_tape(tape)
    assert (report.segments, report.events, report.left) == (3, 60, 0)
    assert list((tape / "hot").iterdir()) == []
    assert (after.digest(), after.closed, list(after.read())) == (before, True, envelopes)
    assert seal_tape(tape).segments == 0
    assert verify_tape(tape, deep=True).ok


def test_the_same_rows_give_the_same_file(tmp_path, night, record):
    """Sealing is a function of the rows: two tapes of one name and content are byte-equal."""
    files = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = record(tmp_path / folder / "a", night(50))
        seal_tape(path)
        files.append(
            {file.name: file.read_bytes() for file in path.rglob("*.*") if file.suffix in {".parquet", ".json"}}
        )
    assert files[0] == files[1]


def test_other_tools_can_read_it(tape, envelopes):
    """DuckDB reads the sealed files without us."""
    seal_tape(tape)
    rows = duckdb.sql(
        "select seq, recv_ns, feed, conn, kind, meta, payload "
        f"from read_parquet('{tape}/sealed/*.parquet') order by seq"
    ).fetchall()
    assert rows == [(e.seq, e.recv_ns, e.feed, e.conn, int(e.kind), e.meta.decode(), e.payload) for e in envelopes]


def test_a_crash_at_any_step_changes_no_read(tmp_path, night, record):
    """Stop sealing before each of its operations on the disk: the tape reads the same, and sealing again finishes."""
    envelopes = night(30)
    steps = 0
    while True:
        path = record(tmp_path / f"crash-{steps}", envelopes, segment_raw_bytes=1500)
        digest = open_tape(path).digest()
        try:
            seal_tape(path, fs=CrashingFs(steps))
        except CrashError:
            opened = open_tape(path)
            assert (opened.digest(), list(opened.read())) == (digest, envelopes)
            assert verify_tape(path, deep=True).damage == ()
            seal_tape(path)
            assert (open_tape(path).digest(), list(open_tape(path).read())) == (digest, envelopes)
            assert verify_tape(path, deep=True).damage == ()
            assert list((path / "hot").iterdir()) == []
            steps += 1
        else:
            break
    assert steps > 20


def test_beside_a_writer_the_last_segment_stays(tmp_path, night):
    """While a tape is recorded, all but the segment being written is sealed, and the writer goes on."""
    envelopes = night(60)
    path = tmp_path / "a"
    writer = TapeWriter.create(path, created_ns=1, segment_raw_bytes=1500)
    for envelope in envelopes[:50]:
        writer.append(envelope)
        writer.commit()
    report = seal_tape(path)
    assert (report.left, report.segments > 0) == (1, True)
    for envelope in envelopes[50:]:
        writer.append(envelope)
    writer.close()
    assert list(open_tape(path).read()) == envelopes
    assert verify_tape(path, deep=True).ok


def test_refuses_damage(tape):
    """A damaged hot segment is not sealed: recovery decides what to do with it."""
    hot = tape / "hot" / f"{21:020d}.hot"
    os.truncate(hot, hot.stat().st_size - 1)
    with pytest.raises(CorruptError, match=hot.name):
        seal_tape(tape)
    assert hot.exists()


class GarblingFs(RealFs):
    """A disk that keeps another byte than it was given of what is sealed."""

    def write(self, fd, data):
        flipped = bytearray(data)
        if data.startswith(b"PAR1"):
            flipped[100] ^= 1
        super().write(fd, bytes(flipped))


def test_what_does_not_read_back_is_not_sealed(tape, envelopes):
    """Where the disk kept something else than was written, the hot segments stay and the tape is whole."""
    with pytest.raises(DiskError, match="does not read back"):
        seal_tape(tape, fs=GarblingFs())
    assert (len(list((tape / "hot").iterdir())), verify_tape(tape, deep=True).ok) == (3, True)
    assert list(open_tape(tape).read()) == envelopes


def test_a_fault_of_our_own_is_not_sealed(tape, envelopes, monkeypatch):
    """Columns that say something else than the rows are noticed before the hot segment goes."""

    def wrong(*given):
        table = table_of_rows(*given)
        return table.set_column(3, table.schema.field(3), pa.array([0] * len(table), pa.uint32()))

    monkeypatch.setattr("recorder.tape.parquet.table_of_rows", wrong)
    with pytest.raises(CorruptError, match="does not hold the rows"):
        seal_tape(tape)
    assert (len(list((tape / "hot").iterdir())), verify_tape(tape, deep=True).ok) == (3, True)
    assert list(open_tape(tape).read()) == envelopes


def test_one_at_a_time(tape):
    """Two processes do not seal one tape at once."""
    with TapeLock(tape, "seal.lock"), pytest.raises(LockedError):
        seal_tape(tape)
