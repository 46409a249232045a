"""The walk through a book: sizes, cash, fees, all or none, and no share twice."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from fold_kit import CENT, SHARE
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core import fills
from replay.core.fills import EATEN_WIDTH, MEMORY
from replay.core.jit import interpreted
from replay.core.state import book
from replay.core.state.book import ASK_ROW, BID_ROW
from replay.core.state.market import FEE_RATE_U6, new_market

take = interpreted(fills.take)
fee_u6 = interpreted(fills.fee_u6)
apply_level = interpreted(book.apply_level)

FAK, FOK = 0, 1
BUY, SELL = ASK_ROW, BID_ROW


class Venue:
    """One token's market and the memory of one cell; prices in cents, sizes in shares."""

    def __init__(self, *, bids=(), asks=(), rate_u6=0):
        self.market = new_market(1, 1)
        self.market.rules[0, FEE_RATE_U6] = rate_u6
        self.eaten = np.zeros((1, 1, MEMORY, EATEN_WIDTH), np.int64)
        for row, levels in ((BID_ROW, bids), (ASK_ROW, asks)):
            for cents, shares in levels:
                self.set(row, cents, shares)

    def set(self, row, cents, shares):
        apply_level(self.market.books, self.market.levels, 0, row, round(cents * CENT), round(shares * SHARE))

    def take(self, row, limit, shares, how=FAK):
        filled, cash, fee = take(self.market, self.eaten, 0, 0, row, round(limit * CENT), round(shares * SHARE), how)
        return filled / SHARE, cash / SHARE, fee / SHARE


ASKS = ((50, 10), (51, 20), (53, 30))
BIDS = ((48, 10), (47, 20), (45, 30))


@pytest.mark.parametrize(
    ("limit", "shares", "filled", "cash"),
    [(50, 5, 5, 2.5), (50, 15, 10, 5.0), (51, 15, 15, 7.55), (52, 100, 30, 15.2), (99, 100, 60, 31.1), (49, 5, 0, 0)],
)
def test_a_buy_walks_the_asks_to_its_limit(limit, shares, filled, cash):
    """Each level gives what it has at its own price, from the best one to the limit."""
    assert Venue(asks=ASKS).take(BUY, limit, shares) == (filled, cash, 0)


@pytest.mark.parametrize(
    ("limit", "shares", "filled", "cash"), [(48, 15, 10, 4.8), (46, 15, 15, 7.15), (1, 100, 60, 27.7), (49, 5, 0, 0)]
)
def test_a_sale_walks_the_bids_to_its_limit(limit, shares, filled, cash):
    """A sale takes the best bids first, down to its limit."""
    assert Venue(bids=BIDS).take(SELL, limit, shares) == (filled, cash, 0)


def test_all_or_none_fills_whole_or_not_at_all():
    """FOK takes nothing where the size does not stand at the limit or better; FAK takes what there is."""
    assert Venue(asks=ASKS).take(BUY, 51, 31, FOK) == (0, 0, 0)
    assert Venue(asks=ASKS).take(BUY, 51, 31, FAK)[0] == 30
    assert Venue(asks=ASKS).take(BUY, 51, 30, FOK)[0] == 30


def test_the_same_share_is_not_bought_twice():
    """What a cell took from a level stays taken while the level has the very size it had."""
    venue = Venue(asks=ASKS)
    assert venue.take(BUY, 50, 6)[0] == 6
    assert venue.take(BUY, 50, 6)[0] == 4
    assert venue.take(BUY, 50, 6)[0] == 0
    assert venue.take(BUY, 51, 25, FOK)[0] == 0
    assert venue.take(BUY, 51, 20, FOK)[0] == 20


def test_a_level_that_changed_is_another_level():
    """A new size is new liquidity; coming back to the old size is not."""
    venue = Venue(asks=ASKS)
    venue.take(BUY, 50, 10)
    venue.set(ASK_ROW, 50, 12)
    assert venue.take(BUY, 50, 100)[0] == 12
    venue.set(ASK_ROW, 50, 0)
    venue.set(ASK_ROW, 50, 12)
    assert venue.take(BUY, 50, 100)[0] == 0


def test_bids_and_asks_at_one_price_are_different_liquidity():
    """Having bought at a price says nothing about the bids that stand there later."""
    venue = Venue(asks=((50, 10),))
    venue.take(BUY, 50, 10)
    venue.set(ASK_ROW, 50, 0)
    venue.set(BID_ROW, 50, 10)
    assert venue.take(SELL, 50, 10)[0] == 10


def test_the_memory_forgets_the_level_used_longest_ago():
    """A cell remembers so many levels, the latest ones."""
    venue = Venue(asks=[(cents, 1) for cents in range(10, 11 + MEMORY)])
    for cents in range(10, 11 + MEMORY):
        assert venue.take(BUY, cents, 1)[0] == 1
    venue.set(ASK_ROW, 10, 0)
    assert venue.take(BUY, 10 + MEMORY, 100)[0] == 0
    venue.set(ASK_ROW, 10, 1)
    assert venue.take(BUY, 10, 100)[0] == 1


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 50)), max_size=12, unique_by=lambda level: level[0]),
    st.integers(1, 99),
    st.lists(st.integers(1, 80), min_size=1, max_size=4),
)
def test_repeated_buys_never_take_more_than_stands(asks, limit, orders):
    """However often a cell buys from a book that does not change, it gets each share once, cheapest first."""
    venue = Venue(asks=asks)
    within = sorted(level for level in asks if level[0] <= limit)
    standing = [Fraction(cents, 100) for cents, shares in within for _ in range(shares)]
    taken = 0
    for shares in orders:
        filled, cash, _ = venue.take(BUY, limit, shares)
        assert filled == min(shares, len(standing) - taken)
        assert cash == pytest.approx(float(sum(standing[taken : taken + int(filled)])), abs=1e-9)
        taken += int(filled)


@pytest.mark.parametrize(
    ("shares", "cents", "rate_u6", "fee"),
    [
        (100, 50, 50_000, 1.25),
        (100, 1, 50_000, 0.0495),
        (100, 99, 50_000, 0.0495),
        (1, 50, 50_000, 0.0125),
        (10, 50, 0, 0),
    ],
)
def test_the_fee_is_shares_times_rate_times_p_times_one_minus_p(shares, cents, rate_u6, fee):
    """The fee is largest at even odds and symmetric; it is zero where the market has none."""
    assert fee_u6(shares * SHARE, cents * CENT, rate_u6) == round(fee * 1_000_000)


@settings(max_examples=200)
@given(st.integers(1, 300_000 * SHARE), st.integers(1, 9_999), st.integers(0, 100_000))
def test_the_fee_is_exact_to_five_decimals(shares_u6, hundredths, rate_u6):
    """Up to 300,000 shares the fee in 64 bits is that of exact fractions, within the one unit of its own rounding."""
    price = Fraction(hundredths, 10_000)
    exact = Fraction(shares_u6, SHARE) * Fraction(rate_u6, 1_000_000) * price * (1 - price)
    fee = fee_u6(shares_u6, hundredths * 100, rate_u6)
    assert fee % 10 == 0
    assert abs(Fraction(fee, 1_000_000) - exact) <= Fraction(1, 200_000) + Fraction(1, 10**9)


def test_the_fee_is_charged_level_by_level():
    """Each level walked has its own price and so its own fee."""
    _, _, fee = Venue(asks=ASKS, rate_u6=50_000).take(BUY, 51, 30)
    assert fee == (fee_u6(10 * SHARE, 50 * CENT, 50_000) + fee_u6(20 * SHARE, 51 * CENT, 50_000)) / SHARE
