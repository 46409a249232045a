"""Where things lie in many bytes, compiled: the parts of canonical rows, and stretches that ought to be equal."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.jit import inner, kernel, wide

__all__ = ["Walked", "compare_spans", "walk_rows"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


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


@kernel
def compare_spans(one: Bytes, ones: Ints, other: Bytes, others: Ints, sizes: Ints, mask: Ints) -> int:
    """Compare stretches of bytes where the mask is 1; it becomes -1 where they differ. Return how many do."""
    count = 0
    for row in range(len(sizes)):
        if mask[row] != 1:
            continue
        differs = 0
        for k in range(sizes[row]):
            differs |= wide(one[ones[row] + k]) ^ wide(other[others[row] + k])
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
