"""
Parts: what a batch of settings came to on one night, small enough to send and to keep.

A part is what a worker hands back and what `--resume` finds: encoder and decoder face each other here, and a part that
was cut short or changed on disk is taken for one that is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.tally import FIGURES, SHA_WIDTH
from replay.settings import Setting
from replay.whole import write_whole

__all__ = ["Part", "PartStore", "decode_part", "encode_part", "setting_name", "stacked_parts"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """
    Cells on one night.

    Shape: figures i64 (cells, len(FIGURES)); pnl_u6 i64 (cells, games), by game of the night's catalogue; decisions u8
    (cells, 32), the sha256 over each cell's orders.
    """

    figures: Ints
    pnl_u6: Ints
    decisions: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.figures)

    def row(self, at: int) -> Part:
        """Return one cell as a part of its own."""
        return Part(self.figures[at : at + 1], self.pnl_u6[at : at + 1], self.decisions[at : at + 1])


class _Wire(msgspec.Struct, frozen=True, array_like=True):
    cells: int
    games: int
    figures: bytes
    pnl: bytes
    decisions: bytes
    settings: list[bytes]


def stacked_parts(parts: Sequence[Part]) -> Part:
    """Return parts of the same night as one, in their order."""
    if len(parts) == 1:
        return parts[0]
    return Part(
        np.concatenate([part.figures for part in parts]),
        np.concatenate([part.pnl_u6 for part in parts]),
        np.concatenate([part.decisions for part in parts]),
    )


def encode_part(part: Part, settings: Sequence[bytes] = ()) -> bytes:
    """Render a part, its own sha256 in front; settings names the cells where somebody will look for them."""
    body = msgspec.msgpack.encode(
        _Wire(
            len(part),
            part.pnl_u6.shape[1],
            np.ascontiguousarray(part.figures, "<i8").tobytes(),
            np.ascontiguousarray(part.pnl_u6, "<i8").tobytes(),
            part.decisions.tobytes(),
            list(settings),
        )
    )
    return hashlib.sha256(body).digest() + body


def decode_part(data: bytes) -> tuple[Part, list[bytes]]:
    """
    Return a part and the names of its cells.

    Raises:
        ValueError: these are not the bytes of a part, or not all of them.
    """
    body = data[SHA_WIDTH:]
    if hashlib.sha256(body).digest() != data[:SHA_WIDTH]:
        raise ValueError("part is damaged")
    wire = msgspec.msgpack.decode(body, type=_Wire)
    part = Part(
        np.frombuffer(wire.figures, "<i8").reshape(wire.cells, len(FIGURES)),
        np.frombuffer(wire.pnl, "<i8").reshape(wire.cells, wire.games),
        np.frombuffer(wire.decisions, np.uint8).reshape(wire.cells, SHA_WIDTH),
    )
    return part, wire.settings


class PartStore:
    """
    The finished parts of a sweep, in a folder.

    A cell is found again under its context, a hash over what it ran on (film, code, strategy, model, polls, control),
    and its setting, whatever batch it was in: another number of workers or a wider grid finds what is there.
    """

    def __init__(self, folder: Path) -> None:
        """Use this folder; it is made with the first part."""
        self._folder = folder

    def clear(self) -> None:
        """Forget all parts."""
        for path in self._folder.glob("*.part"):
            path.unlink()

    def known(self, context: str) -> dict[bytes, Part]:
        """Return the cells of a context, by the name of their setting."""
        found: dict[bytes, Part] = {}
        for path in sorted(self._folder.glob(f"{context[:32]}-*.part")):
            try:
                part, settings = decode_part(path.read_bytes())
            except ValueError:
                continue
            found.update((name, part.row(at)) for at, name in enumerate(settings))
        return found

    def keep(self, context: str, settings: Sequence[Setting], part: Part) -> None:
        """Write a finished part down; it is there whole or not at all."""
        names = [setting_name(setting) for setting in settings]
        data = encode_part(part, names)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{context[:32]}-{hashlib.sha256(b''.join(names)).hexdigest()[:32]}.part"
        write_whole(path, data)


def setting_name(setting: Setting) -> bytes:
    """Return a setting's name in a store: 16 bytes of a hash over all of its values."""
    return hashlib.sha256(msgspec.json.encode(setting.describe(), order="sorted")).digest()[:16]
