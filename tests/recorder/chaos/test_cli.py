from __future__ import annotations

import json

from click.testing import CliRunner

from recorder.chaos import judge as judging
from recorder.chaos.cli import chaos
from recorder.errors import UsageError


def test_the_verdict_ends_in_four_figures(tmp_path) -> None:
    """Faults, acknowledged, lost, violated; exit 0; the tape stays where it was asked for."""
    done = CliRunner().invoke(chaos, ["--seed", "3", "--hours", "0.25", "--tape", str(tmp_path / "night")])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()[-4:]
    assert [line.rsplit(maxsplit=1)[0].strip() for line in lines] == [
        "faults injected",
        "events acknowledged",
        "events lost",
        "invariants violated",
    ]
    assert (tmp_path / "night" / "tape.json").exists()
    again = CliRunner().invoke(chaos, ["--tape", str(tmp_path / "night")])
    assert isinstance(again.exception, UsageError)


def test_a_broken_promise_is_exit_1(monkeypatch) -> None:
    """The JSON names its schema; where a promise is broken the program fails."""
    monkeypatch.setitem(judging.BUDGET_PER_MINUTE, "nba", 0)
    done = CliRunner().invoke(chaos, ["--seed", "3", "--hours", "0.25", "--json"])
    facts = json.loads(done.stdout)
    assert done.exit_code == 1
    assert next(iter(facts)) == "schema"
    assert facts["schema"] == "gametape.chaos/1"
    assert (facts["lost"], facts["violations"]) == (0, 1)
