"""Model against market, delays, lead and lag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from replay.report.sources import delays_of, feed_facts, judgement_of, leadlag_of, score_facts, source_facts


def moments(rows):
    return np.array(rows, np.int64).reshape(-1, 5)


def test_a_model_that_knows_beats_a_market_that_does_not():
    """Brier scores, their paired difference and its limits are those of the arithmetic."""
    found = judgement_of(
        moments([[game, 1 + k % 2, 1_000_000 * (game % 2), 500_000, game % 2] for game in range(6) for k in range(4)]),
        1,
    )
    assert found is not None
    assert (found.model_brier, found.market_brier, found.difference) == (0.0, 0.25, -0.25)
    assert (found.difference_low, found.difference_high) == (-0.25, -0.25)
    assert (found.games, found.states) == (6, 24)
    assert [(phase.period, phase.states, phase.market) for phase in found.phases] == [(1, 12, 0.25), (2, 12, 0.25)]
    assert [(item.forecast, item.frequency) for item in found.model] == [(0.0, 0.0), (1.0, 1.0)]


def test_a_bin_of_one_game_has_no_limits():
    """One game's states are one bet: there is nothing to resample."""
    found = judgement_of(moments([[0, 1, 300_000, 300_000, 1]] * 9 + [[1, 1, 800_000, 800_000, 1]]), 1)
    assert found is not None
    assert [(item.states, item.low, item.high) for item in found.market] == [(9, None, None), (1, None, None)]


def test_without_a_finished_game_there_is_no_judgement():
    """Nothing is said about what has not been decided."""
    assert judgement_of(moments([]), 1) is None


def test_the_sample_is_judged_at_live_states(evidence):
    """Both have bins, states and probabilities within 0..1."""
    judgement = evidence.judgement
    assert judgement.games == 3
    assert sum(item.states for item in judgement.model) == judgement.states
    assert sum(item.states for item in judgement.market) == judgement.states
    assert all(0 <= item.forecast <= 1 for item in judgement.market)


def test_lags_are_of_scores_seen_by_both(film):
    """Each game has as many lags as score changes at most, and a game outside the plan has none."""
    lead = leadlag_of(film, 0)
    assert lead is not None
    states = film.night.states[film.night.states[:, 2] == 0]
    assert 50 < len(lead.lags_ms) < len(np.unique(states[:, 8:10], axis=0))
    assert leadlag_of(film, len(film.catalogue.games) - 1) is None


def test_feeds_are_counted_as_recorded(film):
    """Polls of all feeds sum to those of the film, and none failed more often than it was asked."""
    facts = feed_facts(film)
    assert sum(fact.polls for fact in facts) == len(film.night.polls)
    assert all(0 <= fact.missed <= fact.polls and fact.rtt_p50_ms <= fact.rtt_p95_ms for fact in facts)


def test_the_order_s_way_is_split_as_the_setting_says(film, sweep, evidence):
    """Our own delay is the setting's; what is left of signal to arrival is the venue's."""
    setting = sweep.cells[evidence.featured].setting
    named = {delay.name: delay for delay in evidence.delays}
    assert named["order: decision to venue"].p50_ms == setting.order_delay_ms
    assert named["venue: held before matching"].p50_ms == 1_000
    assert named["poll: request to answer"].p50_ms > 0
    assert delays_of([], _nothing(), setting) == []


def _nothing():
    from replay.core.cells import ORDER_COLUMNS
    from replay.ledger import Ledger
    from replay.report.trades import trades_frame

    ledger = Ledger(
        tape="t", tape_digest="", label="", events=0, first_ns=0, last_ns=0, config={}, tokens=[], games=[], game_of=[],
        evaluations=np.zeros((0, 10), np.int64), orders=np.zeros((0, len(ORDER_COLUMNS)), np.int64), looks={},
        settlements=[], coverage={},
    )  # fmt: skip
    return trades_frame([ledger], [[]])


def test_every_score_has_its_bounds_and_its_sources(film):
    """The sample's plays bound each change of a score; a source shows it after it can have happened."""
    numbers = [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]
    scores = [fact for number in numbers for fact in score_facts(film, number)]
    assert len(scores) > 300
    assert all(fact.width_ms is not None and 0 <= fact.width_ms <= 4_000 for fact in scores)
    assert all(by_ms >= 0 for fact in scores for look in fact.shown if look is not None for by_ms in look[1:])
    facts = {fact.source: fact for fact in source_facts(scores)}
    assert list(facts) == ["espn", "nba", "boxscore", "plays", "venue"]
    # Simulated: ESPN is 3 to 9 s behind the court, the league's own file 1.5 to 5; each is polled every 2 s.
    assert 0 <= facts["nba"].after_ms < facts["espn"].after_ms < 9_000 < facts["plays"].by_ms
    assert facts["nba"].first > facts["espn"].first > 0
    assert sum(fact.first for fact in facts.values()) >= len(scores)


def test_a_tape_without_plays_says_nothing_of_delays(film):
    """Without a time of its own a score tells only who was first, not how late."""
    bare = replace(film, night=film.night._replace(plays=film.night.plays[:0]))
    assert source_facts(score_facts(bare, 0)) == []
