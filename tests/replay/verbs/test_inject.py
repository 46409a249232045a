"""`gametape inject`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from reel import stretch
from script import retaped

from recorder.errors import RegressionError, UsageError
from recorder.tape.reader import open_tape
from replay.inject.language import FAULTS
from replay.verbs.inject import inject

CANARY = '''
from strategies.fusion import run


class NeverStale:
    """Holds that nothing grows old."""

    name = "never stale"

    def run(self, rows, rules, states, fairs, timeline, market, sight, *rest):
        sight.fresh[:] = 1 << 60
        return run(rows, rules, states, fairs, timeline, market, sight, *rest)
'''


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("inject") / "night"
    retaped(stretch().envelopes, path)
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(inject, words, catch_exceptions=False)


def test_help_is_the_whole_language() -> None:
    """Every fault stands in the help, as it is read."""
    told = run("--help").stdout
    assert all(f"    {name}" in told for name in FAULTS)


def test_a_tape_and_its_verdict(night: str, tmp_path: Path) -> None:
    """The new tape is there, labelled, and every law holds; the words and the JSON say the same."""
    words = ("--faults", "drop 5% polls; freeze book 20s", "--seed", "4")
    facts = json.loads(run(night, *words, "--out", str(tmp_path / "bad"), "--json").stdout)
    assert (facts["schema"], facts["events"]) == ("gametape.inject/1", len(open_tape(tmp_path / "bad")))
    assert facts["checked"]["violations"] == []
    assert min(facts["checked"]["cases"].values()) > 0
    told = run(night, *words, "--out", str(tmp_path / "worse")).stdout
    assert "injected: drop 5% polls; freeze book 20s" in told
    assert (told.count("  holds "), "BROKEN" in told) == (len(facts["checked"]["cases"]), False)


def test_a_broken_law_is_a_regression(night: str, tmp_path: Path) -> None:
    """Exit code 4: the first breach and the command that shows its envelope."""
    strategy = tmp_path / "mine.py"
    strategy.write_text(CANARY)
    with pytest.raises(RegressionError) as refused:
        run(
            night,
            "--faults",
            "freeze scores 60s",
            "--out",
            str(tmp_path / "bad"),
            "--strategy",
            f"{strategy}:NeverStale",
        )
    assert refused.value.why.startswith("fresh inputs at seq ")
    assert refused.value.hint.startswith(f"gametape cat {tmp_path / 'bad'} --first-seq ")


def test_a_matrix_of_chosen_faults(night: str) -> None:
    """The faults that are named, under so many seeds; nothing is written."""
    told = run(night, "--matrix", "2", "--faults", "reorder 50ms").stdout
    assert "1 faults x 2 seeds" in told
    assert told.rstrip().endswith("laws broken: 0")
    facts = json.loads(run(night, "--matrix", "1", "--faults", "end 50%", "--no-check", "--json").stdout)
    assert (facts["violations"], [trial["faults"] for trial in facts["trials"]]) == (0, ["end 50%"])


@pytest.mark.parametrize(
    "words", [(), ("--faults", "drop"), ("--out", "x"), ("--matrix", "1", "--out", "x"), ("--matrix", "0")]
)
def test_what_is_missing_is_wrong_usage(night: str, words: tuple[str, ...]) -> None:
    """Neither a tape nor a matrix, or both at once, is wrong usage."""
    assert run(night, *words).exit_code == 2


def test_a_fault_that_is_none_leaves_nothing(night: str, tmp_path: Path) -> None:
    """A wrong word is refused before anything is written."""
    with pytest.raises(UsageError, match="column 1"):
        run(night, "--faults", "thaw", "--out", str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []
