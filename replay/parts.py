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

from replay.backtest import Cell
from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.settings import Setting
from replay.whole import write_whole

__all__ = ["FIGURES", "Part", "PartStore", "decode_part", "encode_part", "part_of", "setting_name", "stacked_parts"]

Ints = NDArray[np.int64]

FIGURES = (
    "signals",
    "orders",
    "fills",
    "shares_u6",
    "cost_u6",
    "fees_u6",
    "edge_u6",
    "bought_u6",
    "gained_u6",
    "stake_u6",
)
"""
The columns of Part.figures.

edge_u6 is the sum over signals; bought_u6 the shares of buys; gained_u6 by how much the fair value at the signal was
above what its buys paid, fees included; stake_u6 the most cash that was out at once, with nothing settled before the
night was over.
"""

_SIDE, _DUE, _FAIR, _EDGE, _STATUS, _FILLED, _CASH, _FEE = (
    ORDER_COLUMNS.index(name)
    for name in ("side", "due_ns", "fair_u6", "edge_u6", "status", "filled_u6", "cash_u6", "fee_u6")
)
_NOT_SENT = (int(OrderStatus.TOO_SMALL), int(OrderStatus.CAPPED))
_SHA = 32


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


def part_of(cells: Sequence[Cell]) -> Part:
    """Sum up what settings came to on a night; cells as `run_settings` returns them."""
    figures = np.zeros((len(cells), len(FIGURES)), np.int64)
    decisions = np.zeros((len(cells), _SHA), np.uint8)
    for at, cell in enumerate(cells):
        orders = cell.orders
        # The first column numbers the cell within its batch, which says nothing about what it decided.
        digest = hashlib.sha256(np.ascontiguousarray(orders[:, 1:], "<i8").data)
        decisions[at] = np.frombuffer(digest.digest(), np.uint8)
        if not len(orders):
            continue
        status, filled = orders[:, _STATUS], orders[:, _FILLED] > 0
        bought = filled & (orders[:, _SIDE] > 0)
        worth = (orders[:, _FAIR] * orders[:, _FILLED] // 1_000_000).sum(where=bought)
        cost, fees = orders[:, _CASH].sum(where=bought), orders[:, _FEE].sum(where=bought)
        figures[at] = (
            len(orders),
            np.count_nonzero((status != _NOT_SENT[0]) & (status != _NOT_SENT[1])),
            np.count_nonzero(filled),
            orders[:, _FILLED].sum(),
            cost,
            orders[:, _FEE].sum(),
            orders[:, _EDGE].sum(),
            orders[:, _FILLED].sum(where=bought),
            worth - cost - fees,
            _stake_u6(orders[filled]),
        )
    games = len(cells[0].pnl_u6) if cells else 0
    pnl = np.array([cell.pnl_u6 for cell in cells], np.int64).reshape(len(cells), games)
    return Part(figures, pnl, decisions)


def _stake_u6(fills: Ints) -> int:
    """Return the most that was paid and not got back by sales at any moment."""
    out = fills[:, _SIDE] * fills[:, _CASH] + fills[:, _FEE]
    return int(np.cumsum(out[np.argsort(fills[:, _DUE], kind="stable")]).max(initial=0))


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
    body = data[_SHA:]
    if hashlib.sha256(body).digest() != data[:_SHA]:
        raise ValueError("part is damaged")
    wire = msgspec.msgpack.decode(body, type=_Wire)
    part = Part(
        np.frombuffer(wire.figures, "<i8").reshape(wire.cells, len(FIGURES)),
        np.frombuffer(wire.pnl, "<i8").reshape(wire.cells, wire.games),
        np.frombuffer(wire.decisions, np.uint8).reshape(wire.cells, _SHA),
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
