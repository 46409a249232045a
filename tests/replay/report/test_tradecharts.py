"""Charts of the featured cell: every figure that is there is drawn, and none that is not."""

from __future__ import annotations

import msgspec

from replay.report.facts import Delay, Equity, LeadLag
from replay.report.tradecharts import (
    curve_chart,
    delay_chart,
    delay_marks,
    equity_chart,
    funnel_chart,
    games_chart,
    lag_chart,
    reliability_chart,
)


def test_a_curve_has_a_point_at_every_horizon(evidence):
    """Eleven points of the edge left, ten of the markout, and the delays marked."""
    decay = evidence.decay
    left = curve_chart(decay.left, delay_marks(decay), "edge left", "a")
    assert left.count("<circle") == len(decay.left) == 11
    assert "order arrives" in left
    assert curve_chart(decay.markout, [(0.01, "early"), (None, "never")], "markout", "b").count("<circle") == 10


def test_only_marks_within_the_horizons_are_drawn(evidence):
    """A line and its word for each time between a tenth of a second and two minutes."""
    marks = [(0.01, "too early"), (3.0, "espn"), (None, "never"), (500.0, "too late")]
    drawn = curve_chart(evidence.decay.left, marks, "edge left", "a", what="scores")
    assert "espn 3 s" in drawn
    assert not any(word in drawn for word in ("too early", "never", "too late"))
    assert f"{evidence.decay.left[1].trades:,} scores" in drawn


def test_a_curve_without_limits_has_no_band(evidence):
    """One game alone: a line, and no claim about its certainty."""
    bare = [msgspec.structs.replace(point, low_c=None, high_c=None) for point in evidence.decay.left]
    assert 'class="band' not in curve_chart(bare, [], "edge left", "a")


def test_the_funnel_has_a_bar_for_every_step(evidence):
    """Eight steps, their counts in words."""
    made = funnel_chart(evidence.funnel)
    assert made.count("<rect") == 8
    for step in evidence.funnel.steps:
        assert f">{step.count:,}<" in made


def test_equity_is_drawn_fill_by_fill(evidence):
    """A dot for every fill; with very many, the line alone."""
    few = msgspec.structs.replace(evidence.equity, points=evidence.equity.points[:50])
    assert equity_chart(few, []).count("<circle") == 50
    many = Equity(points=[(k, k % 7, 1) for k in range(500)], stake_u6=1, drawdown_u6=0, game_drawdown_u6=0)
    assert "<circle" not in equity_chart(many, [])


def test_every_game_has_a_bar(evidence):
    """Gains and losses by colour and by side of zero; names only where there is room."""
    made = games_chart(evidence.games)
    assert made.count("<rect") == 3
    assert evidence.games[0].home in made
    assert evidence.games[0].home + "<" not in games_chart(evidence.games * 20)


def test_reliability_shows_both(evidence):
    """A dot for every bin of the model, a square for every bin of the market, and a bar of counts for either."""
    made = reliability_chart(evidence.judgement)
    model, market = evidence.judgement.model, evidence.judgement.market
    assert made.count("<circle") == len(model)
    assert made.count("<rect") == 2 * len(market) + len(model)


def test_delays_are_rows(evidence):
    """One bar a delay, even where it is nothing."""
    assert delay_chart(evidence.delays).count("<rect") == len(evidence.delays)
    nothing = [Delay(name="order", p50_ms=0, p95_ms=0, p99_ms=0, samples=3)]
    assert delay_chart(nothing).count("<rect") == 1


def test_lags_beyond_the_axis_are_counted_at_its_ends():
    """Nothing is left out of the histogram."""
    made = lag_chart([LeadLag(game_id="g", lags_ms=[-99_000, -15_000, 0, 500, 99_000])])
    assert "-15 to -14 s: 2" in made
    assert "0 to 1 s: 2" in made
    assert "14 to 15 s: 1" in made
