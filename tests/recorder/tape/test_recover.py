from __future__ import annotations

import shutil

import pytest

from recorder.envelope import Envelope, Kind
from recorder.errors import CorruptError, LockedError, UsageError
from recorder.tape.fs import RealFs
from recorder.tape.fsck import verify_tape
from recorder.tape.identity import decode_checked, encode_checked
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.segment import FORMAT_VERSION
from recorder.tape.writer import TapeLock, TapeWriter


class KilledError(Exception):
    """The moment at which the process is gone."""


class KillingFs(RealFs):
    """A disk that takes a number of operations and then the process is gone."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __getattribute__(self, name: str):
        if name in {"create", "write", "sync_data", "sync_dir", "truncate", "rename", "link", "unlink"}:
            self.left -= 1
            if self.left < 0:
                raise KilledError
        return super().__getattribute__(name)


def tree(path):
    """Every file of a tape and its bytes."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def flip(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << at % 8
    file.write_bytes(data)


def assert_mended(path, envelopes, report):
    """A mended tape is whole, gives only rows that were written, and counts the others as lost."""
    assert verify_tape(path, deep=True).damage == ()
    read = list(open_tape(path).read())
    lost = {seq for first_seq, last_seq in open_tape(path).lost for seq in range(first_seq, last_seq + 1)}
    assert read == [one for one in envelopes if one.seq not in lost]
    assert {seq for first_seq, last_seq in report.lost for seq in range(first_seq, last_seq + 1)} <= lost
    return lost


@pytest.fixture(params=["hot", "sealed", "both"])
def any_tape(request, tape, envelopes, night):
    """A tape of hot segments, of sealed ones, or of some of each."""
    if request.param != "hot":
        seal_tape(tape)
    if request.param == "both":
        more = night(80)[60:]
        with TapeWriter.resume(tape) as writer:
            for envelope in more:
                writer.append(envelope)
        envelopes.extend(more)
    return tape


def test_a_sound_tape_is_left_alone(any_tape):
    """Nothing is done, and not a byte changes, where nothing is wrong."""
    before = tree(any_tape)
    assert recover_tape(any_tape, write=True).steps == ()
    assert tree(any_tape).keys() - {"seal.lock"} == before.keys() - {"seal.lock"}


def test_any_flipped_bit_is_mended(tmp_path, any_tape, envelopes):
    """Flip a bit anywhere: recovery says first what it does, keeps the rest, and does nothing the second time."""
    names = [name for name in tree(any_tape) if not name.endswith("lock")]
    for name in names:
        size = (any_tape / name).stat().st_size
        for at in range(0, size, 1 + size // 4):
            work = tmp_path / "work" / any_tape.name
            shutil.rmtree(work.parent, ignore_errors=True)
            shutil.copytree(any_tape, work)
            flip(work / name, at)
            before = tree(work)
            plan = recover_tape(work)
            assert tree(work) == before
            report = recover_tape(work, write=True)
            assert (report.lost, bool(report.steps)) == (plan.lost, True)
            lost = assert_mended(work, envelopes, report)
            assert len(lost) <= 21
            assert recover_tape(work, write=True).steps == ()
            with TapeWriter.resume(work) as writer:
                assert writer.next_seq == len(envelopes)
                writer.append(Envelope(writer.next_seq, 1 << 62, "a", 0, Kind.PULSE, b"", b""))
            seal_tape(work)
            assert verify_tape(work, deep=True).ok


@pytest.mark.parametrize("gone", ["hot/{:020d}.hot", "sealed/{:020d}.parquet", "manifest/00000002.json"])
def test_a_removed_file_is_declared_lost(tape, envelopes, gone):
    """A segment that is gone is declared lost; a manifest entry that is gone is made again from the Parquet file."""
    if not gone.startswith("hot"):
        seal_tape(tape)
    (tape / gone.format(21)).unlink()
    report = recover_tape(tape, write=True)
    lost = assert_mended(tape, envelopes, report)
    assert lost == (set() if "manifest" in gone else set(range(21, 41)))


def test_a_tape_without_its_identity_is_given_one(any_tape, envelopes):
    """tape.json can be made again from any segment; only the label is gone, and the tape says so."""
    before = open_tape(any_tape)
    (any_tape / "tape.json").unlink()
    with pytest.raises(CorruptError):
        open_tape(any_tape)
    report = recover_tape(any_tape, write=True)
    assert assert_mended(any_tape, envelopes, report) == set()
    after = open_tape(any_tape)
    assert (after.tape_id, after.name, after.created_ns) == (before.tape_id, before.name, before.created_ns)
    assert (after.label, after.digest()) == ("label lost", before.digest())


def test_nothing_is_thrown_away(tape):
    """The damaged file itself is kept aside, and so is whatever does not belong."""
    hot = tape / "hot" / f"{21:020d}.hot"
    flip(hot, 300)
    damaged = hot.read_bytes()
    (tape / "stray").write_bytes(b"hello")
    recover_tape(tape, write=True)
    kept = [file.read_bytes() for file in (tape / "quarantine").iterdir()]
    assert damaged in kept
    assert b"hello" in kept


@pytest.mark.parametrize("where", ["hot", "sealed", "manifest"])
def test_recovery_may_be_killed(tmp_path, tape, envelopes, where):
    """Kill recovery before each of its operations on the disk: a second one ends where an undisturbed one does."""
    if where != "hot":
        seal_tape(tape)
    spoilt = {"hot": f"hot/{21:020d}.hot", "sealed": f"sealed/{21:020d}.parquet", "manifest": "manifest/00000002.json"}
    flip(tape / spoilt[where], 300)
    steps = 0
    whole = tmp_path / "whole" / tape.name
    shutil.copytree(tape, whole)
    recover_tape(whole, write=True)
    expected = list(open_tape(whole).read())
    while True:
        work = tmp_path / f"kill-{steps}" / tape.name
        shutil.copytree(tape, work)
        try:
            recover_tape(work, write=True, fs=KillingFs(steps))
        except KilledError:
            recover_tape(work, write=True)
            assert verify_tape(work, deep=True).damage == ()
            assert list(open_tape(work).read()) == expected
            assert set(map(repr, expected)) <= set(map(repr, envelopes))
            steps += 1
        else:
            break
    assert steps > 8


def test_refuses_what_it_must_not_touch(tmp_path, tape):
    """A tape that is being written, one of a later format, and what is no tape are left alone."""
    with TapeLock(tape), pytest.raises(LockedError):
        recover_tape(tape, write=True)
    with pytest.raises(UsageError):
        recover_tape(tmp_path / "nowhere")
    (tape / "tape.json").write_bytes(encode_checked({"format": FORMAT_VERSION + 1}))
    before = tree(tape)
    with pytest.raises(CorruptError, match="damaged") as refused:
        recover_tape(tape, write=True)
    assert f"format {FORMAT_VERSION + 1}" in refused.value.why
    assert tree(tape).keys() - {"seal.lock"} == before.keys() - {"seal.lock"}


def test_a_strangers_manifest_moves_no_file_of_ours(tape, tmp_path):
    """A manifest that names a file outside of the tape cannot have it taken away."""
    ours = tmp_path / "ours.txt"
    ours.write_text("keep me")
    seal_tape(tape)
    entry = next(file for file in sorted((tape / "manifest").iterdir()))
    facts = decode_checked(entry.read_bytes()) | {"file": "sealed/../../ours.txt"}
    entry.write_bytes(encode_checked(facts))
    recover_tape(tape, write=True)
    assert ours.read_text() == "keep me"
