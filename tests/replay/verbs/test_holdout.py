"""`gametape holdout`, and what replay and sweep do with sealed nights and trials."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.tape.reader import open_tape
from replay import cli

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = str(ROOT / "data" / "sample")
GRID = ("--min-edge", "3:6:1", "--poll", "10,20,30", "--order-delay", "1s")


@pytest.fixture
def run(cache_dir, tmp_path, monkeypatch, capsys):
    """Run the program in this process, in a folder of its own."""
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)

    def spoken(*words):
        capsys.readouterr()
        code = cli.run(list(words))
        return subprocess.CompletedProcess(words, code, *capsys.readouterr())

    return spoken


def alone(*words):
    """Run the program in a process of its own, which may be killed."""
    command = [sys.executable, "-m", "replay.cli", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_a_sealed_night_through_the_program(run) -> None:
    """Seal, be refused, open once, repeat, be refused again; ls tells what happened."""
    assert run("holdout", "ls").stdout == ""
    assert run("holdout", "seal", SAMPLE).returncode == 0
    refused = run("sweep", SAMPLE, *GRID)
    assert refused.returncode == 2
    assert "hold-out" in refused.stderr
    assert run("replay", SAMPLE, "--min-edge", "5").returncode == 2
    assert "sealed" in run("holdout", "ls").stdout
    opened = run("replay", SAMPLE, "--min-edge", "5", "--open-holdout", "--json")
    again = run("replay", SAMPLE, "--min-edge", "5", "--json")
    assert json.loads(opened.stdout)["digest"] == json.loads(again.stdout)["digest"]
    assert run("replay", SAMPLE, "--min-edge", "4", "--open-holdout").returncode == 2
    (night,) = json.loads(run("holdout", "ls", "--json").stdout)["nights"]
    assert night["digest"] == open_tape(SAMPLE).digest()
    assert night["opened_by"]


def test_a_night_that_was_tried_cannot_be_sealed(run) -> None:
    """Once a setting was tried on a tape, it is too late."""
    assert json.loads(run("replay", SAMPLE, "--min-edge", "5", "--json").stdout)["trials"] == 1
    assert json.loads(run("sweep", SAMPLE, *GRID, "--json").stdout)["trials"] == 13
    refused = run("holdout", "seal", SAMPLE)
    assert refused.returncode == 2
    assert "13 settings were tried" in refused.stderr


def test_a_killed_sweep_resumes(run, tmp_path) -> None:
    """A sweep killed by SIGKILL in mid-sweep goes on with --resume and ends in the digest of one that was not."""
    mortal = Path(shutil.copy(ROOT / "tests" / "mortal_fuser.py", tmp_path))
    words = ("sweep", SAMPLE, *GRID, "--strategy", f"{mortal}:MortalFuser", "--executor", "serial", "--json")
    second = tmp_path / "second"
    assert run("synth", "--seed", "5", "--games", "2", "--book-events", "3000", "--out", str(second)).returncode == 0
    whole = json.loads(run(*words, str(second)).stdout)
    (tmp_path / "fate").write_text("1")
    killed = alone(*words, str(second), "--out", "run")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "run" / "sweep.json").exists()
    assert len(list((tmp_path / "run" / "parts").glob("*.part"))) == 1
    resumed = json.loads(run(*words, str(second), "--out", "run", "--resume").stdout)
    assert resumed["digest"] == whole["digest"]
    assert (tmp_path / "run" / "sweep.json").exists()


def test_every_executor_through_the_program(run) -> None:
    """serial, processes and the default print the same digest; a control prints another one and says so."""
    words = ("sweep", SAMPLE, *GRID, "--json")
    told = [
        json.loads(run(*words, *more).stdout)["digest"] for more in ((), ("--workers", "2"), ("--executor", "serial"))
    ]
    assert len(set(told)) == 1
    broken = json.loads(run(*words, "--control", "shuffle-games").stdout)
    assert broken["control"] == "shuffle-games"
    assert broken["digest"] != told[0]


def test_a_run_on_disk_holds_its_controls(run, tmp_path) -> None:
    """With --out the featured cell is run on broken nights; one line tells, and controls.json has the figures."""
    done = run("sweep", SAMPLE, "--min-edge", "3,5", "--out", "run")
    assert "controls, $ per game: shuffle-games" in done.stdout
    told = json.loads((tmp_path / "run" / "controls.json").read_bytes())
    assert told["schema"] == "gametape.controls/1"
    assert [one["control"] for one in told["controls"]] == ["shuffle-games", "time-shift", "shuffle-labels"]
    assert json.loads((tmp_path / "run" / "sweep.json").read_bytes())["selection"]["controls"] == told["controls"]


def test_bounds_are_shown(run) -> None:
    """A plan faster than the recording is refused with the way out, and answered from both sides with --bounds."""
    refused = run("sweep", SAMPLE, "--min-edge", "4", "--poll", "0.5")
    assert refused.returncode == 2
    assert "--bounds" in refused.stderr
    shown = run("sweep", SAMPLE, "--min-edge", "4", "--poll", "0.5", "--bounds")
    assert "0.5 s at worst" in shown.stdout
    assert "0.5 s at best" in shown.stdout
