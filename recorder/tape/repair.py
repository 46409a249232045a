"""
One wrong byte in a row group of a sealed segment, found by calculation and put right.

The CRC-32 of a page is linear: by how much it is wrong depends on the error of the wrong byte and on how many bytes
follow it, and on nothing else. Run backwards from the end of the page, that difference is at some byte the error
itself. What is found so is a guess; it counts only where the whole row group then has the SHA-256 that was noted when
it was sealed.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from recorder.tape.manifest import Group, Sealed

__all__ = ["mend_group"]

_POLYNOMIAL = 0xEDB88320
_BYTE, _LOW = 256, 127
_CRC_FIELD = 4
_TOLD_BYTES = 20
"""Of those four numbers, and what each begins with, there are no more."""
_I32 = 0x15
"""How Thrift begins a number that is the next field."""


def mend_group(data: bytes, entry: Sealed, at: int) -> bytes | None:
    """Return the bytes of a row group, by its index, as they were sealed; None where more than one of them is wrong."""
    group = entry.groups[at]
    for place, error in _guesses(data, _pages(entry, group, at)):
        guess = bytearray(data)
        guess[place] ^= error
        if hashlib.sha256(guess).hexdigest() == group.sha256:
            return bytes(guess)
    return None


def _pages(entry: Sealed, group: Group, at: int) -> list[tuple[int, int]]:
    """Return where the pages of a row group begin and end within it, headers included."""
    chunks = pq.read_metadata(pa.BufferReader(base64.b64decode(entry.footer))).row_group(at)
    pages: list[tuple[int, int]] = []
    for chunk in map(chunks.column, range(chunks.num_columns)):
        begins = sorted({chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset})
        ends = [*begins[1:], begins[0] + chunk.total_compressed_size]
        pages.extend((begin - group.offset, end - group.offset) for begin, end in zip(begins, ends, strict=True))
    return pages


def _guesses(data: bytes, pages: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield which byte may be wrong, and by what."""
    told = {page: _told(data[page[0] : page[1]]) for page in pages}
    off = {(begin, end): zlib.crc32(data[end - size : end]) ^ crc for (begin, end), (size, crc) in told.items()}
    fits = {(begin, end): 0 <= size < end - begin for (begin, end), (size, _) in told.items()}
    wrong = [page for page in pages if off[page] or not fits[page]]
    if len(wrong) > 1:
        return
    for page in wrong:
        if fits[page]:
            yield from ((page[1] - 1 - back, error) for back, error in _errors(off[page], told[page][0]))
    # Or the header is wrong: in what it tells of the page where that does not hold, else in anything of any header.
    if not wrong:
        spans = [range(begin, end - told[begin, end][0]) for begin, end in pages]
        yield from ((place, 1 << bit) for span in spans for place in span for bit in range(8))
    for begin, end in wrong:
        for bit in range(8 * min(_TOLD_BYTES, end - begin)):
            head = bytearray(data[begin : begin + _TOLD_BYTES])
            head[bit // 8] ^= 1 << bit % 8
            size, crc = _told(head)
            if 0 <= size < end - begin and zlib.crc32(data[end - size : end]) == crc:
                yield begin + bit // 8, 1 << bit % 8


def _told(page: bytes | bytearray) -> tuple[int, int]:
    """Return size and CRC as the header of a page tells them: the third and fourth of the numbers it begins with."""
    at, numbers = 0, [0] * _CRC_FIELD
    for field in range(_CRC_FIELD):
        if page[at : at + 1] != bytes([_I32]):
            break
        at, value = at + 1, 0
        for shift in range(0, 35, 7):
            value |= (page[at] & _LOW) << shift if at < len(page) else 0
            at += 1
            if page[at - 1 : at] <= bytes([_LOW]):
                break
        numbers[field] = (value >> 1) ^ -(value & 1)
    return numbers[2], numbers[3] & 0xFFFFFFFF


def _errors(off: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield how many bytes may follow the wrong one of so many, and its error; off is by what the CRC is wrong."""
    table = [_stepped(byte) for byte in range(_BYTE)]
    by_top = {value >> 24: (value, byte) for byte, value in enumerate(table)}
    for back in range(size):
        value, byte = by_top[off >> 24]
        off = ((off ^ value) << 8 | byte) & 0xFFFFFFFF
        if off < _BYTE:
            yield back, off


def _stepped(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value
