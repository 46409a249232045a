from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.envelope import Envelope, Kind, encode_row
from recorder.tape.manifest import Sealed
from recorder.tape.parquet import SealedError, SealedFile, describe_parquet, encode_parquet, read_origin

TAPE = b"t" * 16
FACTS = {
    "format": "1",
    "tape": TAPE.hex(),
    "created_ns": "7",
    "chain_in": "0" * 64,
    "chain_out": "1" * 64,
    "closed": "1",
}
ROWS = st.lists(
    st.tuples(
        st.integers(0, 1 << 40),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.integers(0, (1 << 32) - 1),
        st.sampled_from(Kind),
        st.sampled_from([b"", b"{}", '{"a":"ü\\u0000"}'.encode()]),
        st.binary(max_size=200),
    ),
    min_size=1,
    max_size=40,
)


def blocks(envelopes, each=7):
    """The canonical rows of envelopes, so many at a time."""
    groups = [envelopes[at : at + each] for at in range(0, len(envelopes), each)]
    return [(b"".join(map(encode_row, group)), len(group)) for group in groups]


@given(ROWS)
@settings(max_examples=60)
def test_comes_back_as_it_was(tmp_path_factory, rows):
    """Every envelope comes back equal, and the file alone tells its manifest entry."""
    folder = tmp_path_factory.mktemp("tape")
    envelopes = [Envelope(seq, *row) for seq, row in enumerate(rows)]
    image = encode_parquet(blocks(envelopes), facts=FACTS)
    (folder / "a.parquet").write_bytes(image.data)
    entry = describe_parquet(folder / "a.parquet", "a.parquet", tape_id=TAPE)
    assert entry == Sealed(
        file="a.parquet",
        first_seq=0,
        last_seq=len(rows) - 1,
        count=len(rows),
        first_ns=envelopes[0].recv_ns,
        last_ns=envelopes[-1].recv_ns,
        rows_sha256=hashlib.sha256(b"".join(map(encode_row, envelopes))).hexdigest(),
        file_sha256=hashlib.sha256(image.data).hexdigest(),
        bytes=len(image.data),
        chain_in="0" * 64,
        chain_out="1" * 64,
        closed=True,
        groups=image.groups,
        footer=base64.b64encode(image.footer).decode(),
    )
    sealed = SealedFile(folder, entry)
    assert [one for at in range(len(entry.groups)) for one in sealed.read(at)] == envelopes
    assert read_origin(folder / "a.parquet") == (TAPE, 7)


def test_blocks_make_no_difference(night):
    """The same rows are the same file, however many were committed at a time."""
    envelopes = night(9_000)
    images = {encode_parquet(blocks(envelopes, each), facts=FACTS).data for each in (1, 100, 9_000)}
    assert len(images) == 1


def test_groups_tile_the_file(tmp_path):
    """Row groups of bounded size follow one another from the magic to the footer, so that every byte is guarded."""
    envelopes = [Envelope(seq, seq, "a", 0, Kind.FRAME, b"", bytes(600_000)) for seq in range(130)]
    image = encode_parquet(blocks(envelopes), facts=FACTS)
    at = 4
    for group in image.groups:
        assert group.offset == at
        at += group.bytes
    assert (len(image.groups), at + len(image.footer)) == (3, len(image.data))
    (tmp_path / "a.parquet").write_bytes(image.data)
    entry = describe_parquet(tmp_path / "a.parquet", "a.parquet", tape_id=TAPE)
    damaged = bytearray(image.data)
    damaged[image.groups[1].offset + 5] ^= 1
    damaged[-20] ^= 1
    (tmp_path / "a.parquet").write_bytes(damaged)
    sealed = SealedFile(tmp_path, entry)
    assert list(sealed.read(0)) == envelopes[: image.groups[1].first_seq]
    assert list(sealed.read(2)) == envelopes[image.groups[2].first_seq :]
    with pytest.raises(SealedError) as refused:
        list(sealed.read(1))
    damage = refused.value.damage
    assert (damage.first_seq, damage.last_seq) == (image.groups[1].first_seq, image.groups[1].last_seq)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"x" * 100, b"PAR1" + bytes(50) + b"\xff\xff\xff\x7fPAR1"])
def test_what_is_no_segment_is_said_to_be_none(tmp_path, data):
    """Any other file is refused with the one promised error."""
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(SealedError):
        describe_parquet(tmp_path / "a", "a", tape_id=TAPE)
    with pytest.raises(SealedError):
        read_origin(tmp_path / "a")
