"""The truth of the simulated games."""

from __future__ import annotations

import pytest

from recorder.times import SECOND_NS
from replay.synth.times import evening_ns
from replay.synth.world import Game, Phase, home_chance, make_games

EVENING_NS = evening_ns("2026-01-15")


@pytest.fixture(scope="module")
def many() -> list[Game]:
    return [game for seed in range(25) for game in make_games(seed, 12, "2026-01-15", EVENING_NS)]


def test_a_game_ends_with_a_winner(many):
    """Nobody ties: overtimes are played until somebody leads, and only from a tie."""
    assert all(game.moments[-1].home != game.moments[-1].away for game in many)
    long = [game for game in many if game.moments[-1].period > 4]
    assert 3 <= len(long) <= 40
    for game in long:
        ends = [moment for moment in game.moments if moment.phase is Phase.END_PERIOD and moment.period == 4]
        assert ends[0].home == ends[0].away


def test_a_game_takes_about_two_and_a_quarter_hours(many):
    """Play of 48 minutes fills between two and two and three quarter hours, and begins about ten minutes late."""
    minutes = sorted((game.end_ns - game.tip_ns) / (60 * SECOND_NS) for game in many if game.moments[-1].period == 4)
    assert 110 < minutes[0] < minutes[-1] < 165
    assert 128 < minutes[len(minutes) // 2] < 142
    assert all(9 * 60 <= (game.tip_ns - game.start_ns) / SECOND_NS <= 12 * 60 for game in many)


def test_moments_are_in_order(many):
    """Time does not fall, the clock runs down within a period, periods follow one another."""
    for game in many:
        for before, after in zip(game.moments, game.moments[1:], strict=False):
            assert before.at_ns <= after.at_ns
            assert before.index + 1 == after.index
            assert after.period in {before.period, before.period + 1}
            assert after.period > before.period or after.clock_ms <= before.clock_ms


def test_a_score_falls_only_by_a_review(many):
    """Points are taken away only with the play that says so, and the first game of every night has one."""
    for game in many:
        falls = [
            after.play
            for before, after in zip(game.moments, game.moments[1:], strict=False)
            if after.home < before.home or after.away < before.away
        ]
        assert set(falls) <= {"Replay review: overturned"}
        assert falls or game.index


def test_scores_look_like_basketball(many):
    """Sides score about 118 and the home side wins by some points on average."""
    finals = [game.moments[-1] for game in many]
    mean = sum(final.home + final.away for final in finals) / len(finals) / 2
    margin = sum(final.home - final.away for final in finals) / len(finals)
    assert 110 < mean < 126
    assert -0.5 < margin < 5.5


def test_chances_are_what_happens(many):
    """Of the moments at which the home side has a chance near p, about p of the games are won."""
    bins: dict[int, list[float]] = {}
    for game in many:
        for moment in game.moments[20::60]:
            chance = home_chance(moment, game.strength)
            bins.setdefault(min(int(chance * 5), 4), []).append(float(game.home_won) - chance)
    assert sorted(bins) == [0, 1, 2, 3, 4]
    for misses in bins.values():
        assert abs(sum(misses) / len(misses)) < 0.08


def test_a_finished_game_is_certain(many):
    """At the end the chance is one or none."""
    assert all(home_chance(game.moments[-1], game.strength) == float(game.home_won) for game in many)


def test_a_slate_names_every_team_once():
    """Fifteen games use thirty teams, and no id stands for two games or tokens."""
    games = make_games(1, 15, "2026-01-15", EVENING_NS)
    clubs = [club.tricode for game in games for club in (game.home, game.away)]
    tokens = [token for game in games for token in (*game.market.token_ids, *game.market.spread_token_ids)]
    ids = [(game.espn_id, game.nba_id, game.market.gamma_id, game.market.event_id) for game in games]
    assert len(set(clubs)) == 30
    assert len(set(tokens)) == 60
    assert all(len(set(column)) == 15 for column in zip(*ids, strict=True))
