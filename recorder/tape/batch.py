"""
Some envelopes in a row, as columns: what a row group of a sealed segment or a block of a hot one is to a fast reader.

A frame that says nothing but what columns hold is there as values only; `some` and `envelopes` make envelopes whole
again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from recorder.envelope import ENVELOPE_HEAD, Envelope, Kind, encode_row
from recorder.jit import interpreted
from recorder.tape.frames import INTERPRETED_BYTES_MAX, Frames, Payloads, ShapeBook, read_frames, write_back
from recorder.tape.walk import Heads, Spans, Walked, lay_rows, walk_rows

__all__ = ["Batch", "batch_of_rows", "batches_of", "cut_rows"]

Ints = NDArray[np.int64]

_KINDS = {int(kind): kind for kind in Kind}
_BRACE = ord("{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """
    Envelopes as columns, one element an envelope.

    seq, recv_ns, conn, kind, feed: i64; feed is a number into feeds. frames has the values of those frames that are of
    a shape; metas and payloads the bytes of all, but for the payloads of those frames.
    """

    seq: Ints
    recv_ns: Ints
    conn: Ints
    kind: Ints
    feed: Ints
    feeds: tuple[str, ...]
    frames: Frames
    metas: Payloads
    payloads: Payloads

    def __len__(self) -> int:
        """Return how many envelopes there are."""
        return len(self.seq)

    def some(self, rows: Ints) -> Iterator[Envelope]:
        """Yield some envelopes whole, by their numbers in rising order."""
        shape = self.frames.shape[rows]
        payloads = self.payloads.some(rows)
        if (shape >= 0).any():
            written, ends = write_back(self.frames.some(rows), ShapeBook(self.frames.shapes))
            texts = Payloads(written, ends - np.diff(ends, prepend=0), ends).some(np.arange(len(rows)))
            both = zip((shape >= 0).tolist(), texts, payloads, strict=True)
            payloads = (text if is_shaped else payload for is_shaped, text, payload in both)
        heads = (column[rows].tolist() for column in (self.seq, self.recv_ns, self.feed, self.conn, self.kind))
        feeds = self.feeds
        for seq, recv_ns, feed, conn, kind, meta, payload in zip(*heads, self.metas.some(rows), payloads, strict=True):
            yield Envelope(seq, recv_ns, feeds[feed], conn, _KINDS[kind], meta, payload)

    def envelopes(self) -> Iterator[Envelope]:
        """Return all envelopes whole."""
        return self.some(np.arange(len(self)))

    def rows(self) -> bytes:
        """Return the canonical rows of all envelopes, end to end."""
        written, ends = write_back(self.frames, ShapeBook(self.frames.shapes))
        frames = Spans(written, ends - np.diff(ends, prepend=0), ends)
        is_raw = self.frames.shape < 0
        payloads = Spans(
            self.payloads.data, self.payloads.begins, np.where(is_raw, self.payloads.ends, self.payloads.begins)
        )
        metas = Spans(self.metas.data, self.metas.begins, self.metas.ends)
        feeds = Payloads.of([feed.encode() for feed in self.feeds])
        sizes = sum(int((spans.ends - spans.begins).sum()) for spans in (frames, payloads, metas))
        out = np.empty(sizes + (ENVELOPE_HEAD.size + 255) * len(self), np.uint8)
        heads = Heads(self.seq, self.recv_ns, self.conn, self.kind, self.feed)
        run = lay_rows if sizes > INTERPRETED_BYTES_MAX else interpreted(lay_rows)
        size = run(heads, Spans(feeds.data, feeds.begins, feeds.ends), metas, payloads, frames, out)
        return out[:size].tobytes()


def batch_of_rows(rows: bytes, count: int, book: ShapeBook) -> Batch:
    """
    Read concatenated canonical rows, of which there are so many.

    Raises:
        ValueError: the bytes end inside a row, or a kind is not known to this version.
    """
    data = np.frombuffer(rows, np.uint8)
    to = _walked(rows, count)
    if not set(np.unique(to.kind).tolist()) <= set(_KINDS):
        raise ValueError("a row has an unknown kind")
    firsts = to.first[: int(to.name.max(initial=-1)) + 1]
    payloads = Payloads(data, to.payload, to.end)

    return Batch(
        seq=to.seq,
        recv_ns=to.recv_ns,
        conn=to.conn,
        kind=to.kind,
        feed=to.name,
        feeds=tuple(rows[to.feed[row] : to.meta[row]].decode() for row in firsts.tolist()),
        frames=read_frames(payloads, _may_be_shaped(to.kind, payloads), book),
        metas=Payloads(data, to.meta, to.payload),
        payloads=payloads,
    )


def batches_of(envelopes: Iterable[Envelope], size: int = 8_192) -> Iterator[Batch]:
    """Yield envelopes as columns, at most so many at a time."""
    book, iterator = ShapeBook(), iter(envelopes)
    while group := list(islice(iterator, size)):
        yield batch_of_rows(b"".join(map(encode_row, group)), len(group), book)


def cut_rows(blocks: Iterable[tuple[bytes, int]], *, rows_max: int, bytes_max: int) -> Iterator[tuple[bytes, int]]:
    """
    Yield canonical rows, and how many, cut anew; where a block began makes no difference.

    blocks: rows end to end, and how many. At most rows_max are together, with bytes_max of meta and payload: a row that
    would exceed it begins the next, and one that is larger stands alone.

    Raises:
        ValueError: a block ends inside a row.
    """
    group: list[memoryview] = []
    count = size = 0
    for rows, total in blocks:
        view, parts = memoryview(rows), _walked(rows, total)
        ends = np.concatenate(([0], parts.end))
        sizes = np.concatenate(([0], np.cumsum(parts.end - parts.meta)))
        at = 0
        while True:
            fits = int(np.searchsorted(sizes, sizes[at] + bytes_max - size, "right")) - 1
            until = max(min(fits, at + rows_max - count), at if count else at + 1)
            if until >= total:
                break
            yield b"".join((*group, view[ends[at] : ends[until]])), count + until - at
            group, count, size, at = [], 0, 0, until
        group.append(view[ends[at] :])
        count, size = count + total - at, size + int(sizes[-1] - sizes[at])
    if count:
        yield b"".join(group), count


def _walked(rows: bytes, count: int) -> Walked:
    """
    Say where the parts of canonical rows lie, of which there are so many.

    Raises:
        ValueError: the bytes end inside a row.
    """
    to = Walked(*(np.empty(count, np.int64) for _ in Walked._fields))
    walk = walk_rows if len(rows) > INTERPRETED_BYTES_MAX else interpreted(walk_rows)
    if walk(np.frombuffer(rows, np.uint8), to) != count:
        raise ValueError("rows are cut short")
    return to


def _may_be_shaped(kind: Ints, payloads: Payloads) -> NDArray[np.bool_]:
    """Say which payloads may be frames of a shape."""
    full = (kind == Kind.FRAME) & (payloads.ends > payloads.begins)
    first = payloads.data[np.where(full, payloads.begins, 0)] if len(payloads.data) else np.zeros(len(kind), np.uint8)
    is_object: NDArray[np.bool_] = full & (first == _BRACE)
    return is_object
