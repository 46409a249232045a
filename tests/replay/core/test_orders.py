"""Orders under way: they arrive by due time, and meet the book of that moment."""

from __future__ import annotations

import numpy as np
from fold_kit import CENT, HOME, SHARE, SmallNight, cell_column, fold_night
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core import orders as kernels
from replay.core.cells import CELL_COLUMNS, ORDER_COLUMNS, OrderStatus, new_cells, new_log
from replay.core.jit import interpreted
from replay.core.orders import NEVER_NS
from replay.core.state.market import new_market
from replay.settings import Setting

arrive = interpreted(kernels.arrive)
submit = interpreted(kernels.submit)
next_due_ns = interpreted(kernels.next_due_ns)

DUE, CELL = ORDER_COLUMNS.index("due_ns"), ORDER_COLUMNS.index("cell")


@settings(max_examples=100)
@given(st.lists(st.one_of(st.integers(0, 20), st.just("arrive")), max_size=60))
def test_orders_arrive_by_due_time_and_then_by_number(steps):
    """However sendings and arrivals are mixed, the next to arrive is the earliest due, the first sent among equals."""
    market, log = new_market(1, 1), new_log(1, 64, 64)
    cells = new_cells(np.zeros((64, len(CELL_COLUMNS)), np.int64), 1)
    under_way = []
    for number, step in enumerate(steps):
        if step != "arrive":
            log.orders[number, DUE], log.orders[number, CELL] = step, number
            submit(cells, log, number)
            under_way.append((step, number))
            assert cells.outstanding[0, number] == number
        elif under_way:
            due, first = min(under_way)
            under_way.remove((due, first))
            arrive(market, cells, log)
            assert log.orders[first, ORDER_COLUMNS.index("status")] == OrderStatus.IN_GAP
            assert cells.outstanding[0, first] == -1
        assert next_due_ns(log) == min(under_way, default=(NEVER_NS,))[0]


def live(fair=60):
    """A game that is on, home worth so many cents, and a book of the home token at 45 to 50."""
    return SmallNight().link().score(0, 10, 10, fair).book(1_000, HOME, ((45, 100),), ((50, 100), (52, 100)))


def only_order(small, setting, **more):
    said = fold_night(small, setting, **more)
    assert len(said.orders) == 1
    return said.orders[0], said


def test_an_order_meets_the_book_of_the_moment_at_which_it_arrives():
    """Half a second later the ask is elsewhere: the fill is at the price of then, or there is none."""
    delayed = Setting(min_edge_u6=5 * CENT, order_delay_ms=500, venue_delay_ms=0)
    gone = live().ask(1_400, HOME, 50, 0)
    order, _ = only_order(gone, delayed)
    assert order["status"] == OrderStatus.NO_LIQUIDITY
    assert order["fill_ask_u6"] == 52 * CENT
    late = live().ask(1_600, HOME, 50, 0)
    order, said = only_order(late, delayed)
    assert (order["status"], order["filled_u6"]) == (OrderStatus.FILLED, 10 * SHARE)
    assert order["cash_u6"] == 5 * SHARE
    assert said.fold.cells.position_u6.tolist() == [[10 * SHARE], [0]]
    assert said.fold.cells.cash_u6[HOME, 0] == -(order["cash_u6"] + order["fee_u6"])


def test_an_order_that_arrives_with_a_row_meets_the_book_after_it():
    """What the recorder heard at the same nanosecond was there first."""
    order, _ = only_order(live().ask(1_500, HOME, 50, 0), Setting(order_delay_ms=500, venue_delay_ms=0))
    assert order["status"] == OrderStatus.NO_LIQUIDITY


def test_a_book_in_a_gap_fills_nothing():
    """Where the book is not known when the order arrives, it is not guessed."""
    order, _ = only_order(live().gap(1_200, HOME), Setting(order_delay_ms=500, venue_delay_ms=0))
    assert order["status"] == OrderStatus.IN_GAP
    assert order["filled_u6"] == 0


def test_a_part_of_the_size_is_a_partial_fill():
    """FAK takes what stands at the limit; FOK takes nothing then."""
    big = {"size_u6": 300 * SHARE, "venue_delay_ms": 0}
    order, _ = only_order(live(), Setting(**big))
    assert (order["status"], order["filled_u6"]) == (OrderStatus.PARTIAL, 100 * SHARE)
    order, _ = only_order(live(), Setting(**big, all_or_none=True))
    assert (order["status"], order["filled_u6"]) == (OrderStatus.NO_LIQUIDITY, 0)


def test_an_order_under_way_when_the_tape_ends_has_expired():
    """What would have become of it is not on the tape."""
    order, _ = only_order(live(), Setting(order_delay_ms=500, venue_delay_ms=0), until_ms=1_400)
    assert order["status"] == OrderStatus.EXPIRED


def test_the_venue_delay_is_what_the_market_said_at_the_time():
    """The delay is the market's own, as it was known when the order was sent; a setting may name another."""
    small = SmallNight().link().rule(500, HOME, delay_ms=3_000).score(0, 10, 10, 60)
    small.book(1_000, HOME, ((45, 100),), ((50, 100),)).rule(2_000, HOME, delay_ms=0)
    order, _ = only_order(small, Setting(order_delay_ms=250))
    assert order["due_ns"] - order["signal_ns"] == 3_250_000_000
    order, _ = only_order(small, Setting(order_delay_ms=250, venue_delay_ms=1_000))
    assert order["due_ns"] - order["signal_ns"] == 1_250_000_000


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(46, 60), st.sampled_from([0, 5, 20])), max_size=25),
    st.lists(st.integers(0, 2_000), min_size=2, max_size=4, unique=True),
)
def test_more_latency_never_means_an_earlier_arrival(moves, delays):
    """Each signal that settings share, which differ by the order's delay alone, arrives later by that very delay."""
    small, at = live(), 1_000
    for wait, cents, shares in moves:
        at += wait
        small.ask(at, HOME, cents, shares)
    grid = [Setting(order_delay_ms=delay, venue_delay_ms=0) for delay in sorted(delays)]
    said = fold_night(small, *grid)
    assert said.fold.cells.params[cell_column("order_delay_ns")].tolist() == [d * 1_000_000 for d in sorted(delays)]
    first = {}
    for order in said.orders:
        first.setdefault(order["cell"], order)
        assert order["due_ns"] - order["signal_ns"] == sorted(delays)[order["cell"]] * 1_000_000
    # The first signal does not depend on what became of an order, so all cells share it.
    assert len({order["signal_ns"] for order in first.values()}) <= 1
    dues = [first[cell]["due_ns"] for cell in sorted(first)]
    assert dues == sorted(dues)
