"""Charts of the choice itself."""

from __future__ import annotations

import re

from replay.judgements import Broken
from replay.report.answers import answer_of, choices_of, swings_of
from replay.report.luckcharts import controls_chart, plateau_chart, swing_chart


def drawn(run):
    verdicts = choices_of(run)
    return answer_of(verdicts).featured, swings_of(verdicts)


def test_every_part_with_two_values_swings_from_its_worst_to_its_best(run):
    """A bar a part of the choice, to both sides of the featured profit, its values in words at the ends."""
    featured, swings = drawn(run)
    made = swing_chart(swings, featured)
    assert [swing.name for swing in swings] == sorted(
        ("min_edge_c", "poll_s", "order_delay_ms"), key=[swing.name for swing in swings].index
    )
    for words in ("minimum edge", "poll interval", "order delay", "3 c", "6 c", "5 s", "15 s", "0 ms", "1000 ms"):
        assert f">{words}<" in made
    lefts = [float(left) for left in re.findall(r'class="loss" x="([\d.]+)"', made)]
    assert len(lefts) == 3
    assert min(lefts) == lefts[0]


def test_a_plateau_is_drawn_value_by_value(run):
    """Along the minimum edge: a dot a value in its order, the featured one apart, and where its interval ends."""
    featured, swings = drawn(run)
    (edges,) = [swing for swing in swings if swing.name == "min_edge_c"]
    assert [verdict.choice.min_edge_c for verdict in edges.along] == [3.0, 6.0]
    made = plateau_chart(edges, featured)
    assert re.findall(r'class="dot (\w)"', made) == [
        "b" if verdict.choice == featured.choice else "a" for verdict in edges.along
    ]
    assert made.count("whisker") == 2
    assert "3 c: " in made
    assert ">minimum edge<" in made


def test_a_broken_night_stands_below_the_night_as_it_was(run):
    """The featured setting first, then each control that applies, with its interval."""
    featured, _ = drawn(run)
    controls = [
        Broken(control="time-shift", applies=True, pnl_per_game=-0.5, ci_low=-1.0, ci_high=0.25),
        Broken(control="shuffle-games", applies=False),
    ]
    made = controls_chart(controls, featured)
    assert re.findall(r">(as it was|time shift|shuffle games)<", made) == ["as it was", "time shift"]
    assert "time-shift" not in made
    assert "[−$1.00, +$0.25] per game" in made
