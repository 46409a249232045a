"""Which evaluations become orders, and of what size."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fold_kit import AWAY, CENT, HOME, SECOND, SHARE, SmallNight, fold_night
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core import engine
from replay.core.cells import OrderStatus, Policy, Sizing
from replay.core.state.book import KNOWN, TRUST
from replay.settings import Setting

AT_ONCE = {"venue_delay_ms": 0, "order_delay_ms": 0}


def asks(*cents, fair=60, every_ms=1_000, bids=((20, 1_000),)):
    """A game that is on and a home book whose best ask goes through these prices, one every so often from 1 s on."""
    small = SmallNight().link().score(0, 10, 10, fair)
    for number, price in enumerate(cents):
        small.book(1_000 + number * every_ms, HOME, bids, ((price, 1_000),))
    return small


def signals(small, **setting):
    """Seconds at which a setting signalled."""
    said = fold_night(small, Setting(**(AT_ONCE | setting)))
    return [order["signal_ns"] / SECOND for order in said.orders]


def test_a_first_crossing_acts_once_until_the_edge_has_fallen_below():
    """While the edge stays at or above the threshold there is one order; below it the cell is armed again."""
    assert signals(asks(58, 54, 53, 52, 57, 54, 54)) == [2, 6]


def test_the_threshold_itself_is_enough():
    """An edge of exactly min_edge acts, a hundredth of a cent less does not."""
    assert signals(asks(55)) == [1]
    assert signals(asks(55.01)) == []


def test_a_lower_re_arm_edge_keeps_flicker_from_firing():
    """With hysteresis the edge must fall below the re-arm edge, not just below the threshold."""
    flicker = asks(54, 56, 54, 56, 54, 59, 54)
    assert signals(flicker) == [1, 3, 5, 7]
    assert signals(flicker, rearm_u6=3 * CENT) == [1, 7]


def test_every_acts_at_each_evaluation_at_or_above():
    """Each message about the book is an occasion, also one that leaves the ask alone."""
    small = asks(54, 53, 58, 54).bid(4_500, HOME, 10, 5)
    assert signals(small, policy=Policy.EVERY) == [1, 2, 4, 4.5]


def test_a_cell_has_one_order_under_way():
    """Until an order has arrived there is no second one for the same token."""
    assert signals(asks(54, 53, 52, 51, 50), policy=Policy.EVERY, order_delay_ms=2_500) == [1, 4]


def test_a_crossing_that_must_wait_acts_as_soon_as_it_can():
    """A crossing while an order is under way is not lost: the next message about the book brings it."""
    small = asks(54, 58, 54, every_ms=400)
    for at in (2_000, 2_600):
        small.bid(at, HOME, 10, at)
    assert signals(small, order_delay_ms=1_500) == [1, 2.6]


def test_the_cooldown_counts_from_the_latest_signal():
    """A cell that has acted rests; when it may act again, the next occasion is taken."""
    assert signals(asks(54, 53, 54, 53, 54, 53), policy=Policy.EVERY, cooldown_ms=2_500) == [1, 4]


def test_a_cap_of_shares_holds_per_token():
    """An order that would lead beyond the cap is not sent; that it was wanted is logged."""
    said = fold_night(asks(54, 53, 54, 53), Setting(**AT_ONCE, policy=Policy.EVERY, cap_shares_u6=25 * SHARE))
    statuses = [order["status"] for order in said.orders]
    assert statuses == [OrderStatus.FILLED] * 2 + [OrderStatus.CAPPED] * 2
    assert said.fold.cells.position_u6[HOME, 0] == 20 * SHARE


def test_a_cap_of_cash_holds_per_game():
    """Both tokens of a game draw on one budget."""
    small = SmallNight().link().score(0, 10, 10, 50).book(1_000, HOME, (), ((40, 1_000),))
    small.book(2_000, AWAY, (), ((40, 1_000),)).book(3_000, AWAY, (), ((40, 1_001),))
    said = fold_night(small, Setting(**AT_ONCE, policy=Policy.EVERY, cap_cash_u6=9 * SHARE))
    assert [(order["token"], order["status"]) for order in said.orders] == [
        (HOME, OrderStatus.FILLED),
        (AWAY, OrderStatus.FILLED),
        (AWAY, OrderStatus.CAPPED),
    ]


@pytest.mark.parametrize(
    ("size", "shares"),
    [
        ({"sizing": Sizing.SHARES, "size_u6": 12_345_678}, 12.34),
        ({"sizing": Sizing.CASH, "size_u6": 20 * SHARE}, 40),
        ({"sizing": Sizing.CASH, "size_u6": 10 * SHARE, "limit_slip_u6": 2 * CENT}, 19.23),
        # (0.60 - 0.50) / (1 - 0.50) is a fifth of 1,000, a quarter of which is 50, at 0.50.
        ({"sizing": Sizing.KELLY, "size_u6": 250_000, "bankroll_u6": 1_000 * SHARE}, 100),
    ],
)
def test_sizes_are_whole_hundredths_of_a_share(size, shares):
    """Shares as asked, cash at the limit, Kelly's fraction of the bankroll; each rounded down to two decimals."""
    (order,) = fold_night(asks(50), Setting(**AT_ONCE, **size)).orders
    assert order["size_u6"] == round(shares * SHARE)


@pytest.mark.parametrize(
    ("ask", "setting", "limit"),
    [
        (50, {}, 50),
        (50, {"limit_slip_u6": 2 * CENT}, 52),
        (50, {"limit_slip_u6": 15_000}, 51),
        (50, {"limit_slip_u6": -1}, 55),
        (50, {"limit_slip_u6": -1, "min_edge_u6": 45_000}, 55),
        (50, {"limit_slip_u6": 60 * CENT}, 99),
        (50.5, {}, 50.5),
    ],
)
def test_limits_stand_on_the_tick_grid(ask, setting, limit):
    """The limit is ask and slip, or where the edge is used up, rounded down to the tick, never below the ask."""
    (order,) = fold_night(asks(ask), Setting(**AT_ONCE, **setting)).orders
    assert order["limit_u6"] == round(limit * CENT)


@pytest.mark.parametrize(("shares", "status"), [(4.99, OrderStatus.TOO_SMALL), (5, OrderStatus.FILLED)])
def test_an_order_below_the_venues_least_size_is_not_sent(shares, status):
    """Five shares is the least that the venue takes where the catalogue does not say otherwise."""
    (order,) = fold_night(asks(50), Setting(**AT_ONCE, size_u6=round(shares * SHARE))).orders
    assert order["status"] == status


@pytest.mark.parametrize(("cents", "status"), [(16, OrderStatus.TOO_SMALL), (17, OrderStatus.FILLED)])
def test_an_order_for_less_than_a_dollar_is_not_sent(cents, status):
    """Six shares at 16 cents are 96 cents: too little for a marketable order."""
    (order,) = fold_night(asks(cents, bids=()), Setting(**AT_ONCE, size_u6=6 * SHARE)).orders
    assert order["status"] == status


def test_an_exit_sells_the_position_at_the_bid_when_the_edge_is_gone():
    """With an exit edge a position is sold, whole, as soon as the edge falls below."""
    small = asks(50, 62, bids=((48, 1_000),))
    said = fold_night(small, Setting(**AT_ONCE, exit_edge_u6=0))
    bought, sold = said.orders
    assert (bought["side"], sold["side"]) == (1, -1)
    assert sold["size_u6"] == bought["filled_u6"]
    assert sold["limit_u6"] == 48 * CENT
    assert said.fold.cells.position_u6[HOME, 0] == 0
    cash = bought["cash_u6"] + bought["fee_u6"] - sold["cash_u6"] + sold["fee_u6"]
    assert said.fold.cells.cash_u6[HOME, 0] == -cash


def test_what_arrives_after_the_edge_has_gone_is_sold_at_the_next_look():
    """The buy arrives when the edge is below the exit already: the next message sells it, though no edge moves."""
    small = asks(50, 62, 62, 62, every_ms=500, bids=((48, 1_000),))
    said = fold_night(small, Setting(venue_delay_ms=0, order_delay_ms=800, limit_slip_u6=20 * CENT, exit_edge_u6=0))
    assert [(order["side"], order["signal_ns"] / SECOND) for order in said.orders] == [(1, 1), (-1, 2)]


def test_an_exit_waits_for_a_bid():
    """Where nobody bids the position stays, and is sold when somebody does."""
    small = SmallNight().link().score(0, 10, 10, 60).book(1_000, HOME, (), ((50, 1_000),))
    small.book(2_000, HOME, (), ((62, 1_000),)).bid(3_000, HOME, 40, 500)
    said = fold_night(small, Setting(**AT_ONCE, exit_edge_u6=0))
    assert [(order["side"], order["signal_ns"] / SECOND) for order in said.orders] == [(1, 1), (-1, 3)]


# Edges that come back and stay are where cells might hear of each other.
prices = st.lists(st.integers(30, 70) | st.sampled_from([50, 55, 62]), min_size=1, max_size=30)
edges = st.lists(st.integers(1, 25), min_size=2, max_size=5, unique=True)


@settings(max_examples=60)
@given(prices, edges)
def test_with_every_a_higher_threshold_signals_at_a_subset(cents, min_edges):
    """
    Where orders arrive at once and nothing is capped, `every` at a higher min_edge signals at a subset of the moments.

    The law needs all of that: with first crossing a high threshold crosses again where a low one waits to be re-armed,
    and an order under way shuts out different later ones.
    """
    said = fold_night(asks(*cents), *(Setting(**AT_ONCE, policy=Policy.EVERY, min_edge_u6=e * CENT) for e in min_edges))
    moments = {
        said.fold.cells.params[1, cell]: {o["signal_ns"] for o in said.orders if o["cell"] == cell}
        for cell in range(len(min_edges))
    }
    ordered = [moments[edge] for edge in sorted(moments)]
    assert all(higher <= lower for lower, higher in pairwise(ordered))


@settings(max_examples=60)
@given(prices, edges)
def test_with_first_crossing_a_higher_threshold_never_signals_first(cents, min_edges):
    """The first signal of a higher min_edge is never before that of a lower one."""
    once = [Setting(**AT_ONCE, min_edge_u6=e * CENT) for e in sorted(min_edges)]
    said = fold_night(asks(*cents), *once)
    first = {}
    for order in said.orders:
        first.setdefault(order["cell"], order["signal_ns"])
    cells = sorted(first, key=lambda cell: said.fold.cells.params[1, cell])
    times = [first[cell] for cell in cells]
    assert times == sorted(times)


@settings(max_examples=60)
@given(
    prices,
    st.lists(
        st.builds(
            Setting,
            min_edge_u6=st.integers(1, 20).map(lambda e: e * CENT),
            policy=st.sampled_from(Policy),
            order_delay_ms=st.sampled_from([0, 300, 1_700]),
            venue_delay_ms=st.just(0),
            cooldown_ms=st.sampled_from([0, 1_500]),
            exit_edge_u6=st.sampled_from([None, -2 * CENT]),
            rearm_u6=st.sampled_from([None, 0]),
            sizing=st.sampled_from(Sizing),
            size_u6=st.sampled_from([6 * SHARE, 30 * SHARE]),
        ),
        min_size=2,
        max_size=5,
    ),
)
def test_cells_do_not_hear_of_each_other(cents, grid):
    """A cell in a grid does to the micro-dollar what it does alone."""
    small = asks(*cents)
    together = fold_night(small, *grid)
    assert together.fold.market.books[HOME, TRUST] == KNOWN
    alone = [[{**o, "cell": 0} for o in fold_night(small, setting).orders] for setting in grid]
    grouped = {}
    for order in together.orders:
        grouped.setdefault(order["cell"], []).append({**order, "cell": 0})
    assert sorted(map(repr, grouped.values())) == sorted(repr(orders) for orders in alone if orders)


@settings(max_examples=100)
@given(
    prices,
    st.lists(
        st.builds(
            Setting,
            min_edge_u6=st.integers(1, 20).map(lambda e: e * CENT),
            policy=st.sampled_from([Policy.FIRST_CROSSING] * 5 + [Policy.EVERY]),
            order_delay_ms=st.sampled_from([0, 300, 1_700]),
            venue_delay_ms=st.just(0),
            cooldown_ms=st.sampled_from([0, 1_500]),
            exit_edge_u6=st.sampled_from([None] * 5 + [12 * CENT]),
            rearm_u6=st.sampled_from([None] * 5 + [2 * CENT]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_cell_that_is_passed_over_had_nothing_to_do(cents, grid):
    """Asking only the cells whose threshold was just crossed gives the orders of asking every cell at every look."""
    small = asks(*cents, every_ms=400)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "_act_at_threshold", lambda params: False)
        asked = fold_night(small, *grid)
    assert fold_night(small, *grid).orders == asked.orders
