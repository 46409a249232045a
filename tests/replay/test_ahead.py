"""A tape read ahead, in a thread or by processes, is the tape read in order."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from reel import stretch

from recorder.envelope import Envelope
from recorder.errors import CorruptError
from recorder.tape.reader import Tape, open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay import ahead
from replay.ahead import readings
from replay.film import build_film
from replay.film_check import first_difference
from replay.gather import Reading, read_batch


def written(path: Path, envelopes: list[Envelope]) -> Path:
    """A tape of many small segments."""
    with TapeWriter.create(path, created_ns=0, segment_raw_bytes=250_000) as writer:
        for envelope in envelopes:
            writer.append(envelope)
    return path


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """Twenty minutes, sealed but for what came last."""
    envelopes = stretch().envelopes
    path = written(tmp_path_factory.mktemp("ahead") / "tape", envelopes[:-300])
    seal_tape(path)
    with TapeWriter.resume(path) as writer:
        for envelope in envelopes[-300:]:
            writer.append(envelope)
    return open_tape(path)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes read all but the first two groups."""
    monkeypatch.setattr(ahead, "_HERE", 2)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    found: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]
            found.append(self)

    monkeypatch.setattr(ahead.subprocess, "Popen", Noted)
    return found


def assert_same(found: Iterator[Reading], expected: Iterator[Reading]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one._replace(rows=0, news=0) == other._replace(rows=0, news=0)
        for name in ("rows", "news"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_however_many_read_it_is_the_tape_in_order(
    tape: Tape, processes: int, started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readings of processes are those of a thread, value for value, and in the order of the tape."""
    expected = list(readings(tape, 0))
    here: list[int] = []
    monkeypatch.setattr(ahead, "read_batch", lambda batch: here.append(int(batch.seq[0])) or read_batch(batch))
    found = list(readings(tape, processes))
    assert_same(iter(found), iter(expected))
    # Here: the first two, and what is not sealed.
    assert len(started) == processes
    assert len(here) == 3
    assert len(found) > 10


def test_the_film_is_the_same(tape: Tape, started: list[object]) -> None:
    """Every column, name, count and payout of a film that processes read for is that of one read here."""
    film = build_film(tape, processes=1)
    assert len(started) == 1
    assert first_difference(film, build_film(tape, processes=0)) is None


def test_a_short_tape_starts_no_process(tape: Tape, started: list[object]) -> None:
    """Without a word on processes, a tape that is read in less than their start takes is read by a thread."""
    assert sum(reading.events for reading in readings(tape)) == len(tape)
    assert started == []


def test_a_killed_process_costs_nothing(tape: Tape, started: list[subprocess.Popen[bytes]]) -> None:
    """What a process would have read is read here from its death on."""
    found = readings(tape, 2)
    taken = [next(found) for _ in range(5)]
    os.kill(started[0].pid, signal.SIGKILL)
    assert_same(iter([*taken, *found]), readings(tape, 0))


def test_damage_is_told_as_who_reads_in_order_tells_it(tape: Tape, tmp_path: Path, started: list[object]) -> None:
    """A damaged group is the same error after the same readings, though a process found it first."""
    path = written(tmp_path / "tape", stretch().envelopes)
    seal_tape(path)
    file = sorted((path / "sealed").glob("*.parquet"))[5]
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    sorted((path / "sealed").glob("*.parquet"))[7].unlink()
    told, seen = [], []
    for processes in (0, 2):
        taken: list[Reading] = []
        with pytest.raises(CorruptError) as caught:
            taken.extend(readings(open_tape(path), processes))
        told.append(str(caught.value))
        seen.append(len(taken))
    assert len(started) == 2
    assert told[0] == told[1]
    assert file.name in told[0]
    assert seen[0] == seen[1] > 0


def test_who_stops_early_leaves_no_process(tape: Tape, started: list[subprocess.Popen[bytes]]) -> None:
    """Processes end with the one that reads them, be it in the middle of the tape."""
    found = readings(tape, 1)
    next(found)
    found.close()
    assert [one.returncode for one in started] == [-signal.SIGKILL]


def test_a_pipe_that_nobody_reads_ends_a_process(tape: Tape, started: list[subprocess.Popen[bytes]]) -> None:
    """A process whose reader was killed, and could end nothing, ends by itself and says nothing."""
    found = readings(tape, 1)
    next(found)
    (process,) = started
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 0
    process.stdout = None
    found.close()
