"""Judging a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_history import write_history

from recorder.errors import UsageError
from replay.core.models import GameStates
from replay.models.evaluate import evaluate, evaluation_text, phase_name
from replay.models.history import read_history
from strategies.models.brownian import load


@dataclass(frozen=True)
class Constant:
    prob_u6: int
    name: str = "constant"

    def predict_wp(self, states: GameStates, side: int) -> NDArray[np.int64]:
        return np.full(len(states), self.prob_u6 if side == 1 else 1_000_000 - self.prob_u6, np.int64)


def test_the_report_of_a_coin(tmp_path: Path) -> None:
    """A model that always says a half scores a quarter, ln 2, and its distance from the home share of wins."""
    history = read_history(*write_history(tmp_path, 80))
    found = evaluate(Constant(500_000), history, draws=20)
    home_share = (history.games["home_final"] > history.games["away_final"]).mean()
    assert found["brier"] == pytest.approx(0.25)
    assert found["log_loss"] == pytest.approx(np.log(2))
    assert found["ece"] == pytest.approx(abs(home_share - 0.5))
    assert (found["n_states"], found["n_games"], found["skipped"]) == (80 * 48, 80, 0)
    assert list(found["phases"]) == ["Q1", "Q2", "Q3", "Q4"]
    assert {phase["n_states"] for phase in found["phases"].values()} == {80 * 12}
    assert len(found["reliability"]) == 1


def test_a_model_that_knows_the_score_beats_the_coin_and_gets_better(tmp_path: Path) -> None:
    """The Brownian model is better than a coin in every period and better in each than in the one before."""
    found = evaluate(load(), read_history(*write_history(tmp_path, 150)), draws=20)
    by_phase = [phase["brier"] for phase in found["phases"].values()]
    assert by_phase == sorted(by_phase, reverse=True)
    assert by_phase[0] < 0.25
    assert "Q4" in evaluation_text({"model": "brownian", "league": "nba", **found})


def test_no_answer_is_no_evaluation(tmp_path: Path) -> None:
    """A model without an answer for the league is a usage error, not a perfect score."""
    with pytest.raises(UsageError, match="no answer"):
        evaluate(Constant(-1), read_history(*write_history(tmp_path, 4)))


def test_phases_are_named_as_the_sport_does() -> None:
    """Quarters, periods and halves."""
    assert [phase_name(league, 2) for league in ("nba", "nhl", "ncaamb", "epl")] == ["Q2", "P2", "H2", "H2"]
