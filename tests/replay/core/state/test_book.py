"""The book against a dictionary: best prices, sizes, units and clearing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core.jit import interpreted
from replay.core.state import book
from replay.core.state.book import (
    ASK_ROW,
    BID_ROW,
    BOOK_NS,
    DOLLAR_U6,
    KNOWN,
    OFF_GRID,
    SNAPSHOT_MS,
    TRUST,
    UNIT_U6,
    UNKNOWN,
    is_book_fresh,
    new_books,
    new_levels,
)

apply_level = interpreted(book.apply_level)
best_price_u6 = interpreted(book.best_price_u6)
clear_book = interpreted(book.clear_book)
forget_book = interpreted(book.forget_book)
size_at_best = interpreted(book.size_at_best)

UNITS_U6 = (10_000, 1_000, 2_500, 100)

prices = st.sampled_from(UNITS_U6).flatmap(
    lambda unit: st.integers(1, DOLLAR_U6 // unit - 1).map(lambda cell: cell * unit)
)
changes = st.tuples(st.integers(0, 1), prices, st.sampled_from([0, 0, 1, 5_000_000, 70_000_000]))
steps = st.lists(st.one_of(changes, st.just("clear")), max_size=60)


@settings(max_examples=150)
@given(steps)
def test_a_book_holds_what_a_dictionary_holds(steps):
    """Whatever levels come, with whatever price steps between, best prices and sizes are those of two dictionaries."""
    books, levels = new_books(2), new_levels(2)
    sides = ({}, {})
    for step in steps:
        if step == "clear":
            clear_book(books, levels, 1)
            sides = ({}, {})
            assert not levels.any()
            continue
        row, price, size = step
        assert apply_level(books, levels, 1, row, price, size)
        sides[row][price] = size
        if size == 0:
            del sides[row][price]
        for side, best in ((BID_ROW, max), (ASK_ROW, min)):
            held = sides[side]
            assert best_price_u6(books, 1, side) == best(held, default=-1)
            assert size_at_best(books, levels, 1, side) == (held[best(held)] if held else 0)
            cells = np.flatnonzero(levels[1, side])
            assert {int(cell * books[1, UNIT_U6]): int(levels[1, side, cell]) for cell in cells} == held
    assert not levels[0].any()


@pytest.mark.parametrize(
    ("price_u6", "unit_u6"),
    [(10_000, 10_000), (5_000, 5_000), (1_000, 1_000), (2_500, 2_500), (12_500, 2_500), (100, 100), (999_900, 100)],
)
def test_the_unit_shrinks_to_what_a_price_needs(price_u6, unit_u6):
    """A ladder starts at one cent and takes the widest step that has a cell for every price so far."""
    books, levels = new_books(1), new_levels(1)
    assert apply_level(books, levels, 0, BID_ROW, price_u6, 1)
    assert books[0, UNIT_U6] == unit_u6
    assert best_price_u6(books, 0, BID_ROW) == price_u6


@pytest.mark.parametrize(
    ("price_u6", "size_u6"), [(0, 1), (DOLLAR_U6, 1), (-100, 1), (150, 1), (500_001, 1), (500_000, -1)]
)
def test_what_cannot_be_a_level_is_refused_and_counted(price_u6, size_u6):
    """A price outside 0 to 1 or finer than a hundredth of a cent, and a size below zero, leave the book as it was."""
    books, levels = new_books(1), new_levels(1)
    assert not apply_level(books, levels, 0, ASK_ROW, price_u6, size_u6)
    assert books[0, OFF_GRID] == 1
    assert books[0, UNIT_U6] == 10_000
    assert not levels.any()


def test_clearing_brings_the_widest_unit_back():
    """A fine price refines only the books that hold it: after a clear the ladder is coarse, and fast, again."""
    books, levels = new_books(1), new_levels(1)
    apply_level(books, levels, 0, BID_ROW, 123_400, 7)
    clear_book(books, levels, 0)
    assert books[0, UNIT_U6] == 10_000
    assert not levels.any()


def test_a_forgotten_book_is_unknown_and_empty():
    """A gap takes the trust, the levels and the memory of the latest snapshot."""
    books, levels = new_books(1), new_levels(1)
    apply_level(books, levels, 0, BID_ROW, 400_000, 7)
    books[0, TRUST], books[0, SNAPSHOT_MS] = KNOWN, 1_000
    forget_book(books, levels, 0)
    assert books[0, TRUST] == UNKNOWN
    assert books[0, SNAPSHOT_MS] == -1
    assert best_price_u6(books, 0, BID_ROW) == -1
    assert not levels.any()


def test_a_book_is_fresh_up_to_its_age_limit():
    """Five seconds unless said otherwise, the limit included; time is an argument."""
    books = new_books(1)
    books[0, BOOK_NS] = 10_000_000_000
    assert is_book_fresh(books, 0, 15_000_000_000)
    assert not is_book_fresh(books, 0, 15_000_000_001)
    assert is_book_fresh(books, 0, 40_000_000_000, 30_000_000_000)
