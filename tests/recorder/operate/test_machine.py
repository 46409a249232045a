from __future__ import annotations

import os

import pytest

from recorder.clock import SystemClock
from recorder.operate.machine import disk_free_bytes, fsyncs_ms, open_files_max, recorder_pid, resident_bytes
from recorder.tape.writer import TapeWriter


def test_knows_who_writes_a_tape(tmp_path) -> None:
    """The process that holds the lock is named, and nobody once it is free."""
    writer = TapeWriter.create(tmp_path / "a", created_ns=1)
    assert recorder_pid(tmp_path / "a") == os.getpid()
    writer.close()
    assert recorder_pid(tmp_path / "a") is None


def test_measures_this_machine(tmp_path) -> None:
    """Memory, disk and files of this very process; a process that is not there has none."""
    assert (resident_bytes(os.getpid()) or 0) > 1 << 20
    assert resident_bytes(2**22 + 1) is None
    assert disk_free_bytes(tmp_path) > 0
    assert open_files_max() > 0


def test_probes_the_disk_and_leaves_nothing(tmp_path) -> None:
    """As many times as were asked for, each measured, and the probe is gone; a folder that is none is said."""
    took_ms = fsyncs_ms(tmp_path, SystemClock(), count=3)
    assert len(took_ms) == 3
    assert min(took_ms) > 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        fsyncs_ms(tmp_path / "nowhere", SystemClock())
