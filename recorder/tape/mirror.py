"""
The two halves of a pair, facing each other: a change told of both tokens of a market is kept once.

The venue tells most changes twice in one frame: of one token, and mirrored of the other, as a dollar less the price on
the other side of the book. Where all of the second change follows so from the first, only its token and hash are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recorder.tape.frames import BY_CHANGE, Bytes, Frames, Ints

__all__ = ["Mirrors", "fold_mirrors", "unfold_mirrors"]

_ONE_U6 = 1_000_000


@dataclass(frozen=True, slots=True)
class Mirrors:
    """
    What is left of second changes, one element a frame.

    Shape: asset i64, the number of its text, -1 where a frame has none; hash u8 (n, 20), anything where it has none.
    """

    asset: Ints
    hash: Bytes


def fold_mirrors(frames: Frames) -> tuple[Frames, Mirrors]:
    """Return frames without the second changes that follow from the first, and what is left of those."""
    pairs = np.flatnonzero(np.diff(frames.first) == 2)
    ones = frames.first[pairs]
    follows = np.ones(len(pairs), bool)
    for name, said in _mirrored(frames, ones).items():
        follows &= getattr(frames, name)[ones + 1] == said
    pairs, others = pairs[follows], ones[follows] + 1
    asset, hashed = np.full(len(frames), -1, np.int64), np.zeros((len(frames), 20), np.uint8)
    asset[pairs], hashed[pairs] = frames.asset[others], frames.hash[others]
    kept = np.ones(len(frames.asset), bool)
    kept[others] = False
    counts = np.diff(frames.first) - (asset >= 0)
    changes = {name: getattr(frames, name)[kept] for name in BY_CHANGE}
    return replace(frames, first=_first(counts), **changes), Mirrors(asset, hashed)


def unfold_mirrors(frames: Frames, mirrors: Mirrors) -> Frames:
    """Return frames with their second changes again."""
    pairs = np.flatnonzero(mirrors.asset >= 0)
    counts = np.diff(frames.first)
    first = _first(counts + (mirrors.asset >= 0))
    times = np.ones(len(frames.asset), np.int64)
    times[frames.first[pairs]] = 2
    others = first[pairs] + 1
    changes: dict[str, Any] = {name: np.repeat(getattr(frames, name), times, axis=0) for name in BY_CHANGE}
    for name, said in _mirrored(frames, frames.first[pairs]).items():
        changes[name][others] = said
    changes["asset"][others], changes["hash"][others] = mirrors.asset[pairs], mirrors.hash[pairs]
    return replace(frames, first=first, **changes)


def _mirrored(frames: Frames, at: Ints) -> dict[str, Ints]:
    """Return what the mirror of some changes says, but for token and hash."""
    spelling = frames.spelling[at]
    return {
        "is_buy": 1 - frames.is_buy[at],
        "price_u6": _ONE_U6 - frames.price_u6[at],
        "size_u6": frames.size_u6[at],
        "bid_u6": _less(frames.ask_u6[at]),
        "ask_u6": _less(frames.bid_u6[at]),
        "spelling": (spelling & 0xFF) | (spelling >> 12 & 15) << 8 | (spelling >> 8 & 15) << 12,
    }


def _less(price_u6: Ints) -> Ints:
    """Return a dollar less a price, -1 where there is none."""
    return np.where(price_u6 < 0, -1, _ONE_U6 - price_u6)


def _first(counts: Ints) -> Ints:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
