"""Seeded chance."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from replay.synth.dice import Dice, normal_cdf


@given(st.floats(-8, 8))
def test_the_normal_distribution_is_right(z):
    """The polynomial stays within 1.5e-7 of the distribution function."""
    assert abs(0.5 * (1 + math.erf(z / math.sqrt(2))) - normal_cdf(z)) < 1.5e-7


def test_a_stream_is_named_by_its_seed_and_names():
    """Equal names give equal draws; another seed or name gives others."""
    draws = [Dice(*names).hex(40) for names in ((1, "a", 2), (1, "a", 2), (2, "a", 2), (1, "b", 2), (1, "a", 3))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4


def test_known_draws_stay_as_they_are():
    """The first draws of a stream are fixed: a tape made from a seed today is made from it tomorrow."""
    dice = Dice(7, "fixed")
    assert (dice.whole(0, 10**6), dice.hex(8)) == (650893, "4dd32c64")


@given(st.integers(), st.integers(-5, 5), st.integers(0, 9))
def test_whole_numbers_keep_their_bounds(seed, low, more):
    """`whole` includes both ends and nothing outside."""
    dice = Dice(seed)
    assert all(low <= dice.whole(low, low + more) <= low + more for _ in range(20))


@given(st.integers(), st.lists(st.integers()))
def test_shuffling_loses_nothing(seed, items):
    """A shuffled list holds what it held, and the original stays."""
    before = list(items)
    assert sorted(Dice(seed).shuffled(items)) == sorted(before)
    assert before == items


def test_the_bell_has_deviation_one():
    """Normal draws have mean 0 and deviation 1."""
    dice = Dice(3, "bell")
    draws = [dice.normal() for _ in range(20_000)]
    mean = sum(draws) / len(draws)
    assert abs(mean) < 0.03
    assert abs(math.sqrt(sum(draw * draw for draw in draws) / len(draws)) - 1) < 0.03
