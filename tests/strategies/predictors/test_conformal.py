"""Conformal intervals."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.predictors.conformal import Intervals, half_width, lead_group, tercile_edges


@pytest.mark.parametrize("count", [20, 99, 100, 371])
def test_the_width_is_the_order_statistic_of_the_theorem(count: int) -> None:
    """Of n errors the ceil((n + 1) * 0.9)-th smallest: a further game falls within with at least that probability."""
    errors = np.random.default_rng(count).normal(0, 5, count)
    place = int(np.ceil((count + 1) * 0.9))
    assert half_width(errors, 0.9) == pytest.approx(np.sort(np.abs(errors))[place - 1])


def test_too_few_errors_make_no_interval() -> None:
    """With five errors no finite width covers 90 %."""
    with pytest.raises(ValueError, match=r"(?i)sample|score|number"):
        half_width(np.arange(5.0), 0.9)


def test_terciles_are_by_size() -> None:
    """A lead of either side counts alike, every lead has a group, and the groups are about as large."""
    lead = np.random.default_rng(0).integers(-30, 31, 3_000)
    groups = lead_group(lead, tercile_edges(lead))
    assert np.array_equal(groups, lead_group(-lead, tercile_edges(lead)))
    assert (np.bincount(groups) / 3_000).tolist() == pytest.approx([1 / 3] * 3, abs=0.05)
    assert np.abs(lead[groups == 0]).max() < np.abs(lead[groups == 1]).min()
    assert lead_group(np.array([99]), tercile_edges(lead)).tolist() == [2]


def test_an_interval_is_that_of_minute_and_lead() -> None:
    """The width is looked up by horizon, knowledge, minute and tercile."""
    widths = np.arange(2 * 2 * 18 * 3, dtype=np.float64).reshape(2, 2, 18, 3)
    intervals = Intervals(0.9, np.tile([3.0, 7.0], (18, 1)), widths)
    assert intervals.around(1, -5.0, 18, is_known=True) == widths[1, 1, 17, 1]
    assert intervals.around(0, 3.0, 1, is_known=False) == widths[0, 0, 0, 0]
    assert intervals.around(0, 8.0, 2, is_known=False) == widths[0, 0, 1, 2]
