"""Where a game stands: every verdict, two sources, stale bodies, corrections and resets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core.events import GameStatus
from replay.core.jit import interpreted
from replay.core.state import game as kernels
from replay.core.state.game import (
    ADVANCED,
    AWAY,
    CHANGED_NS,
    CLOCK_MS,
    CORRECTED,
    GAME_NS,
    HOME,
    MOVED,
    PERIOD,
    PROGRESS,
    REPEATED,
    RESET,
    STALE,
    STATUS,
    is_game_fresh,
    new_games,
)

observe = interpreted(kernels.observe)
progress_of = interpreted(kernels.progress_of)
is_live = interpreted(kernels.is_live)

LIVE, FINAL = int(GameStatus.LIVE), int(GameStatus.FINAL)
ESPN, NBA = 0, 1
SECOND = 1_000_000_000


class Game:
    """One game, shown observations: (home, away, clock in seconds left, at second, …) -> verdict."""

    def __init__(self):
        self.games = new_games(1)

    def see(self, home, away, clock_s, at_s, *, source=ESPN, period=1, status=LIVE, counts_up=0):
        clock_ms = -1 if clock_s is None else clock_s * 1_000
        return observe(
            self.games, 0, source, int(status), period, clock_ms, counts_up, home, away, round(at_s * SECOND)
        )

    @property
    def score(self):
        return int(self.games[0, HOME]), int(self.games[0, AWAY])


def test_the_first_observation_advances():
    """Whatever is seen first is news, a game without points included."""
    game = Game()
    assert game.see(0, 0, 720, 1) == ADVANCED
    assert game.games[0, [STATUS, PERIOD, CLOCK_MS]].tolist() == [LIVE, 1, 720_000]


def test_a_higher_score_advances_and_a_later_clock_moves():
    """Points are news about the score; the clock alone moves the game, and the same body repeats it."""
    game = Game()
    game.see(0, 0, 720, 1)
    assert game.see(2, 0, 700, 2) == ADVANCED
    assert game.see(2, 0, 690, 3) == MOVED
    assert game.see(2, 0, 690, 4) == REPEATED
    assert game.games[0, CHANGED_NS] == 2 * SECOND
    assert game.games[0, GAME_NS] == 4 * SECOND


def test_a_stale_body_moves_nothing_back():
    """A cached answer from before changes neither score nor clock, nor when the game was last heard of."""
    game = Game()
    game.see(2, 0, 700, 1)
    game.see(4, 0, 680, 2)
    before = game.games[0, [HOME, AWAY, CLOCK_MS, PERIOD, PROGRESS, GAME_NS]].tolist()
    assert game.see(2, 0, 700, 3) == STALE
    assert game.games[0, [HOME, AWAY, CLOCK_MS, PERIOD, PROGRESS, GAME_NS]].tolist() == before


def test_points_taken_away_later_in_the_game_are_a_correction():
    """Further on and lower, by the source that had shown them: the scorer's table took them back."""
    game = Game()
    game.see(5, 0, 700, 1)
    assert game.see(3, 0, 690, 2) == CORRECTED
    assert game.score == (3, 0)


def test_points_taken_away_at_the_same_clock_must_stand_for_six_seconds():
    """At the same clock a lower score looks like a cached body; after six seconds of it, it is one no more."""
    game = Game()
    game.see(5, 0, 700, 1)
    assert game.see(3, 0, 700, 2) == STALE
    assert game.see(3, 0, 700, 7.9) == STALE
    assert game.see(3, 0, 700, 8) == CORRECTED
    assert game.score == (3, 0)


def test_a_body_that_comes_and_goes_never_becomes_the_truth():
    """A cache that answers now and then with an old body does not add up to six seconds."""
    game = Game()
    game.see(5, 0, 700, 1)
    for at in range(2, 20, 2):
        assert game.see(3, 0, 700, at) == STALE
        assert game.see(5, 0, 700, at + 1) == REPEATED
    assert game.score == (5, 0)


def test_a_review_sets_the_clock_back():
    """Behind its own best, but going on from there with the same score for six seconds: the clock was set back."""
    game = Game()
    game.see(5, 0, 600, 1)
    assert game.see(5, 0, 620, 2) == STALE
    assert game.see(5, 0, 618, 5) == STALE
    assert game.see(5, 0, 612, 8) == RESET
    assert game.games[0, CLOCK_MS] == 612_000
    assert game.see(7, 0, 605, 9) == ADVANCED


def test_a_slower_source_brings_no_old_score():
    """A second source that lags never takes back points that it has not shown yet."""
    game = Game()
    game.see(0, 0, 720, 1, source=ESPN)
    game.see(0, 0, 720, 1, source=NBA)
    assert game.see(2, 0, 700, 5, source=NBA) == ADVANCED
    assert game.see(0, 0, 705, 6, source=ESPN) in (REPEATED, STALE)
    assert game.score == (2, 0)
    assert game.see(2, 0, 700, 8, source=ESPN) == REPEATED


def test_the_faster_source_is_believed_whichever_it_is():
    """News is news from either source."""
    game = Game()
    game.see(0, 0, 720, 1, source=ESPN)
    game.see(0, 0, 720, 1, source=NBA)
    assert game.see(2, 0, 700, 2, source=ESPN) == ADVANCED
    assert game.see(2, 3, 690, 3, source=NBA) == ADVANCED
    assert game.score == (2, 3)


def test_a_source_that_has_not_heard_of_a_correction_cannot_undo_it():
    """Only a change in a source's own score is news."""
    game = Game()
    game.see(5, 0, 700, 1, source=ESPN)
    game.see(5, 0, 700, 1, source=NBA)
    assert game.see(3, 0, 690, 2, source=NBA) == CORRECTED
    game.see(5, 0, 680, 3, source=ESPN)
    assert game.score == (3, 0)


def test_a_final_sticks():
    """After the end no clock is further on: live bodies are stale, and calling the game off changes nothing."""
    game = Game()
    game.see(100, 99, 0, 1, period=4)
    assert game.see(100, 99, None, 2, period=4, status=FINAL) == MOVED
    assert game.see(98, 99, 5, 3, period=4) == STALE
    assert game.see(100, 99, None, 4, status=GameStatus.CALLED_OFF) == REPEATED
    assert game.games[0, STATUS] == FINAL


def test_a_final_may_still_be_corrected():
    """The result is what the table says in the end."""
    game = Game()
    game.see(100, 99, None, 1, status=FINAL)
    assert game.see(100, 97, None, 2, status=FINAL) == STALE
    assert game.see(100, 97, None, 9, status=FINAL) == CORRECTED


def test_a_game_called_off_is_not_on():
    """Suspended or postponed ends the evaluation of a game; its score stays."""
    game = Game()
    game.see(5, 3, 600, 1)
    assert game.see(5, 3, 600, 2, status=GameStatus.CALLED_OFF) == MOVED
    assert not is_live(game.games, 0)
    assert game.score == (5, 3)


@pytest.mark.parametrize(("status", "on"), [(s, s in (GameStatus.LIVE, GameStatus.BREAK)) for s in GameStatus])
def test_a_game_is_on_in_play_and_between_periods(status, on):
    """Half-time is part of the game; a delay is not."""
    games = new_games(1)
    games[0, STATUS] = int(status)
    assert is_live(games, 0) is on


def test_an_observation_without_a_score_confirms_and_no_more():
    """A body that leaves the score out says that the game was seen, not that it is without points."""
    game = Game()
    game.see(5, 3, 600, 1)
    assert game.see(-1, -1, 590, 2) == REPEATED
    assert game.score == (5, 3)


def test_progress_grows_with_a_clock_that_runs_down_and_one_that_runs_up():
    """Basketball's clock runs down within a period, soccer's runs through both halves."""
    down = [progress_of(LIVE, period, clock, 0) for period in (1, 2) for clock in (720_000, 1, 0)]
    up = [progress_of(LIVE, 1 + (minute > 45), minute * 60_000, 1) for minute in range(90)]
    assert down == sorted(set(down))
    assert up == sorted(set(up))
    assert progress_of(int(GameStatus.SCHEDULED), 0, -1, 0) < min(down)
    assert progress_of(FINAL, 4, 0, 0) > max(down)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 60)), min_size=1, max_size=40),
    st.data(),
)
def test_old_bodies_never_show(plays, data):
    """However a cache repeats old answers for less than six seconds, the game never goes back and ends at the truth."""
    game, truth, home, away, clock = Game(), [], 0, 0, 100_000
    for at, (home_points, away_points, seconds) in enumerate(plays):
        home, away, clock = home + home_points, away + away_points, clock - seconds
        truth.append((home, away, clock))
        game.see(home, away, clock, at * 10)
        older = data.draw(st.sampled_from(truth))
        game.see(*older, at * 10 + 4)
        assert game.score == (home, away)
        assert game.games[0, CLOCK_MS] == clock * 1_000


def test_a_game_is_fresh_up_to_its_age_limit():
    """Thirty seconds unless said otherwise, the limit included; time is an argument."""
    games = new_games(1)
    games[0, GAME_NS] = 10_000_000_000
    assert is_game_fresh(games, 0, 40_000_000_000)
    assert not is_game_fresh(games, 0, 40_000_000_001)
