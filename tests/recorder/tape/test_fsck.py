from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.errors import CorruptError, Exit, UsageError
from recorder.tape import fsck
from recorder.tape.fs import RealFs
from recorder.tape.fsck import verify_tape
from recorder.tape.identity import read_identity
from recorder.tape.manifest import Group, Manifest, publish_entry, read_manifest
from recorder.tape.reader import open_tape, read_block
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.segment import FOREIGN_COLUMNS
from replay.cli import run


def files_of(tape):
    """The files that make up a tape."""
    return sorted(path for path in tape.rglob("*") if path.is_file() and path.suffix in {".json", ".hot", ".parquet"})


def stride(file):
    """How far apart bytes are tried, a prime; a Parquet file is large, and slow to open anew for each."""
    return 211 if file.suffix == ".parquet" else 7


def assert_noticed(tape, envelopes, file):
    """Damage in a file is reported for that file, and no read gives a row that was not written."""
    report = verify_tape(tape)
    assert not report.ok
    assert str(file.relative_to(tape)) in {one.file for one in report.damage}
    try:
        salvaged = list(open_tape(tape, salvage=True).read())
    except CorruptError:
        assert file.name == "tape.json"
        return 0
    written = set(map(repr, envelopes))
    assert all(repr(one) in written for one in salvaged)
    assert len(salvaged) == report.events
    return len(salvaged)


@pytest.fixture(params=["hot", "sealed"])
def any_tape(request, tape):
    if request.param == "sealed":
        seal_tape(tape)
    return tape


def test_a_sound_tape_is_ok(any_tape):
    """Nothing is reported where nothing is wrong, shallow or deep."""
    for deep in (False, True):
        report = verify_tape(any_tape, deep=deep)
        assert (report.ok, report.events, report.damage, report.lost, report.closed) == (True, 60, (), (), True)


def test_any_flipped_bit_is_noticed_and_located(any_tape, envelopes):
    """Flip a bit in every stretch of a file: each is noticed and located, and most rows stay readable."""
    kept = flips = 0
    for file in files_of(any_tape):
        data = file.read_bytes()
        for at in range(0, len(data), stride(file)):
            bad = bytearray(data)
            bad[at] ^= 1 << at % 8
            file.write_bytes(bad)
            kept += assert_noticed(any_tape, envelopes, file)
            flips += file.name != "tape.json"
        file.write_bytes(data)
    assert verify_tape(any_tape, deep=True).ok
    # Three segments of twenty rows: a bit costs one block, one row group or one manifest entry.
    assert kept / (flips * len(envelopes)) > 0.65


def test_any_cut_is_noticed(any_tape, envelopes):
    """
    Cut every file in many places. Only the newest hot segment may be cut, at the end of a block, unnoticed.
    """
    for file in files_of(any_tape):
        data = file.read_bytes()
        for size in range(0, len(data), stride(file)):
            os.truncate(file, size)
            report = verify_tape(any_tape)
            assert not report.ok or (not report.closed and file.name == f"{41:020d}.hot")
            file.write_bytes(data)
    assert list(open_tape(any_tape).read()) == envelopes


def spoil_append(file, rng):
    file.write_bytes(file.read_bytes() + rng.randbytes(rng.randrange(1, 200)))


def spoil_empty(file, rng):
    del rng
    file.write_bytes(b"")


def spoil_zero(file, rng):
    data = bytearray(file.read_bytes())
    begin = rng.randrange(len(data) - 40)
    data[begin : begin + 40] = bytes(40)
    file.write_bytes(data)


def spoil_foreign(file, rng):
    file.write_bytes(rng.randbytes(500))


def spoil_remove(file, rng):
    del rng
    file.unlink()


@pytest.mark.parametrize("spoil", [spoil_append, spoil_empty, spoil_zero, spoil_foreign])
def test_spoilt_files_are_noticed(any_tape, envelopes, spoil):
    """Junk behind, nothing left, zeros in the middle, something else entirely: each is noticed in any file."""
    for file in files_of(any_tape):
        data = file.read_bytes()
        spoil(file, random.Random(7))
        assert_noticed(any_tape, envelopes, file)
        file.write_bytes(data)
    assert verify_tape(any_tape).ok


def test_removed_files_are_noticed(any_tape):
    """Remove any file: it is noticed. Of a hot tape the newest segment alone may go, and then the end is not clean."""
    for file in files_of(any_tape):
        data = file.read_bytes()
        file.unlink()
        report = verify_tape(any_tape)
        assert not report.ok or (not report.closed and file.name == f"{41:020d}.hot")
        file.write_bytes(data)


def test_swapped_and_repeated_files_are_noticed(any_tape, envelopes):
    """Give any two files each other's content, or one the other's: it is noticed."""
    for first, second in zip(files_of(any_tape), files_of(any_tape)[1:], strict=False):
        one, other = first.read_bytes(), second.read_bytes()
        first.write_bytes(other)
        assert_noticed(any_tape, envelopes, first)
        second.write_bytes(one)
        assert_noticed(any_tape, envelopes, second)
        first.write_bytes(one)
        second.write_bytes(other)


def test_a_segment_of_another_tape_is_noticed(tmp_path, tape, envelopes, night, record):
    """A whole segment of another tape, under the right name, is not believed."""
    other = record(tmp_path / "other", night(60, seed=8), segment_raw_bytes=1500)
    for file in files_of(tape):
        twin = other / file.relative_to(tape)
        if twin.exists():
            data = file.read_bytes()
            shutil.copy(twin, file)
            if file.suffix == ".hot":
                assert_noticed(tape, envelopes, file)
            file.write_bytes(data)


@pytest.mark.parametrize("name", ["stray", "sealed/extra.parquet", "hot/notes.txt", "manifest/00000099.json"])
def test_strange_files_are_noticed(any_tape, name):
    """A file that does not belong is reported, and hurts nobody."""
    (any_tape / name).write_bytes(b"hello")
    assert name in {one.file for one in verify_tape(any_tape).damage}
    assert len(list(open_tape(any_tape, salvage=True).read())) == 60


def test_no_tape_is_a_usage_error(tmp_path):
    """What is not there cannot be verified."""
    with pytest.raises(UsageError):
        verify_tape(tmp_path / "a")


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_any_file_are_survived(tape, data):
    """Whatever a file holds, verifying and reading end in an answer."""
    file = data.draw(st.sampled_from([path for path in files_of(tape) if path.name != "tape.json"]))
    sound = file.read_bytes()
    begin = data.draw(st.integers(0, len(sound)))
    file.write_bytes(
        sound[:begin] + data.draw(st.binary(max_size=100)) + sound[begin + data.draw(st.integers(0, 100)) :]
    )
    report = verify_tape(tape, deep=True)
    assert report.ok or list(open_tape(tape, salvage=True).read()) is not None
    file.write_bytes(sound)


def test_sealing_meanwhile_is_no_damage(tape, monkeypatch):
    """Where a hot segment is sealed while a tape is verified deeply, what it has become is verified."""

    def read_late(segment, block):
        seal_tape(tape)
        return read_block(segment, block)

    monkeypatch.setattr(fsck, "read_block", read_late)
    report = verify_tape(tape, deep=True)
    assert (report.ok, report.events, list((tape / "hot").iterdir())) == (True, 60, [])


def reseal_with(tape, change):
    """Put another Parquet file in the place of a sealed one, with a manifest entry that fits it in every checksum."""
    file = next((tape / "sealed").iterdir())
    pq.write_table(change(pq.read_table(file)), file, store_schema=False)
    manifest = read_manifest(tape, tape_id=read_identity(tape).tape_id)
    data, old = file.read_bytes(), manifest.sealed[0]
    footer = data[-(int.from_bytes(data[-8:-4], "little") + 8) :]
    body = len(data) - len(footer) - 4
    entry = msgspec.structs.replace(
        old,
        bytes=len(data),
        file_sha256=hashlib.sha256(data).hexdigest(),
        footer=base64.b64encode(footer).decode(),
        groups=(
            Group(
                old.first_seq,
                old.last_seq,
                old.first_ns,
                old.last_ns,
                4,
                body,
                hashlib.sha256(data[4 : -len(footer)]).hexdigest(),
            ),
        ),
    )
    shutil.rmtree(tape / "manifest")
    (tape / "manifest").mkdir()
    publish_entry(RealFs(), tape, Manifest(), entry, tape_id=read_identity(tape).tape_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.rename_columns(
            ["mirror_of" if name == "mirror_asset" else name for name in table.column_names]
        ),
        lambda table: table.drop_columns(["lag_ms"]),
        lambda table: table.append_column("more", table["seq"]),
        lambda table: table.set_column(0, "seq", table["seq"].cast(pa.string())),
        lambda table: pa.table({"price": [1.5]}),
    ],
    ids=["renamed", "one less", "one more", "another type", "somebody else's"],
)
def test_other_columns_are_told(tmp_path, record, envelopes, change, capsys):
    """A sealed segment with other columns than this program reads: every verb says so with 5, and mending keeps off."""
    tape = record(tmp_path / "night", envelopes, segment_raw_bytes=1 << 20)
    seal_tape(tape)
    reseal_with(tape, change)
    for verb in ("info", "cat", "tail", "verify", "film", "replay", "recover"):
        assert run([verb, str(tape)]) == Exit.CORRUPT
        assert FOREIGN_COLUMNS in capsys.readouterr().err
    with pytest.raises(CorruptError, match="cannot be mended here"):
        recover_tape(tape, write=True)
    assert not (tape / "quarantine").exists()
    assert not verify_tape(tape, deep=True).ok
