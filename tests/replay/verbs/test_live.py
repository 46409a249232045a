"""`gametape live`. What it records and decides is tested in tests/replay/live/test_tap.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.errors import UsageError
from replay.verbs.live import live


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_takes_the_options_of_record() -> None:
    """All of record's options are there, and its dry run; `--live` itself is not, and settings are."""
    done = CliRunner().invoke(live, ["--dry-run", "--json", "--league", "nhl", "--tape", "x", "--min-edge", "3"])
    names = {option for param in live.params for option in param.opts}
    assert json.loads(done.stdout)["asked"][0]["feed"] == "espn.nhl"
    assert "--live" not in names
    assert {"--upstream", "--for", "--policy", "--cap-cash", "--model"} < names


@pytest.mark.parametrize(
    "words",
    [
        ("--strategy", "fussion"),
        ("--strategy", "none.py:X"),
        ("--model", "brownien"),
        ("--min-edge", "much"),
        ("--token-file", "t"),
        ("--uds", "s"),
    ],
)
def test_what_cannot_decide_is_told_before_anything_is_recorded(words) -> None:
    """A strategy or model that is not there, or a setting that is none, is a usage error, and no tape begins."""
    done = CliRunner().invoke(live, ["--upstream", "http://127.0.0.1:1", "--tape", "a", *words])
    assert isinstance(done.exception, UsageError)
    assert not list(Path().iterdir())
