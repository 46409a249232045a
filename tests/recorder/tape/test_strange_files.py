"""Something that is no file, where a file of a tape should be: every verb says so, none waits for it."""

from __future__ import annotations

import os
import shutil
import threading

import pytest
from unixsocket import make_socket

from recorder.envelope import Envelope, Kind
from recorder.errors import Exit
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.cli import run

LAST = "hot/00000000000000000041.hot"
FOLDERS = ("hot", "sealed", "manifest")
PLACES = [
    "tape.json",
    "sealed/00000000000000000000.parquet",
    "manifest/00000002.json",
    LAST,
    *FOLDERS,
]


KINDS = {
    "fifo": os.mkfifo,
    "folder": os.mkdir,
    "socket": make_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "nowhere": lambda path: path.symlink_to("nowhere"),
    "itself": lambda path: path.symlink_to(path.name),
}


class Fifo:
    """A FIFO with somebody waiting at its other end; touched where anybody opened it to read."""

    def __init__(self, path):
        os.mkfifo(path)
        self._path = path
        self.touched = False
        self._leaving = False
        self._waiting = threading.Thread(target=self._wait)
        self._waiting.start()

    def _wait(self):
        fd = os.open(self._path, os.O_WRONLY)
        self.touched = not self._leaving
        os.close(fd)

    def leave(self):
        self._leaving = True
        fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        self._waiting.join()
        os.close(fd)


@pytest.fixture
def half_sealed(tmp_path, envelopes, record, monkeypatch):
    """A tape of 60 envelopes: two sealed segments (seq 0 and 21 on) and a hot one (41 on)."""
    path = record(tmp_path / "night", envelopes, segment_raw_bytes=1500, close=False)
    seal_tape(path, finished_only=True)
    assert sorted(file.name for file in (path / "hot").iterdir()) == [LAST.removeprefix("hot/")]
    monkeypatch.chdir(tmp_path)
    return path


def replace(place, make):
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    return make(place)


@pytest.mark.parametrize("place", PLACES)
def test_no_verb_waits_for_a_fifo(half_sealed, place, capsys):
    """A FIFO where a file or folder of a tape should be: every verb ends with 5, says so and never opens it."""
    fifo = replace(half_sealed / place, Fifo)
    try:
        codes = {verb: run([verb, str(half_sealed)]) for verb in ("info", "cat", "tail", "verify", "film", "replay")}
        codes["recover"] = run(["recover", str(half_sealed)])
        said = capsys.readouterr().err
    finally:
        fifo.leave()
    assert codes.pop("recover") in {Exit.OK, Exit.LOSSY}
    # The last envelopes lie elsewhere than in the first segment.
    assert codes.pop("tail") == (Exit.OK if place == PLACES[1] else Exit.CORRUPT)
    assert codes == dict.fromkeys(codes, Exit.CORRUPT)
    assert "a FIFO, not a fi" in said or "a FIFO, not a fo" in said
    assert not fifo.touched


@pytest.mark.parametrize(
    ("place", "kind"),
    [(place, kind) for place in PLACES for kind in KINDS if kind != "folder" or place not in FOLDERS],
)
def test_what_is_no_file_is_put_aside(half_sealed, envelopes, place, kind):
    """Verifying tells of it; mending takes it away, keeps every other row, and is done when it is done."""
    replace(half_sealed / place, KINDS[kind])
    assert not verify_tape(half_sealed).ok
    recover_tape(half_sealed, write=True)
    assert verify_tape(half_sealed, deep=True).damage == ()
    assert recover_tape(half_sealed, write=True).steps == ()
    gone = {"sealed": range(41), "hot": range(41, 60), LAST: range(41, 60), PLACES[1]: range(21)}.get(place, ())
    assert list(open_tape(half_sealed).read()) == [one for one in envelopes if one.seq not in gone]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_no_file_is_told(half_sealed, kind, capsys):
    """Nobody can hold it, so that reading goes on; whoever would write is told what is in the way."""
    replace(half_sealed / "lock", KINDS[kind])
    assert [run([verb, str(half_sealed)]) for verb in ("info", "verify", "ls")][:2] == [Exit.OK, Exit.OK]
    capsys.readouterr()
    assert run(["recover", str(half_sealed), "--write"]) == Exit.CORRUPT
    assert "is no lock" in capsys.readouterr().err


def test_strangers_among_hot_segments_are_put_aside(half_sealed, envelopes, capsys):
    """A file that is no segment does not keep anybody from reading; what verify advises takes it away."""
    (half_sealed / "hot" / "notes.txt").write_text("remember")
    assert run(["verify", str(half_sealed)]) == Exit.CORRUPT
    assert f"gametape recover {half_sealed}" in capsys.readouterr().err
    assert list(open_tape(half_sealed).read()) == envelopes
    assert run(["recover", str(half_sealed), "--write"]) == Exit.OK
    assert run(["verify", str(half_sealed)]) == Exit.OK
    assert (half_sealed / "quarantine" / "hot-notes.txt").read_text() == "remember"


def test_an_empty_segment_after_a_sealed_one_is_nobodys_leftover(half_sealed, envelopes):
    """A recorder has just begun its next segment when all before are sealed: sealing beside it leaves that file be."""
    seal_tape(half_sealed)
    with TapeWriter.resume(half_sealed) as writer:
        writer._open_segment(60)
        assert seal_tape(half_sealed).segments == 0
        writer.append(Envelope(60, envelopes[-1].recv_ns, "recorder", 0, Kind.PULSE, b"", b""))
        writer.commit()
        assert len(open_tape(half_sealed)) == 61


def test_the_end_of_a_tape_cannot_be_hidden(half_sealed, capsys):
    """A last segment that is something else altogether is no shorter tape: reading to the end is refused."""
    (half_sealed / LAST).write_bytes(bytes(5000))
    assert run(["cat", str(half_sealed)]) == Exit.CORRUPT
    assert "not a hot segment of a tape" in capsys.readouterr().err
    assert len(list(open_tape(half_sealed, salvage=True).read())) == 41


@pytest.mark.parametrize("place", ["tape.json", "manifest/00000002.json", LAST])
def test_no_verb_reads_a_file_without_end(half_sealed, place, capsys):
    """A file with a hole of a terabyte: exit code 5 at once, and what is damaged is said."""
    with (half_sealed / place).open("r+b") as file:
        file.truncate(1 << 40)
    assert run(["info", str(half_sealed)]) == run(["verify", str(half_sealed), "--json"]) == Exit.CORRUPT
    assert "bytes, and none of ours" in capsys.readouterr().out
