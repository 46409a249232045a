"""Heatmaps, ranking and the price of delays."""

from __future__ import annotations

import pytest

from replay.report.answers import choices_of, panels_of, prices_of
from replay.report.gridcharts import dollars, edge_words, heat_cells, heatmap, poll_words, price_chart, ranking


def test_money_is_signed_and_an_endless_limit_says_so():
    """A true minus, two decimals, thousands marked."""
    assert [dollars(value) for value in (1.2, -0.3, 1234.5, None)] == ["+$1.20", "−$0.30", "+$1,234.50", "∞"]
    assert (edge_words(5.0), edge_words(2.5), poll_words(None), poll_words(2.5)) == ("5", "2.5", "recorded", "2.5 s")


def test_a_cell_is_hollow_exactly_where_its_interval_holds_zero(run):
    """Solid and hollow boxes are as many as clear and unclear verdicts."""
    for panel in panels_of(choices_of(run)):
        made = heatmap(panel, 0, most=50.0, fills_most=30, words=True)
        paths = [part for part in made.split("<path") if 'class="h' in part]
        hollow = sum(part.count("z") for part in (p.split(' d="')[1] for p in paths if " hollow" in p))
        solid = sum(part.count("z") for part in (p.split(' d="')[1] for p in paths if " hollow" not in p))
        clear = sum(verdict.is_clear for row in panel.rows for verdict in row)
        assert (solid, hollow) == (clear, 4 - clear)
        assert made.count('<g class="cells">') == 1


def test_the_featured_cell_is_framed_once(run):
    """One map holds the frame."""
    maps = [heatmap(panel, 0, most=50.0, fills_most=30, words=False) for panel in panels_of(choices_of(run))]
    assert sum(made.count('class="featured"') for made in maps) == 1
    assert not any('class="cells' in made for made in maps)


def test_the_data_of_a_map_is_row_by_row(run):
    """Figures stand where the cursor finds them: row times columns plus column."""
    cells = heat_cells(panels_of(choices_of(run))[0])
    assert [cell[:2] for cell in cells] == [["5 s", 3.0], ["5 s", 6.0], ["15 s", 3.0], ["15 s", 6.0]]


def test_every_choice_is_ranked(run):
    """As many dots as choices, and the featured one marked."""
    made = ranking(choices_of(run))
    assert made.count("h0") == 8
    assert made.count('class="mark"') == 1


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_price_has_a_point_for_every_value(run, number):
    """Poll and order delay, for the featured edge and for all: two values each, both with an interval."""
    made = price_chart(prices_of(choices_of(run), 0)[number])
    assert made.count("<circle") == 2
    assert made.count("whisker") == 2
