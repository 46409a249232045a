"""The minute-by-minute differential and its pattern."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.events import GameStatus
from replay.core.gameclock import PERIOD_RULES, clock_ms
from replay.core.patterns import ENTRIES, GAME, MARKS, PATTERN_COLUMNS, complete_patterns
from strategies.score_buffer import PATTERN_MINUTES, Mark, Pattern, PatternWatch, Progress, ScoreBuffer

S = 1000
M = 60_000
NBA = PERIOD_RULES["nba"]
SEEN, CARRIED, MISSING = Mark.SEEN, Mark.CARRIED, Mark.MISSING


class Game:
    """One NBA game seen through the buffer; observations by elapsed time."""

    def __init__(self, league: str = "nba") -> None:
        self.rules = PERIOD_RULES[league]
        self.buffer = ScoreBuffer(self.rules)
        self.said: list[Progress | Pattern] = []

    def at(self, elapsed: int, home: int, away: int = 0) -> Progress | Pattern | None:
        period = min(elapsed // self.rules.period_ms, self.rules.periods - 1) + 1
        into = elapsed - (period - 1) * self.rules.period_ms
        return self.shown(period, elapsed if self.rules.is_counting_up else self.rules.period_ms - into, home, away)

    def shown(self, period: int, clock: int, home: int, away: int = 0) -> Progress | Pattern | None:
        said = self.buffer.see(period, clock, home, away, now_ns=len(self.said))
        if said is not None:
            self.said.append(said)
        return said

    @property
    def pattern(self) -> Pattern:
        (pattern,) = [said for said in self.said if isinstance(said, Pattern)]
        return pattern


def test_the_last_differential_within_the_minute_is_its_entry() -> None:
    """Of several observations in a minute the last one stands, and every minute has its own entry."""
    game = Game()
    for minute in range(1, 20):
        game.at((minute - 1) * M + 10 * S, minute, 99)
        game.at((minute - 1) * M + 50 * S, minute, 0)
    assert game.pattern.differential == tuple(range(1, 19))
    assert game.pattern.marks == (SEEN,) * 18


def test_a_whole_minute_is_the_end_of_its_minute() -> None:
    """What the clock shows at exactly 60 m belongs to minute m; a millisecond later it does not."""
    game = Game()
    game.at(0, 1)
    assert game.at(M, 2) == Progress(differential=(2,), marks=(SEEN,), elapsed_ms=M, seen_ns=0)
    game.at(M + 1, 3)
    assert game.at(2 * M + 1, 4) == Progress(differential=(2, 3), marks=(SEEN, SEEN), elapsed_ms=2 * M + 1, seen_ns=1)


@pytest.mark.parametrize(
    ("text", "has_triggered"), [("7:00", False), ("6:59.9", False), ("6:00.1", False), ("6:00", True), ("5:59.9", True)]
)
def test_the_trigger_is_the_end_of_minute_18_not_its_beginning(text: str, *, has_triggered: bool) -> None:
    """In the NBA the pattern is said when the second quarter's clock is down to 6:00, never before."""
    game = Game()
    for minute in range(17):
        game.at(minute * M + S, minute)
    clock = clock_ms(text)
    assert clock is not None
    assert isinstance(game.shown(2, clock, 30), Pattern) is has_triggered


def test_the_triggering_observation_counts_only_within_minute_18() -> None:
    """At exactly 18:00 the differential is the 18th entry; after it the last one of minute 18 stands."""
    on_time, late = Game(), Game()
    for game in (on_time, late):
        game.at(17 * M + S, 5)
    on_time.at(18 * M, 9)
    late.at(18 * M + 12 * S, 9)
    assert (on_time.pattern.differential[-1], late.pattern.differential[-1]) == (9, 5)
    assert (late.pattern.elapsed_ms, late.pattern.home_score) == (18 * M + 12 * S, 9)


def test_it_triggers_once() -> None:
    """Nothing after the pattern says it again: more time, corrections, a backward clock, overtime."""
    game = Game()
    game.at(18 * M, 4)
    for elapsed, home in ((18 * M, 6), (17 * M, 2), (18 * M, 4), (19 * M, 8), (40 * M, 50)):
        assert game.at(elapsed, home) is None
    assert game.shown(5, 5 * M, 100) is None


def test_a_minute_without_observation_carries_the_previous_entry() -> None:
    """Carried minutes hold the entry before them and are marked, up to the trigger itself."""
    game = Game()
    game.at(30 * S, 3)
    game.at(3 * M + 30 * S, 7)
    said = game.at(5 * M, 8)
    assert said == Progress(
        differential=(3, 3, 3, 7, 8), marks=(SEEN, CARRIED, CARRIED, SEEN, SEEN), elapsed_ms=5 * M, seen_ns=1
    )
    game.at(20 * M, 30)
    assert game.pattern.differential[5:] == (8,) * 13
    assert game.pattern.marks[5:] == (CARRIED,) * 13


def test_joining_late_leaves_entries_missing() -> None:
    """First seen in minute 7: six entries are 0 and missing; seen before the start they are carried instead."""
    late, early = Game(), Game()
    early.shown(0, 0, 0)
    for game in (late, early):
        game.at(6 * M + 30 * S, 11)
        game.at(18 * M, 12)
    assert late.pattern.marks[:7] == (MISSING,) * 6 + (SEEN,)
    assert late.pattern.differential[:7] == (0,) * 6 + (11,)
    assert late.pattern.missing == 6
    assert early.pattern.marks[:7] == (CARRIED,) * 6 + (SEEN,)


def test_joining_after_minute_18_says_no_pattern() -> None:
    """Who saw nothing of the first 18 minutes has no pattern of them."""
    game = Game()
    assert game.at(18 * M + 1, 20) is None
    assert game.at(30 * M, 40) is None
    assert game.said == []


def test_a_correction_rewrites_the_current_minute_only() -> None:
    """A score that goes down changes the minute it is seen in; closed minutes stay."""
    game = Game()
    game.at(30 * S, 3)
    game.at(M + 10 * S, 6)
    game.at(M + 20 * S, 3)
    game.at(2 * M + 10 * S, 1)
    said = game.at(3 * M, 1)
    assert said is not None
    assert said.differential == (3, 3, 1)


def test_a_backward_clock_within_the_minute_is_one_more_observation() -> None:
    """A review that puts seconds back within the minute rewrites its entry and does not complete anything twice."""
    game = Game()
    game.at(M + 40 * S, 5)
    assert game.at(M + 37 * S, 3) is None
    said = game.at(2 * M + S, 3)
    assert said is not None
    assert said.differential == (0, 3)
    assert game.buffer.regressions == 0


def test_a_backward_clock_into_a_closed_minute_changes_nothing() -> None:
    """An older minute seen again is counted, and neither it nor the current minute changes."""
    game = Game()
    game.at(M - S, 2)
    game.at(M + S, 4)
    assert game.at(M - 2 * S, 9) is None
    assert game.buffer.regressions == 1
    said = game.at(2 * M, 4)
    assert said is not None
    assert said.differential == (2, 4)


def test_a_backward_clock_at_the_edge_does_not_say_progress_again() -> None:
    """A clock put back over a whole minute that was already complete completes it no second time."""
    game = Game()
    assert game.at(2 * M, 4) is not None
    assert game.at(2 * M - 5 * S, 2) is None
    assert game.at(2 * M, 6) is None
    said = game.at(3 * M, 6)
    assert said is not None
    assert said.differential[1:] == (6, 6)


def test_the_end_of_a_period_completes_its_minutes() -> None:
    """0.0 of the first quarter and 12:00 of the second are the same moment, the end of minute 12."""
    game = Game()
    game.shown(1, 30 * S, 3)
    said = game.shown(1, 0, 5)
    assert said is not None
    assert said.minutes == 12
    assert game.shown(2, 12 * M, 5) is None
    said = game.shown(2, 11 * M, 5)
    assert said is not None
    assert said.marks[11:] == (SEEN, SEEN)


def test_overtime_never_enters() -> None:
    """An overtime score is in no entry; it only proves that minute 18 is over."""
    game = Game()
    game.at(30 * S, 2)
    game.shown(5, 5 * M, 90)
    assert game.pattern.differential == (2,) * 18
    assert game.pattern.marks == (SEEN,) + (CARRIED,) * 17


def test_absent_values_are_no_observation() -> None:
    """No period, no clock or no score: nothing is known, nothing changes."""
    buffer = ScoreBuffer(NBA)
    assert buffer.see(None, 0, 1, 1, 0) is None
    assert buffer.see(2, None, 1, 1, 0) is None
    assert buffer.see(2, 0, None, 1, 0) is None
    assert buffer.see(2, 0, 1, None, 0) is None
    assert buffer.minutes == 0


@pytest.mark.parametrize(
    ("league", "period", "clock"),
    [
        ("nba", 2, 6 * M),
        ("wnba", 2, 2 * M),
        ("ncaamb", 1, 2 * M),
        ("ncaawb", 2, 2 * M),
        ("nhl", 1, 2 * M),
        ("nfl", 2, 12 * M),
        ("epl", 1, 18 * M),
    ],
)
def test_every_league_has_its_own_periods(league: str, period: int, clock: int) -> None:
    """Minute 18 ends where that league's clock says it does."""
    game = Game(league)
    game.at(17 * M + S, 1)
    ahead = clock - S if PERIOD_RULES[league].is_counting_up else clock + S
    assert game.shown(period, ahead, 1) is None
    assert isinstance(game.shown(period, clock, 2), Pattern)


OBSERVATIONS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 12 * M), st.integers(0, 150), st.integers(0, 150)), max_size=60
)


@given(OBSERVATIONS)
def test_laws(observations: list[tuple[int, int, int, int]]) -> None:
    """Whatever comes in any order: at most one pattern of 18, progress only rises, and closed minutes never change."""
    buffer = ScoreBuffer(NBA)
    said = [
        fact
        for n, (period, clock, home, away) in enumerate(observations)
        if (fact := buffer.see(period, clock, home, away, n)) is not None
    ]
    assert [fact.minutes for fact in said] == sorted({fact.minutes for fact in said})
    assert all(isinstance(fact, Pattern) == (fact.minutes == PATTERN_MINUTES) for fact in said)
    for fact in said:
        for before, mark in zip((0, *fact.differential), zip(fact.differential, fact.marks, strict=True), strict=False):
            if mark[1] is CARRIED:
                assert mark[0] == before or fact.marks[0] is CARRIED
            if mark[1] is MISSING:
                assert mark[0] == 0
    for earlier, later in pairwise(said):
        closed = earlier.elapsed_ms // M - (earlier.elapsed_ms % M == 0)
        assert later.differential[:closed] == earlier.differential[:closed]


@given(st.lists(st.tuples(st.integers(0, 30 * M), st.integers(-9, 9)), max_size=80))
def test_it_is_the_definition(steps: list[tuple[int, int]]) -> None:
    """For a clock that only runs forward the pattern is what its definition says, computed the slow way."""
    steps = sorted(steps, key=lambda step: step[0])
    game = Game()
    for elapsed, lead in steps:
        game.at(elapsed, 50 + lead, 50)
    until = next((n for n, (elapsed, _) in enumerate(steps) if elapsed >= 18 * M), None)
    patterns = [said for said in game.said if isinstance(said, Pattern)]
    if until is None or all(elapsed > 18 * M for elapsed, _ in steps):
        assert patterns == []
        return
    expected = []
    for minute in range(1, 19):
        seen = [lead for elapsed, lead in steps[: until + 1] if elapsed <= minute * M]
        expected.append(seen[-1] if seen else 0)
    assert list(patterns[0].differential) == expected


def test_real_games() -> None:
    """On the real history the 18th entry is the margin at 18:00 and the leader there wins about 70 % of games."""
    if "GAMETAPE_REAL_DATA" not in os.environ:
        pytest.skip("GAMETAPE_REAL_DATA is not set")
    import polars as pl

    folder = Path(os.environ["GAMETAPE_REAL_DATA"]) / "nba_history"
    games = pl.read_parquet(folder / "games.parquet").filter(pl.col("season_year") == 2024)
    finals = dict(zip(games["game_id"], games["home_final"] - games["away_final"], strict=True))
    timeline = pl.read_parquet(folder / "score_timeline.parquet").join(games, on="game_id", how="semi")
    led = won = 0
    for (game_id,), rows in timeline.group_by("game_id", maintain_order=True):
        buffer = ScoreBuffer(NBA)
        said = [
            fact
            for _, period, clock_s, home, away in rows.iter_rows()
            if isinstance(fact := buffer.see(period, round(clock_s * 1000), home, away, 0), Pattern)
        ]
        assert len(said) == 1
        if margin := said[0].differential[-1]:
            led += 1
            won += (margin > 0) == (finals[game_id] > 0)
    assert led > 1200
    assert 0.65 < won / led < 0.75


def test_a_watch_follows_every_game_with_periods() -> None:
    """
    Games run side by side; a league without period lengths has no pattern; each minute is said once, the pattern last.
    """
    minutes = [(1, 12 * 60 - 60 * k) for k in range(1, 13)] + [(2, 12 * 60 - 60 * k) for k in range(1, 8)]
    rows = [
        [seq, seq, game, 1, int(GameStatus.LIVE), period, clock_s * 1000, seq + game, 0]
        for seq, (period, clock_s) in enumerate(minutes)
        for game in (0, 1, 2)
    ]
    watch = PatternWatch()
    said = watch.see(["nba", "mlb", "wnba"], np.array(rows, np.int64))
    minutes_said = (said[said[:, GAME] == 0][:, MARKS] != Mark.AHEAD).sum(axis=1)
    assert minutes_said.tolist() == list(range(1, 19))
    sixth = said[said[:, GAME] == 0][5, ENTRIES].tolist()
    assert sixth == [*range(6), *[0] * 12]
    complete = complete_patterns(said)
    games = complete[:, PATTERN_COLUMNS.index("game")].tolist()
    assert 0 in games
    assert 1 not in games
    first = complete[games.index(0)]
    assert list(range(18)) == first[PATTERN_COLUMNS.index("d1") : PATTERN_COLUMNS.index("d18") + 1].tolist()
    assert len(watch.see(["nba", "mlb", "wnba"], np.array(rows[-3:], np.int64))) == 0
