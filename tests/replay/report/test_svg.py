"""Scales, ticks and paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from replay.report.svg import Frame, Scale, num, step_path, ticks, whisker

reals = st.floats(-1e6, 1e6, allow_nan=False)


@given(reals, st.floats(0.001, 1e6))
def test_ticks_are_round_rising_and_inside(low, width):
    """Between any two limits there are a few ticks, rising, none outside."""
    found = ticks(low, low + width)
    assert found == sorted(set(found))
    assert len(found) <= 8
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= value <= low + width + slack for value in found)


def test_a_range_of_no_width_has_one_tick():
    """Where low is high, that value is the tick."""
    assert ticks(3.0, 3.0) == [3.0]


def test_a_scale_maps_its_ends_and_may_run_backwards():
    """Low goes to begin, high to end; y grows upwards although pixels grow downwards."""
    scale = Scale(0, 10, 200, 100)
    assert (scale(0), scale(5), scale(10)) == (200, 150, 100)
    assert Scale(1, 100, 0, 2, is_log=True)(10) == pytest.approx(1)
    assert Scale(5, 5, 0, 10)(5) == 5


def test_a_step_path_holds_a_value_until_the_next():
    """Every point is a horizontal run and a jump; nothing that shows nowhere is written."""
    assert step_path([(0, 10), (5, 10), (9, 20)], 12) == "M0 10h9v10h3"


def test_the_unknown_breaks_a_step_path():
    """A None ends the line there, and the next value begins a new one; unknown at both ends draws nothing."""
    assert step_path([(0, None), (2, 10), (4, None), (6, None), (8, 5)], 9) == "M2 10h2M8 5h1"
    assert step_path([(0, None)], 9) == ""


def test_text_and_attributes_are_escaped():
    """What is drawn cannot leave its place, wherever it stands."""
    evil = '"><script>x</script>'
    frame = Frame(100, 50, evil)
    frame.text(0, 0, evil)
    frame.dot(1, 2, "a", evil)
    frame.rect(1, 2, 3, 4, "a", evil)
    frame.path("M0 0", "a", evil)
    made = frame.done()
    assert "<script" not in made
    assert made.count("&lt;script&gt;") == 5
    assert isinstance(made, Markup)


def test_numbers_are_short():
    """One decimal at most, and no needless zero."""
    assert [num(3.0), num(2.25), num(-1.96)] == ["3", "2.2", "-2"]


def test_a_whisker_may_lie_on_its_side():
    """An interval stands, or lies where the axis of its values does."""
    assert 'd="M6 3H14M10 3V9M6 9H14"' in whisker(10, 3, 9, "w")
    assert 'd="M3 6V14M3 10H9M9 6V14"' in whisker(10, 3, 9, "w", is_flat=True)
