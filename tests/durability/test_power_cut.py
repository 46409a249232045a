"""D2: whatever a power cut leaves of what was not synced, nothing acknowledged is lost, nothing half-written shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import pytest
from durability.disk import CrashState, RecordingFs, crash_states
from durability.zygote import envelope

import recorder.tape.blocks
import recorder.tape.manifest
import recorder.tape.writer
from recorder.errors import GametapeError
from recorder.tape.fs import Fs
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter

_SEGMENT_RAW_BYTES = 420


def night(fs: RecordingFs) -> None:
    """Record over several segments, go on after an end, seal; acknowledge as a recorder does."""
    writer = TapeWriter.create(fs.root, created_ns=1, fs=fs, segment_raw_bytes=_SEGMENT_RAW_BYTES)
    fs.ack(-1)
    commit(fs, writer, 9)
    writer.close()
    writer = TapeWriter.resume(fs.root, fs=fs, segment_raw_bytes=_SEGMENT_RAW_BYTES)
    commit(fs, writer, 15)
    writer.close()
    seal_tape(fs.root, fs=fs)


def commit(fs: RecordingFs, writer: TapeWriter, until: int) -> None:
    while writer.next_seq < until:
        for _ in range(3):
            writer.append(envelope(writer.next_seq))
        fs.ack(writer.commit())


def check(state: CrashState, path: Path) -> None:
    """Mount what a cut left: readers, a resumed recording and recovery must all find what was acknowledged."""
    shutil.rmtree(path, ignore_errors=True)
    state.write_to(path)
    if "tape.json" not in state.files:
        assert state.acked is None, "the tape is gone"
        return
    acked = -1 if state.acked is None else state.acked
    read = list(open_tape(path).read())
    assert read == [envelope(seq) for seq in range(len(read))], "what is read was never written so"
    assert len(read) > acked, f"acknowledged up to {acked}, {len(read)} events left"
    with TapeWriter.resume(path) as writer:
        first = writer.next_seq
        writer.append(envelope(first))
    lost = verify_tape(path, deep=True).lost
    assert all(begin > acked for begin, _ in lost), f"{lost} given up, {acked} acknowledged"
    assert [one for one in open_tape(path).read() if one.seq < first] == read, "going on changed the past"
    assert verify_tape(path, deep=True).damage == ()
    report = recover_tape(path, write=True)
    assert all(step.why == "its rows are sealed" for step in report.steps), report.steps


def explore(folder: Path, make_fs: Callable[[Path], RecordingFs] = RecordingFs) -> tuple[int, list[str]]:
    """Record, then check every state that a cut may leave; return how many there were and what was wrong."""
    fs = make_fs(folder / "real" / "night")
    fs.root.parent.mkdir()
    wrong: list[str] = []
    try:
        night(fs)
    except GametapeError as error:
        wrong.append(f"undisturbed: {error}")
    states = 0
    for state in crash_states(fs.log):
        states += 1
        try:
            check(state, folder / "cut" / "night")
        except (AssertionError, GametapeError) as error:
            wrong.append(str(error).splitlines()[0])
            if len(wrong) > 3:
                break
    return states, wrong


def test_a_power_cut_loses_nothing(folder, tell) -> None:
    """Every state that a cut may leave of a recording, its resumption and its sealing holds what was acknowledged."""
    states, wrong = explore(folder)
    assert wrong == []
    assert states > 500
    tell(f"D2 power cut: {states} crash states, acknowledged events lost 0, half-visible 0")


class AckBeforeSync(RecordingFs):
    """Syncs a file only when it is next asked for something."""

    owed: int | None = None

    def sync_data(self, fd: int) -> None:
        self.pay()
        self.owed = fd

    def write(self, fd: int, data: bytes) -> None:
        self.pay()
        super().write(fd, data)

    def close(self, fd: int) -> None:
        self.pay()
        super().close(fd)

    def pay(self) -> None:
        if self.owed is not None:
            owed, self.owed = self.owed, None
            super().sync_data(owed)


class NoFileSync(RecordingFs):
    """Never syncs a file."""

    def sync_data(self, fd: int) -> None:
        del fd


class NoDirSync(RecordingFs):
    """Never syncs a directory."""

    def sync_dir(self, path: Path) -> None:
        del path


class ShortWriteIgnored(RecordingFs):
    """Takes one write call for enough; one in five is short."""

    writes = 0

    def write(self, fd: int, data: bytes) -> None:
        self.writes += 1
        super().write(fd, data[: len(data) // 2] if self.writes % 5 == 0 else data)


class CrcOverWrongRange:
    """Checks the first bytes only."""

    @staticmethod
    def value(data: bytes) -> int:
        return google_crc32c.value(data[:16])


def publish_before_sync(fs: Fs, staging: Path, target: Path, data: bytes, *, replace: bool = False) -> None:
    """Give the name first, and make the bytes durable afterwards."""
    fs.make_dir(staging)
    draft = staging / f"{target.name}.draft"
    fs.unlink(draft)
    fd = fs.create(draft)
    fs.write(fd, data)
    fs.rename(draft, target)
    fs.sync_dir(target.parent)
    fs.sync_data(fd)
    fs.close(fd)


PLANTED = [AckBeforeSync, NoFileSync, NoDirSync, ShortWriteIgnored, CrcOverWrongRange, publish_before_sync]


def test_every_planted_bug_is_caught(folder, monkeypatch, tell) -> None:
    """The explorer is not blind: each of six known ways of losing data is found."""
    caught: dict[str, str] = {}
    for bug in PLANTED:
        with monkeypatch.context() as patch:
            make_fs = RecordingFs
            if isinstance(bug, type) and issubclass(bug, RecordingFs):
                make_fs = bug
            elif bug is CrcOverWrongRange:
                patch.setattr(recorder.tape.blocks, "google_crc32c", bug)
            else:
                patch.setattr(recorder.tape.writer, "publish", bug)
                patch.setattr(recorder.tape.manifest, "publish", bug)
            place = folder / bug.__name__
            place.mkdir()
            states, wrong = explore(place, make_fs)
            if wrong:
                caught[bug.__name__] = f"after {states} states: {wrong[0]}"
    tell(f"D2 planted writer bugs: caught {len(caught)} of {len(PLANTED)}")
    assert list(caught) == [bug.__name__ for bug in PLANTED], caught


@pytest.mark.parametrize("bug", [None, NoFileSync], ids=["sound", "no sync"])
def test_what_was_synced_is_certain(folder, bug) -> None:
    """The disk itself: bytes and names without a sync may or may not be there, with one they are."""
    fs = (bug or RecordingFs)(folder)
    fd = fs.create(folder / "a")
    fs.write(fd, b"hello")
    fs.sync_data(fd)
    fs.sync_dir(folder)
    fs.ack(0)
    fs.close(fd)
    ends = [state.files.get("a") for state in crash_states(fs.log) if state.acked == 0]
    assert b"hello" in ends
    assert (ends == [b"hello"]) == (bug is None)
