from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import pytest
from scored import film_of, number_of, simulated, truth
from script import S, Score, Script

from replay.scoretimes import STAMP_NS, ScoreChange, score_changes


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("live_s", [2, 10])
def test_the_bounds_hold_the_truth_of_every_change(seed: int, live_s: int) -> None:
    """On simulated nights, whose truth is known: every change of every game is found, and lies within its bounds."""
    plan, film = simulated(seed, live_s)
    for index in range(2):
        changes = score_changes(film, number_of(film, plan, index))
        known = truth(plan, index)
        assert [(one.home, one.away) for one in changes] == [(home, away) for home, away, _ in known]
        for change, (_, _, at_ns) in zip(changes, known, strict=True):
            assert change.lower_ns is not None
            assert change.lower_ns <= at_ns <= change.upper_ns
            assert change.upper_ns - change.lower_ns <= 2 * STAMP_NS
            for shown in change.shown:
                if shown is None:
                    # only a correction that ends a game: no score comes after it that would prove it
                    assert change == changes[-1]
                    continue
                assert at_ns <= shown.by_ns
                assert (shown.after_ns or 0) <= (shown.lacked_ns or 0) < shown.by_ns


def test_every_source_shows_a_change_within_its_own_bounds() -> None:
    """The faster recording's bounds lie within those of the slower one's question and answer."""
    plan, fast = simulated(1)
    _, slow = simulated(1, live_s=10)
    pairs = zip(*(score_changes(film, number_of(film, plan, 0)) for film in (fast, slow)), strict=True)
    widths = []
    for near, far in pairs:
        for source in (0, 1):
            one, other = near.shown[source], far.shown[source]
            if one and other and one.after_ns is not None and other.after_ns is not None:
                # both hold the moment at which the source showed it, so they meet
                assert one.after_ns < other.by_ns
                assert other.after_ns < one.by_ns
                widths.append((one.by_ns - one.after_ns, other.by_ns - other.after_ns))
    assert 4 * median(near for near, _ in widths) < median(far for _, far in widths)


def changes_of(script: Script) -> list[ScoreChange]:
    return score_changes(film_of(script.envelopes), 0)


def test_without_plays_a_change_is_bounded_by_when_it_was_seen() -> None:
    """The last question that lacked it and the first answer that had it; when it happened has no lower bound."""
    script = Script().plan().scores(Score(0, 0)).wait(10).scores(Score(0, 0, "11:50"))
    lacked_ns = script.now_ns
    script.wait(10).scores(Score(2, 0, "11:40"))
    (change,) = changes_of(script)
    assert (change.home, change.away, change.event_ns, change.lower_ns) == (2, 0, None, None)
    shown = change.shown[0]
    assert shown is not None
    assert (shown.after_ns, shown.lacked_ns, shown.by_ns) == (lacked_ns - S // 20, lacked_ns, script.now_ns)
    assert change.upper_ns == script.now_ns


def test_a_copy_from_before_is_no_evidence() -> None:
    """An older body after a newer one neither moves the first sight of a change nor the last without it."""
    fresh = (
        Script().plan().scores(Score(0, 0)).wait(2).scores(Score(2, 0, "11:40")).wait(2).scores(Score(2, 3, "11:20"))
    )
    stale = Script().plan().scores(Score(0, 0)).wait(2).scores(Score(2, 0, "11:40")).wait(1).scores(Score(0, 0))
    stale.wait(1).scores(Score(2, 3, "11:20"))
    assert changes_of(fresh)[0] == changes_of(stale)[0]


def test_a_score_that_comes_again_after_a_correction_is_not_mistaken() -> None:
    """A look at 2:0 before or after 4:0 was taken away says only what both have in common."""
    script = Script().plan()
    for home, away, clock in ((0, 0, "12:00"), (2, 0, "11:40"), (4, 0, "11:20"), (2, 0, "11:10"), (2, 3, "11:00")):
        script.wait(7).scores(Score(home, away, clock))
    changes = changes_of(script)
    assert [(one.home, one.away) for one in changes] == [(2, 0), (4, 0), (2, 0), (2, 3)]
    again = changes[2].shown[0]
    assert again is not None
    # 2:0 alone proves neither that the basket was taken away nor that it still stood: 4:0 and 2:3 do
    assert again.lacked_ns == script.now_ns - 14 * S
    assert again.by_ns == script.now_ns
    assert changes[2].upper_ns == changes[3].upper_ns


def test_a_recorded_game_in_growing_versions_has_every_change_once_with_its_time(real_data: Path) -> None:
    """GSW at BKN 2020-12-22: 610 plays in thirteen versions are 120 changes of the score, each with its time."""
    whole = json.loads((real_data / "nba_cdn/playbyplay_0022000001.json").read_bytes())
    actions = whole["game"]["actions"]
    script = Script().plan(game="22000001").scores(Score())
    for count in range(50, len(actions) + 50, 50):
        body = json.dumps({"game": {"gameId": "0022000001", "actions": actions[:count]}}).encode()
        script.wait(30).answer(body, feed="nba.playbyplay", url="https://cdn.nba.com/p")
    film = film_of(script.envelopes)
    changes = score_changes(film, 0)
    assert len(film.night.plays) == 610
    assert (len(changes), changes[-1].home, changes[-1].away) == (120, 125, 99)
    assert all(one.event_ns is not None for one in changes)
