"""Settings, and how the command line says them."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from replay.core.cells import CELL_COLUMNS, NO_EDGE, Policy, Sizing
from replay.settings import (
    AS_RECORDED,
    Bound,
    Setting,
    View,
    cell_params,
    grid,
    parse_cents,
    parse_numbers,
    parse_policies,
)

SETTINGS = st.builds(
    Setting,
    view=st.builds(View, st.sampled_from([AS_RECORDED, 2_000, 5_000]), st.integers(0, 2), st.sampled_from([0, 500])),
    min_edge_u6=st.integers(-100_000, 100_000),
    order_delay_ms=st.integers(0, 5_000),
    rearm_u6=st.none() | st.integers(-100_000, 100_000),
    exit_edge_u6=st.none() | st.integers(-100_000, 0),
)


@pytest.mark.parametrize(
    ("text", "cents_u6"), [("5", 50_000), ("0.5", 5_000), ("0.01", 100), ("-1", -10_000), ("1e1", 100_000), ("0", 0)]
)
def test_cents(text, cents_u6) -> None:
    """Cents are exact, down to a hundredth of one."""
    assert parse_cents(text) == cents_u6


@pytest.mark.parametrize(
    "text", ["", "five", "5c", "0.001", "5,5", "nan", "inf", "-inf", "sNaN", "1e400", "1e99999999"]
)
def test_what_is_not_cents(text) -> None:
    """Text, fractions nobody can order at and what is no number are refused in words."""
    with pytest.raises(UsageError, match="cent"):
        parse_cents(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", ["5"]),
        ("1,2,5", ["1", "2", "5"]),
        ("1:3:1", ["1", "2", "3"]),
        ("1:2:0.25", ["1", "1.25", "1.50", "1.75", "2.00"]),
        ("1:2:0.3", ["1", "1.3", "1.6", "1.9"]),
        ("5:5:1", ["5"]),
        ("-1:1:1", ["-1", "0", "1"]),
        ("0.1:0.5:0.1", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
    ],
)
def test_numbers(text, numbers) -> None:
    """Lists as given; ranges with both ends, exact where floats would not be."""
    assert parse_numbers(text, "poll") == [Decimal(number) for number in numbers]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1,",
        "1:2",
        "1:2:3:4",
        "1:2:0",
        "1:2:-1",
        "2:1:1",
        "nan",
        "1,inf",
        "1:inf:1",
        "nan:1:1",
        "0:1:1e-9",
        "::",
    ],
)
def test_what_is_no_list_and_no_range(text) -> None:
    """Anything else is refused, and the message shows how to say it."""
    with pytest.raises(UsageError) as caught:
        parse_numbers(text, "poll")
    assert "--poll" in caught.value.what
    assert "first:last:step" in (caught.value.hint or "")


def test_a_description_says_everything() -> None:
    """All fields of a setting and its view are in the description, as plain values; some where they say something."""
    setting = Setting(view=View(2_000, 3, 250), policy=Policy.EVERY, sizing=Sizing.KELLY, cap_cash_u6=7)
    described = setting.describe()
    names = {field.name for kind in (Setting, View) for field in fields(kind)} - {"view"}
    assert set(described) == names - {"bound", "model", "nba_poll_ms"}
    bounds = [bound for bound in Bound if bound is not Bound.NONE]
    bounded = [Setting(view=View(2_000, 3, 250, bound, "a", 4_000)).describe() for bound in bounds]
    assert [set(one) for one in bounded] == [names] * len(bounds)
    assert [one["bound"] for one in bounded] == [bound.name.lower() for bound in bounds]
    assert described["policy"] == "every"
    assert described["sizing"] == "kelly"
    assert (described["poll_ms"], described["phase"], described["book_delay_ms"]) == (2_000, 3, 250)
    assert (described["all_or_none"], described["rearm_u6"], described["cap_cash_u6"]) == (0, None, 7)


def test_a_grid_is_the_product() -> None:
    """Every combination once, view by view, all else as in the base."""
    base = Setting(size_u6=3)
    views = [View(2_000), View(5_000)]
    settings = grid(base, min_edges_u6=[1, 2], views=views, order_delays_ms=[0, 9], venue_delays_ms=[AS_RECORDED])
    assert len(set(settings)) == 8
    assert [setting.view for setting in settings] == [views[0]] * 4 + [views[1]] * 4
    assert {replace(setting, view=View(), min_edge_u6=0, order_delay_ms=0) for setting in settings} == {
        replace(base, min_edge_u6=0)
    }


def test_parameters_of_a_cell() -> None:
    """Delays become ns; what is not said becomes the number that the kernels know for it."""
    told = dict(zip(CELL_COLUMNS, cell_params([Setting(min_edge_u6=7, order_delay_ms=3)])[1][0].tolist(), strict=True))
    assert (told["order_delay_ns"], told["venue_delay_ns"], told["rearm_u6"]) == (3_000_000, -1, 7)
    assert (told["cap_shares_u6"], told["cap_cash_u6"], told["exit_edge_u6"], told["wake_u6"]) == (-1, -1, NO_EDGE, 7)
    setting = Setting(min_edge_u6=7, rearm_u6=-4, venue_delay_ms=2, exit_edge_u6=-9, cap_cash_u6=0)
    told = dict(zip(CELL_COLUMNS, cell_params([setting])[1][0].tolist(), strict=True))
    assert (told["venue_delay_ns"], told["rearm_u6"], told["cap_cash_u6"]) == (2_000_000, -4, 0)
    assert (told["exit_edge_u6"], told["wake_u6"]) == (-9, NO_EDGE)


@given(st.lists(SETTINGS, min_size=1, max_size=20))
def test_cells_stand_by_view_and_wake(settings: list[Setting]) -> None:
    """Parameters are sorted by view, then by wake; order leads each row back to its setting."""
    views, params, order = cell_params(settings)
    assert sorted(order.tolist()) == list(range(len(settings)))
    keys = params[:, [0, CELL_COLUMNS.index("wake_u6")]].tolist()
    assert keys == sorted(keys)
    assert [views[view] for view in params[:, 0]] == [settings[number].view for number in order]
    edges = [settings[number].min_edge_u6 for number in order]
    np.testing.assert_array_equal(params[:, CELL_COLUMNS.index("min_edge_u6")], edges)


def test_policies_are_spelt_as_on_the_command_line() -> None:
    """One or several, each once and in the order given; any other word is refused with those that there are."""
    assert parse_policies("first-crossing, every,first-crossing") == [Policy.FIRST_CROSSING, Policy.EVERY]
    with pytest.raises(UsageError, match="no policy 'never'") as refused:
        parse_policies("every,never")
    assert refused.value.hint == "--policy every,first-crossing"
