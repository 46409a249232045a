"""The verb `gametape model`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from simulated_history import write_history

from recorder.errors import UsageError
from strategies.models.cli import model


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(model, [str(arg) for arg in args], catch_exceptions=False)


def test_eval_keeps_its_contract(tmp_path: Path) -> None:
    """The JSON of `model eval` names its schema first and has the documented keys."""
    games, timeline = write_history(tmp_path, 40)
    found = json.loads(
        run("eval", "--model", "brownian", "--games", games, "--timeline", timeline, "--draws", "20", "--json").stdout
    )
    assert next(iter(found)) == "schema"
    assert found["schema"] == "gametape.model.eval/1"
    assert {"brier", "log_loss", "ece", "n_states", "n_games", "phases"} <= set(found)
    assert found["n_games"] == 40
    again = run("eval", "--games", games, "--timeline", timeline, "--draws", "20", "--json")
    assert json.loads(again.stdout) == found


def test_eval_in_words(tmp_path: Path) -> None:
    """Without --json there is a line for all states and one per quarter; seasons narrow the games."""
    games, timeline = write_history(tmp_path, 40)
    text = run("eval", "--games", games, "--timeline", timeline, "--seasons", "2022", "--draws", "20").stdout
    assert text.startswith("brownian on nba: 20 games, 960 states\n")
    assert "\n  Q4 " in text


def test_fit_writes_what_card_describes(tmp_path: Path) -> None:
    """`fit --out` writes coefficients and card, and the card's digest is that of the coefficients."""
    games, timeline = write_history(tmp_path, 60)
    said = run("fit", "--games", games, "--timeline", timeline, "--out", tmp_path / "out", "--json")
    found = json.loads(said.stdout)
    assert found["schema"] == "gametape.model.fit/1"
    assert json.loads((tmp_path / "out" / "brownian.json").read_bytes()) == found["coefficients"]
    assert json.loads((tmp_path / "out" / "brownian.card.json").read_bytes()) == found["card"]
    assert "wrote" in said.stderr
    assert '"sigma"' in run("fit", "--games", games, "--timeline", timeline).stdout


def test_ls_and_card() -> None:
    """The shipped model is listed with its league, and its card is shown, in words and as JSON."""
    assert "brownian" in run("ls").stdout
    assert json.loads(run("ls", "--json").stdout)["models"][0]["leagues"][0] == "nba"
    assert "sha256" in run("card", "brownian").stdout
    assert json.loads(run("card", "--json").stdout)["schema"] == "gametape.model.card/1"


def test_bad_arguments(tmp_path: Path) -> None:
    """A wrong range of seasons, an unknown model and one that cannot be fitted are usage errors."""
    games, timeline = write_history(tmp_path, 4)
    wrong = run("eval", "--games", games, "--timeline", timeline, "--seasons", "2024:2021")
    assert wrong.exit_code == 2
    assert "no range of seasons" in wrong.stderr
    for verb in ("eval", "fit"):
        with pytest.raises(UsageError, match="model 'lstm'"):
            run(verb, "--model", "lstm", "--games", games, "--timeline", timeline)


def test_help_begins_with_examples() -> None:
    """Every verb's help shows how to type it."""
    for verb in ("ls", "card", "eval", "fit"):
        assert f"gametape model {verb}" in run(verb, "--help").stdout
