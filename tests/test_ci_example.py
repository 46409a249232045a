"""docs/ci.md and docs/ci, followed step by step in a repository of one's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/ci.md").read_text()
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "docs/ci/action.yml").read_text())
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "docs/ci/workflow.yml").read_text())


class Repository:
    """A strategy repository, and commands run in it as a shell would."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        program = folder.parent / "bin" / "gametape"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m replay.cli "$@"\n')
        program.chmod(0o755)
        left_out = {"CI", "GITHUB_STEP_SUMMARY"}
        self.env = {name: value for name, value in os.environ.items() if name not in left_out} | {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GAMETAPE_CACHE_DIR": str(cache),
            "NUMBA_DISABLE_JIT": "1",
            # Within a second, a strategy that was edited to the same length would be taken from its bytecode.
            "PYTHONDONTWRITEBYTECODE": "1",
            "RUNNER_TEMP": str(folder.parent / "none"),
        }

    def run(self, script: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """What `Once, at your desk` makes."""
    folder = tmp_path_factory.mktemp("ci") / "my-strategy"
    folder.mkdir()
    made = Repository(folder, tmp_path_factory.mktemp("cache"))
    (folder / "mine.py").write_text(blocks("python")[0])
    desk = "\n".join(line for line in blocks("sh")[0].splitlines() if line.startswith("gametape"))
    done = made.run(desk)
    assert done.returncode == 0, done.stderr
    return made


def check_step(repository: Repository, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the action's own check step, its inputs as the action hands them over."""
    step = next(step for step in ACTION["runs"]["steps"] if step["name"] == "check")
    names = {name: text.removeprefix("${{ inputs.").removesuffix(" }}") for name, text in step["env"].items()}
    given = {name: inputs.get(key, ACTION["inputs"][key]["default"]) for name, key in names.items()}
    summary = repository.folder / "summary.md"
    summary.unlink(missing_ok=True)
    return repository.run(step["run"], **given, CI="true", GITHUB_STEP_SUMMARY=str(summary))


def test_nothing_moved(repository: Repository) -> None:
    """The page's own command and the action's step pass, with a gate, and leave JUnit and a summary."""
    asked = repository.run(blocks("sh")[1])
    assert asked.returncode == 0, asked.stderr
    done = check_step(repository, **WORKFLOW["jobs"]["golden"]["steps"][1]["with"])
    assert done.returncode == 0, done.stderr
    assert "<testsuite" in (repository.folder / "golden.xml").read_text()
    assert "late-score" in (repository.folder / "summary.md").read_text()


def test_a_change_that_moves_a_decision(repository: Repository) -> None:
    """Exit code 4, the decision in words, an annotation, a failed case; and an update is refused in CI."""
    mine = repository.folder / "mine.py"
    before = mine.read_text()
    mine.write_text(before.replace("fairs - 5_000", "fairs - 9_000"))
    try:
        done = check_step(repository)
        assert done.returncode == 4
        assert "first decision that moved: number " in done.stdout
        assert "::error" in done.stderr
        assert "<failure" in (repository.folder / "golden.xml").read_text()
        update = repository.run('gametape golden update tapes/late-score --reason "sneaky"', CI="true")
        assert update.returncode == 2
    finally:
        mine.write_text(before)


def test_a_gate_that_fails(repository: Repository) -> None:
    """Several gates, one a line: the one that fails is named."""
    done = check_step(repository, gates="fills>=0\nfills>9000\n", goldens="tests/golden/late-score.json")
    assert done.returncode == 4
    assert "gate fills>9000: fails" in done.stdout


def test_nothing_of_anybody_else_is_used() -> None:
    """Every step is a script or the action of the repository itself, with nothing to pin; the job is ten lines."""
    steps = [*ACTION["runs"]["steps"], *WORKFLOW["jobs"]["golden"]["steps"]]
    assert [step["uses"] for step in steps if "uses" in step] == ["./.github/actions/golden"]
    text = (ROOT / "docs/ci/workflow.yml").read_text()
    assert len([line for line in text.splitlines() if line and not line.startswith(("#", "name:"))]) <= 10
    assert WORKFLOW["permissions"] == {"contents": "read"}
