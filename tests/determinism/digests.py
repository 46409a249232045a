"""Print the ledger digests of a tape in this process, as JSON: run by the matrix under all sorts of conditions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from recorder.tape.reader import open_tape
from replay.backtest import replay_film, replay_tape, run_settings
from replay.core.cells import Policy
from replay.film import build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View
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


def digests(path: Path, chunks: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """Yield what was run and its digest."""
    tape, strategy, model = open_tape(path), load_strategy("fusion"), load_model("brownian")
    film = build_film(tape)
    for chunk in chunks:
        yield f"recorded, tape by {chunk}", replay_tape(tape, strategy, model, RECORDED, chunk=chunk).digest()
        chopped = build_film(tape, chunk=chunk)
        yield f"recorded, film by {chunk}", replay_film(chopped, strategy, model, RECORDED).digest()
    many = [Setting(**BUSY | {"view": view}) for view in VIEWS]
    for setting, cell in zip(many, run_settings(film, strategy, model, many), strict=True):
        ledger = replay_film(film, strategy, model, setting)
        assert int(cell.pnl_u6.sum()) == ledger.pnl_u6
        yield f"view {setting.view.poll_ms} {setting.view.book_delay_ms}", ledger.digest()
    yield "sweep", run_sweep([film], strategy, model, many).digest()


if __name__ == "__main__":
    print(json.dumps(dict(digests(Path(sys.argv[1]), tuple(map(int, sys.argv[2].split(",")))))))
