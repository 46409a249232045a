"""Where things lie in many bytes, compiled: the parts of canonical rows, and stretches that ought to be equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from recorder.jit import inlined, inner, kernel, wide
from recorder.tape.words import same, word_at

__all__ = ["Heads", "Spans", "Walked", "compare_spans", "lay_rows", "lay_spans", "walk_rows"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_U32 = 0xFFFFFFFF

_index: Callable[[Any], int] = cast("Callable[[Any], int]", np.uint64)
"""
As an index that is never negative. A kernel lets a signed one count from the end, and to ask that of each byte keeps it
from taking many at once: a fifth of the time is left.
"""


class Walked(NamedTuple):
    """
    Where the parts of canonical rows lie in their block: all i64, one a row; begins and ends are byte offsets.

    name is the number of a row's feed by first appearance; first has for each of these the row where it first stood.
    """

    seq: Ints
    recv_ns: Ints
    conn: Ints
    kind: Ints
    feed: Ints
    meta: Ints
    payload: Ints
    end: Ints
    name: Ints
    first: Ints


class Spans(NamedTuple):
    """Stretches of bytes: begins and ends i64, offsets into data."""

    data: Bytes
    begins: Ints
    ends: Ints


class Heads(NamedTuple):
    """What the heads of canonical rows say but for lengths: all i64, one a row; feed is a number."""

    seq: Ints
    recv_ns: Ints
    conn: Ints
    kind: Ints
    feed: Ints


@kernel
def compare_spans(one: Bytes, ones: Ints, other: Bytes, others: Ints, sizes: Ints, mask: Ints) -> int:
    """Compare stretches of bytes where the mask is 1; it becomes -1 where they differ. Return how many do."""
    count = 0
    for row in range(len(sizes)):
        if mask[row] != 1:
            continue
        begin, beside, differs = ones[row], others[row], 0
        for k in range(sizes[row]):
            differs |= one[_index(begin + k)] ^ other[_index(beside + k)]
        if differs != 0:
            mask[row] = -1
            count += 1
    return count


@inlined
def _is_feed(data: Bytes, to: Walked, row: int, number: int) -> bool:
    """Say whether a row is of the feed with a number."""
    other, size = to.first[number], to.meta[row] - to.feed[row]
    return bool(to.meta[other] - to.feed[other] == size and same(data, to.feed[row], data, to.feed[other], size))


@kernel
def walk_rows(data: Bytes, to: Walked) -> int:
    """Find the parts of the canonical rows of a block; return how many rows there are, -1 where one is cut short."""
    at, row, number, names, total = 0, 0, 0, 0, len(data)
    while at < total:
        if at + 30 > total or row >= len(to.seq):
            return -1
        to.seq[row], to.recv_ns[row] = word_at(data, at), word_at(data, at + 8)
        to.conn[row], to.kind[row] = word_at(data, at + 16) & _U32, data[at + 20]
        sizes = word_at(data, at + 22)
        to.feed[row] = at + 30
        to.meta[row] = at + 30 + wide(data[at + 21])
        to.payload[row] = to.meta[row] + (sizes & _U32)
        at = to.payload[row] + ((sizes >> 32) & _U32)
        if at > total:
            return -1
        to.end[row] = at
        # The feed of the row before is tried first.
        if names == 0 or not _is_feed(data, to, row, number):
            number = 0
            while number < names and not _is_feed(data, to, row, number):
                number += 1
            if number == names:
                to.first[names] = row
                names += 1
        to.name[row] = number
        row += 1
    return row


@inner
def _put(value: int, size: int, out: Bytes, at: int) -> int:
    for k in range(size):
        out[at + k] = (value >> (8 * k)) & 255
    return at + size


@inner
def _copy(data: Bytes, begin: int, end: int, out: Bytes, at: int) -> int:
    for k in range(end - begin):
        out[_index(at + k)] = data[_index(begin + k)]
    return at + end - begin


@kernel
def lay_spans(spans: Spans, out: Bytes) -> int:
    """Lay stretches of bytes end to end; return how many bytes they have."""
    at = 0
    for row in range(len(spans.begins)):
        at = _copy(spans.data, spans.begins[row], spans.ends[row], out, at)
    return at


@kernel
def lay_rows(heads: Heads, feeds: Spans, metas: Spans, payloads: Spans, written: Spans, out: Bytes) -> int:
    """
    Lay canonical rows end to end; return how many bytes they have.

    A row's payload is what of it stands in payloads and, after that, in written: one of the two is empty. out must have
    room for them all.
    """
    at = 0
    for row in range(len(heads.seq)):
        feed = heads.feed[row]
        at = _put(heads.seq[row], 8, out, at)
        at = _put(heads.recv_ns[row], 8, out, at)
        at = _put(heads.conn[row], 4, out, at)
        at = _put(heads.kind[row], 1, out, at)
        at = _put(feeds.ends[feed] - feeds.begins[feed], 1, out, at)
        at = _put(metas.ends[row] - metas.begins[row], 4, out, at)
        size = payloads.ends[row] - payloads.begins[row] + written.ends[row] - written.begins[row]
        at = _put(size, 4, out, at)
        at = _copy(feeds.data, feeds.begins[feed], feeds.ends[feed], out, at)
        at = _copy(metas.data, metas.begins[row], metas.ends[row], out, at)
        at = _copy(payloads.data, payloads.begins[row], payloads.ends[row], out, at)
        at = _copy(written.data, written.begins[row], written.ends[row], out, at)
    return at
