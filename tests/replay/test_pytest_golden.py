"""The fixture `replay_golden`, in a project of its own."""

from __future__ import annotations

import pytest

from replay.synth.night import plan_night, write_night

pytest_plugins = ["pytester"]

TEST = """
from replay.settings import Setting

def test_night(replay_golden):
    replay_golden("night", setting=Setting(min_edge_u6=MIN_EDGE))
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path) -> pytest.Pytester:
    """A project with one test, outside CI."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path / "cache"))
    # Interpreted, so that a test of a plugin never waits for a compiler.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    # Other plugins of this machine would take longer to load than the test takes.
    pytester.makeini("[pytest]\naddopts = -p no:schemathesis -p no:anyio")
    write_night(pytester.path / "night", plan_night(3, 1, "2026-01-15", 1_200))
    pytester.makepyfile(test_night=TEST.replace("MIN_EDGE", "60_000"))
    return pytester


def test_a_golden_is_made_with_a_reason_and_then_holds(project, monkeypatch) -> None:
    """Without a golden the test fails and says what to type; with one it passes; a spoilt one names the decision."""
    first = project.runpytest_subprocess("-q")
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines(["*there is no golden*", '*pytest --update-goldens "first golden"*'])
    project.runpytest_subprocess("-q", "--update-goldens", "first").assert_outcomes(passed=1)
    monkeypatch.setenv("CI", "true")
    project.runpytest_subprocess("-q").assert_outcomes(passed=1)
    project.makepyfile(test_night=TEST.replace("MIN_EDGE", "70_000"))
    other = project.runpytest_subprocess("-q")
    other.assert_outcomes(failed=1)
    other.stdout.fnmatch_lines(["*was made by another setting*"])


def test_updating_is_refused_in_ci_and_without_a_reason(project, monkeypatch) -> None:
    """Exit code 4 of pytest, a usage error, before any test runs."""
    blank = project.runpytest_subprocess("-q", "--update-goldens", " ")
    monkeypatch.setenv("CI", "true")
    refused = project.runpytest_subprocess("-q", "--update-goldens", "sneaky")
    assert (blank.ret, refused.ret) == (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.USAGE_ERROR)
    refused.stderr.fnmatch_lines(["*goldens are not updated in CI*"])
    assert not (project.path / "golden").exists()


def test_a_decision_that_moved_is_told_in_the_failure(project) -> None:
    """What the strategy decides otherwise is named as `golden check` names it."""
    strategy = "from strategies.fusion import SignalFuser, run\nclass Mine(SignalFuser):\n    pass\n"
    project.makepyfile(mine=strategy)
    test = TEST.replace("MIN_EDGE", "60_000").replace("setting=", "strategy='mine.py:Mine', setting=")
    project.makepyfile(test_night=test)
    project.runpytest_subprocess("-q", "--update-goldens", "first").assert_outcomes(passed=1)
    # The same strategy behind a wrapper that raises the threshold of its cells.
    lines = (
        "@staticmethod",
        "def run(*args):",
        "    args[7].params[1] += 20_000 * (args[10] == 0)",
        "    return run(*args)",
    )
    project.makepyfile(mine=strategy.replace("    pass", "\n".join(f"    {line}" for line in lines)))
    moved = project.runpytest_subprocess("-q")
    moved.assert_outcomes(failed=1)
    moved.stdout.fnmatch_lines(["*first decision that moved: number *", "*it follows from: gametape cat *"])
