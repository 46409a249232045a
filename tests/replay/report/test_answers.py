"""What the cells say."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from replay.report.answers import answer_of, choices_of, panels_of, prices_of, swings_of


def test_phases_of_a_poll_are_averaged_game_by_game(run):
    """16 cells in 2 phases are 8 choices; each is the mean of its cells, and says how far they lie apart."""
    verdicts = choices_of(run)
    assert len(verdicts) == 8
    for verdict in verdicts:
        mine = [
            k
            for k, cell in enumerate(run.sweep.cells)
            if (cell.order_delay_ms, cell.poll_s, cell.min_edge_c)
            == (verdict.choice.order_delay_ms, verdict.choice.poll_s, verdict.choice.min_edge_c)
        ]
        assert verdict.by_game.tolist() == pytest.approx((run.pnl_u6[mine].mean(axis=0) / 1e6).tolist())
        assert verdict.spread[0] <= verdict.mean <= verdict.spread[1]
    assert sum(verdict.is_featured for verdict in verdicts) == 1


def test_a_panel_holds_every_choice_of_its_delays(run):
    """Two order delays make two maps of two polls by two edges, without a hole."""
    panels = panels_of(choices_of(run))
    assert [panel.title for panel in panels] == ["order delay 0 ms", "order delay 1000 ms"]
    for panel in panels:
        assert (panel.polls, panel.edges) == ([5.0, 15.0], [3.0, 6.0])
        assert all(verdict is not None for row in panel.rows for verdict in row)


def test_policies_and_models_have_maps_of_their_own(run):
    """Cells that differ in nothing else are not drawn over each other."""
    named = [
        msgspec.structs.replace(cell, policy=policy, model=model)
        for policy, model in (("every", "a"), ("first_crossing", "a"), ("first_crossing", "b"))
        for cell in run.sweep.cells
        if cell.order_delay_ms == 0
    ]
    pnl = np.tile(run.pnl_u6[: len(named) // 3], (3, 1))
    several = replace(run, sweep=msgspec.structs.replace(run.sweep, cells=named), pnl_u6=pnl)
    verdicts = choices_of(several)
    panels = panels_of(verdicts)
    said = ("every, a", "first crossing, a", "first crossing, b")
    assert [panel.title for panel in panels] == [f"order delay 0 ms, {words}" for words in said]
    assert [verdict for panel in panels for row in panel.rows for verdict in row] == verdicts


def with_pnl(run, pnl_by_cell):
    """The run with other profits: a function of the cell, in dollars for each game."""
    table = np.array([[round(value * 1e6) for value in pnl_by_cell(cell)] for cell in run.sweep.cells], np.int64)
    cells = [
        msgspec.structs.replace(cell, pnl_u6=int(row.sum())) for cell, row in zip(run.sweep.cells, table, strict=True)
    ]
    return replace(run, sweep=msgspec.structs.replace(run.sweep, cells=cells), pnl_u6=table)


def test_the_price_of_a_delay_is_paired(run):
    """Where every game loses 20 c per second of order delay, the price is exact although games differ by hundreds."""
    made = with_pnl(run, lambda cell: [base - 0.2 * cell.order_delay_ms / 1000 for base in (-300, 5, 400)])
    prices = {(price.name, price.scope[:3]): price for price in prices_of(choices_of(made), 1)}
    order = prices["a slower order", "all"]
    assert order.slope == pytest.approx(-0.02)
    assert order.slope_low == pytest.approx(-0.02)
    assert order.slope_high == pytest.approx(-0.02)
    assert [round(mean, 6) for _, mean, _, _ in order.by_value] == [0, -0.2]
    poll = prices["a slower poll", "min"]
    assert poll.slope == pytest.approx(0)
    assert not any(name == "a slower book" for name, _ in prices)


def test_a_clear_profit_is_said_to_be_clear(run):
    """All choices earn in every game: all profitable, all clear, nothing more needed than is there."""
    answer = answer_of(choices_of(with_pnl(run, lambda cell: [9.0, 10.0, 11.0])))
    assert answer.profitable == 1.0
    assert answer.clear == answer.choices == 8
    assert answer.more_games == 0
    assert answer.median == pytest.approx(10)


def test_games_needed_are_counted_beyond_those_at_hand(run):
    """Ten times the spread over the mean takes many games; three of them are here."""
    answer = answer_of(choices_of(with_pnl(run, lambda cell: [-9.0, 1.0, 11.0])))
    assert answer.more_games == 782
    assert answer.games == 3
    assert not answer.featured.is_clear


def test_profit_that_never_varies_needs_no_arithmetic(run):
    """Without a spread there is nothing to detect, and no Sharpe ratio to deflate."""
    answer = answer_of(choices_of(with_pnl(run, lambda cell: [0.0, 0.0, 0.0])))
    assert (answer.more_games, answer.detectable) == (None, None)


def test_a_swing_moves_one_part_alone(run):
    """Everything but the part is as featured; the part with the widest reach comes first."""
    verdicts = choices_of(with_pnl(run, lambda cell: [cell.min_edge_c * 10 + cell.order_delay_ms / 1000] * 3))
    featured = next(verdict for verdict in verdicts if verdict.is_featured).choice
    first, second, third = swings_of(verdicts)
    assert [(first.name, first.width), (second.name, second.width)] == [("min_edge_c", 30.0), ("order_delay_ms", 1.0)]
    assert (third.name, third.width) == ("poll_s", 0.0)
    assert first.best.choice == featured._replace(min_edge_c=6.0)
    assert second.worst.choice == featured._replace(order_delay_ms=0)


def test_one_game_has_no_interval(run):
    """A single game: the limits are endless, and the page says None."""
    one = replace(run, sweep=msgspec.structs.replace(run.sweep, games=run.sweep.games[:1]), pnl_u6=run.pnl_u6[:, :1])
    answer = answer_of(choices_of(one))
    assert answer.featured.low is None
    assert not answer.featured.is_clear
