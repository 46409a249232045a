"""D9, D10: a reader beside a writer sees a committed prefix and nothing else; a second writer is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from durability.zygote import envelope

from recorder.errors import Exit, LockedError
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter

ROUNDS = 300
EACH = 40

# Writes as fast as it can, and says after each commit how far everything is durable.
WRITE = """
import sys
from pathlib import Path
from durability.zygote import envelope
from recorder.tape.writer import TapeWriter
rounds, each = int(sys.argv[2]), int(sys.argv[3])
with TapeWriter.create(Path(sys.argv[1]), created_ns=1, segment_raw_bytes=100_000) as writer:
    for _ in range(rounds):
        for _ in range(each):
            writer.append(envelope(writer.next_seq))
        print(writer.commit(), flush=True)
"""


def test_a_reader_sees_a_committed_prefix(folder, tell) -> None:
    """Every snapshot beside a writer at full speed is a prefix, holds all that was acknowledged, and never shrinks."""
    path = folder / "night"
    paths = os.pathsep.join(str(Path(__file__).parents[up]) for up in (1, 2))
    writing = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path), str(ROUNDS), str(EACH)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert writing.stdout is not None
    snapshots, size = 0, 0
    for line in writing.stdout:
        acked = int(line)
        if acked // EACH % 10 and acked + 1 < ROUNDS * EACH:
            continue  # let the writer run ahead between two looks
        tape = open_tape(path)
        read = list(tape.read())
        assert read == [envelope(seq) for seq in range(len(read))]
        assert len(read) > acked
        assert len(read) >= size
        size = len(read)
        snapshots += 1
    writing.stdout.close()
    assert writing.wait() == 0
    assert size == ROUNDS * EACH
    tell(f"D9: {snapshots} snapshots beside a writer of {size} events, violations 0")


def test_a_second_writer_is_refused_by_name(folder) -> None:
    """While a process writes a tape, another is told which process that is; exit code 7."""
    with TapeWriter.create(folder / "night", created_ns=1), pytest.raises(LockedError) as caught:
        TapeWriter.resume(folder / "night")
    assert str(os.getpid()) in caught.value.why
    assert caught.value.exit_code == Exit.LOCKED == 7
    TapeWriter.resume(folder / "night").close()
