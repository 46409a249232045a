"""
What a frame looks like but for its values: the pattern by which frames become columns and columns frames again.

Nearly all frames of a market socket are one text with other values in it. A `Shape` is that text with a name in angle
brackets for each value: `{"event_type":"price_change","market":"<market>",…,"price_changes":[{"asset_id":"<asset_id>",…
}]}`; what stands between `[` and `]` is repeated, with commas, once for each change. Shapes are learnt from the frames
themselves, so another order of keys, or a key that is new, is just another shape. A value is taken only in the one
spelling that can be written again from a number; a frame with any other stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["DERIVED", "HOLES", "SHAPES_MAX", "Shape", "learn_shape", "parse_shape"]

SHAPES_MAX = 64
"""No file has more shapes than this: a key whose literal value is never the same twice must not make a shape each."""
DERIVED = "spread"
"""The one value that no column holds: best ask less best bid, empty where either is."""

_DECIMAL = r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?"
HOLES: dict[str, str] = {
    "market": r"0x[0-9a-f]{1,78}",
    "timestamp": r"[1-9][0-9]{0,14}",
    "asset_id": r"[0-9]{1,80}",
    "side": r"BUY|SELL",
    "price": _DECIMAL,
    "size": _DECIMAL,
    "best_bid": rf"(?:{_DECIMAL})?",
    "best_ask": rf"(?:{_DECIMAL})?",
    DERIVED: rf"(?:{_DECIMAL})?",
    "hash": r"[0-9a-f]{40}",
    "transaction_hash": r"0x[0-9a-f]{64}",
}
"""Every value that a column can hold, by its key on the wire, and how it must be spelled."""
_OF_FRAME = frozenset({"market", "timestamp", "transaction_hash"})
_LENGTH_MAX = 1 << 20

_PAIR = re.compile(r'"([a-z_]+)":"([^"\\<>]*)"')
_LIST = re.compile(r"\[(\{[^\[\]{}]*\}(?:,\{[^\[\]{}]*\})*)\]")
_HOLE = re.compile(r"<([a-z_]+)>")


@dataclass(frozen=True, slots=True)
class Shape:
    """
    A frame's text with holes.

    Each part is literals and the names of the holes between them, one literal more than names. items is what is
    repeated, None where the frame tells of one thing only; head then is the whole frame and tail empty.
    """

    text: str
    head: tuple[tuple[str, ...], tuple[str, ...]]
    items: tuple[tuple[str, ...], tuple[str, ...]] | None
    tail: tuple[tuple[str, ...], tuple[str, ...]]

    @classmethod
    def parse(cls, text: str) -> Shape:
        """
        Read a shape back from its text.

        Raises:
            ValueError: a hole is unknown, stands twice or where it cannot, or the text has no asset to tell of.
        """
        listed = _LIST.search(text)
        if listed is None:
            head, items, tail = _cut(text), None, _cut("")
        else:
            head, items, tail = _cut(text[: listed.start(1)]), _cut(listed[1]), _cut(text[listed.end(1) :])
        outer = [*head[1], *tail[1]]
        inner = [] if items is None else list(items[1])
        names = outer + inner
        if len(set(names)) < len(names) or not set(names) <= set(HOLES) or "asset_id" not in names:
            raise ValueError(f"no shape of a frame: {text[:200]}")
        if items is not None and (set(outer) - _OF_FRAME or set(inner) & _OF_FRAME):
            raise ValueError(f"no shape of a frame: {text[:200]}")
        if DERIVED in inner or (DERIVED in outer and not {"best_bid", "best_ask"} <= set(outer)):
            raise ValueError(f"no shape of a frame: {text[:200]}")
        return cls(text, head, items, tail)

    @property
    def names(self) -> frozenset[str]:
        """The names of all holes."""
        return frozenset((*self.head[1], *(self.items[1] if self.items else ()), *self.tail[1]))


def learn_shape(payload: bytes) -> Shape | None:
    """Return the shape of a frame; None where it has none that could be written again."""
    if len(payload) > _LENGTH_MAX or payload[:1] != b"{" or b"<" in payload or b">" in payload:
        return None
    try:
        text = payload.decode("ascii")
    except UnicodeDecodeError:
        return None
    lists = list(_LIST.finditer(text))
    if len(lists) > 1:
        return None
    if lists:
        first = lists[0][1].partition("},{")[0]
        text = text[: lists[0].start(1)] + (first if first.endswith("}") else first + "}") + text[lists[0].end(1) :]
    try:
        return Shape.parse(_PAIR.sub(_hollow, text))
    except ValueError:
        return None


def _hollow(pair: re.Match[str]) -> str:
    key, value = pair[1], pair[2]
    pattern = HOLES.get(key)
    if pattern is None:
        return pair[0]
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{key} is not spelled as it would be written")
    return f'"{key}":"<{key}>"'


def _cut(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the literals of a text and the holes between them."""
    parts = _HOLE.split(text)
    return tuple(parts[::2]), tuple(parts[1::2])


@lru_cache(maxsize=256)
def parse_shape(text: str) -> Shape:
    """Read a shape back from its text; ValueError as `Shape.parse`."""
    return Shape.parse(text)
