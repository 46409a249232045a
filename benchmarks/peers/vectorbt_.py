"""
vectorbt: the sweep as Portfolio.from_signals, a column a cell, one token after the other, in its Rust engine.

It is given the looks of a view with their best asks and fair values in columns, so it folds no book and draws no polls;
crossings are computed in numpy, and its portfolio fills them at the ask, whole, without depth. A column for each cell
over each row is what it holds in memory, so only one view of the twenty is run, one token at a time, and the time is
multiplied; its signals are compared with those of that view.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
import vectorbt as vbt

VIEW = 0


def looks(folder: Path, token: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the asks and edges of a token at every look of the view, in order."""
    quotes, views = np.load(folder / "quotes.npy"), np.load(folder / "views.npy")
    quotes = quotes[quotes[:, 1] == token]
    seen = views[(views[:, 0] == VIEW) & (views[:, 2] == token)]
    times = np.concatenate([quotes[:, 0], seen[seen[:, 4] == 1, 1]])
    order = np.argsort(times, kind="stable")
    times = times[order]
    ask_at = np.searchsorted(quotes[:, 0], times, side="right") - 1
    fair_at = np.searchsorted(seen[:, 1], times, side="right") - 1
    known = (ask_at >= 0) & (fair_at >= 0)
    asks, fairs = quotes[ask_at[known], 2], seen[fair_at[known], 3]
    return asks, fairs - asks


def sweep(data: list[tuple[np.ndarray, np.ndarray]], edges_u6: np.ndarray, shares: float) -> int:
    signals = 0
    for asks, edge in data:
        above = edge[:, None] >= edges_u6
        entries = above.copy()
        entries[1:] &= ~above[:-1]
        portfolio = vbt.Portfolio.from_signals(
            (asks / 1e6)[:, None], entries, size=shares, accumulate=True, init_cash=1e9, freq="1s"
        )
        signals += len(portfolio.order_records)
    return signals


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    data = [looks(folder, token) for token in range(16)]
    edges = np.array(told["edges_u6"])
    sweep([(asks[:100], edge[:100]) for asks, edge in data[:1]], edges, told["shares"])
    wall, cpu, signals = kit.timed(lambda: sweep(data, edges, told["shares"]), min(repeat, 2))
    views = told["views"]
    yield kit.case(
        "sweep", "vectorbt from_signals", (wall * views, cpu * views, None), "cells", views * len(edges),
        signals_of_view_0=signals, note=f"{len(edges)} cells run, time x {views}; no depth, no delay, best asks given",
    )  # fmt: skip


if __name__ == "__main__":
    kit.main(run, "vectorbt", "vectorbt-rust", "numba", "numpy")
