"""
polars: the sweep as `join_asof`, view by view. Stateless: it counts crossings, and fills nothing.

It is given the best ask after every message, so it folds no book either.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
import polars as pl


def crossings(quotes: pl.DataFrame, seen: pl.DataFrame, edges_u6: list[int]) -> list[int]:
    """Return how often the edge came to each threshold from below, on one view."""
    fairs = seen.select("recv_ns", "token", "fair_u6")
    moves = seen.filter(pl.col("moved") == 1).select("recv_ns", "token")
    looks = pl.concat(
        [
            quotes.join_asof(fairs, on="recv_ns", by="token", check_sortedness=False),
            moves.join_asof(quotes, on="recv_ns", by="token", check_sortedness=False)
            .join_asof(fairs, on="recv_ns", by="token", check_sortedness=False)
            .select("recv_ns", "token", "ask_u6", "fair_u6"),
        ]
    )
    edge = pl.col("fair_u6") - pl.col("ask_u6")
    before = pl.col("edge").shift(1).over("token")
    looks = (
        looks.drop_nulls()
        .sort("recv_ns", maintain_order=True)
        .select("token", edge=edge)
        .with_columns(before=before)
        .filter((pl.col("edge") != pl.col("before")) | pl.col("before").is_null())
        .with_columns(pl.col("before").fill_null(-(1 << 40)))
    )
    crossed = looks.select(
        ((pl.col("edge") >= least) & (pl.col("before") < least)).sum().alias(str(least)) for least in edges_u6
    )
    return list(crossed.row(0))


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    quotes = pl.DataFrame(np.load(folder / "quotes.npy"), schema=["recv_ns", "token", "ask_u6"])
    views = pl.DataFrame(np.load(folder / "views.npy"), schema=["view", "recv_ns", "token", "fair_u6", "moved"])
    seen = [views.filter(pl.col("view") == view) for view in range(told["views"])]

    def sweep() -> int:
        return sum(sum(crossings(quotes, one, told["edges_u6"])) for one in seen)

    times = kit.timed(sweep, repeat)
    yield kit.case(
        "sweep", "polars join_asof", times, "cells", told["views"] * len(told["edges_u6"]), signals=times[2],
        note="no fills, no P&L, no polls drawn, best asks given",
    )  # fmt: skip


if __name__ == "__main__":
    kit.main(run, "polars", "numpy")
