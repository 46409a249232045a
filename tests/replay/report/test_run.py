"""Runs read back: whole, or refused with the reason."""

from __future__ import annotations

import shutil

import msgspec
import numpy as np
import polars as pl
import pytest

from recorder.errors import CorruptError, UsageError
from replay.report.run import read_run


@pytest.fixture
def copy(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "copy")


def test_a_run_is_read_as_it_was_swept(run, sweep):
    """Cells, games and profits are the sweep's."""
    assert run.sweep.digest == sweep.digest()
    assert run.pnl_u6.shape == (16, 3)
    assert run.pnl_u6.tolist() == [cell.pnl_by_game_u6.tolist() for cell in sweep.cells]


def test_no_run_is_a_usage_error(tmp_path):
    """An empty folder, and one that does not exist, hint at the sweep."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="no run") as raised:
            read_run(folder)
        assert "gametape sweep" in raised.value.hint


@pytest.mark.parametrize("name", ["games.parquet", "evidence.json"])
def test_a_missing_part_is_named(copy, name):
    """A run without one of its files says which."""
    (copy / name).unlink()
    with pytest.raises(UsageError, match=name):
        read_run(copy)


@pytest.mark.parametrize("name", ["sweep.json", "games.parquet", "evidence.json"])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_cut_file_is_corrupt(copy, name, keep):
    """However much of a file is left, it is not taken for whole."""
    path = copy / name
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(CorruptError):
        read_run(copy)


def test_files_of_two_sweeps_do_not_mix(copy):
    """Profits that do not sum to the cells', too few of them, or evidence about other games are found out."""
    frame = pl.read_parquet(copy / "games.parquet")
    for wrong in (frame.with_columns(pl.col("pnl_u6") + 1), frame.head(7), frame.drop("pnl_u6")):
        wrong.write_parquet(copy / "games.parquet")
        with pytest.raises(CorruptError):
            read_run(copy)
    frame.write_parquet(copy / "games.parquet")
    card = msgspec.json.decode((copy / "sweep.json").read_bytes())
    card["games"] = card["games"][:2]
    (copy / "sweep.json").write_bytes(msgspec.json.encode(card))
    with pytest.raises(CorruptError, match="another sweep"):
        read_run(copy)


def test_another_format_and_an_empty_grid_are_refused(copy):
    """A later format is not guessed at, and a sweep without a cell has nothing to say."""
    card = msgspec.json.decode((copy / "sweep.json").read_bytes())
    (copy / "sweep.json").write_bytes(msgspec.json.encode(card | {"schema": "gametape.sweep/9"}))
    with pytest.raises(CorruptError, match="sweep/9"):
        read_run(copy)
    (copy / "sweep.json").write_bytes(msgspec.json.encode(card | {"cells": []}))
    with pytest.raises(UsageError, match="no cell"):
        read_run(copy)


def test_unknown_keys_are_no_trouble(copy):
    """The JSON contract lets keys be added."""
    card = msgspec.json.decode((copy / "sweep.json").read_bytes())
    (copy / "sweep.json").write_bytes(msgspec.json.encode(card | {"weather": "fine"}))
    assert np.array_equal(read_run(copy).pnl_u6, read_run(copy).pnl_u6)
