"""A wrong byte in a sealed segment is put right by calculation, and nothing else is taken for right."""

from __future__ import annotations

import hashlib

import pytest

from recorder.envelope import Envelope, Kind
from recorder.tape.catalog import read_catalog
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.repair import mend_group
from recorder.tape.seal import seal_tape


@pytest.fixture
def sealed(tape):
    """A sealed tape, the manifest entry of its second segment, and the bytes of that one's row group."""
    seal_tape(tape)
    entry = read_catalog(tape).manifest.sealed[1]
    group = entry.groups[0]
    return tape, entry, (tape / entry.file).read_bytes()[group.offset : group.offset + group.bytes]


def test_a_single_bit_is_put_right(sealed):
    """Wherever a bit of a row group is wrong, in what a page holds or in what it tells of itself, it is found."""
    _, entry, data = sealed
    for place in range(3, len(data), 5):
        wrong = bytearray(data)
        wrong[place] ^= 1 << place % 8
        assert mend_group(bytes(wrong), entry, 0) == data, place


def test_what_is_wrong_in_two_places_is_left(sealed):
    """Two wrong bytes far from each other are not put right, and no other bytes are given out for those that were."""
    _, entry, data = sealed
    wrong = bytearray(data)
    wrong[len(data) // 3] ^= 1
    wrong[2 * len(data) // 3] ^= 1
    assert mend_group(bytes(wrong), entry, 0) is None
    assert mend_group(bytes(len(data)), entry, 0) is None


def test_a_whole_wrong_byte_in_a_large_page(tmp_path, night, record):
    """A byte that is another one altogether is put right within pages of many thousands of bytes too."""
    noise = b"".join(hashlib.sha256(bytes([k // 256, k % 256])).digest() for k in range(1000))
    path = record(
        tmp_path / "a", [*night(20), Envelope(20, 1 << 61, "a", 0, Kind.BODY, b"", noise)], segment_raw_bytes=1 << 20
    )
    seal_tape(path)
    (entry,) = read_catalog(path).manifest.sealed
    group = entry.groups[0]
    data = (path / entry.file).read_bytes()[group.offset : group.offset + group.bytes]
    at = data.index(noise[16_000:16_032])
    wrong = bytearray(data)
    wrong[at] ^= 0xA5
    assert mend_group(bytes(wrong), entry, 0) == data


def test_recovery_loses_nothing_then(sealed, envelopes):
    """The file is what it was, byte for byte, the damaged one is kept aside, and not one envelope is lost."""
    tape, entry, _ = sealed
    file = tape / entry.file
    sound = file.read_bytes()
    for places in ([len(sound) // 3], [2, len(sound) // 3, len(sound) - 3]):
        wrong = bytearray(sound)
        for place in places:
            wrong[place] ^= 16
        file.write_bytes(wrong)
        assert not verify_tape(tape).ok
        report = recover_tape(tape, write=True)
        assert (report.lost, file.read_bytes() == sound, verify_tape(tape, deep=True).ok) == ((), True, True)
        assert bytes(wrong) in [one.read_bytes() for one in (tape / "quarantine").iterdir()]
    assert list(open_tape(tape).read()) == envelopes
