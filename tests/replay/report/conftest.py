"""One small sweep of the sample tape, with its evidence, for every test of the report."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recorder.tape.reader import open_tape
from replay.counterfactual import PollPlan
from replay.executors import SerialExecutor
from replay.film import build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.report.evidence import gather
from replay.report.facts import Overlay, Span
from replay.report.run import CellRow, Run, read_run
from replay.runs import featured_cell, write_sweep
from replay.selection import choice_of, judge_grid, overfit_of, run_controls, walk_forward
from replay.settings import Setting, View, grid
from replay.study import Study
from replay.sweep import run_sweep

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"


@pytest.fixture(scope="session")
def film():
    """The sample night, decoded."""
    return build_film(open_tape(SAMPLE))


@pytest.fixture(scope="session")
def sweep(film):
    """A grid of 2 min-edges x 2 polls x 2 phases x 2 order delays."""
    settings = grid(
        Setting(),
        min_edges_u6=[30_000, 60_000],
        views=[View(poll_ms=poll, phase=phase) for poll in (5_000, 15_000) for phase in (0, 1)],
        order_delays_ms=[0, 1_000],
        venue_delays_ms=[-1],
    )
    return run_sweep([film], load_strategy("fusion"), load_model("brownian"), settings, polls=PollPlan(), recheck=0)


@pytest.fixture(scope="session")
def evidence(film, sweep):
    """What the page says of the featured cell."""
    return gather([film], load_strategy("fusion"), load_model("brownian"), sweep, featured_cell(sweep))


@pytest.fixture(scope="session")
def study(film, sweep):
    """The sweep with what is said of its choice: three games are too few for most of it."""
    executor = SerialExecutor(load_strategy("fusion"), load_model("brownian"))
    chosen = sweep.cells[featured_cell(sweep)]
    return Study(
        sweep=sweep,
        choice=choice_of(sweep, trials=1_234),
        walk=walk_forward(sweep),
        overfit=overfit_of(sweep),
        grid=judge_grid(sweep),
        controls=run_controls([film], executor, chosen.setting, chosen.pnl_per_game),
    )


@pytest.fixture(scope="session")
def run_folder(sweep, study, evidence, tmp_path_factory):
    """The run as the verb sweep writes it."""
    folder = tmp_path_factory.mktemp("run")
    command = ["gametape", "sweep", "sample", "--out", "a run"]
    write_sweep(sweep, folder, seconds=1.0, command=command, facts=study.facts())
    evidence.write(folder / "evidence.json")
    return folder


@pytest.fixture(scope="session")
def run(run_folder):
    """The run, read back."""
    return read_run(run_folder)


@pytest.fixture(scope="session")
def big_run(run):
    """Forty games with as many points as an overlay may have, 19 minimum edges x 5 polls x 4 order delays."""
    return grown(run, games=40, edges=19, polls=5, delays=4)


def grown(run: Run, *, games: int, edges: int, polls: int, delays: int) -> Run:
    """The run with other numbers of games and cells, its figures drawn from a seed."""
    draw = random.Random(7)
    facts = [
        msgspec.structs.replace(
            run.evidence.games[0],
            game_id=f"nba:{k}",
            start_ns=1_768_521_600_000_000_000 + k * 3_600_000_000_000,
            pnl_u6=draw.randrange(-20_000_000, 20_000_000),
            overlay=walk(draw),
        )
        for k in range(games)
    ]
    cells = [
        msgspec.structs.replace(
            run.sweep.cells[0], min_edge_c=1 + edge / 2, poll_s=2.0 + poll, phase=0, order_delay_ms=250 * delay
        )
        for delay in range(delays)
        for poll in range(polls)
        for edge in range(edges)
    ]
    generator = np.random.default_rng(7)
    pnl = generator.integers(-9_000_000, 10_000_000, (len(cells), games))
    cells = [priced(cell, int(total)) for cell, total in zip(cells, pnl.sum(axis=1), strict=True)]
    sweep = msgspec.structs.replace(run.sweep, cells=cells, games=[fact.game_id for fact in facts], featured=5)
    evidence = msgspec.structs.replace(run.evidence, games=facts, featured=5)
    return replace(run, sweep=sweep, evidence=evidence, pnl_u6=pnl)


def priced(cell: CellRow, total: int) -> CellRow:
    return msgspec.structs.replace(cell, pnl_u6=total)


def walk(draw: random.Random) -> Overlay:
    """An overlay of 600 points a series that never stands still."""
    times = [k * 120 for k in range(600)]
    prices = [500]
    for _ in times[1:]:
        prices.append(min(max(prices[-1] + draw.randrange(-30, 31), 10), 990))
    return Overlay(
        begin_ns=1_768_521_600_000_000_000,
        length_ds=72_000,
        score=[(k * 700, k, k - k % 7) for k in range(100)],
        mid=list(zip(times, prices, strict=True)),
        band=[(at, price - 10, price + 10) for at, price in zip(times, prices, strict=True)],
        fair=[(at, min(price + 13, 1000)) for at, price in zip(times, prices, strict=True)],
        signals=[(k * 3_000, 1, 400) for k in range(20)],
        fills=[(k * 3_000 + 20, -1, 400) for k in range(20)],
        exits=[],
        gaps=[Span(100, 400, "book")],
    )
