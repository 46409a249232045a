"""
A row group of a sealed segment: rows to Arrow columns and back, facing each other.

The columns stand in docs/format.md. Every frame that comes back byte for byte is its values, any other its payload.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recorder.jit import interpreted
from recorder.tape.batch import Batch, batch_of_rows
from recorder.tape.frames import INTERPRETED_BYTES_MAX, Frames, Payloads, ShapeBook, no_frames, prove_frames
from recorder.tape.mirror import Mirrors, fold_mirrors, unfold_mirrors
from recorder.tape.shapes import parse_shape
from recorder.tape.walk import Spans, lay_spans

__all__ = ["DELTA", "DICTIONARY", "LEVELS", "NUMBERED", "SCHEMA", "batch_of_record", "table_of_rows"]

Column = Any
"""An Arrow array, of which its own types do not say what it holds."""

_SIDES: Column = pa.array(["SELL", "BUY", None], pa.string())
_HASHES = ("transaction_hash", "hash")
_MS = 1_000_000
_NUMBERS = {"price_u6": "price_u6", "size_u6": "size_u6", "best_bid_u6": "bid_u6", "best_ask_u6": "ask_u6"}
_CHANGE = pa.struct(
    [
        pa.field("asset", pa.string()),
        pa.field("side", pa.string()),
        pa.field("price_u6", pa.int64()),
        pa.field("size_u6", pa.int64()),
        pa.field("best_bid_u6", pa.int64()),
        pa.field("best_ask_u6", pa.int64()),
        pa.field("spelling", pa.int32(), nullable=False),
        pa.field("hash", pa.binary(20)),
    ]
)
_FIELDS: list[pa.Field[Any]] = [
    pa.field("seq", pa.int64(), nullable=False),
    pa.field("recv_ns", pa.int64(), nullable=False),
    pa.field("feed", pa.string(), nullable=False),
    pa.field("conn", pa.uint32(), nullable=False),
    pa.field("kind", pa.uint8(), nullable=False),
    pa.field("meta", pa.string(), nullable=False),
    pa.field("payload", pa.binary()),
    pa.field("frame", pa.string()),
    pa.field("market", pa.string()),
    pa.field("lag_ms", pa.int64()),
    pa.field("transaction_hash", pa.binary(32)),
    pa.field("changes", pa.list_(pa.field("element", _CHANGE, nullable=False)), nullable=False),
    pa.field("mirror_asset", pa.string()),
    pa.field("mirror_hash", pa.binary(20)),
]
SCHEMA = pa.schema(_FIELDS)
_LEAF = "changes.list.element."
NUMBERED = ["feed", "payload", "frame", "market", f"{_LEAF}asset", f"{_LEAF}side", "mirror_asset"]
"""Read as a number for each value: a body that a poll brought once more is there once."""
DICTIONARY = [*NUMBERED, "conn", "kind", f"{_LEAF}price_u6", f"{_LEAF}size_u6"]
"""Not quotes: what zstd makes of them as they are is smaller."""
_LEAVES = [field.name for field in _FIELDS if field.name != "changes"] + [f"{_LEAF}{field.name}" for field in _CHANGE]
LEVELS = dict.fromkeys(_LEAVES, 3) | {"payload": 6, "meta": 9}
"""How hard zstd tries: at values, more makes next to nothing smaller."""
DELTA = dict.fromkeys(("seq", "recv_ns", "lag_ms"), "DELTA_BINARY_PACKED")


def table_of_rows(rows: bytes, count: int, book: ShapeBook) -> pa.Table:
    """
    Return a row group of so many canonical rows, end to end.

    Every frame that comes back byte for byte is its values there, any other its payload.

    Raises:
        ValueError: the bytes end inside a row, or a kind is not known to this version.
    """
    batch = batch_of_rows(rows, count, book)
    frames = prove_frames(batch.frames, batch.payloads, book)
    is_raw = frames.shape < 0
    payloads = replace(batch.payloads, ends=np.where(is_raw, batch.payloads.ends, batch.payloads.begins))
    feeds: Column = pa.array(batch.feeds, pa.string())
    head: list[Column] = [
        pa.array(batch.seq),
        pa.array(batch.recv_ns),
        feeds.take(pa.array(batch.feed)),
        pa.array(batch.conn.astype(np.uint32)),
        pa.array(batch.kind.astype(np.uint8)),
        _binary(batch.metas).cast(pa.string()),
        _binary(payloads, is_raw),
    ]
    return pa.Table.from_arrays([*head, *_frame_columns(frames, book, batch.recv_ns // _MS)], schema=SCHEMA)


def _binary(spans: Payloads, is_there: NDArray[np.bool_] | None = None) -> Column:
    """Return stretches of bytes as binary, null where there is none."""
    offsets = np.concatenate(([0], np.cumsum(spans.ends - spans.begins)))
    out = np.empty(offsets[-1], np.uint8)
    run = lay_spans if len(out) > INTERPRETED_BYTES_MAX else interpreted(lay_spans)
    run(Spans(spans.data, spans.begins, spans.ends), out)
    validity = None if is_there is None else _bits(is_there)
    return pa.Array.from_buffers(pa.binary(), len(spans), [validity, _buffer(offsets.astype(np.int32)), _buffer(out)])


def _bits(is_there: NDArray[np.bool_]) -> pa.Buffer:
    return _buffer(np.packbits(is_there, bitorder="little"))


def _buffer(values: Any) -> pa.Buffer:  # noqa: ANN401  # an array, which pyarrow's types do not know as a buffer
    return pa.py_buffer(values)


def _frame_columns(whole: Frames, book: ShapeBook, recv_ms: NDArray[np.int64]) -> list[Column]:
    """Return the columns of frames, from `frame` on."""
    frames, mirrors = fold_mirrors(whole)
    texts: Column = pa.array([*frames.texts, None], pa.string())
    shapes: Column = pa.array([*(shape.text for shape in book.shapes), None], pa.string())
    has = {name: np.array([name in shape.names for shape in book.shapes] + [False]) for name in _HASHES}
    of_change = np.repeat(frames.shape, np.diff(frames.first))
    numbers = [_nullable(getattr(frames, name)) for name in _NUMBERS.values()]
    changes = pa.StructArray.from_arrays(
        [
            texts.take(pa.array(frames.asset % len(texts))),
            _SIDES.take(pa.array(frames.is_buy % 3)),
            *numbers,
            pa.array(frames.spelling.astype(np.int32)),
            _fixed(frames.hash, has["hash"][of_change]),
        ],
        fields=list(_CHANGE),
    )
    return [
        shapes.take(pa.array(frames.shape % len(shapes))),
        texts.take(pa.array(frames.market % len(texts))),
        pa.array(recv_ms - frames.source_ms, mask=frames.source_ms < 0),
        _fixed(frames.transaction, has["transaction_hash"][frames.shape]),
        pa.ListArray.from_arrays(_int32(frames.first), changes, type=SCHEMA.field("changes").type),
        texts.take(pa.array(mirrors.asset % len(texts))),
        _fixed(mirrors.hash, (mirrors.asset >= 0) & has["hash"][frames.shape]),
    ]


def _nullable(values: NDArray[np.int64]) -> Column:
    return pa.array(values, mask=values < 0)


def _fixed(raw: NDArray[np.uint8], is_there: NDArray[np.bool_]) -> Column:
    """Return rows of bytes as binary of one width, null where there is none."""
    count, width = raw.shape
    return pa.Array.from_buffers(pa.binary(width), count, [_bits(is_there), _buffer(np.ascontiguousarray(raw))])


def batch_of_record(record: pa.RecordBatch) -> Batch:
    """Return the rows of a row group, read with NUMBERED as dictionaries."""
    columns: dict[str, Column] = dict(zip(record.schema.names, record.columns, strict=True))
    feeds = columns["feed"]
    return Batch(
        **{name: _ints(columns[name]) for name in ("seq", "recv_ns", "conn", "kind")},
        feed=_ints(feeds.indices),
        feeds=tuple(feeds.dictionary.to_pylist()),
        frames=_frames(columns) if "frame" in columns else no_frames(len(record)),
        metas=_spans(columns["meta"]),
        payloads=_repeated(columns["payload"]),
    )


def _frames(columns: dict[str, Column]) -> Frames:
    """Return the values of the frames of a row group."""
    frame, lag, changes = columns["frame"], columns["lag_ms"], columns["changes"]
    of_change = changes.values
    side = of_change.field("side")
    sides = np.array([*map(("SELL", "BUY").index, side.dictionary.to_pylist()), -1])
    # A text has one number wherever it stands.
    texts: dict[str, int] = {}
    market, asset, mirror = (
        np.array([*(texts.setdefault(text, len(texts)) for text in column.dictionary.to_pylist()), -1])[
            _ints(column.indices)
        ]
        for column in (columns["market"], of_change.field("asset"), columns["mirror_asset"])
    )
    source_ms = _ints(columns["recv_ns"]) // _MS - _ints(lag)
    folded = Frames(
        shapes=tuple(parse_shape(text) for text in frame.dictionary.to_pylist()),
        texts=tuple(texts),
        shape=_ints(frame.indices),
        market=market,
        source_ms=np.where(_ints(lag.is_valid().cast(pa.int8())) == 1, source_ms, -1),
        transaction=_raw(columns["transaction_hash"], 32),
        first=_ints(changes.offsets),
        asset=asset,
        is_buy=sides[_ints(side.indices)],
        **{name: _ints(of_change.field(column)) for column, name in _NUMBERS.items()},
        spelling=_ints(of_change.field("spelling")),
        hash=_raw(of_change.field("hash"), 20),
    )
    return unfold_mirrors(folded, Mirrors(mirror, _raw(columns["mirror_hash"], 20)))


def _spans(column: Column) -> Payloads:
    """Return text or binary where it lies."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return Payloads(np.frombuffer(data or b"", np.uint8), ends[:-1], ends[1:])


def _repeated(column: Column) -> Payloads:
    """Return binary, kept once where it repeats, where it lies; what is null is empty."""
    once, number = _spans(column.dictionary), _ints(column.indices)
    return Payloads(once.data, np.append(once.begins, 0)[number], np.append(once.ends, 0)[number])


def _ints(column: Column) -> NDArray[np.int64]:
    """Return integers, -1 for null."""
    filled = column.fill_null(-1) if column.null_count else column
    made: NDArray[np.int64] = filled.to_numpy(zero_copy_only=False).astype(np.int64)
    return made


def _raw(column: Column, width: int) -> NDArray[np.uint8]:
    """Return binary of one width as rows of bytes; what is null is anything."""
    data = column.buffers()[1]
    if data is None:
        return np.zeros((len(column), width), np.uint8)
    return np.frombuffer(data, np.uint8)[column.offset * width :][: len(column) * width].reshape(-1, width)


def _int32(values: NDArray[np.int64]) -> Column:
    return pa.array(values.astype(np.int32))
