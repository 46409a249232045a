"""The notebook interface, and the page that shows it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import replay
from recorder.errors import UsageError
from replay.cli import run
from replay.settings import Setting
from replay.synth.night import plan_night, write_night

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
PAGE = (ROOT / "docs" / "backtesting.md").read_text()
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _own_folders(cache_dir, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)


def gametape(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "replay.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_importing_loads_nothing_heavy() -> None:
    """`import replay` is free; the interface loads when it is asked for, and a wrong name is an AttributeError."""
    code = (
        "import sys, replay; sys.exit(any(name in sys.modules for name in ('numpy', 'numba', 'polars', 'replay.api')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = replay.nothing_like_it


def test_a_notebook_says_what_the_command_line_says() -> None:
    """The same question has the same digest and the same cells in both."""
    results = replay.open(SAMPLE).sweep([3, 4.5], poll="10,30", phases=2, order_delay=["0", "1s"], venue_delay="2s")
    words = ("--min-edge", "3,4.5", "--poll", "10,30", "--phases", "2", "--order-delay", "0,1s", "--venue-delay", "2s")
    told = json.loads(gametape("sweep", str(SAMPLE), *words, "--json").stdout)
    assert results.digest == told["digest"]
    assert results.cells.to_dicts() == told["cells"]
    assert results.choice["cell"] == told["featured"]


def test_frames_fit_together(tmp_path) -> None:
    """Games, cells and orders tell of the same profits, fills and fees, over several nights."""
    write_night(tmp_path / "second", plan_night(5, 2, "2026-01-16", 3_000))
    nights = replay.open(SAMPLE, tmp_path / "second")
    assert len(nights) == 2
    assert nights.games.group_by("tape").len().sort("tape")["len"].to_list() == [3, 2]
    results = nights.sweep("4", base=Setting(size_u6=5_000_000), executor="serial")
    cell = results.cells.row(0, named=True)
    orders = results.orders(0)
    assert len(results.games) == 5
    assert results.games["pnl_u6"].sum() == cell["pnl_u6"]
    assert set(results.games["game_id"]) == set(nights.games["game_id"])
    assert (len(orders), (orders["filled_u6"] > 0).sum()) == (cell["signals"], cell["fills"])
    assert orders["fee_u6"].sum() == cell["fees_u6"]
    assert set(orders["status"]) <= {"filled", "partial", "no_liquidity", "in_gap", "too_small", "capped", "expired"}
    assert orders.filter(pl.col("size_u6") > 5_000_000).is_empty()


def test_a_cell_without_orders_is_an_empty_frame() -> None:
    """An edge that nobody offers gives a frame with the same columns and no row."""
    results = replay.open(SAMPLE).sweep([4, 99], executor="serial")
    full, empty = results.orders(0), results.orders(1)
    assert (len(empty), empty.columns) == (0, full.columns)
    assert empty.schema == full.schema


def test_wrong_questions_are_refused_in_words() -> None:
    """What the command line refuses, the notebook refuses."""
    with pytest.raises(UsageError, match="no tape was named"):
        replay.open()
    nights = replay.open(SAMPLE)
    for wrong in ({"order_delay": "0.0001ms"}, {"min_edge": "many"}, {"poll": 0.1}, {"executor": "cloud"}):
        with pytest.raises(UsageError):
            nights.sweep(**wrong)


def test_the_page_runs(tmp_path, capsys) -> None:
    """Every command of docs/backtesting.md exits 0 and every block of Python runs, in their order, in one folder."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    names: dict[str, object] = {}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "docs/backtesting.md", "exec"), names)
            continue
        for line in text.strip().splitlines():
            program, *words = shlex.split(line, comments=True)
            # In this process: a dozen programs would each load the same libraries first.
            assert (program, run(words)) == ("gametape", 0), f"{line}\n{capsys.readouterr().err}"
    assert (tmp_path / "runs" / "first" / "controls.json").exists()
    assert len(BLOCKS) >= 8
