"""The chart of one game."""

from __future__ import annotations

import re

import msgspec
import pytest

from replay.report.facts import Overlay, Span
from replay.report.gamechart import game_chart


@pytest.fixture
def overlay():
    return Overlay(
        begin_ns=0,
        length_ds=1000,
        score=[(0, 0, 0), (500, 2, 0)],
        mid=[(0, 500), (300, -1), (600, 550)],
        band=[(0, 490, 510), (300, -1, -1), (600, 540, 560)],
        fair=[(0, 520), (500, 600)],
        signals=[(510, 1, 560), (520, -1, 540)],
        fills=[(530, 1, 560)],
        exits=[(700, 1, 580)],
        gaps=[Span(300, 600, "book")],
    )


def path(made, css):
    return re.search(rf'<path class="[^"]*\b{css}\b[^"]*" d="([^"]*)"', made)[1]


def extremes(drawn):
    """The highest and lowest pixel of a step path, and where it ends."""
    heights = []
    for start, steps in re.findall(r"M\d+ (\d+)([^M]*)", drawn):
        heights.append(int(start))
        heights += [heights[-1] + sum(moves) for moves in accumulated(int(v) for v in re.findall(r"v(-?\d+)", steps))]
    return min(heights), max(heights), heights[-1]


def accumulated(values):
    seen = []
    for value in values:
        seen.append(value)
        yield list(seen)


def test_a_gap_breaks_the_market_and_is_shaded(evidence, overlay):
    """The mid and its band are two stretches each; between them a shade says what was missing and how long."""
    made = game_chart(evidence.games[0], overlay, 600)
    assert path(made, "mid").count("M") == 2
    assert path(made, "band").count("M") == path(made, "band").count("z") == 2
    assert path(made, "fair").count("M") == 1
    assert 'data-t="no book for 30 s"' in made


def test_marks_point_up_for_home_and_down_for_away(evidence, overlay):
    """An away token is drawn at home's price, as everything on this axis."""
    game = evidence.games[0]
    made = game_chart(game, overlay, 600)
    assert path(made, "signal up") == "M551 116h10l-5 -9z"
    assert path(made, "signal down") == "M561 114h10l-5 9z"
    assert path(made, "filled up").count("M") == 1
    assert "filled down" not in made
    assert path(made, "sold up") == "M743 104l8 8m0 -8l-8 8"


def test_fewer_points_are_smaller_and_keep_the_extremes(evidence, overlay):
    """A series of 600 thinned to 60 still reaches its highest and lowest pixel, and ends where it ended."""
    mid = [(k, 500 + (400 if k == 333 else -400 if k == 77 else k % 5)) for k in range(600)]
    many = msgspec.structs.replace(overlay, mid=mid, band=[(at, v - 5, v + 5) for at, v in mid], length_ds=600)
    full, thin = (game_chart(evidence.games[0], many, points) for points in (600, 60))
    assert len(path(thin, "mid")) < len(path(full, "mid")) / 2
    assert extremes(path(full, "mid")) == extremes(path(thin, "mid"))


def test_a_game_without_a_score_or_a_book_is_an_empty_frame(evidence):
    """Nothing known, nothing drawn, nothing broken."""
    names = ("score", "mid", "band", "fair", "signals", "fills", "exits", "gaps")
    nothing = Overlay(begin_ns=0, length_ds=0, **{name: [] for name in names})
    assert 'class="line' not in game_chart(evidence.games[0], nothing, 600)
