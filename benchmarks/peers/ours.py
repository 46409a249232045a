"""gametape on the same work: the fold from a loaded film, the sweep, and from raw frames to signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
import work

from recorder.tape.reader import open_tape
from replay.backtest import run_settings
from replay.core.cells import ORDER_COLUMNS
from replay.core.engine import Fold, Freshness, night_values
from replay.counterfactual import PollPlan, timeline_of
from replay.film import Film, build_film
from replay.settings import cell_params

_FILLED = ORDER_COLUMNS.index("filled_u6")
FILLS_SOLD_ONCE = "a level that was filled is not filled again until its size changes"


def counts(orders: np.ndarray) -> dict[str, int]:
    """Signals, orders that were filled at all, and shares."""
    filled = orders[:, _FILLED]
    return {"signals": len(orders), "fills": int((filled > 0).sum()), "shares": int(filled.sum()) // 1_000_000}


def fold_alone(film: Film) -> Callable[[], np.ndarray]:
    """Return what folds the film with fair values at hand, as every peer has them, and gives the orders."""
    strategy, model = work.ideas()
    views, params, _ = cell_params([work.setting()])
    fairs, _ = night_values(model, film.night, film.catalogue)
    timeline = timeline_of(film, views, PollPlan())

    def fold() -> np.ndarray:
        folded = Fold(strategy, params, tokens=work.TOKENS, games=work.GAMES, freshness=Freshness(), record=False)
        folded.run(film.night, fairs, timeline, film.last_ns)
        folded.finish()
        return folded.orders()

    return fold


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    strategy, model = work.ideas()
    film = build_film(open_tape(folder / "tape"))
    changes = told["changes"]
    assert film.counts["LevelChange"] == changes
    run_settings(film, strategy, model, [work.setting()])
    fold = fold_alone(film)
    fold()
    times = kit.timed(fold, 3 * repeat)
    yield kit.case(
        "replay",
        "gametape, fair values given",
        times,
        "level changes",
        changes,
        **counts(times[2]),
        note=FILLS_SOLD_ONCE,
    )
    times = kit.timed(lambda: run_settings(film, strategy, model, [work.setting()]), 3 * repeat)
    yield kit.case(
        "replay", "gametape, model and P&L too", times, "level changes", changes, **counts(times[2][0].orders),
        note=FILLS_SOLD_ONCE,
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
