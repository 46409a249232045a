"""Finding predictors by name."""

from __future__ import annotations

import importlib.metadata

import pytest

from recorder.errors import UsageError
from replay.predictors import load_predictor, predictor_names


def test_the_shipped_predictor_is_found() -> None:
    """The ensemble is installed under its name, says the same name itself, and speaks of the NBA."""
    assert "ensemble" in predictor_names()
    predictor = load_predictor("ensemble")
    assert predictor.name == "ensemble"
    assert list(predictor.leagues) == ["nba"]


def test_an_unknown_name_gets_a_suggestion() -> None:
    """A misspelt predictor is a usage error that names the nearest one and the next command."""
    with pytest.raises(UsageError, match="no predictor 'ensembel'") as caught:
        load_predictor("ensembel")
    assert caught.value.why == "did you mean 'ensemble'?"
    assert caught.value.hint == "gametape model ls"


def test_what_a_predictor_runs_on_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its runtime a predictor is a usage error that says what to install."""
    entry = importlib.metadata.EntryPoint("ensemble", "no_such_runtime:load", "gametape.predictors")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [entry])
    with pytest.raises(UsageError, match="needs no_such_runtime") as caught:
        load_predictor("ensemble")
    assert "--predictor none" in str(caught.value.hint)
