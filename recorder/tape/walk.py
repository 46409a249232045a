"""Where things lie in many bytes, compiled: the parts of canonical rows, and stretches that ought to be equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from recorder.jit import inner, kernel, wide

__all__ = ["Heads", "Spans", "Walked", "compare_spans", "lay_rows", "lay_spans", "walk_rows"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_index: Callable[[Any], int] = cast("Callable[[Any], int]", np.uint64)
"""
As an index that is never negative. A kernel lets a signed one count from the end, and to ask that of each byte keeps it
from taking many at once: a fifth of the time is left.
"""


class Walked(NamedTuple):
    """Where the parts of canonical rows lie in their block: all i64, one a row; begins and ends are byte offsets."""

    seq: Ints
    recv_ns: Ints
    conn: Ints
    kind: Ints
    feed: Ints
    meta: Ints
    payload: Ints
    end: Ints


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


@inner
def _little(data: Bytes, at: int, size: int) -> int:
    value = 0
    for k in range(size):
        value |= wide(data[at + k]) << (8 * k)
    return value


@kernel
def walk_rows(data: Bytes, to: Walked) -> int:
    """Find the parts of the canonical rows of a block; return how many rows there are, -1 where one is cut short."""
    at, row = 0, 0
    while at < len(data):
        if at + 30 > len(data) or row >= len(to.seq):
            return -1
        to.seq[row], to.recv_ns[row] = _little(data, at, 8), _little(data, at + 8, 8)
        to.conn[row], to.kind[row] = _little(data, at + 16, 4), data[at + 20]
        to.feed[row] = at + 30
        to.meta[row] = at + 30 + wide(data[at + 21])
        to.payload[row] = to.meta[row] + _little(data, at + 22, 4)
        at = to.payload[row] + _little(data, at + 26, 4)
        to.end[row] = at
        row += 1
    return row if at == len(data) else -1


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
