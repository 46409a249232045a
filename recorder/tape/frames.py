"""
Frames as columns: the scanner and the renderer facing each other.

`read_frames` turns payloads into values by shapes that it learns from them, `write_back` writes them back, and
`prove_frames` keeps of what was read only what comes back byte for byte. Nothing rests on the scanner being right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recorder.jit import interpreted
from recorder.tape.scan import (
    NAMES_MAX,
    OP_END,
    OP_ITEMS,
    OP_ITEMS_END,
    OPS,
    RECENT,
    SLOTS,
    Names,
    Program,
    Scanned,
    scan_frames,
    write_frames,
)
from recorder.tape.shapes import HOLES, SHAPES_MAX, Shape, learn_shape
from recorder.tape.walk import compare_spans

__all__ = [
    "BY_CHANGE",
    "INTERPRETED_BYTES_MAX",
    "Bytes",
    "Frames",
    "Ints",
    "Payloads",
    "ShapeBook",
    "no_frames",
    "no_names",
    "prove_frames",
    "read_frames",
    "write_back",
]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_CHANGE_BYTES_MIN = 40
INTERPRETED_BYTES_MAX = 1 << 16
"""So little is read before the compiler is loaded, and the same is read either way."""
_FAILED_MAX = 8
_KIND_BYTES = 32
_WORD = bytes(8)
"""Behind what is copied by words, and for the end of what is written so."""
_DECIMALS = ("price", "size", "best_bid", "best_ask", "spread")
_BY_FRAME = ("shape", "market", "source_ms", "transaction", "first")
BY_CHANGE = ("asset", "is_buy", "price_u6", "size_u6", "bid_u6", "ask_u6", "spelling", "hash")
"""The columns of changes."""
# A decimal is written with all its six digits before those that are not wanted are dropped.
_BYTES_MAX = dict.fromkeys(HOLES, 80) | {"timestamp": 20, "side": 4, "hash": 40} | dict.fromkeys(_DECIMALS, 27)


@dataclass(frozen=True, slots=True)
class Payloads:
    """
    The bytes of many frames where they lie.

    Shape: begins and ends i64, one a frame, byte offsets into data.
    """

    data: Bytes
    begins: Ints
    ends: Ints

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.begins)

    def __getitem__(self, at: int) -> bytes:
        """Return the bytes of one."""
        return self.data[self.begins[at] : self.ends[at]].tobytes()

    def some(self, rows: Ints) -> Iterator[bytes]:
        """Yield the bytes of some, by their numbers; what lies in one place for several is one object."""
        data = self.data.data
        made: dict[tuple[int, int], bytes] = {}
        for span in zip(self.begins[rows].tolist(), self.ends[rows].tolist(), strict=True):
            text = made.get(span)
            if text is None:
                begin, end = span
                text = made[span] = bytes(data[begin:end])
            yield text

    @classmethod
    def of(cls, payloads: Sequence[bytes]) -> Payloads:
        """Lay payloads end to end."""
        sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
        ends = np.cumsum(sizes)
        return cls(np.frombuffer(b"".join(payloads), np.uint8), ends - sizes, ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """
    What frames say, in columns.

    Shape: n frames: shape, market i64 (-1 where not of a shape, and where it names no market), source_ms i64 (-1
    absent), transaction u8 (n, 32), first i64 (n + 1): where each frame's changes begin. m changes: asset, is_buy (1, 0
    or -1 absent), price_u6, size_u6, bid_u6, ask_u6 (-1 absent or empty), spelling, all i64, hash u8 (m, 20).

    Units: decimals in millionths; market and asset are numbers into markets and assets.
    """

    shapes: tuple[Shape, ...]
    texts: tuple[str, ...]
    shape: Ints
    market: Ints
    source_ms: Ints
    transaction: Bytes
    first: Ints
    asset: Ints
    is_buy: Ints
    price_u6: Ints
    size_u6: Ints
    bid_u6: Ints
    ask_u6: Ints
    spelling: Ints
    hash: Bytes

    def __len__(self) -> int:
        """Return how many frames there are, read or not."""
        return len(self.shape)

    def some(self, rows: Ints) -> Frames:
        """Return some of the frames, by their numbers."""
        counts = np.diff(self.first)[rows]
        ends = np.cumsum(counts)
        changes = np.repeat(self.first[rows] + counts - ends, counts) + np.arange(counts.sum())
        return replace(
            self,
            first=np.concatenate(([0], ends)),
            **{name: getattr(self, name)[rows] for name in _BY_FRAME if name != "first"},
            **{name: getattr(self, name)[changes] for name in BY_CHANGE},
        )


class ShapeBook:
    """The shapes known so far, in the order in which they were learnt."""

    def __init__(self, shapes: Sequence[Shape] = ()) -> None:
        """Begin with these."""
        self.shapes = list(shapes)
        self._texts = {shape.text for shape in shapes}
        self._failed: dict[bytes, int] = {}
        self._program: Program | None = None

    def learn(self, payloads: Payloads, rows: Ints) -> None:
        """Learn all that can be learnt of frames that matched no shape."""
        data = payloads.data.data
        for begin, end in zip(payloads.begins[rows].tolist(), payloads.ends[rows].tolist(), strict=True):
            kind = bytes(data[begin : min(begin + _KIND_BYTES, end)])
            if len(self.shapes) >= SHAPES_MAX or self._failed.get(kind, 0) >= _FAILED_MAX:
                continue
            shape = learn_shape(bytes(data[begin:end]))
            if shape is None or shape.text in self._texts:
                self._failed[kind] = self._failed.get(kind, 0) + 1
                continue
            self.shapes.append(shape)
            self._texts.add(shape.text)
            self._program = None

    @property
    def program(self) -> Program:
        """All shapes as the scanner runs them."""
        if self._program is None:
            self._program = _compile(self.shapes)
        return self._program


def _compile(shapes: Sequence[Shape]) -> Program:
    ops: list[tuple[int, int, int]] = []
    begins = [0]
    literals = bytearray()

    def add(part: tuple[tuple[str, ...], tuple[str, ...]], then: int) -> None:
        for literal, op in zip(part[0], (*(OPS[name] for name in part[1]), then), strict=True):
            ops.append((op, len(literals), len(literal)))
            literals.extend(literal.encode())

    for shape in shapes:
        add(shape.head, OP_END if shape.items is None else OP_ITEMS)
        if shape.items is not None:
            add(shape.items, OP_ITEMS_END)
            add(shape.tail, OP_END)
        begins.append(len(ops))
    return Program(
        np.array(ops, np.int64).reshape(-1, 3),
        np.array(begins, np.int64),
        np.frombuffer(bytes(literals) + _WORD, np.uint8),
    )


def no_frames(count: int) -> Frames:
    """Return so many frames of which none is of a shape."""
    nothing, none = np.zeros(0, np.int64), np.full(count, -1, np.int64)
    return Frames(
        shapes=(),
        texts=(),
        **dict.fromkeys(("shape", "market", "source_ms"), none),
        transaction=np.zeros((count, 32), np.uint8),
        first=np.zeros(count + 1, np.int64),
        **{name: nothing for name in BY_CHANGE if name != "hash"},
        hash=np.zeros((0, 20), np.uint8),
    )


def read_frames(payloads: Payloads, wanted: NDArray[np.bool_], book: ShapeBook) -> Frames:
    """
    Read the wanted payloads into columns, learning their shapes on the way.

    Interpreted for a few, compiled for many: the same columns either way.
    """
    run = scan_frames
    if int((payloads.ends - payloads.begins)[wanted].sum()) <= INTERPRETED_BYTES_MAX:
        run = interpreted(scan_frames)
    mask = wanted.astype(np.int64)
    known = -1
    while len(book.shapes) > known:
        known = len(book.shapes)
        to = _room(payloads, int((payloads.ends - payloads.begins)[wanted].sum()))
        with np.errstate(over="ignore"):
            count = run(payloads.data, payloads.begins, payloads.ends, mask, book.program, to)
        # All that can be learnt of the frames that matched nothing is learnt before they are read once more.
        book.learn(payloads, np.flatnonzero(wanted & (to.shape < 0)))
    spans = to.names.spans[: to.names.spans[NAMES_MAX, 0]].tolist()
    return Frames(
        shapes=tuple(book.shapes),
        texts=tuple(payloads.data[begin:end].tobytes().decode("ascii") for begin, end in spans),
        **{name: getattr(to, name) for name in _BY_FRAME},
        **{name: getattr(to, name)[:count] for name in BY_CHANGE},
    )


def _room(payloads: Payloads, size: int) -> Scanned:
    """Return columns for as many frames and changes as there can be."""
    frames, changes = len(payloads), size // _CHANGE_BYTES_MIN + 2

    def ints(count: int) -> Ints:
        return np.empty(count, np.int64)

    return Scanned(
        **{name: ints(frames + (name == "first")) for name in ("shape", "market", "source_ms", "first")},
        transaction=np.zeros((frames, 32), np.uint8),
        **{name: ints(changes) for name in BY_CHANGE if name != "hash"},
        hash=np.zeros((changes, 20), np.uint8),
        names=no_names(),
        spread=ints(2),
    )


def no_names() -> Names:
    """Return the room for texts, with none."""
    spans = np.zeros((NAMES_MAX + 1, 2), np.int64)
    return Names(spans, np.full(SLOTS, -1, np.int64), np.full(RECENT, -1, np.int64))


def prove_frames(frames: Frames, payloads: Payloads, book: ShapeBook) -> Frames:
    """Return the frames with none left but those that are written back byte for byte."""
    written, ends = write_back(frames, book)
    begins = ends - np.diff(ends, prepend=0)
    sizes = payloads.ends - payloads.begins
    wrong = (frames.shape >= 0) & (ends - begins != sizes)
    compare = compare_spans if len(written) > INTERPRETED_BYTES_MAX else interpreted(compare_spans)
    mask = ((frames.shape >= 0) & ~wrong).astype(np.int64)
    if compare(written, begins, payloads.data, payloads.begins, sizes, mask):
        wrong |= mask < 0
    return _without(frames, wrong) if wrong.any() else frames


def _without(frames: Frames, wrong: NDArray[np.bool_]) -> Frames:
    """Return the frames with some of them as if they had never been read."""
    counts = np.diff(frames.first)
    kept = ~np.repeat(wrong, counts)
    first = np.concatenate(([0], np.cumsum(np.where(wrong, 0, counts))))
    return replace(
        frames,
        shape=np.where(wrong, -1, frames.shape),
        market=np.where(wrong, -1, frames.market),
        source_ms=np.where(wrong, -1, frames.source_ms),
        first=first,
        **{name: getattr(frames, name)[kept] for name in BY_CHANGE},
    )


def write_back(frames: Frames, book: ShapeBook) -> tuple[Bytes, Ints]:
    """Return the bytes of all frames end to end, and where each ends; a frame of no shape has none."""
    counts = np.diff(frames.first)
    fixed = np.array([*(_fixed_bytes(shape) for shape in book.shapes), (0, 0)], np.int64).reshape(-1, 2)[frames.shape]
    room = int((fixed[:, 0] + fixed[:, 1] * counts).sum())
    data = "".join(frames.texts).encode() + _WORD
    text_ends = np.cumsum([0, *map(len, frames.texts)])
    names = np.stack((text_ends[:-1], text_ends[1:]), axis=1)
    nothing = np.zeros(0, np.int64)
    of = Scanned(
        **{name: getattr(frames, name) for name in (*_BY_FRAME, *BY_CHANGE)},
        names=Names(names, nothing, nothing),
        spread=nothing,
    )
    out, ends = np.empty(room + len(_WORD), np.uint8), np.empty(len(frames), np.int64)
    run = write_frames if room > INTERPRETED_BYTES_MAX else interpreted(write_frames)
    size = run(book.program, of, np.frombuffer(data, np.uint8), out, ends)
    return out[:size], ends


def _fixed_bytes(shape: Shape) -> tuple[int, int]:
    """Return the most bytes that a frame of a shape can have: once, and for each change."""
    parts = [shape.head, shape.tail, *([] if shape.items is None else [shape.items])]
    sizes = [sum(map(len, literals)) + sum(_BYTES_MAX[name] for name in names) for literals, names in parts]
    return sizes[0] + sizes[1], (sizes[2] + 1 if shape.items is not None else 0)
