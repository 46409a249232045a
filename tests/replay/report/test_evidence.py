"""What is gathered agrees with the ledger, the sweep and the tape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from replay.core.events import GameStatus
from replay.find import load_strategy
from replay.models import load_model
from replay.report.evidence import gather
from replay.runs import featured_cell
from replay.settings import Setting
from replay.sweep import run_sweep


def test_profits_agree_with_the_sweep(evidence, sweep):
    """Games, equity and funnel all come to the featured cell's profit, to the micro-dollar."""
    cell = sweep.cells[featured_cell(sweep)]
    assert sum(game.pnl_u6 for game in evidence.games) == cell.pnl_u6
    assert [game.pnl_u6 for game in evidence.games] == cell.pnl_by_game_u6.tolist()
    assert evidence.equity.points[-1][1] == cell.pnl_u6
    assert evidence.funnel.steps[-1].profit_u6 == cell.pnl_u6
    assert [game.game_id for game in evidence.games] == sweep.game_ids


def test_every_signal_is_accounted_for(evidence, sweep):
    """Fills and blockers sum to the signals, each step is no more than the one before, and the cell counts the same."""
    cell = sweep.cells[featured_cell(sweep)]
    counts = {step.name: step.count for step in evidence.funnel.steps}
    assert evidence.funnel.accounted
    assert counts["signals of the policy"] == cell.signals
    assert counts["orders sent"] == cell.orders
    assert counts["filled"] == cell.fills
    assert cell.fills + sum(blocker.count for blocker in evidence.funnel.blockers) == cell.signals
    values = [step.count for step in evidence.funnel.steps]
    assert values == sorted(values, reverse=True)


def test_an_injected_and_an_imported_tape_are_named(film, sweep):
    """Faults that were put in are a bad warning, another label a note."""
    ideas, number = (load_strategy("fusion"), load_model("brownian")), featured_cell(sweep)
    for label, level in (("injected: drop 5% polls", "bad"), ("imported: quotes (top of the book)", "note")):
        warnings = gather([replace(film, label=label)], *ideas, sweep, number).warnings
        assert [warning.level for warning in warnings if label in warning.text] == [level]


def test_a_simulated_tape_is_named_first(evidence):
    """The first warning says that nothing of it ever happened; few games are said as well."""
    assert evidence.warnings[0].level == "bad"
    assert "simulated" in evidence.warnings[0].text
    assert any(warning.text.startswith("3 games") for warning in evidence.warnings)


def test_scores_are_those_of_the_tape(evidence):
    """Every game ended, was settled by the venue, and was seen."""
    for game in evidence.games:
        assert (game.status, game.basis) == ("final", "resolved")
        assert game.home_score is not None
        assert game.score_coverage is not None
        assert game.score_coverage > 0.9


def test_trades_are_in_order_of_result(evidence):
    """Best falls, worst rises, and neither holds the other's."""
    best = [trade.pnl_u6 for trade in evidence.best]
    worst = [trade.pnl_u6 for trade in evidence.worst]
    assert best == sorted(best, reverse=True)
    assert worst == sorted(worst)
    assert min(best, default=1) > 0 > max(worst, default=-1)


def test_several_tapes_are_one_evidence(film):
    """The same night under two names: games, signals and profits are twice those of one, each with its own tape."""
    films = [film, replace(film, tape="again")]
    settings = [Setting(min_edge_u6=60_000)]
    strategy, model = load_strategy("fusion"), load_model("brownian")
    one, two = (run_sweep(given, strategy, model, settings, recheck=0) for given in (films[:1], films))
    alone, both = gather(films[:1], strategy, model, one, 0), gather(films, strategy, model, two, 0)
    assert [game.tape for game in both.games] == ["sample"] * 3 + ["again"] * 3
    assert [game.pnl_u6 for game in both.games] == two.cells[0].pnl_by_game_u6.tolist()
    assert [step.count for step in both.funnel.steps] == [2 * step.count for step in alone.funnel.steps]
    assert both.judgement is not None
    assert alone.judgement is not None
    assert both.judgement.states == 2 * alone.judgement.states
    assert both.equity.points[-1][1] == 2 * alone.equity.points[-1][1]


def test_games_beyond_the_training_are_named(film, sweep):
    """A night with a hundred points of lead is warned of in the header; the sample, an ordinary night, is not."""
    states = film.night.states.copy()
    on = np.flatnonzero((states[:, 4] == GameStatus.LIVE) & (states[:, 8] >= 0))
    states[on[-3:], 8] = states[on[-3:], 9] + 100
    beyond = replace(film, night=film.night._replace(states=states))

    def told(night):
        found = gather([night], load_strategy("fusion"), load_model("brownian"), sweep, featured_cell(sweep))
        return [warning.text for warning in found.warnings if "was fitted on" in warning.text]

    assert told(film) == []
    assert any("points of lead" in text for text in told(beyond))


def test_the_parts_of_both_scores_add_up(evidence):
    """Reliability, resolution, uncertainty and what is within bins are the Brier scores of model and market."""
    judged = evidence.judgement
    for parts, brier in ((judged.model_parts, judged.model_brier), (judged.market_parts, judged.market_brier)):
        reliability, resolution, uncertainty, within = parts
        assert abs(reliability - resolution + uncertainty + within - brier) < 1e-6
