from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.tape.fs import RealFs
from recorder.tape.manifest import (
    Group,
    Lost,
    Manifest,
    Sealed,
    Withdrawn,
    decode_entry,
    encode_entry,
    publish_entry,
    read_manifest,
)

TAPE = b"t" * 16
SEQ = st.integers(0, 1 << 62)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
FILE = SEQ.map(lambda seq: f"sealed/{seq:020d}.parquet")


def sealed_entry(first_seq, counts, **others):
    """The entry of a segment with so many rows in each of its row groups."""
    groups, at = [], first_seq
    for count in counts:
        groups.append(Group(at, at + count - 1, at, at, 4 + at - first_seq, count, "0" * 64))
        at += count
    facts = {
        "file": f"sealed/{first_seq:020d}.parquet",
        "first_seq": first_seq,
        "last_seq": at - 1,
        "count": at - first_seq,
        "first_ns": first_seq,
        "last_ns": at,
        "rows_sha256": "1" * 64,
        "file_sha256": "2" * 64,
        "bytes": 4 + at - first_seq,
        "chain_in": "3" * 64,
        "chain_out": "4" * 64,
        "closed": False,
        "groups": tuple(groups),
        "footer": "AAAA",
    }
    return Sealed(**(facts | others))


ENTRIES = st.one_of(
    st.builds(Lost, first_seq=SEQ, last_seq=SEQ, why=st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(Withdrawn, file=FILE, first_seq=SEQ, last_seq=SEQ, chain_out=HEX, why=st.just("")),
    st.builds(
        sealed_entry,
        SEQ,
        st.lists(st.integers(1, 9000), min_size=1, max_size=3),
        first_ns=SEQ,
        last_ns=SEQ,
        rows_sha256=HEX,
        file_sha256=HEX,
        chain_in=HEX,
        chain_out=HEX,
        closed=st.booleans(),
    ),
)


def lost(seq: int) -> Lost:
    return Lost(first_seq=seq, last_seq=seq, why="")


@pytest.fixture
def path(tmp_path):
    """A manifest of five entries."""
    (tmp_path / "manifest").mkdir()
    manifest = Manifest()
    for seq in range(5):
        publish_entry(RealFs(), tmp_path, manifest, lost(seq), tape_id=TAPE)
    return tmp_path


@given(ENTRIES, st.integers(1, 99), HEX)
@settings(max_examples=100)
def test_comes_back_as_it_was(entry, number, previous):
    """Every kind of entry decodes to what was encoded."""
    data = encode_entry(entry, tape_id=TAPE, number=number, previous=previous)
    assert decode_entry(data, tape_id=TAPE, number=number, previous=previous) == entry


@pytest.mark.parametrize(
    "entry",
    [
        sealed_entry(0, [5], file="sealed/../../../home/somebody/notes"),
        sealed_entry(0, [5], file="/etc/hostname"),
        sealed_entry(0, [5], file="sealed/00000000000000000000.parquet\n"),
        sealed_entry(0, [5], file="sealed/0000000000000000000٣.parquet"),
        sealed_entry(0, [5], bytes=-1),
        sealed_entry(0, [5], count=4),
        sealed_entry(0, [5], last_seq=3),
        sealed_entry(0, []),
        sealed_entry(0, [5], groups=(Group(0, 4, 0, 0, 4, 1 << 60, "0" * 64),)),
        sealed_entry(0, [5], groups=(Group(0, 4, 0, 0, -4, 1, "0" * 64),)),
        sealed_entry(0, [5], groups=(Group(0, 1, 0, 0, 4, 1, "0" * 64), Group(3, 4, 0, 0, 4, 1, "0" * 64))),
        sealed_entry(0, [5], chain_in="none"),
        sealed_entry(0, [5], footer="no base64!"),
        Withdrawn(file="hot/../../x", first_seq=0, last_seq=4, chain_out="0" * 64, why=""),
        Lost(first_seq=-5, last_seq=4, why=""),
    ],
    ids=lambda entry: type(entry).__name__,
)
def test_a_strangers_entry_is_not_obeyed(tmp_path, entry):
    """An entry with every checksum right that names a file elsewhere, or what no segment can be, is damage."""
    (tmp_path / "manifest").mkdir()
    publish_entry(RealFs(), tmp_path, Manifest(), entry, tape_id=TAPE)
    manifest = read_manifest(tmp_path, tape_id=TAPE)
    assert (manifest.entries, len(manifest.damage)) == ([], 1)


def test_is_read_in_order(path):
    """A sound manifest gives its entries, and no damage."""
    manifest = read_manifest(path, tape_id=TAPE)
    assert (manifest.entries, manifest.damage, manifest.number) == ([lost(seq) for seq in range(5)], [], 5)


def test_a_withdrawn_segment_counts_no_more():
    """A sealed entry is undone by the withdrawn one that names its file."""
    manifest = Manifest()
    sealed = Sealed(
        file="sealed/a", first_seq=0, last_seq=1, count=2, first_ns=0, last_ns=0, rows_sha256="", file_sha256="",
        bytes=0, chain_in="", chain_out="", closed=False, groups=(), footer="",
    )  # fmt: skip
    manifest.admit(sealed)
    assert manifest.sealed == [sealed]
    manifest.admit(Withdrawn(file="sealed/a", first_seq=0, last_seq=1, chain_out="", why=""))
    assert manifest.sealed == []


def test_a_number_is_given_once(path):
    """Two who publish the same number: one is refused."""
    manifest = read_manifest(path, tape_id=TAPE)
    publish_entry(RealFs(), path, read_manifest(path, tape_id=TAPE), lost(5), tape_id=TAPE)
    with pytest.raises(FileExistsError):
        publish_entry(RealFs(), path, manifest, lost(6), tape_id=TAPE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "00000003.json").unlink(),
        lambda folder: (folder / "00000001.json").unlink(),
        lambda folder: (folder / "00000003.json").write_bytes(b""),
        lambda folder: (folder / "00000003.json").write_bytes((folder / "00000002.json").read_bytes()),
        lambda folder: (folder / "00000003.json").write_bytes((folder / "00000003.json").read_bytes() + b"\n"),
        lambda folder: (folder / "readme").write_bytes(b""),
        lambda folder: (folder / "00000005.json").rename(folder / "00000009.json"),
        lambda folder: (folder / "00000003.json").write_bytes(
            encode_entry(lost(2), tape_id=b"u" * 16, number=3, previous="0" * 64)
        ),
        lambda folder: (folder / "00000003.json").write_bytes(
            encode_entry(lost(7), tape_id=TAPE, number=3, previous="0" * 64)
        ),
    ],
)
def test_what_is_out_of_place_is_noticed(path, spoil):
    """A removed, swapped, repeated, foreign or forged entry is damage."""
    spoil(path / "manifest")
    assert read_manifest(path, tape_id=TAPE).damage
