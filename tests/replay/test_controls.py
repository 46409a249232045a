"""Nights that were broken on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.errors import UsageError
from recorder.tape.reader import open_tape
from replay.controls import Control, controlled
from replay.core.rows import OP_LINK
from replay.film import build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting
from replay.sweep import run_sweep
from replay.synth.night import plan_night, write_night

IDEAS = (load_strategy("fusion"), load_model("brownian"))
SETTINGS = [Setting(min_edge_u6=edge) for edge in (30_000, 60_000)]


@pytest.mark.parametrize("control", list(Control))
def test_the_film_itself_is_untouched(sample_film, control) -> None:
    """A control breaks a copy: afterwards the film gives the digest it gave before."""
    before = run_sweep([sample_film], *IDEAS, SETTINGS, recheck=0).digest()
    broken = run_sweep([sample_film], *IDEAS, SETTINGS, control=control)
    assert broken.control is control
    assert broken.digest() != before == run_sweep([sample_film], *IDEAS, SETTINGS, recheck=0).digest()


def test_shuffled_games_are_all_others(sample_film) -> None:
    """Every market is linked to a game that is not its own, each game to one market, by the draw alone."""
    links = sample_film.night.rows.op == OP_LINK
    before = sample_film.night.rows.price_u6[links]
    after = controlled(sample_film, Control.SHUFFLE_GAMES, 3).night.rows.price_u6[links]
    assert (before != after).all()
    assert sorted(set(before.tolist())) == sorted(set(after.tolist()))
    again = controlled(sample_film, Control.SHUFFLE_GAMES, 3).night.rows.price_u6[links]
    assert np.array_equal(after, again)


def test_shifted_scores_are_ten_minutes_late(sample_film) -> None:
    """Every score and every poll moves by ten minutes; books and the end of the tape stay."""
    late = controlled(sample_film, Control.TIME_SHIFT, 0)
    assert set((late.night.states[:, 1] - sample_film.night.states[:, 1]).tolist()) == {600_000_000_000}
    assert set((late.night.polls[:, 1] - sample_film.night.polls[:, 1]).tolist()) == {600_000_000_000}
    assert late.night.rows is sample_film.night.rows
    assert late.last_ns == sample_film.last_ns


def test_shuffled_labels_pay_what_another_market_paid(sample_film) -> None:
    """Trades stay what they were, order by order; only what tokens are worth in the end is that of other games."""
    broken = controlled(sample_film, Control.SHUFFLE_LABELS, 1)
    assert broken.night is sample_film.night
    plans = [game.plan for game in sample_film.catalogue.games if game.plan is not None]
    homes = [sample_film.payouts[plan.home_token_id].payout_u6 for plan in plans]
    assert sorted(broken.payouts[plan.home_token_id].payout_u6 for plan in plans) == sorted(homes)
    for plan in plans:
        both = (broken.payouts[plan.home_token_id], broken.payouts[plan.away_token_id])
        assert sum(payout.payout_u6 for payout in both) == 1_000_000


def test_a_single_game_cannot_be_shuffled(tmp_path) -> None:
    """With one game there is no other one: shuffling says so, shifting works."""
    write_night(tmp_path / "one", plan_night(2, 1, "2026-01-15", 300))
    film = build_film(open_tape(tmp_path / "one"))
    for control in (Control.SHUFFLE_GAMES, Control.SHUFFLE_LABELS):
        with pytest.raises(UsageError, match="1 game with a market") as refused:
            controlled(film, control, 0)
        assert refused.value.hint == "--control time-shift"
    assert controlled(film, Control.TIME_SHIFT, 0).events == film.events


def test_a_strategy_that_knows_the_game_loses_its_profit(sample_film, nights) -> None:
    """On simulated nights, whose markets lag the scores, the profit per game of late or foreign scores is far below."""
    held = run_sweep(nights, *IDEAS, SETTINGS[:1], recheck=0).cells[0].pnl_per_game
    for control in (Control.SHUFFLE_GAMES, Control.TIME_SHIFT):
        assert run_sweep(nights, *IDEAS, SETTINGS[:1], control=control).cells[0].pnl_per_game < held
