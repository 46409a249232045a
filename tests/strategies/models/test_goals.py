"""Goals as two Poisson processes, against the exact sums and against simulation."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.models.goals import Goals, goals_probability

RATES = Goals(home=3.2, away=2.9, length=60.0)
NAN = float("nan")


def probability(lead, left, prior_z=NAN, rates=RATES):
    made = goals_probability(rates, np.array([float(lead)]), np.array([float(left)]), np.array([prior_z]))
    return float(made[0])


def exact(lead, left):
    """P(home) by summing both sides' goals, an overtime going to whose goal comes first."""
    home, away = RATES.home * left / RATES.length, RATES.away * left / RATES.length
    total = 0.0
    for ours in range(40):
        for theirs in range(40):
            chance = exp(-home) * home**ours / factorial(ours) * exp(-away) * away**theirs / factorial(theirs)
            margin = lead + ours - theirs
            total += chance * (1.0 if margin > 0 else RATES.home / (RATES.home + RATES.away) if margin == 0 else 0.0)
    return total


@pytest.mark.parametrize(("lead", "left"), [(0, 60), (1, 20), (-1, 20), (2, 5), (-3, 40), (0, 0)])
def test_it_is_the_sum_over_all_scores(lead, left) -> None:
    """Sixteen goals a side are enough for seven digits of the whole sum."""
    assert probability(lead, left) == pytest.approx(exact(lead, left), abs=1e-7)


def test_a_lead_at_the_end_is_a_win_and_a_deficit_a_loss() -> None:
    """With no time left the lead decides; level, whoever scores more often is likelier to score first."""
    assert (probability(1, 0), probability(-1, 0)) == (1.0, 0.0)
    assert probability(0, 0) == pytest.approx(RATES.home / (RATES.home + RATES.away))


@given(st.integers(-6, 6), st.floats(0, 60))
def test_a_longer_lead_is_never_worse_and_the_sides_are_mirrors(lead, left) -> None:
    """One goal more never lowers the chance, and with the rates swapped the other side has what is left of it."""
    here = probability(lead, left)
    mirrored = probability(-lead, left, rates=Goals(home=RATES.away, away=RATES.home, length=RATES.length))
    assert 0.0 <= here <= probability(lead + 1, left) + 1e-12
    assert here + mirrored == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("prior_z", "prior"), [(-1.2816, 0.1), (-0.5244, 0.3), (0.0, 0.5), (0.5244, 0.7), (1.2816, 0.9)]
)
def test_before_its_start_a_game_is_about_as_likely_as_its_prior(prior_z, prior) -> None:
    """Within half a percent from 10 to 90 %."""
    assert probability(0, 60, prior_z) == pytest.approx(prior, abs=0.005)
