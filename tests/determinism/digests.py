"""
Print the ledger digests of a tape in this process, as JSON: run by the matrix under all sorts of conditions.

The words are a tape (a path or an address on object storage), chunk sizes, and executors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from recorder.tape.reader import open_tape
from replay.backtest import replay_film, replay_tape, run_settings
from replay.core.cells import Policy
from replay.executors import choose_executor
from replay.film import build_film, open_film
from replay.find import cache_folder, load_strategy
from replay.models import load_model
from replay.settings import Setting, View
from replay.store import fetch_tape, is_remote
from replay.sweep import run_sweep

BUSY = {
    "min_edge_u6": 8_000,
    "policy": Policy.EVERY,
    "cooldown_ms": 2_000,
    "order_delay_ms": 900,
    "exit_edge_u6": -20_000,
}
RECORDED = Setting(**BUSY)
VIEWS = (View(), View(7_000), View(4_000, 1, 1_300), View(30_000, 2))
NAMES = ("fusion", "brownian")


def digests(name: str, chunks: Sequence[int], executors: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield what was run, by which route, and its digest; what is run is the same whatever the route."""
    tape = open_tape(fetch_tape(name, cache_folder("s3")) if is_remote(name) else name)
    strategy, model = load_strategy(NAMES[0]), load_model(NAMES[1])
    film = open_film(tape, cache_folder("film"))
    for chunk in chunks:
        ledger = replay_tape(tape, strategy, model, RECORDED, chunk=chunk)
        yield "recorded", f"tape by {chunk}", ledger.digest()
        chopped = build_film(tape, chunk=chunk)
        yield "recorded", f"film by {chunk}", replay_film(chopped, strategy, model, RECORDED).digest()
    many = [Setting(**BUSY | {"view": view}) for view in VIEWS]
    for number, (setting, cell) in enumerate(zip(many, run_settings(film, strategy, model, many), strict=True)):
        ledger = replay_film(film, strategy, model, setting)
        assert int(cell.pnl_u6.sum()) == ledger.pnl_u6
        yield f"view {number}", "film", ledger.digest()
    yield "sweep", "alone", run_sweep([film], strategy, model, many).digest()
    for asked in executors:
        with _address(asked) as where:
            words = {"names": NAMES, "ideas": (strategy, model), "workers": 2, "rows": 1, "cells": 1}
            executor = choose_executor(where, **words)
            try:
                yield "sweep", asked, run_sweep([film], strategy, model, many, executor=executor).digest()
            finally:
                executor.close()


@contextmanager
def _address(executor: str) -> Iterator[str]:
    """Yield what `choose_executor` takes; for dask that of a cluster on loopback, within this process."""
    if executor != "dask":
        yield executor
        return
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address.replace("tcp://", "dask://")


if __name__ == "__main__":
    numbers = [int(chunk) for chunk in sys.argv[2].split(",")]
    print(json.dumps(list(digests(sys.argv[1], numbers, sys.argv[3:]))))
