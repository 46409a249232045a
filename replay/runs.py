"""A run on disk: what a sweep writes for reports, SQL and data frames."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from replay.parts import setting_name
from replay.sweep import Sweep, code_version

if TYPE_CHECKING:
    import polars as pl

__all__ = ["featured_cell", "games_frame", "sweep_frame", "sweep_summary", "write_sweep"]


def featured_cell(sweep: Sweep) -> int:
    """Return the number of the cell with the best lower limit among those that filled at all; 0 where none did."""
    filled = [k for k, cell in enumerate(sweep.cells) if cell.fills]
    return max(filled, key=lambda k: (sweep.cells[k].ci_low, sweep.cells[k].pnl_per_game), default=0)


def sweep_frame(sweep: Sweep) -> pl.DataFrame:
    """Return the cells as a data frame: one row a cell, the columns of the JSON contract."""
    import polars as pl

    return pl.DataFrame(sweep.rows(), infer_schema_length=None)


def games_frame(sweep: Sweep) -> pl.DataFrame:
    """Return the profit of every cell in every game: cell i32, game_id str, pnl_u6 i64, cell by cell."""
    import polars as pl

    return pl.DataFrame(
        {
            "cell": [k for k in range(len(sweep.cells)) for _ in sweep.game_ids],
            "game_id": sweep.game_ids * len(sweep.cells),
            "pnl_u6": [int(value) for cell in sweep.cells for value in cell.pnl_by_game_u6[: len(sweep.game_ids)]],
        },
        schema={"cell": pl.Int32, "game_id": pl.String, "pnl_u6": pl.Int64},
    )


def sweep_summary(
    sweep: Sweep, *, seconds: float, command: Sequence[str], facts: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return what `sweep --json` prints; facts are those of the study around it."""
    return {
        "schema": "gametape.sweep/1",
        "digest": sweep.digest(),
        "tapes": [
            {"tape": tape, "digest": digest, "label": label}
            for tape, digest, label in zip(sweep.tapes, sweep.tape_digests, sweep.labels, strict=True)
        ],
        "events": sweep.events,
        "seconds": seconds,
        "strategy": sweep.strategy,
        "model": sweep.model,
        "seed": sweep.seed,
        "grid": hashlib.sha256(b"".join(setting_name(cell.setting) for cell in sweep.cells)).hexdigest(),
        "code": code_version(),
        "games": sweep.game_ids,
        "rechecked": sweep.rechecked,
        "featured": featured_cell(sweep) if sweep.cells else None,
        "command": list(command),
        **(facts or {}),
        "cells": sweep.rows(),
    }


def write_sweep(
    sweep: Sweep, folder: Path, *, seconds: float, command: Sequence[str], facts: Mapping[str, object] | None = None
) -> None:
    """Write sweep.json, cells.parquet and games.parquet (one row a cell and game) into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = sweep_summary(sweep, seconds=seconds, command=command, facts=facts)
    (folder / "sweep.json").write_bytes(msgspec.json.encode(summary) + b"\n")
    sweep_frame(sweep).write_parquet(folder / "cells.parquet")
    games_frame(sweep).write_parquet(folder / "games.parquet")
