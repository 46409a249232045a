"""`gametape sweep`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from recorder.errors import Exit, UsageError
from replay.cli import run as program
from replay.runfolder import held_folder
from replay.verbs.replay import replay
from replay.verbs.sweep import sweep

SAMPLE = str(Path(__file__).resolve().parents[3] / "data" / "sample")
CELL_CONTRACT = {
    "min_edge_c",
    "poll_s",
    "phase",
    "order_delay_ms",
    "signals",
    "fills",
    "pnl_per_game",
    "ci_low",
    "ci_high",
}


@pytest.fixture(autouse=True)
def _our_cache(cache_dir, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(sweep, words, catch_exceptions=False)


def test_the_json_contract() -> None:
    """The keys that scripts may count on are there, a row a cell, phases only where polls are simulated."""
    words = ("--min-edge", "3:5:1", "--poll", "10,30", "--phases", "2", "--order-delay", "0,1s", "--json")
    told = json.loads(run(SAMPLE, *words).stdout)
    assert next(iter(told)) == "schema"
    assert told["schema"] == "gametape.sweep/1"
    assert {"digest", "events", "seconds", "cells"} <= set(told)
    assert len(told["cells"]) == 3 * 2 * 2 * 2
    assert set(told["cells"][0]) >= CELL_CONTRACT
    assert {(cell["poll_s"], cell["phase"]) for cell in told["cells"]} == {(10.0, 0), (10.0, 1), (30.0, 0), (30.0, 1)}
    assert told["rechecked"] == 3
    recorded = json.loads(run(SAMPLE, "--min-edge", "5", "--phases", "4", "--json").stdout)["cells"]
    assert [(cell["poll_s"], cell["phase"]) for cell in recorded] == [(None, 0)]


def test_a_cell_is_a_replay() -> None:
    """A cell's figures are those of `gametape replay` with the same options."""
    options = (SAMPLE, "--min-edge", "4", "--order-delay", "1s", "--cash", "20", "--json")
    (cell,) = json.loads(run(*options).stdout)["cells"]
    told = json.loads(CliRunner().invoke(replay, options).stdout)
    assert (cell["signals"], cell["fills"], cell["pnl_u6"]) == (told["signals"], told["fills"], told["pnl_u6"])


def test_policies_are_a_side_of_the_grid() -> None:
    """Both in one sweep, each cell that of a sweep with one policy; a word that is none is a usage error."""
    cells = {
        words: json.loads(run(SAMPLE, "--min-edge", "4,6", "--policy", words, "--json").stdout)["cells"]
        for words in ("every", "first-crossing", "every,first-crossing")
    }
    assert cells["every,first-crossing"] == cells["every"] + cells["first-crossing"]
    assert [cell["policy"] for cell in cells["every,first-crossing"]] == ["every"] * 2 + ["first_crossing"] * 2
    with pytest.raises(UsageError, match="no policy 'sometimes'"):
        run(SAMPLE, "--policy", "sometimes")


def test_models_are_a_side_of_the_grid(tmp_path) -> None:
    """
    Two in one sweep, each cell that of a sweep with one; the ledger of the featured cell is of its own model.

    Scores of the NBA polled in a rhythm of their own are another night to decide on.
    """
    models = ("brownian-no-prior", "brownian")
    asked = (SAMPLE, "--min-edge", "4,6", "--poll", "10", "--phases", "2", "--recheck", "8", "--json")
    alone = [json.loads(run(*asked, "--model", model).stdout) for model in models]
    both = json.loads(run(*asked, "--model", ",".join(models), "--out", tmp_path / "run").stdout)
    assert both["cells"] == alone[0]["cells"] + alone[1]["cells"]
    assert alone[0]["cells"] != alone[1]["cells"]
    assert both["digest"] not in {one["digest"] for one in alone}
    assert (both["model"], both["rechecked"]) == (", ".join(models), 8)
    featured = both["cells"][both["featured"]]
    ledger = json.loads((tmp_path / "run" / "ledger" / "sample" / "ledger.json").read_bytes())
    assert (ledger["config"]["model"], ledger["signals"]) == (featured["model"], featured["signals"])
    assert "brownian-no-prior" in run(SAMPLE, "--min-edge", "4", "--model", ",".join(models)).stdout
    apart = json.loads(run(*asked, "--poll-nba", "30").stdout)["cells"]
    assert {(cell["poll_s"], cell["nba_poll_s"]) for cell in apart} == {(10.0, 30.0)}
    assert [cell["decisions"] for cell in apart] != [cell["decisions"] for cell in alone[1]["cells"]]
    with pytest.raises(UsageError, match="--poll-nba says"):
        run(SAMPLE, "--poll-nba", "30")
    with pytest.raises(UsageError, match="no model 'oracle'"):
        run(SAMPLE, "--model", "brownian,oracle")


def test_fills_are_marked_where_it_is_asked_for(tmp_path) -> None:
    """--markouts adds a mark for each cell and horizon to JSON, run folder and table; the digest stays."""
    asked = (SAMPLE, "--min-edge", "4,90", "--recheck", "0")
    told = json.loads(run(*asked, "--markouts", "--json", "--out", str(tmp_path / "run")).stdout)
    bare = json.loads(run(*asked, "--json").stdout)
    assert (told["digest"], "markouts" in bare) == (bare["digest"], False)
    after = [mark for mark in told["markouts"] if mark["horizon_ms"] == 5_000]
    assert [mark["cell"] for mark in after] == [0, 1]
    assert after[0]["fills"] > 0
    assert after[1] == {"cell": 1, "horizon_ms": 5_000, "fills": 0, "mean_c": None, "low_c": None, "high_c": None}
    assert pl.read_parquet(tmp_path / "run" / "markouts.parquet").to_dicts() == told["markouts"]
    words = run(*asked, "--markouts").stdout
    assert "5 s later" in words
    assert f"{after[0]['mean_c']:+.2f} c" in words


def test_a_run_s_evidence_is_that_of_its_polls(tmp_path) -> None:
    """With other polls between games the featured ledger is that of a replay with the same, and so is the evidence."""
    plan = ("--min-edge", "4", "--poll", "20", "--poll-idle", "10m")
    told = json.loads(run(SAMPLE, *plan, "--json", "--out", str(tmp_path / "run")).stdout)
    assert told["poll_idle_s"] == 600
    evidence = json.loads((tmp_path / "run" / "evidence.json").read_bytes())
    played = json.loads(CliRunner().invoke(replay, (SAMPLE, *plan, "--json")).stdout)
    usual = json.loads(CliRunner().invoke(replay, (SAMPLE, *plan[:4], "--json")).stdout)
    assert sum(evidence["funnel"]["looks"].values()) == sum(played["tapes"][0]["looks"].values())
    assert played["tapes"][0]["looks"] != usual["tapes"][0]["looks"]


def test_a_run_folder(tmp_path) -> None:
    """--out leaves cells, games, the featured cell's ledger and the evidence of a report, and says what comes next."""
    done = run(SAMPLE, "--min-edge", "3,6", "--out", "runs/a")
    folder = tmp_path / "runs" / "a"
    assert "next: gametape report runs/a" in done.stderr
    assert len(pl.read_parquet(folder / "cells.parquet")) == 2
    assert (folder / "games.parquet").exists()
    assert (folder / "evidence.json").exists()
    summary = json.loads((folder / "sweep.json").read_bytes())
    ledger = json.loads((folder / "ledger" / "sample" / "ledger.json").read_bytes())
    assert ledger["signals"] == summary["cells"][summary["featured"]]["signals"]


def test_words_for_people() -> None:
    """Without --json: the best cells by lower limit, marked as simulated, and a warning about the best of many."""
    done = run(SAMPLE, "--min-edge", "1:9:0.5")
    assert "17 cells over 3 games  [simulated]" in done.stdout
    assert "looking at the best of many flatters it" in done.stdout
    assert "re-checked alone: equal" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--min-edge", "5:1:1"),
        ("--min-edge", "1:5:0"),
        ("--min-edge", "1:5"),
        ("--min-edge", "1:5:x"),
        ("--min-edge", ""),
        ("--min-edge", "0:100000:1"),
        ("--min-edge", "nan"),
        ("--min-edge", "inf"),
        ("--min-edge", "0.00001"),
        ("--poll", "-5"),
        ("--poll", "0"),
        ("--poll", "0.0001"),
        ("--poll", "0.05"),
        ("--poll", "0", "--bounds"),
        ("--poll", "-5", "--bounds"),
        ("--poll", "-0.001"),
        ("--poll", "0.0001", "--event-times"),
        ("--order-delay", "-1s"),
        ("--order-delay", "1s,,2s"),
        ("--venue-delay", "soon"),
    ],
)
def test_a_bad_grid_is_a_usage_error(words) -> None:
    """What is no grid, or cannot be answered, exits with 2, with words and without a traceback."""
    with pytest.raises(UsageError) as failed:
        run(SAMPLE, *words)
    assert failed.value.what


def test_a_grid_that_cannot_be_tested_is_said_so() -> None:
    """The sample has fewer games than SPA takes: who asks for it is told, instead of hearing nothing."""
    assert "--spa says nothing" in run(SAMPLE, "--min-edge", "4", "--spa").stderr


def test_no_phase_at_all() -> None:
    """--phases 0 is refused."""
    assert run(SAMPLE, "--phases", "0").exit_code == 2


@pytest.mark.parametrize("words", [("--phases", "1000000000"), ("--recheck", "-1"), ("--seed", "-1")])
def test_numbers_that_no_sweep_can_have_are_wrong_usage(words) -> None:
    """More phases than a grid can hold, and negative seeds and counts, are refused before a tape is opened."""
    assert run("nowhere", *words).exit_code == 2


def test_a_grid_beyond_memory_is_refused_before_it_is_made() -> None:
    """A billion cells: the count, the memory and a way to split stand in the error, and nothing was computed."""
    words = ("--min-edge", "0:99:0.01", "--poll", "1:1000:1", "--phases", "100")
    with pytest.raises(UsageError) as refused:
        run(SAMPLE, *words)
    assert refused.value.what.startswith("a grid of 990,100,000 cells needs about 18,")
    assert "sweeps with a part of --min-edge" in refused.value.hint


def test_a_plan_faster_than_the_recording_is_answered_from_event_times() -> None:
    """Refused without, answered and named with --event-times, and bounded by them with --bounds."""
    asked = (SAMPLE, "--min-edge", "4", "--poll", "1", "--recheck", "0")
    with pytest.raises(UsageError, match="cannot be answered"):
        run(*asked)
    assert "1 s by events" in run(*asked, "--event-times").stdout
    both = run(*asked, "--event-times", "--bounds", "--json")
    assert [cell["bound"] for cell in json.loads(both.stdout)["cells"]] == ["pessimistic", "events_optimistic"]


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--executor", "foo://x"), Exit.USAGE, "there is no executor 'foo://x'"),
        (("--executor", "dask://"), Exit.USAGE, "there is no executor 'dask://'"),
        (("--executor", "dask://127.0.0.1:here"), Exit.USAGE, "there is no executor"),
        (("--strategy", "nobody"), Exit.USAGE, "nobody"),
        (("--model", "nobody"), Exit.USAGE, "nobody"),
        (("--resume",), Exit.USAGE, "nothing to resume"),
        (("--out", "file/run"), Exit.USAGE, "file/run can be no folder to write to"),
        (("--out", "/proc/gametape/run"), Exit.USAGE, "can be no folder to write to"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_decoded(
    tmp_path, monkeypatch, capsys, words, code, what
) -> None:
    """A name that means nothing and a folder that cannot be: exit code 2, and no film was made for it."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path / "empty"))
    assert program(["sweep", SAMPLE, *words]) == code
    assert what in capsys.readouterr().err
    assert not list((tmp_path / "empty").rglob("*.npy"))


@pytest.mark.parametrize("variable", ["GAMETAPE_CACHE_DIR", "GAMETAPE_TRIALS_DIR"])
@pytest.mark.parametrize("verb", ["sweep", "replay"])
def test_folders_of_the_settings_are_looked_at_first(tmp_path, monkeypatch, capsys, verb, variable) -> None:
    """A cache or a memory of trials that cannot be made: exit code 2, which variable to set, and nothing decoded."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv(variable, str(tmp_path / "file" / "below"))
    assert program([verb, SAMPLE]) == Exit.USAGE
    assert f"{variable}=/another/folder" in capsys.readouterr().err
    assert not list((tmp_path / "empty").rglob("*.npy"))


def test_two_sweeps_do_not_share_a_folder(tmp_path, capsys) -> None:
    """The second is refused with 7 and says who is there; when the first is gone, killed or not, its parts are used."""
    with held_folder(tmp_path / "run"):
        assert program(["sweep", SAMPLE, "--min-edge", "5", "--out", "run"]) == Exit.LOCKED
        said = capsys.readouterr().err
        assert "another sweep writes to run" in said
        assert f"process {os.getpid()}" in said
    assert program(["sweep", SAMPLE, "--min-edge", "5", "--out", "run"]) == Exit.OK
    assert program(["sweep", SAMPLE, "--min-edge", "5,6", "--out", "run", "--resume"]) == Exit.OK
    assert len(json.loads((tmp_path / "run" / "sweep.json").read_bytes())["cells"]) == 2
