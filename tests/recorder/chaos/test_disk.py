from __future__ import annotations

import pytest

from recorder.chaos.disk import ChaosFs
from recorder.envelope import Envelope, Kind
from recorder.errors import DiskError
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter


def pulse(seq: int) -> Envelope:
    return Envelope(seq, seq, "recorder", 0, Kind.PULSE, b"", b"")


@pytest.mark.parametrize("fault", ["is_full", "fail_sync"])
def test_a_refusing_disk_is_an_error_and_heals(tmp_path, fault) -> None:
    """Full or failing, the commit is refused; afterwards everything is written."""
    fs = ChaosFs()
    with TapeWriter.create(tmp_path / "a", created_ns=1, fs=fs) as writer:
        writer.append(pulse(0))
        writer.commit()
        writer.append(pulse(1))
        setattr(fs, fault, True)
        with pytest.raises(DiskError):
            writer.commit()
        setattr(fs, fault, False)
        assert writer.commit() == 1
    assert [one.seq for one in open_tape(tmp_path / "a").read()] == [0, 1]
    assert fs.retried_syncs == 0


def test_a_dead_process_writes_nothing(tmp_path) -> None:
    """What happens after the death of a process does not reach the disk."""
    fs = ChaosFs()
    writer = TapeWriter.create(tmp_path / "a", created_ns=1, fs=fs)
    writer.append(pulse(0))
    writer.commit()
    fs.die()
    writer.append(pulse(1))
    writer.close()
    assert [one.seq for one in open_tape(tmp_path / "a").read()] == [0]
