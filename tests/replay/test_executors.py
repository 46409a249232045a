"""Executors: whoever folds, the answer is the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.errors import GametapeError, UpstreamError, UsageError
from replay.controls import Control
from replay.executors import DaskExecutor, PoolExecutor, SerialExecutor, choose_executor
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View, grid
from replay.sweep import run_sweep

NAMES = ("fusion", "brownian")
IDEAS = (load_strategy("fusion"), load_model("brownian"))
SETTINGS = grid(
    Setting(),
    min_edges_u6=[20_000, 50_000, 80_000],
    views=[View(), View(poll_ms=10_000), View(poll_ms=20_000)],
    order_delays_ms=[0, 1_000],
    venue_delays_ms=[-1],
)


@pytest.fixture(scope="module")
def serial(nights):
    return run_sweep(nights, *IDEAS, SETTINGS, recheck=0)


def test_a_pool_answers_as_one_process_does(nights, serial) -> None:
    """Two processes give the digest of one, and the re-check in this process agrees with what they folded."""
    told = []
    pooled = run_sweep(
        nights,
        *IDEAS,
        SETTINGS,
        executor=PoolExecutor(*NAMES, 2),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert pooled.digest() == serial.digest()
    assert pooled.rows() == serial.rows()
    assert told[-1] == (2 * len(SETTINGS), 2 * len(SETTINGS))
    assert len(told) == 4


def test_a_killed_worker_is_replaced(nights, serial, tmp_path) -> None:
    """A worker that is killed by SIGKILL in mid-sweep is counted, another does its work, and nothing changes."""
    mortal = Path(shutil.copy(Path(__file__).parents[1] / "mortal_fuser.py", tmp_path))
    (tmp_path / "fate").write_text("1")
    pool = PoolExecutor(f"{mortal}:MortalFuser", "brownian", 2)
    pooled = run_sweep(nights, *IDEAS, SETTINGS, recheck=0, executor=pool)
    assert pool.deaths == 1
    assert not (tmp_path / "fate").exists()
    assert pooled.digest() == serial.digest()


def test_workers_that_always_die_end_the_sweep(sample_film, tmp_path) -> None:
    """Where no pool gets anything done, the sweep gives up and says so instead of trying for ever."""
    (tmp_path / "doomed.py").write_text(
        "import os, signal\n\nclass Doomed:\n    name = 'doomed'\n\n"
        "    def run(self, *columns):\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    pool = PoolExecutor(f"{tmp_path / 'doomed.py'}:Doomed", "brownian", 1)
    with pytest.raises(GametapeError, match="die again and again"):
        run_sweep([sample_film], *IDEAS, SETTINGS[:1], executor=pool)


def test_a_worker_that_refuses_is_heard(sample_film) -> None:
    """An error of ours in a worker arrives as what it is, with its words."""
    pool = PoolExecutor("nobody", "brownian", 1)
    with pytest.raises(UsageError, match="no strategy 'nobody'") as refused:
        run_sweep([sample_film], *IDEAS, SETTINGS[:1], executor=pool)
    assert refused.value.hint


def test_a_film_that_no_worker_sees(sample_film, tmp_path) -> None:
    """A film outside the cache, or in one that a worker does not see, is refused with what to do."""
    pool = PoolExecutor(*NAMES, 1)
    with pytest.raises(UsageError, match="in no cache"):
        run_sweep([replace(sample_film, folder=None)], *IDEAS, SETTINGS[:1], executor=pool)
    with pytest.raises(UsageError, match="does not see the film") as refused:
        run_sweep([replace(sample_film, folder=tmp_path / "gone")], *IDEAS, SETTINGS[:1], executor=pool)
    assert "cache_dir" in refused.value.hint


def test_controls_travel_to_workers(nights) -> None:
    """A night that is broken on purpose is broken the same way in every process."""
    for control in Control:
        here = run_sweep(nights, *IDEAS, SETTINGS[:2], control=control)
        there = run_sweep(nights, *IDEAS, SETTINGS[:2], control=control, executor=PoolExecutor(*NAMES, 1))
        assert here.digest() == there.digest()


@pytest.mark.parametrize(
    ("kind", "workers", "rows", "expected"),
    [
        ("serial", 2, 10**9, SerialExecutor),
        ("local", None, 1, SerialExecutor),
        ("local", 1, 10**9, SerialExecutor),
        ("local", 2, 1, PoolExecutor),
        ("local", 3, 10**9, PoolExecutor),
    ],
)
def test_who_folds(kind, workers, rows, expected) -> None:
    """Processes where there is work for them or they were asked for, else this process."""
    chosen = choose_executor(kind, names=NAMES, ideas=IDEAS, workers=workers, rows=rows, cells=1_000)
    assert isinstance(chosen, expected)
    assert chosen.workers == (workers if expected is PoolExecutor else 1)


def test_an_unknown_executor_is_refused() -> None:
    """A word that names no executor is a usage error that names those there are."""
    with pytest.raises(UsageError, match="no executor 'cloud'") as refused:
        choose_executor("cloud", names=NAMES, ideas=IDEAS, workers=None, rows=1, cells=1)
    assert "dask://" in refused.value.hint


@contextmanager
def dask(role, *words):
    """A scheduler or a worker of dask.distributed on loopback."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{role}", "--host", "127.0.0.1", "--no-dashboard", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with two workers of one thread each."""
    pytest.importorskip("distributed")
    with dask("scheduler", "--port", "0") as process:
        said = next(line for line in process.stderr if "Scheduler at:" in line)
        address = said.rpartition("tcp://")[2].strip()
        worker = ("worker", f"tcp://{address}", "--nthreads", "1", "--no-nanny")
        with dask(*worker), dask(*worker):
            yield address


def test_a_cluster_answers_as_one_process_does(nights, serial, scheduler) -> None:
    """Two dask workers give the digest of one process, controls included."""
    cluster = choose_executor(f"dask://{scheduler}", names=NAMES, ideas=IDEAS, workers=None, rows=1, cells=1)
    assert isinstance(cluster, DaskExecutor)
    try:
        assert run_sweep(nights, *IDEAS, SETTINGS, executor=cluster).digest() == serial.digest()
        with pytest.raises(UsageError, match="in no cache"):
            run_sweep([replace(nights[0], folder=None)], *IDEAS, SETTINGS[:1], executor=cluster)
    finally:
        cluster.close()


def test_a_cluster_that_is_not_there() -> None:
    """Nobody at the address is an upstream error with the command that starts a scheduler."""
    pytest.importorskip("distributed")
    with pytest.raises(UpstreamError, match="no dask scheduler answers"):
        choose_executor("dask://127.0.0.1:1", names=NAMES, ideas=IDEAS, workers=None, rows=1, cells=1)
