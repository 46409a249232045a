"""A run as `gametape sweep --out` left it: read back, checked, and put into numbers that a page can be made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from recorder.errors import CorruptError, UsageError
from replay.judgements import Broken, GridTest, Overfit, Step
from replay.report.facts import Evidence, read_evidence

__all__ = [
    "CellRow",
    "Run",
    "SelectionCard",
    "SweepCard",
    "TapeCard",
    "read_run",
]

_SCHEMA = "gametape.sweep/1"


class TapeCard(msgspec.Struct, frozen=True):
    """One tape of a sweep."""

    tape: str
    digest: str
    label: str = ""


class CellRow(msgspec.Struct, frozen=True):
    """What is needed of a cell, as `sweep --json` prints it; None where polls or venue delay are as recorded."""

    min_edge_c: float
    poll_s: float | None
    phase: int
    order_delay_ms: int
    book_delay_ms: int
    venue_delay_ms: int | None
    policy: str
    model: str
    signals: int
    fills: int
    pnl_u6: int


class SelectionCard(msgspec.Struct, frozen=True):
    """What the sweep says of its own choice; `replay.selection` says what each figure means."""

    cell: int
    trials: int
    deflated_sharpe: float | None = None
    walk_forward: list[Step] = []
    overfit: Overfit | None = None
    grid: GridTest | None = None
    controls: list[Broken] = []


class SweepCard(msgspec.Struct, frozen=True):
    """The summary of a sweep."""

    schema: str
    digest: str
    tapes: list[TapeCard]
    events: int
    seconds: float
    strategy: str
    model: str
    seed: int
    games: list[str]
    rechecked: int
    featured: int | None
    command: list[str]
    cells: list[CellRow]
    grid: str = ""
    code: str = ""
    control: str | None = None
    selection: SelectionCard | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A sweep and its evidence. pnl_u6 int64 (cells, games), in the order of both."""

    sweep: SweepCard
    pnl_u6: NDArray[np.int64]
    evidence: Evidence


def read_run(folder: Path) -> Run:
    """
    Read a run.

    Raises:
        UsageError: there is no run in the folder.
        CorruptError: a file is damaged, or they do not belong together.
    """
    try:
        sweep = msgspec.json.decode((folder / "sweep.json").read_bytes(), type=SweepCard)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"there is no run at {folder}", hint="gametape sweep TAPE... --out DIR") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError(f"{folder / 'sweep.json'} is not a sweep", why=str(error), hint="sweep again") from error
    if sweep.schema != _SCHEMA:
        raise CorruptError(f"{folder / 'sweep.json'} is {sweep.schema}, not {_SCHEMA}", hint="sweep again")
    if not sweep.cells:
        raise UsageError(f"the sweep at {folder} has no cell", hint="gametape sweep TAPE... --min-edge 1:10:1")
    evidence = read_evidence(folder / "evidence.json")
    if not 0 <= evidence.featured < len(sweep.cells) or len(evidence.games) != len(sweep.games):
        raise CorruptError(f"the evidence in {folder} is of another sweep", hint="sweep again")
    return Run(sweep=sweep, pnl_u6=_by_game(folder / "games.parquet", sweep), evidence=evidence)


def _by_game(path: Path, sweep: SweepCard) -> NDArray[np.int64]:
    """Read the profit of every cell in every game and hold it against the summary."""
    shape = (len(sweep.cells), len(sweep.games))
    try:
        frame = pl.read_parquet(path)
        values = frame["pnl_u6"].to_numpy().astype(np.int64)
    except FileNotFoundError:
        raise UsageError(f"there is no {path.name} in {path.parent}", hint="gametape sweep TAPE... --out DIR") from None
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError) as error:
        raise CorruptError(f"{path} cannot be read", why=str(error).splitlines()[0], hint="sweep again") from error
    if len(values) != shape[0] * shape[1]:
        raise CorruptError(f"{path} has {len(values)} rows, not {shape[0] * shape[1]}", hint="sweep again")
    table = values.reshape(shape)
    if shape[1] and table.sum(axis=1).tolist() != [cell.pnl_u6 for cell in sweep.cells]:
        raise CorruptError(
            f"{path} is of another sweep", why="its profits do not sum to the cells'", hint="sweep again"
        )
    return table
