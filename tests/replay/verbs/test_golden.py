"""`gametape golden`. What is compared is tested in tests/replay/test_golden_check.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.errors import RegressionError, UsageError
from replay.golden import read_golden
from replay.verbs.golden import golden

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"


@pytest.fixture(autouse=True)
def _outside_ci(tmp_path, monkeypatch, cache_dir) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(golden, list(words))


def update(*words: str) -> Result:
    return run("update", str(SAMPLE), "--min-edge", "6", "--reason", "first", *words)


def test_updated_then_checked() -> None:
    """The golden stands in tests/golden under the tape's name; check finds it by default, by file and by tape."""
    assert update().exit_code == 0
    path = Path("tests/golden/sample.json")
    made = read_golden(path)
    assert (made.reason, made.config["min_edge_u6"]) == ("first", 60_000)
    for words in ((), (str(path),), (str(SAMPLE),)):
        done = run("check", *words)
        assert (done.exit_code, done.stdout) == (0, "tests/golden/sample.json: holds (1 tape)\n")


def test_what_moved_exits_4_and_is_written_everywhere(monkeypatch) -> None:
    """JSON, JUnit, Markdown and the step summary tell of it, and the exit code is that of a regression."""
    update("--out", "g.json")
    # The same golden for another setting: what was decided at six cents, asked for at seven.
    text = read_golden(Path("g.json"))
    run("update", str(SAMPLE), "--min-edge", "7", "--reason", "x", "--out", "h.json")
    from msgspec import structs

    from replay.golden import write_golden

    write_golden(structs.replace(text, config=read_golden(Path("h.json")).config), Path("g.json"))
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    done = run("check", "g.json", "--json", "--junit", "j.xml", "--markdown", "m.md", "--gate", "fills>0")
    assert isinstance(done.exception, RegressionError)
    assert done.exception.exit_code == 4
    facts = json.loads(done.stdout)
    assert (facts["schema"], facts["ok"]) == ("gametape.golden.check/1", False)
    assert facts["goldens"][0]["tapes"][0]["decision"]["why"] == "missing now"
    assert 'failures="1"' in Path("j.xml").read_text()
    assert Path("m.md").read_text() == Path("summary.md").read_text()
    assert "::error title=golden moved::" in done.stderr
    words = run("check", "g.json").stdout
    assert "first decision that moved: number" in words
    assert "it follows from: gametape cat" in words


def test_gates_decide_too() -> None:
    """A golden that holds and a gate that does not: exit code 4, and what the figure was."""
    update("--out", "g.json")
    assert run("check", "g.json", "--gate", "fills>0").exit_code == 0
    done = run("check", "g.json", "--gate", "fills>0", "--gate", "fills>=1000000")
    assert isinstance(done.exception, RegressionError)
    assert "gate fills>=1e+06: fails, it is" in done.stdout
    assert isinstance(run("check", "g.json", "--gate", "fills is fine").exception, UsageError)


def test_updating_is_refused_in_ci_and_without_a_reason(monkeypatch) -> None:
    """Exit code 2, and no file."""
    assert run("update", str(SAMPLE)).exit_code == 2
    assert isinstance(run("update", str(SAMPLE), "--reason", " ").exception, UsageError)
    monkeypatch.setenv("CI", "true")
    refused = update()
    assert isinstance(refused.exception, UsageError)
    assert refused.exception.exit_code == 2
    assert not list(Path().rglob("*.json"))


def test_two_tapes_make_two_goldens_or_one(tmp_path) -> None:
    """Without --out a file a tape, with it one for all."""
    from recorder.tape.reader import open_tape
    from replay.excerpt import cut_excerpt

    tape = open_tape(SAMPLE)
    middle_ns = next(tape.read(19_088, 19_088)).recv_ns
    cut_excerpt(tape, tmp_path / "cut", since_ns=middle_ns - 10**10, until_ns=middle_ns + 10**10)
    words = ("update", str(SAMPLE), "cut", "--reason", "r")
    assert run(*words).exit_code == 0
    assert sorted(path.name for path in Path("tests/golden").iterdir()) == ["cut.json", "sample.json"]
    assert run(*words, "--out", "both.json").exit_code == 0
    assert [entry.tape for entry in read_golden(Path("both.json")).tapes] == ["sample", "cut"]
    assert run("check", "both.json").stdout == "both.json: holds (2 tapes)\n"
    shutil.rmtree("cut")
    assert isinstance(run("check", "both.json").exception, UsageError)


def test_where_there_is_no_golden_it_says_how_to_make_one() -> None:
    """Neither in the folder nor of this tape."""
    nothing = run("check").exception
    assert isinstance(nothing, UsageError)
    assert "golden update" in nothing.hint
    assert isinstance(run("check", str(SAMPLE)).exception, UsageError)
