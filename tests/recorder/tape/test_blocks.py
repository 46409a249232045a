from __future__ import annotations

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.tape.blocks import BLOCK_HEAD, GENESIS, BlockError, decode_block, encode_block, unpack_rows

COMPRESSOR = zstandard.ZstdCompressor(level=3)


def block_of(rows: bytes, *, count: int = 1, first_seq: int = 5) -> bytes:
    return encode_block(
        rows, first_seq=first_seq, count=count, span_ns=(7, 9), previous=b"p" * 32, compressor=COMPRESSOR
    )


@given(st.binary(min_size=1, max_size=300), st.integers(1, 1000), st.integers(0, 1 << 40), st.binary(max_size=20))
@settings(max_examples=100)
def test_comes_back_as_it_was(rows, count, first_seq, before):
    """A block decodes to what was encoded, wherever in a file it stands."""
    data = before + block_of(rows, count=count, first_seq=first_seq) + b"next"
    block = decode_block(data, len(before))
    assert (block.offset, block.end) == (len(before), len(data) - 4)
    assert (block.first_seq, block.count, block.last_seq) == (first_seq, count, first_seq + count - 1)
    assert (block.first_ns, block.last_ns, block.previous) == (7, 9, b"p" * 32)
    assert unpack_rows(data[block.offset + BLOCK_HEAD.size : block.end], block.raw_len) == rows


def test_every_flipped_bit_is_noticed():
    """No single bit of a block can change without the block being refused."""
    data = block_of(b"some rows that compress, some rows that compress")
    for bit in range(len(data) * 8):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BlockError):
            decode_block(bytes(bad))


def test_every_cut_is_noticed():
    """A block that ends early is refused as torn."""
    data = block_of(b"rows")
    for size in range(len(data)):
        with pytest.raises(BlockError) as refused:
            decode_block(data[:size])
        assert refused.value.torn


def test_a_frame_of_another_size_is_never_inflated():
    """A payload that would decompress to more than the header says is refused before it is decompressed."""
    bomb = COMPRESSOR.compress(bytes(50_000_000))
    with pytest.raises(BlockError, match="another length"):
        unpack_rows(bomb, 1000)
    with pytest.raises(BlockError):
        unpack_rows(COMPRESSOR.compress(b"rows") + b"more", 4)
    with pytest.raises(BlockError):
        unpack_rows(b"no zstd at all", 4)


def test_an_end_block_has_no_rows():
    """The mark of a clean close is a block without rows or payload."""
    block = decode_block(block_of(b"", count=0))
    assert (block.count, block.raw_len, block.size, block.last_seq) == (0, 0, BLOCK_HEAD.size, 4)
    assert unpack_rows(b"", 0) == b""
    assert len(GENESIS) == 32
