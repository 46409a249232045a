from __future__ import annotations

import os

from recorder.tape.catalog import read_catalog
from recorder.tape.fs import RealFs
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.tail import cut_tail
from recorder.tape.writer import TapeWriter


def test_a_torn_block_is_kept_aside(tmp_path, night, record):
    """The bytes after the last whole block go to quarantine; doing it again does nothing."""
    path = record(tmp_path / "a", night(30), segment_raw_bytes=1 << 20, close=False)
    hot = path / "hot" / f"{0:020d}.hot"
    whole = hot.read_bytes()
    os.truncate(hot, len(whole) - 3)
    aside = cut_tail(RealFs(), read_catalog(path))
    assert len(aside) == 1
    assert hot.read_bytes() + (path / aside[0]).read_bytes() == whole[:-3]
    assert (len(open_tape(path)), open_tape(path).lost) == (20, ())
    assert cut_tail(RealFs(), read_catalog(path)) == []


def test_seqs_that_may_have_been_acknowledged_are_not_used_again(tmp_path, night, record):
    """A last block that is all there but wrong is declared lost, and a resumed tape goes on behind it."""
    path = record(tmp_path / "a", night(30), segment_raw_bytes=1 << 20, close=False)
    hot = path / "hot" / f"{0:020d}.hot"
    data = bytearray(hot.read_bytes())
    data[-1] ^= 1
    hot.write_bytes(data)
    with TapeWriter.resume(path) as writer:
        assert writer.next_seq == 30
        for envelope in night(2, first_seq=30):
            writer.append(envelope)
    assert open_tape(path).lost == ((20, 29),)
    assert [one.seq for one in open_tape(path).read()] == [*range(20), 30, 31]
    assert verify_tape(path, deep=True).ok


def test_an_empty_segment_goes(tmp_path, night, record):
    """A segment that a crash left without a block is removed."""
    path = record(tmp_path / "a", night(20), close=False)
    (path / "hot" / f"{20:020d}.hot").write_bytes(b"")
    cut_tail(RealFs(), read_catalog(path))
    assert verify_tape(path).ok
