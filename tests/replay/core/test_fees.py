"""The taker fee."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from exact_fees import fee_u6
from hypothesis import given
from hypothesis import strategies as st

from replay.core import fills

RATE_U6 = 50_000


@pytest.mark.parametrize(
    ("shares", "price", "fee"),
    [
        ("100", "0.50", "1.25000"),
        ("100", "0.30", "1.05000"),
        ("100", "0.70", "1.05000"),
        ("10", "0.53", "0.12455"),
        ("100", "0.99", "0.04950"),
        ("5", "0.001", "0.00025"),
        ("219.217767", "0.456", "2.71900"),
        ("1", "0.0001", "0"),
        ("100", "0.52", "1.24800"),
        ("1", "0.53", "0.01246"),
    ],
)
def test_vectors(shares: str, price: str, fee: str) -> None:
    """The published examples at the sports rate come out to the last decimal."""
    assert fee_u6(_u6(shares), _u6(price), RATE_U6) == _u6(fee)


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 3))
def test_it_is_the_formula(shares: int, price: int, rate: int, exponent: int) -> None:
    """For any size, price, rate and exponent the fee is the exact formula rounded half up to five places."""
    p = Fraction(price, 10**6)
    exact = Fraction(shares, 10**6) * Fraction(rate, 10**6) * (p * (1 - p)) ** exponent
    assert fee_u6(shares, price, rate, exponent) == floor(exact * 10**5 + Fraction(1, 2)) * 10


@given(st.integers(0, 300_000 * 10**6), st.integers(0, 10_000), st.integers(0, 100_000))
def test_the_kernel_agrees(shares: int, price: int, rate: int) -> None:
    """What the fold charges is this fee, for every price on the finest grid and every order it allows."""
    assert int(fills.fee_u6(shares, price * 100, rate)) == fee_u6(shares, price * 100, rate)


@pytest.mark.parametrize(("shares", "price", "rate"), [(-1, 1, 1), (1, -1, 1), (1, 1_000_001, 1), (1, 1, -1)])
def test_nonsense_is_refused(shares: int, price: int, rate: int) -> None:
    """A negative number or a price above a dollar is our bug."""
    with pytest.raises(ValueError, match="no fee"):
        fee_u6(shares, price, rate)


def _u6(text: str) -> int:
    return int(Decimal(text) * 10**6)
