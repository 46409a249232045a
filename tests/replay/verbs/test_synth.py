"""`gametape synth`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.tape.reader import open_tape
from replay.synth.night import plan_night, write_night
from replay.verbs.synth import synth

SMALL = ["--seed", "3", "--games", "1", "--book-events", "400"]


def test_json_says_what_was_made(tmp_path):
    """The report names the tape, its digest and the true numbers; stdout holds nothing else."""
    done = CliRunner().invoke(synth, [*SMALL, "--out", str(tmp_path / "made"), "--json"])
    facts = json.loads(done.stdout)
    tape = open_tape(tmp_path / "made")
    assert done.exit_code == 0
    assert facts["schema"] == "gametape.synth/1"
    assert (facts["events"], facts["digest"], facts["label"]) == (len(tape), tape.digest(), "simulated")
    assert (facts["first_ns"], facts["last_ns"]) == (tape.first_ns, tape.last_ns)
    assert next(game["game_id"] for game in facts["games"]).startswith("nba:")


def test_a_sealed_night_is_the_same_night(tmp_path):
    """Sealing changes no event, and the words for people name the label."""
    made = [
        CliRunner().invoke(synth, [*SMALL, "--out", str(tmp_path / name), *more])
        for name, more in (("hot", []), ("sealed", ["--seal"]))
    ]
    assert [done.exit_code for done in made] == [0, 0]
    assert all("simulated" in done.stdout for done in made)
    assert open_tape(tmp_path / "hot").digest() == open_tape(tmp_path / "sealed").digest()
    assert list((tmp_path / "sealed" / "sealed").glob("*.parquet"))


def test_a_tape_is_never_written_over(tmp_path):
    """A second night under the same name is refused."""
    first, second = (CliRunner().invoke(synth, [*SMALL, "--out", str(tmp_path / "made")]) for _ in range(2))
    assert first.exit_code == 0
    assert second.exit_code != 0


def test_the_sample_is_what_its_command_makes(tmp_path):
    """`data/sample` is the night that data/README.md says how to make, event for event."""
    root = Path(__file__).resolve().parents[3]
    command = re.search(
        r"^\s*gametape synth (.*) --seal --out data/sample$", (root / "data/README.md").read_text(), re.MULTILINE
    )
    assert command is not None
    done = CliRunner().invoke(synth, [*command[1].split(), "--out", str(tmp_path / "sample")])
    assert done.exit_code == 0
    assert open_tape(tmp_path / "sample").digest() == open_tape(root / "data/sample").digest()
    assert sum(path.stat().st_size for path in (root / "data/sample").rglob("*")) < 1_300_000


def test_a_night_that_is_broken_off_is_not_there(tmp_path):
    """Interrupted while it is written, nothing is left that looks like a night."""

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_night(tmp_path / "half", plan_night(3, 2, "2026-01-15", 20_000), progress=interrupt)
    assert list(tmp_path.iterdir()) == []
