"""Funnel, equity and decay from hand-made orders."""

from __future__ import annotations

import numpy as np
import pytest

from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, OrderStatus
from replay.ledger import Ledger, Settlement
from replay.report.quotes import Quotes
from replay.report.trades import curves, equity_of, funnel_of, half_life_s, trades_frame
from replay.settings import Setting
from replay.stats import GameBootstrap

S = 1_000_000_000


def order(**named):
    row = dict.fromkeys(ORDER_COLUMNS, 0) | {"side": 1, "size_u6": 10_000_000, "ask_u6": 400_000, "fair_u6": 500_000}
    row |= {"edge_u6": 100_000, "signal_ns": 10 * S, "due_ns": 11 * S} | named
    return [row[name] for name in ORDER_COLUMNS]


def filled(**named):
    usual = {"status": OrderStatus.FILLED, "filled_u6": 10_000_000, "cash_u6": 4_000_000, "fee_u6": 100_000}
    return order(**(usual | named))


def ledger(orders, *, payout_u6=1_000_000, basis="resolved", edges=(100_000, 10_000)):
    evaluations = np.zeros((len(edges), len(EVALUATION_COLUMNS)), np.int64)
    evaluations[:, EVALUATION_COLUMNS.index("edge_u6")] = edges
    return Ledger(
        tape="t",
        tape_digest="",
        label="",
        events=0,
        first_ns=0,
        last_ns=200 * S,
        config={},
        tokens=["h", "a"],
        games=["g", "h"],
        game_of=[0, 1],
        evaluations=evaluations,
        orders=np.array(orders, np.int64).reshape(-1, len(ORDER_COLUMNS)),
        looks={"evaluated": 2, "not_live": 5},
        settlements=[
            Settlement(token_id="h", game_id="g", shares_u6=0, cash_u6=0, payout_u6=payout_u6, basis=basis),
            Settlement(token_id="a", game_id="h", shares_u6=0, cash_u6=0, payout_u6=0, basis=basis),
        ],
        coverage={},
    )


def frame_of(made):
    return trades_frame([made], [["g", "h"]])


def test_a_fill_is_worth_its_payout_less_cash_and_fee():
    """Bought 10 at 40 c with 10 c of fee and settled at 1: +$5.90; a sale is the mirror, its fee still paid."""
    frame = frame_of(ledger([filled(), filled(side=-1)]))
    assert frame["pnl_u6"].to_list() == [5_900_000, -6_100_000]
    assert frame["status"].to_list() == ["filled", "filled"]


def test_games_are_numbered_over_all_tapes():
    """The second tape's games go on counting where the first one's end."""
    frame = trades_frame([ledger([filled()]), ledger([filled(token=1)])], [["g", "h"], ["h", "g"]])
    assert frame["game"].to_list() == [0, 2]
    assert frame["token_id"].to_list() == ["0/0", "1/1"]


def test_the_funnel_accounts_for_every_signal():
    """Each status stands at the step that stopped it, with what it would have made."""
    stopped = [order(status=status) for status in OrderStatus if status not in (0, 1, 2)]
    funnel = funnel_of([made := ledger([filled(), *stopped])], frame_of(made), 50_000)
    assert funnel.accounted
    assert [step.count for step in funnel.steps] == [7, 2, 1, 6, 4, 2, 1, 1]
    assert [blocker.count for blocker in funnel.blockers] == [1] * 5
    assert {blocker.missed_u6 for blocker in funnel.blockers} == {6_000_000}
    assert funnel.steps[6].edge_c == pytest.approx(9.0)
    assert funnel.steps[6].profit_u6 == 5_900_000


def test_an_order_still_pending_is_not_accounted_for():
    """A ledger that was never finished is found out."""
    funnel = funnel_of([made := ledger([order(status=OrderStatus.PENDING)])], frame_of(made), 50_000)
    assert not funnel.accounted


def test_what_is_open_is_filled_but_not_settled():
    """The last step counts settlements alone."""
    funnel = funnel_of([made := ledger([filled()], basis="open")], frame_of(made), 50_000)
    assert [step.count for step in funnel.steps][-2:] == [1, 0]


def test_equity_adds_up_in_order_of_fills_and_knows_its_deepest_fall():
    """A loss that came first is a fall from the start."""
    made = ledger([filled(due_ns=30 * S), filled(token=1, due_ns=20 * S)])
    equity = equity_of(frame_of(made), [-4_100_000, 5_900_000], {})
    assert [point[:2] for point in equity.points] == [(20 * S, -4_100_000), (30 * S, 1_800_000)]
    assert (equity.drawdown_u6, equity.game_drawdown_u6) == (4_100_000, 4_100_000)


def test_a_long_equity_curve_is_thinned_and_keeps_its_end():
    """Of ten thousand fills 600 points are left, the first and the last among them."""
    made = ledger([filled(due_ns=k * S) for k in range(5_000)])
    equity = equity_of(frame_of(made), [0], {0: 2_000 * S})
    assert len(equity.points) <= 600
    assert equity.points[-1] == (4_999 * S, 5_000 * 5_900_000, 0)
    assert equity.stake_u6 == 2_001 * 4_100_000


def test_what_is_at_stake_is_what_was_paid_and_not_yet_freed():
    """Buys add cash and fee, a sale frees what it brings after its fee, and the end of a game frees the rest."""
    sale = filled(due_ns=30 * S, side=-1, cash_u6=3_000_000)
    made = ledger([filled(due_ns=20 * S), sale, filled(due_ns=40 * S), filled(due_ns=60 * S)])
    equity = equity_of(frame_of(made), [0], {0: 50 * S})
    assert [stake for *_, stake in equity.points] == [4_100_000, 1_200_000, 5_300_000, 0]
    assert equity.stake_u6 == 5_300_000


def test_decay_is_what_later_orders_still_find():
    """The ask rises from 40 c to 46 c after 1.5 s: of 10 c of edge 4 c are left, and the half went in between."""
    quotes = Quotes(
        table=np.array([[0, 0, 380_000, 400_000], [11 * S + S // 2, 0, 440_000, 460_000]]),
        game=np.array([0, 1]),
        side=np.array([1, -1]),
        tokens_of=np.array([[0, 1]]),
    )
    found = curves(frame_of(ledger([filled()])), [quotes], [200 * S], Setting(), GameBootstrap(2, seed=1), {})
    left = {point.horizon_ms: point.mean_c for point in found.left}
    assert (left[0], left[1_000], left[2_000], left[120_000]) == (10, 10, 4, 4)
    assert found.half_life_s == pytest.approx(1 + 5 / 6, abs=0.001)
    markout = {point.horizon_ms: point.mean_c for point in found.markout}
    assert (markout[100], markout[1_000]) == (-1, 5)
    assert found.order_delay_s == 1.0


def test_fills_before_tip_off_are_held_against_the_closing_line():
    """Paid 40 c, the last mid before the start 45 c: 5 c of closing line value; a fill in play has none."""
    quotes = Quotes(
        table=np.array([[0, 0, 380_000, 400_000], [20 * S, 0, 440_000, 460_000], [30 * S, 0, 580_000, 600_000]]),
        game=np.array([0, 1]),
        side=np.array([1, -1]),
        tokens_of=np.array([[0, 1]]),
    )
    frame = frame_of(ledger([filled(), filled(due_ns=31 * S)]))

    def closing(starts_ns):
        return curves(frame, [quotes], [200 * S], Setting(), GameBootstrap(2, seed=1), starts_ns).closing

    assert (closing({"0/0": 25 * S}).trades, closing({"0/0": 25 * S}).mean_c) == (1, 5.0)
    assert closing({"0/0": 5 * S}) is None
    assert closing({}) is None


def test_no_trade_has_no_curve():
    """Without a signal there is nothing to draw and no half-life."""
    quotes = Quotes(
        table=np.zeros((0, 4), np.int64), game=np.array([0]), side=np.array([1]), tokens_of=np.array([[0, 1]])
    )
    found = curves(frame_of(ledger([])), [quotes], [S], Setting(), GameBootstrap(1, seed=1), {})
    assert (found.left, found.markout, found.half_life_s) == ([], [], None)


@pytest.mark.parametrize(
    ("curve", "half"),
    [
        ([(0, 8), (1, 6), (2, 2)], 1.5),
        ([(0, 8), (1, 5)], None),
        ([(0, -1), (1, -2)], None),
        ([(0, 8)], None),
        ([(0, 8), (1, 4)], 1.0),
    ],
)
def test_the_half_life_is_read_off_straight_lines(curve, half):
    """It is where the curve first meets half of its beginning, and None where it never does or had no edge."""
    assert half_life_s(curve) == half
