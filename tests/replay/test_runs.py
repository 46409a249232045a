"""Runs on disk."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from replay.find import load_strategy
from replay.models import load_model
from replay.runs import featured_cell, sweep_frame, sweep_summary, write_sweep
from replay.settings import Setting
from replay.sweep import Sweep, run_sweep


@pytest.fixture(scope="module")
def swept(sample_film) -> Sweep:
    settings = [Setting(min_edge_u6=edge) for edge in (20_000, 50_000, 900_000)]
    return run_sweep([sample_film], load_strategy("fusion"), load_model("brownian"), settings, recheck=1)


def test_the_featured_cell(swept) -> None:
    """The cell with the best lower limit among those that filled; the first where none did, or there is none."""
    low = [cell.ci_low for cell in swept.cells]
    assert featured_cell(swept) == max((0, 1), key=lambda k: low[k])
    idle = replace(swept, cells=[replace(cell, fills=0) for cell in swept.cells])
    assert featured_cell(idle) == featured_cell(replace(swept, cells=[])) == 0


def test_a_run_on_disk_says_what_the_json_says(swept, tmp_path) -> None:
    """sweep.json is the summary; cells.parquet has a row a cell; games.parquet a row a cell and game, which add up."""
    write_sweep(swept, tmp_path / "deep" / "run", seconds=1.5, command=["gametape", "sweep"])
    folder = tmp_path / "deep" / "run"
    summary = json.loads((folder / "sweep.json").read_bytes())
    assert summary == json.loads(json.dumps(sweep_summary(swept, seconds=1.5, command=["gametape", "sweep"])))
    cells, games = pl.read_parquet(folder / "cells.parquet"), pl.read_parquet(folder / "games.parquet")
    assert cells.equals(sweep_frame(swept))
    assert cells["fills"].to_list() == [cell["fills"] for cell in summary["cells"]]
    assert len(games) == len(swept.cells) * len(swept.game_ids)
    sums = games.group_by("cell").agg(pl.col("pnl_u6").sum()).sort("cell")["pnl_u6"].to_list()
    assert sums == [cell.pnl_u6 for cell in swept.cells]


def test_a_summary_names_its_tapes_and_cells(swept) -> None:
    """The summary begins with its schema and has the tapes' digests and labels."""
    summary = sweep_summary(swept, seconds=0.0, command=[])
    assert next(iter(summary)) == "schema"
    assert summary["tapes"] == [{"tape": "sample", "digest": swept.tape_digests[0], "label": "simulated"}]
    assert summary["rechecked"] == 1
