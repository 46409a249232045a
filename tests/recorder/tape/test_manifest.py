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
GROUPS = st.lists(st.builds(Group, SEQ, SEQ, SEQ, SEQ, SEQ, SEQ, HEX), max_size=3).map(tuple)
ENTRIES = st.one_of(
    st.builds(Lost, first_seq=SEQ, last_seq=SEQ, why=st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(Withdrawn, file=st.just("sealed/x"), first_seq=SEQ, last_seq=SEQ, chain_out=HEX, why=st.just("")),
    st.builds(
        Sealed,
        file=st.just("sealed/y"),
        first_seq=SEQ,
        last_seq=SEQ,
        count=SEQ,
        first_ns=SEQ,
        last_ns=SEQ,
        rows_sha256=HEX,
        file_sha256=HEX,
        bytes=SEQ,
        chain_in=HEX,
        chain_out=HEX,
        closed=st.booleans(),
        groups=GROUPS,
        footer=st.just("AAAA"),
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
