from __future__ import annotations

import hashlib

import google_crc32c
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.envelope import decode_rows, encode_row
from recorder.tape.blocks import BLOCK_HEAD, GENESIS, BlockError, encode_block, unpack_rows
from recorder.tape.segment import (
    TORN_TAIL,
    SegmentHead,
    decode_segment_head,
    encode_segment_head,
    hot_name,
    scan_segment,
)

TAPE = b"t" * 16
FILE = f"hot/{hot_name(0)}"


@pytest.fixture
def pieces(night):
    """A segment as its parts: the header, eight blocks of five rows, the closing block."""
    compressor = zstandard.ZstdCompressor(level=3)
    made = [encode_segment_head(SegmentHead(TAPE, 0, 1, GENESIS))]
    previous = GENESIS
    envelopes = night(40)
    for at in range(0, 45, 5):
        rows = envelopes[at : at + 5]
        block = encode_block(
            b"".join(map(encode_row, rows)),
            first_seq=at,
            count=len(rows),
            span_ns=(at, at),
            previous=previous,
            compressor=compressor,
        )
        made.append(block)
        previous = hashlib.sha256(block).digest()
    return made


def seqs(data: bytes, scan) -> list[int]:
    """The seqs that a scan can read."""
    return [
        envelope.seq
        for block in scan.blocks
        for envelope in decode_rows(unpack_rows(data[block.offset + BLOCK_HEAD.size : block.end], block.raw_len))
    ]


def test_a_sound_segment_has_no_damage(pieces):
    """All rows are found, the end is clean."""
    data = b"".join(pieces)
    scan = scan_segment(data, FILE, tape_id=TAPE)
    assert (scan.damage, seqs(data, scan), scan.next_seq, scan.end) == ([], list(range(40)), 40, len(data))
    assert scan.close is not None


def test_a_flipped_bit_costs_one_block(pieces):
    """Any flipped bit is noticed, costs at most one block, and the range that is missing is named."""
    data = b"".join(pieces)
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 1 << at % 8
        scan = scan_segment(bytes(bad), FILE, tape_id=TAPE)
        read = seqs(bytes(bad), scan)
        assert scan.damage
        assert len(read) >= 35
        missing = sorted(set(range(40)) - set(read))
        if missing:
            damage = next(one for one in scan.damage if one.first_seq is not None)
            assert (damage.first_seq, damage.last_seq) == (missing[0], missing[-1])
            assert abs(damage.offset - at) < 600


def test_a_cut_leaves_a_prefix(pieces):
    """Cut anywhere, the whole blocks before the cut are read, and what is over is the torn tail."""
    data = b"".join(pieces)
    ends = [sum(map(len, pieces[: count + 1])) for count in range(len(pieces))]
    for size in range(len(data)):
        scan = scan_segment(data[:size], FILE, tape_id=TAPE)
        whole = sum(1 for end in ends[1:9] if end <= size)
        assert seqs(data[:size], scan) == list(range(5 * whole))
        assert [one.why for one in scan.damage] == ([] if size in ends else [TORN_TAIL])


@pytest.mark.parametrize(
    ("order", "readable"),
    [
        ([0, 1, 2, 4, 3, 5, 6, 7, 8, 9], 40),  # swapped
        ([0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9], 40),  # twice
        ([0, 1, 2, 4, 5, 6, 7, 8, 9], 35),  # removed
        ([0, 2, 3, 4, 5, 6, 7, 8, 9], 35),  # the first removed
        ([0, 1, 2, 3, 4, 5, 6, 7, 9], 35),  # the last removed
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 40),  # the header removed
        ([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 40),  # the header twice
        ([0, 9, 1, 2, 3, 4, 5, 6, 7, 8], 40),  # the end moved
    ],
)
def test_blocks_out_of_place_are_noticed(pieces, order, readable):
    """
    Swapped, repeated or removed parts are damage, though each has valid checksums; what is there is read in order.
    """
    data = b"".join(pieces[at] for at in order)
    scan = scan_segment(data, FILE, tape_id=TAPE)
    assert scan.damage
    assert len(seqs(data, scan)) == readable
    assert seqs(data, scan) == sorted(seqs(data, scan))


def test_a_foreign_block_is_dropped(pieces, night):
    """A block with valid checksums and the right seqs, but another past, is not believed."""
    compressor = zstandard.ZstdCompressor(level=3)
    rows = b"".join(map(encode_row, night(5, first_seq=15, seed=99)))
    foreign = encode_block(rows, first_seq=15, count=5, span_ns=(0, 0), previous=b"x" * 32, compressor=compressor)
    data = b"".join([*pieces[:4], foreign, *pieces[5:]])
    scan = scan_segment(data, FILE, tape_id=TAPE)
    assert [(one.first_seq, one.last_seq) for one in scan.damage] == [(15, 19)]
    assert seqs(data, scan) == [*range(15), *range(20, 40)]


def test_another_tape_is_refused(pieces):
    """A segment of another tape, or under a wrong name, gives no rows."""
    data = b"".join(pieces)
    assert scan_segment(data, FILE, tape_id=b"u" * 16).blocks == []
    scan = scan_segment(data, f"hot/{hot_name(3)}", tape_id=TAPE)
    assert (scan.blocks, scan.damage[0].why) == ([], "file is named 3 but begins at 0")


def test_a_later_format_is_said_to_be_one(pieces):
    """A segment of a format to come is refused with its number."""
    head = bytearray(pieces[0])
    head[8] = 9
    head[-4:] = google_crc32c.value(bytes(head[:-4])).to_bytes(4, "little")
    with pytest.raises(BlockError, match="format 9"):
        decode_segment_head(bytes(head))


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_any_bytes_are_survived(data):
    """No bytes make a scan fail, and none that are not ours give rows."""
    scan = scan_segment(data, FILE, tape_id=TAPE)
    assert scan.blocks == []
    assert scan.damage


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mutation_is_noticed(pieces, data):
    """Cut out, zero, repeat or insert any stretch: it is noticed, and only rows that were written are read."""
    sound = b"".join(pieces)
    begin = data.draw(st.integers(0, len(sound) - 1))
    end = data.draw(st.integers(begin + 1, len(sound)))
    middle = data.draw(
        st.sampled_from([b"", bytes(end - begin), sound[begin:end] * 2, b"\xff" * 7 + sound[begin:end], pieces[3]])
    )
    bad = sound[:begin] + middle + sound[end:]
    scan = scan_segment(bad, FILE, tape_id=TAPE)
    rows = {b for block in scan.blocks for b in [bad[block.offset : block.end]]}
    assert rows <= set(pieces)
    if bad != sound and not sound.startswith(bad):
        assert scan.damage
