"""
How fast the fold is: rows a second for one cell, what a thousand cells cost, and what one envelope costs live.

    python benchmarks/bench_fold.py [--tape TAPE] [--changes N] [--compile]

Only the fold is measured, from columns in memory; see bench_sweep.py for whole sweeps and bench_decode.py for decoding.
Seconds are of this process's CPU. Without --tape a simulated night is made; --compile adds how long the compiler takes
with an empty cache.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from run import machine

from recorder.tape.reader import Tape, open_tape
from replay.core.cells import Timeline
from replay.core.engine import Engine, Fold, Freshness, night_values
from replay.core.roll import Roller
from replay.counterfactual import PollPlan, timeline_of
from replay.film import Film, open_film
from replay.settings import Setting, View, cell_params
from replay.synth.night import plan_night, write_night
from strategies.fusion import SignalFuser
from strategies.models.brownian import load

ONE = [Setting(min_edge_u6=30_000, order_delay_ms=250)]
MANY = [
    Setting(view=View(poll_ms=2_000 + 500 * poll), min_edge_u6=1_000 * (10 + 2 * edge), order_delay_ms=250)
    for poll in range(20)
    for edge in range(50)
]


def fold_seconds(film: Film, settings: list[Setting], times: int, *, record: bool = False) -> tuple[float, int]:
    """The best of so many folds, in seconds of CPU, and how many orders there were."""
    views, params, _ = cell_params(settings)
    fairs, _ = night_values(load(), film.night, film.catalogue)
    timeline = timeline_of(film, views, PollPlan())
    best, orders = float("inf"), 0
    for _ in range(times):
        fold = Fold(
            SignalFuser(),
            params,
            tokens=len(film.catalogue.tokens),
            games=len(film.catalogue.games),
            freshness=Freshness(),
            view_delays_ns=[view.book_delay_ms * 1_000_000 for view in views],
            record=record,
        )
        began = time.process_time()
        fold.run(film.night, fairs, timeline, film.last_ns)
        best = min(best, time.process_time() - began)
        orders = fold.signals
    return best, orders


def film_bytes(film: Film) -> int:
    """Bytes of all columns."""
    return sum(column.nbytes for column in film.night.rows) + sum(table.nbytes for table in film.night[1:])


def film_rows(film: Film) -> int:
    """Rows of all tables: changes of books, observations of games, polls, rules."""
    return len(film.night.rows.seq) + sum(len(table) for table in film.night[1:])


def step_micros(tape: Tape, count: int, size: int) -> tuple[float, float]:
    """Microseconds an envelope costs when so many are fed at a time: in all, and for decoding alone."""
    envelopes = list(islice(tape.read(), count))
    chunks = [envelopes[at : at + size] for at in range(0, len(envelopes), size)]
    engine = Engine(SignalFuser(), load(), cell_params(ONE)[1])
    began = time.process_time()
    for chunk in chunks:
        engine.feed(chunk)
    whole = time.process_time() - began
    roller = Roller()
    began = time.process_time()
    for chunk in chunks:
        roller.roll(chunk)
    return whole / len(envelopes) * 1e6, (time.process_time() - began) / len(envelopes) * 1e6


def measure_growth(folder: Path, changes: int) -> None:
    """Print seconds for nights of so many games with as many changes each, and for so many cells of the last one."""
    told = []
    for games in (1, 2, 4, 8):
        path = folder / f"games-{games}"
        write_night(path, plan_night(8, games, "2026-01-15", changes * games // 8))
        film = open_film(open_tape(path), folder / "film")
        one, many = fold_seconds(film, ONE, 5)[0], fold_seconds(film, MANY, 3)[0]
        told.append(f"{games} games, {len(film.night.rows.seq):,} rows: one {one * 1e3:.1f} ms, 1,000 {many:.3f} s")
    print("\n".join(f"growth                    {line}" for line in told))
    for count in (125, 250, 500, 1_000):
        took, _ = fold_seconds(film, MANY[:: len(MANY) // count], 3)
        print(f"growth                    {count:,} cells {took:.3f} s")


def measure(tape: Tape, cache: Path) -> None:
    film = open_film(tape, cache)
    rows = len(film.night.rows.seq)
    print(f"rows                      {rows:12,}")
    fold_seconds(film, ONE, 1)
    one, _ = fold_seconds(film, ONE, 9)
    print(f"one cell                  {rows / one / 1e6:12.1f} M rows/s")
    kept, _ = fold_seconds(film, ONE, 3, record=True)
    print(f"one cell, evaluations too {rows / kept / 1e6:12.1f} M rows/s")
    many, orders = fold_seconds(film, MANY, 3)
    print(f"1,000 cells, 20 views     {many / one:12.1f} times one cell, {orders:,} orders")
    print(f"film in memory            {film_bytes(film) / film_rows(film):12.1f} bytes a row of any table")
    for size in (1, 100):
        whole, decoding = step_micros(tape, 100_000, size)
        print(f"engine, {size:3} at a time     {whole:12.1f} us an envelope, {decoding:.1f} of them for decoding")


def measure_compiler() -> None:
    """Print how long a process takes to its first fold, with an empty cache and with a full one."""
    code = (
        "import time; began = time.process_time(); import sys; sys.path.insert(0, 'benchmarks'); import bench_fold;"
        "bench_fold.first_fold(); print(time.process_time() - began)"
    )
    with tempfile.TemporaryDirectory() as cache:
        for name in ("compiling", "from the cache"):
            done = subprocess.run(
                ["env", f"NUMBA_CACHE_DIR={cache}", sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"first fold, {name:14}{float(done.stdout):12.1f} s of CPU")


def first_fold() -> None:
    """Fold nothing, for which all must be imported and compiled."""
    engine = Engine(SignalFuser(), load(), cell_params(ONE)[1])
    nothing = np.zeros(0, np.int64)
    timeline = Timeline(at_ns=nothing, seq=nothing, state=nothing, bounds=np.zeros((1, 2), np.int64))
    engine.fold.run(engine.roller.roll([]), nothing, timeline, 0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tape", type=Path)
    parser.add_argument("--changes", type=int, default=500_000)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        path = given.tape or Path(folder) / "night"
        if given.tape is None:
            write_night(path, plan_night(8, 8, "2026-01-15", given.changes))
        measure(open_tape(path), Path(folder) / "film")
        measure_growth(Path(folder), given.changes)
    if given.compile:
        measure_compiler()


if __name__ == "__main__":
    main()
