"""Charts of the choice itself."""

from __future__ import annotations

import re

from replay.judgements import Broken
from replay.report.answers import answer_of, choices_of, swings_of
from replay.report.luckcharts import controls_chart, swing_chart


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
