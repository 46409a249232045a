"""
How long a sweep takes: one cell and a thousand, from a loaded film; and `gametape sweep` as a whole process.

A busy simulated night is made once and kept in the folder for temporary files; EVENTS in the environment says how busy
(level changes, 2,000,000 by default).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from replay.backtest import sum_settings
from replay.film import load_film, open_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View
from replay.synth.night import plan_night, write_night

EVENTS = int(os.environ.get("EVENTS", "2000000"))
CACHE = Path(tempfile.gettempdir()) / "gametape-bench"
POLLS_MS = [2_000 + 500 * k for k in range(20)]
EDGES_C = [1 + k / 5 for k in range(50)]
REPEATS = 3


def best(function) -> float:
    """The best of some runs, in seconds: the machine can only make it slower."""
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    path = CACHE / f"night-{EVENTS}"
    if not path.exists():
        write_night(path, plan_night(8, 8, "2026-01-15", EVENTS))
        seal_tape(path)
    tape = open_tape(path)
    film = open_film(tape, CACHE / "cache" / "film")
    assert film.folder is not None
    rows = len(film.night.rows.seq)
    ideas = load_strategy("fusion"), load_model("brownian")
    one = [Setting(min_edge_u6=30_000, order_delay_ms=250)]
    many = [
        Setting(view=View(poll_ms), min_edge_u6=round(edge * 10_000), order_delay_ms=250)
        for poll_ms in POLLS_MS
        for edge in EDGES_C
    ]
    sum_settings(film, *ideas, one)
    print(f"film: {film.events:,} envelopes, {rows:,} rows")
    print(f"film mapped: {best(lambda: load_film(film.folder, tape.name)) * 1000:.1f} ms")
    alone, all_of_them = best(lambda: sum_settings(film, *ideas, one)), best(lambda: sum_settings(film, *ideas, many))
    print(f"one cell: {alone:.3f} s, {rows / alone / 1e6:.1f} M rows/s")
    print(f"1,000 cells (50 edges x 20 polls): {all_of_them:.3f} s, {all_of_them / alone:.1f} x one cell")
    polls, edges = ",".join(f"{poll / 1000:g}" for poll in POLLS_MS), ",".join(f"{edge:g}" for edge in EDGES_C)
    environment = {
        **os.environ,
        "GAMETAPE_CACHE_DIR": str(CACHE / "cache"),
        "GAMETAPE_TRIALS_DIR": str(CACHE / "trials"),
    }
    words = ["sweep", str(path), "--min-edge", edges, "--poll", polls, "--order-delay", "250ms", "--json"]
    for executor in (["--executor", "serial"], ["--workers", "2"]):
        command = [sys.executable, "-m", "replay.cli", *words, *executor]
        said = b""

        def spoken(command: list[str] = command) -> None:
            nonlocal said
            said = subprocess.run(command, env=environment, capture_output=True, check=True).stdout

        seconds = best(spoken)
        told = json.loads(said)
        print(
            f"gametape sweep {' '.join(executor)}: {seconds:.2f} s, {len(told['cells']):,} cells, {told['digest'][:16]}"
        )


if __name__ == "__main__":
    main()
