"""
Snapshots of books, from the bytes of frames and of answers to rows, compiled.

Read here is what nearly every book frame looks like: compact JSON, one book or an array of them, no key but those of a
book and none twice, bids before asks, prices that rise or fall from level to level, decimals without superfluous zeros
in front; an answer need not say that its books are such. Whatever else a frame may be, none of it is read, and the
decoder (`replay.core.decode.polymarket`) is asked; what is read here means there the same.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Kind
from recorder.jit import inlined, kernel
from recorder.tape.batch import Batch
from recorder.tape.frames import no_names
from recorder.tape.scan import NAMES_MAX, Names, read_decimal, read_ms, read_name
from recorder.tape.words import EMPTY, nibbles, same, word_at
from replay.core.rows import (
    OP_SNAPSHOT,
    OP_SNAPSHOT_ASK,
    OP_SNAPSHOT_BID,
    OP_SNAPSHOT_END,
    OP_TICK,
    OP_WITNESS,
    ROW_COLUMNS,
)

__all__ = ["MS_MAX", "Snapshots", "read_snapshots", "scan_books"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

MS_MAX = 9_223_372_036_854
"""Nanoseconds of a later time do not fit 64 bits."""
_ONE_U6 = 1_000_000
_QUOTE, _COMMA, _OPEN, _CLOSE, _LIST, _LIST_END = 34, 44, 123, 125, 91, 93
_TRUE, _FALSE = 0x65757274, 0x65736C6166
# Each key as far as its value, in the order of the wire: the next one is nearly always the one after.
_KEYS = (
    '"event_type":"book"',
    '"market":"',
    '"asset_id":"',
    '"timestamp":"',
    '"hash":"',
    '"bids":[',
    '"asks":[',
    '"min_order_size":"',
    '"tick_size":"',
    '"neg_risk":',
    '"last_trade_price":"',
    '{"price":"',
    '","size":"',
    '"}',
)
_EVENT, _MARKET, _ASSET, _TIME, _HASH, _BIDS, _ASKS, _SIZE_MIN, _TICK, _NEG_RISK, _LAST = range(11)
_PRICE, _SIZE, _LEVEL_END = 11, 12, 13
_REQUIRED = (1 << (_ASKS + 1)) - 1
_ROW_BYTES_MIN = 20


class Keys(NamedTuple):
    """The keys of a book end to end; spans i64 (n, 2): where each begins, and how long it is."""

    data: Bytes
    spans: Ints


class Frames(NamedTuple):
    """Frames to be read: begins and ends of their bytes, seq, recv_ns, and op of their books; all i64, one a frame."""

    begins: Ints
    ends: Ints
    seq: Ints
    recv_ns: Ints
    op: Ints


class Found(NamedTuple):
    """
    What was found in frames.

    rows: i64 (n, len(ROW_COLUMNS)), where token is the number of a name. books: i64 (m, 2), the frame and the name of
    each book. ends: i64 (k, 2), how many books and rows there are up to the end of each frame.
    """

    rows: Ints
    books: Ints
    ends: Ints
    names: Names


class Snapshots(NamedTuple):
    """
    The books of a batch.

    frames: i64, the numbers of the envelopes that were read. of and token: i64, one a book, its envelope and the number
    of its text. rows: i64 (n, len(ROW_COLUMNS)), where token is the number of a text.
    """

    frames: Ints
    of: Ints
    token: Ints
    rows: Ints
    texts: tuple[str, ...]


def read_snapshots(batch: Batch, wanted: Ints) -> Snapshots:
    """Return the books in those of the wanted envelopes that hold nothing else, whatever they hold."""
    payloads = batch.payloads
    begins, ends = payloads.begins[wanted], payloads.ends[wanted]
    size = int((ends - begins).sum())
    found = Found(
        rows=np.empty((size // _ROW_BYTES_MIN + 4, len(ROW_COLUMNS)), np.int64),
        books=np.empty((size // _ROW_BYTES_MIN + 1, 2), np.int64),
        ends=np.zeros((len(wanted) + 1, 2), np.int64),
        names=no_names(),
    )
    with np.errstate(over="ignore"):
        op = np.where(batch.kind[wanted] == Kind.BODY, OP_WITNESS, OP_SNAPSHOT)
        scan_books(payloads.data, Frames(begins, ends, batch.seq[wanted], batch.recv_ns[wanted], op), _keys(), found)
    books, rows = found.ends[-1].tolist()
    spans = found.names.spans[: found.names.spans[NAMES_MAX, 0]].tolist()
    return Snapshots(
        frames=wanted[np.diff(found.ends[:, 0]) > 0],
        of=wanted[found.books[:books, 0]],
        token=found.books[:books, 1],
        rows=found.rows[:rows],
        texts=tuple(payloads.data[begin:end].tobytes().decode("ascii") for begin, end in spans),
    )


@cache
def _keys() -> Keys:
    sizes = np.array([len(key) for key in _KEYS])
    data = np.frombuffer("".join(_KEYS).encode() + bytes(8), np.uint8)  # compared by words
    return Keys(data, np.stack((np.cumsum(sizes) - sizes, sizes), axis=1))


@inlined
def _after_key(data: Bytes, at: int, end: int, keys: Keys, key: int) -> int:
    """Return where a key that stands here ends, -1 where another does."""
    begin, size = keys.spans[key, 0], keys.spans[key, 1]
    return at + size if at + size <= end and same(keys.data, begin, data, at, size) else -1


@inlined
def _levels(data: Bytes, at: int, end: int, op: int, keys: Keys, rows: Ints, row: int) -> tuple[int, int]:
    """Read the levels of a side, best first and without empty ones; return where they end, -1 if at all, and rows."""
    first, step, before, is_first = row, 0, 0, True
    if at < end and data[at] == _LIST_END:
        return at + 1, row
    while row + 3 < len(rows):
        at = _after_key(data, at, end, keys, _PRICE)
        if at < 0:
            break
        price, spelled, at = read_decimal(data, at, end)
        if at < 0 or spelled == EMPTY:
            break
        at = _after_key(data, at, end, keys, _SIZE)
        if at < 0:
            break
        size, spelled, at = read_decimal(data, at, end)
        if at < 0 or spelled == EMPTY:
            break
        at = _after_key(data, at, end, keys, _LEVEL_END)
        direction = 1 if price > before else -1
        if at < 0 or at >= end or (not is_first and (price == before or (step != 0 and direction != step))):
            break
        if not is_first:
            step = direction
        before, is_first = price, False
        if size > 0:
            rows[row, 2], rows[row, 4], rows[row, 5] = op, price, size
            row += 1
        if data[at] == _LIST_END:
            _turn(rows, first, row, step == (1 if op == OP_SNAPSHOT_BID else -1))
            return at + 1, row
        if data[at] != _COMMA:
            break
        at += 1
    return -1, row


@inlined
def _turn(rows: Ints, first: int, end: int, is_backward: bool) -> None:  # noqa: FBT001  # kernels take all by position
    """Turn levels around where they came the worst one first."""
    last = end - 1
    while is_backward and first < last:
        for column in (4, 5):
            rows[first, column], rows[last, column] = rows[last, column], rows[first, column]
        first, last = first + 1, last - 1


@inlined
def _quoted(data: Bytes, at: int, end: int) -> int:
    """Return where a value ends whose quote stands here, -1 where none does."""
    return at + 1 if 0 <= at < end and data[at] == _QUOTE else -1


@inlined
def _hash_end(data: Bytes, at: int, end: int) -> int:
    """Return where forty digits of hex end, -1 where there are none."""
    bad = 0
    for k in range(0, 40, 8):
        bad |= nibbles(word_at(data, at + k))
    return at + 40 if bad >= 0 and at + 40 < end else -1


@inlined
def _flag_end(data: Bytes, at: int, end: int) -> int:
    """Return where true or false ends, -1 where neither stands."""
    word = word_at(data, at)
    after = at + 4 if (word & 0xFFFFFFFF) == _TRUE else at + 5 if (word & 0xFFFFFFFFFF) == _FALSE else -1
    return after if after <= end else -1


@inlined
def _value(data: Bytes, at: int, end: int, key: int, names: Names) -> tuple[int, int]:
    """Read the value of a key, but the levels of a side; return it and where it ends, -1 where it is none of ours."""
    if key == _EVENT:
        return -1, at
    if key == _NEG_RISK:
        return -1, _flag_end(data, at, end)
    value = -1
    if key == _MARKET or key == _ASSET:
        value, at = read_name(data, at, end, key == _MARKET, names)
    elif key == _TIME:
        value, at = read_ms(data, at, end)
        at = at if value <= MS_MAX else -1
    elif key == _HASH:
        at = _hash_end(data, at, end)
    else:
        value, _, at = read_decimal(data, at, end)
    return value, _quoted(data, at, end)


@inlined
def _key(data: Bytes, at: int, end: int, keys: Keys, likely: int) -> tuple[int, int]:
    """Return which key stands here, and where its value begins, -1 where none does."""
    after = _after_key(data, at, end, keys, likely)
    if after >= 0:
        return likely, after
    for key in range(_LAST + 1):
        after = _after_key(data, at, end, keys, key)
        if after >= 0:
            return key, after
    return 0, -1


@inlined
def _book(data: Bytes, at: int, end: int, keys: Keys, to: Found, head: int, op: int) -> tuple[int, int, int]:
    """Read a book into rows, but for whose they are; return where it ends, -1 where it does not, its name and rows."""
    seen, key, asset, time_ms, tick = 0, 0, -1, -1, -1
    row, asks = head + 1, head + 1
    # An answer does not say that it is a book.
    required = _REQUIRED if op == OP_SNAPSHOT else _REQUIRED - (1 << _EVENT)
    while at < end and row + 3 < len(to.rows):
        # Behind the brace, or the comma before a key.
        key, at = _key(data, at + 1, end, keys, key)
        is_out_of_order = (seen >> key) & 1 == 1 or (key == _BIDS and (seen >> _ASKS) & 1 == 1)
        if at < 0 or is_out_of_order:
            break
        seen |= 1 << key
        if key == _BIDS or key == _ASKS:
            at, row = _levels(data, at, end, OP_SNAPSHOT_BID if key == _BIDS else OP_SNAPSHOT_ASK, keys, to.rows, row)
            asks = row if key == _BIDS else asks
        else:
            value, at = _value(data, at, end, key, to.names)
            asset = value if key == _ASSET else asset
            time_ms = value if key == _TIME else time_ms
            tick = value if key == _TICK else tick
        if at < 0 or at >= end:
            break
        if data[at] == _CLOSE and seen & required == required:
            rows = _closed(to.rows, head, asks, row, time_ms, tick)
            to.rows[head, 2] = op
            return at + 1, asset, rows
        if data[at] != _COMMA:
            break
        key = min(key + 1, _LAST)
    return -1, -1, head


@inlined
def _closed(rows: Ints, head: int, asks: int, row: int, time_ms: int, tick: int) -> int:
    """Write what stands around the levels of a book; return how many rows there are."""
    for at in range(head, row):
        rows[at, 6] = rows[at, 7] = rows[at, 8] = -1
    rows[head, 4], rows[head, 5], rows[head, 8] = 0, 0, time_ms
    rows[head, 6] = rows[head + 1, 4] if asks > head + 1 else -1
    rows[head, 7] = rows[asks, 4] if row > asks else -1
    rows[row, 2], rows[row, 4], rows[row, 5] = OP_SNAPSHOT_END, 0, 0
    rows[row, 6] = rows[row, 7] = rows[row, 8] = -1
    if tick <= 0 or tick >= _ONE_U6:
        return row + 1
    rows[row + 1, 2], rows[row + 1, 4], rows[row + 1, 5] = OP_TICK, tick, 0
    rows[row + 1, 6] = rows[row + 1, 7] = rows[row + 1, 8] = -1
    return row + 2


@kernel
def scan_books(data: Bytes, frames: Frames, keys: Keys, to: Found) -> None:
    """Read frames that are a book or an array of books, and nothing else, into rows."""
    books, row = 0, 0
    for frame in range(len(frames.begins)):
        at, end = frames.begins[frame], frames.ends[frame]
        is_list = at < end and data[at] == _LIST
        at += 1 if is_list else 0
        book, last = books, row
        while at < end and data[at] == _OPEN and book < len(to.books):
            at, asset, after = _book(data, at, end, keys, to, last, frames.op[frame])
            if at < 0:
                break
            to.books[book, 0], to.books[book, 1] = frame, asset
            for k in range(last, after):
                to.rows[k, 0], to.rows[k, 1], to.rows[k, 3] = frames.seq[frame], frames.recv_ns[frame], asset
            book, last = book + 1, after
            if not is_list or at >= end:
                break
            if data[at] == _LIST_END:
                at, is_list = at + 1, False
                break
            at = at + 1 if data[at] == _COMMA else end
        if at == end and not is_list:
            books, row = book, last
        to.ends[frame + 1, 0], to.ends[frame + 1, 1] = books, row
