"""gametape on the same work: the fold from a loaded film, the sweep, and from raw frames to signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
import work

from recorder.tape.reader import open_tape
from replay.backtest import run_settings, sum_settings
from replay.core.cells import ORDER_COLUMNS
from replay.core.engine import Fold, Freshness, night_values
from replay.core.tally import FIGURES, add_up
from replay.counterfactual import PollPlan, timeline_of
from replay.film import Film, build_film
from replay.settings import Setting, cell_params

_FILLED = ORDER_COLUMNS.index("filled_u6")
FILLS_SOLD_ONCE = "a level that was filled is not filled again until its size changes"


def counts(orders: np.ndarray) -> dict[str, int]:
    """Signals, orders that were filled at all, and shares."""
    filled = orders[:, _FILLED]
    return {"signals": len(orders), "fills": int((filled > 0).sum()), "shares": int(filled.sum()) // 1_000_000}


def fold_alone(film: Film, settings: list[Setting]) -> Callable[[Callable[[np.ndarray], None]], None]:
    """Return what folds the film and shows the orders, with what the views see and fair values given, as peers have."""
    strategy, model = work.ideas()
    views, params, _ = cell_params(settings)
    fairs, _ = night_values(model, film.night, film.catalogue)
    timeline = timeline_of(film, views, PollPlan())

    def fold(on_settled: Callable[[np.ndarray], None]) -> None:
        folded = Fold(
            strategy,
            params,
            tokens=work.TOKENS,
            games=work.GAMES,
            freshness=Freshness(),
            view_delays_ns=[0] * len(views),
            record=False,
            on_settled=on_settled,
        )
        folded.run(film.night, fairs, timeline, film.last_ns)
        folded.finish()

    return fold


def replayed(film: Film) -> Callable[[], np.ndarray]:
    """Return the replay of the one cell; it gives the orders."""
    fold = fold_alone(film, [work.setting()])

    def replay() -> np.ndarray:
        blocks: list[np.ndarray] = []
        fold(lambda orders: blocks.append(orders.copy()))
        return np.concatenate(blocks)

    return replay


def swept(film: Film) -> Callable[[], np.ndarray]:
    """Return the sweep over all cells; it gives their figures, view by view as the settings are."""
    fold = fold_alone(film, work.cells())

    def sweep() -> np.ndarray:
        figures = np.zeros((len(work.cells()), len(FIGURES)), np.int64)
        fold(lambda orders: add_up(orders, figures))
        return figures

    return sweep


def sweep_case(name: str, times: tuple[float, float, Any], figures: np.ndarray, note: str) -> dict[str, Any]:
    """Return a case of the sweep from the figures of its cells."""
    signals = figures[:, FIGURES.index("signals")].tolist()
    return kit.case(
        "sweep",
        name,
        times,
        "cells",
        len(signals),
        signals=sum(signals),
        signals_of_view_0=sum(signals[: len(work.EDGES_U6)]),
        note=note,
    )


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    strategy, model = work.ideas()
    film = build_film(open_tape(folder / "tape"))
    changes = told["changes"]
    assert film.counts["LevelChange"] == changes
    run_settings(film, strategy, model, [work.setting()])
    replay, sweep = replayed(film), swept(film)
    replay(), sweep()
    times = kit.timed(replay, 3 * repeat)
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
    times = kit.timed(sweep, 2 * repeat)
    yield sweep_case("gametape, fair values given", times, times[2], "fills, fees and edges of every cell")
    times = kit.timed(lambda: sum_settings(film, strategy, model, work.cells()), repeat)
    yield sweep_case(
        "gametape, polls, P&L, digests", times, times[2].figures, "polls drawn; sha256 over all decisions of each cell"
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
