"""gametape on the same work: the fold from a loaded film, the sweep, and from raw frames to signals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
import work

from recorder.tape.reader import open_tape
from replay.backtest import run_settings
from replay.core.cells import ORDER_COLUMNS
from replay.film import build_film

_FILLED = ORDER_COLUMNS.index("filled_u6")
FILLS_SOLD_ONCE = "a level that was filled is not filled again until its size changes"


def counts(orders: np.ndarray) -> dict[str, int]:
    """Signals, orders that were filled at all, and shares."""
    filled = orders[:, _FILLED]
    return {"signals": len(orders), "fills": int((filled > 0).sum()), "shares": int(filled.sum()) // 1_000_000}


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    strategy, model = work.ideas()
    film = build_film(open_tape(folder / "tape"))
    changes = told["changes"]
    assert film.counts["LevelChange"] == changes
    run_settings(film, strategy, model, [work.setting()])
    times = kit.timed(lambda: run_settings(film, strategy, model, [work.setting()]), 3 * repeat)
    yield kit.case(
        "replay", "gametape", times, "level changes", changes, **counts(times[2][0].orders),
        note=f"model asked in the time; {FILLS_SOLD_ONCE}",
    )  # fmt: skip
    times = kit.timed(lambda: run_settings(film, strategy, model, work.cells()), repeat)
    signals = [len(cell.orders) for cell in times[2]]
    yield kit.case(
        "sweep",
        "gametape",
        times,
        "cells",
        len(signals),
        signals=sum(signals),
        signals_of_view_0=sum(signals[: len(work.EDGES_U6)]),
        note="fills, P&L, polls drawn",
    )
    for layout, note in (("hot", "from the bytes as they arrived"), ("tape", "from the sealed tape")):
        tape = folder / layout

        def raw(tape: Path = tape) -> np.ndarray:
            return run_settings(build_film(open_tape(tape)), strategy, model, [work.setting()])[0].orders

        times = kit.timed(raw, repeat)
        frames = changes + told["snapshots"]
        yield kit.case(
            "raw", f"gametape, {layout}", times, "frames", frames, **counts(times[2]),
            note=f"{note}; checksums, model and fills in the time",
        )  # fmt: skip
    times = kit.timed(lambda: len(build_film(open_tape(folder / "hot")).night.rows.seq), repeat)
    yield kit.case("decode", "gametape, hot, to columns", times, "frames", frames, note="checksums, prices as integers")


if __name__ == "__main__":
    kit.main(run, "gametape", "numba", "numpy")
