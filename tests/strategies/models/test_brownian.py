"""The Brownian model of the lead."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.events import GameStatus
from replay.core.models import CERTAIN_U6, NO_MODEL, GameStates, Rating, WinProbability
from strategies.models.brownian import load, load_without_prior

M = 60_000
LEAGUES = ["mlb", "nba", "ncaaf", "ncaamb", "ncaawb", "nfl", "nhl", "wnba"]
MODEL = load()
NBA = MODEL.leagues["nba"]


def test_it_is_a_model_that_also_rates() -> None:
    """The loaded model has both seams: probabilities from states, and ratings from who plays."""
    model: WinProbability = MODEL
    assert model.name == "brownian"
    assert isinstance(model, Rating)


def nba(lead: int, period: int, clock: int, status: GameStatus = GameStatus.LIVE) -> GameStates:
    return GameStates.from_columns(
        "nba", period=period, clock_ms=clock, status=int(status), home_score=100 + lead, away_score=100
    )


@pytest.mark.parametrize(
    ("lead", "period", "minutes", "left"), [(0, 1, 12, 48), (7, 3, 6, 18), (-4, 4, 1, 1), (2, 5, 3, 3)]
)
def test_the_formula(lead: int, period: int, minutes: int, left: int) -> None:
    """Regulation and overtime follow Phi((lead + mu r/48) / (sigma sqrt(r + c))), r of the period being played."""
    z = (lead + NBA.mu * left / 48) / (NBA.alone.sigma * math.sqrt(left + NBA.alone.c))
    expected = round(0.5 * math.erfc(-z / math.sqrt(2)) * 1e6)
    assert MODEL.predict_wp(nba(lead, period, minutes * M), 1).tolist() == [expected]


def test_a_tie_at_zero_goes_to_overtime() -> None:
    """A tie at 0.0 of the last period, or of an overtime, is worth a whole overtime to come."""
    coming = MODEL.predict_wp(nba(0, 5, 5 * M), 1)
    assert MODEL.predict_wp(nba(0, 4, 0), 1).tolist() == coming.tolist()
    assert MODEL.predict_wp(nba(0, 5, 0), 1).tolist() == coming.tolist()
    assert 500_000 < coming[0] < 600_000


def test_a_lead_at_zero_is_decided() -> None:
    """A lead at 0.0 of the last period or of overtime is certain; at 0.0 of an earlier one it is not."""
    assert MODEL.predict_wp(nba(1, 4, 0), 1).tolist() == [CERTAIN_U6]
    assert MODEL.predict_wp(nba(-1, 5, 0), 1).tolist() == [0]
    assert 0 < MODEL.predict_wp(nba(1, 3, 0), 1)[0] < CERTAIN_U6


def test_finals_and_no_answer() -> None:
    """A final is certain; soccer, with its third result, and games that are off have no answer."""
    assert MODEL.predict_wp(nba(-3, 4, 0, GameStatus.FINAL), -1).tolist() == [CERTAIN_U6]
    assert MODEL.predict_wp(nba(3, 2, M, GameStatus.CALLED_OFF), 1).tolist() == [NO_MODEL]
    mls = GameStates.from_columns("mls", period=1, clock_ms=0, status=1, home_score=1, away_score=0)
    assert MODEL.predict_wp(mls, 1).tolist() == [NO_MODEL]


@given(st.sampled_from(LEAGUES), st.integers(-40, 40), st.integers(1, 6), st.integers(0, 12 * M), st.integers(-1, 10))
def test_laws(league: str, lead: int, period: int, clock: int, prior: int) -> None:
    """In every league the sides add up to a whole, a point more is never worth less, prob_u6 stays in range."""
    prior_u6 = prior * 100_000 if prior >= 0 else -1

    def at(lead: int, side: int) -> int:
        states = GameStates.from_columns(
            league, period=period, clock_ms=clock, status=1, home_score=50 + lead, away_score=50, prior_u6=prior_u6
        )
        return int(MODEL.predict_wp(states, side)[0])

    assert at(lead, 1) + at(lead, -1) == CERTAIN_U6
    assert 0 <= at(lead, 1) <= at(lead + 1, 1) <= CERTAIN_U6


@pytest.mark.parametrize("league", ["nba", "wnba", "ncaamb", "nfl", "mlb"])
@pytest.mark.parametrize("prior_u6", [50_000, 500_000, 800_000])
def test_before_the_start_the_prior_is_the_answer(league: str, prior_u6: int) -> None:
    """At 0-0 with everything to play, told and rounded, the model says what it was told."""
    states = GameStates.from_columns(
        league, period=0, clock_ms=0, status=0, home_score=0, away_score=0, prior_u6=prior_u6
    )
    assert MODEL.predict_wp(states, 1).tolist() == pytest.approx([prior_u6], abs=1)


def test_a_goal_league_starts_near_its_prior() -> None:
    """Hockey's rates move apart until the game is about that likely: whole goals are no normal amount."""
    for prior_u6 in (100_000, 250_000, 500_000, 750_000, 900_000):
        states = GameStates.from_columns(
            "nhl", period=1, clock_ms=20 * M, status=1, home_score=0, away_score=0, prior_u6=prior_u6
        )
        assert MODEL.predict_wp(states, 1)[0] == pytest.approx(prior_u6, abs=5_000)


def test_a_prior_fades_with_the_time_that_is_left() -> None:
    """A favourite's lead is worth more than an outsider's, and at 0.0 as much."""

    def told(prior_u6: int, clock: int) -> int:
        states = GameStates.from_columns(
            "nba", period=4, clock_ms=clock, status=1, home_score=90, away_score=88, prior_u6=prior_u6
        )
        return int(MODEL.predict_wp(states, 1)[0])

    gaps = [told(800_000, clock) - told(300_000, clock) for clock in (12 * M, 6 * M, M, 0)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 50_000
    assert gaps[-1] == 0


def test_without_prior_it_is_deaf_to_one() -> None:
    """The variant answers the same whatever it is told, rates nobody, and goes by its own name."""
    deaf = load_without_prior()
    states = GameStates.from_columns(
        "nba", period=2, clock_ms=M, status=1, home_score=50, away_score=50, prior_u6=[-1, 100_000, 900_000]
    )
    answers = deaf.predict_wp(states, 1)
    assert len(set(answers.tolist())) == 1
    assert answers[0] == MODEL.predict_wp(states, 1)[0]
    assert deaf.rate("nba", "Celtics", "Wizards", 0) == NO_MODEL
    assert deaf.name == "brownian-no-prior"


def test_who_has_the_ball_counts_at_the_end() -> None:
    """Down one with ten seconds left: the ball is worth a great deal; with a quarter to play, little."""

    def with_ball(possession: int, period: int, clock: int) -> int:
        states = GameStates.from_columns(
            "nba", period=period, clock_ms=clock, status=1, home_score=99, away_score=100, possession=possession
        )
        return int(MODEL.predict_wp(states, 1)[0])

    late = with_ball(1, 4, 10_000) - with_ball(-1, 4, 10_000)
    early = with_ball(1, 1, 12 * M) - with_ball(-1, 1, 12 * M)
    assert late > 150_000
    assert 0 < early < 40_000
    assert with_ball(-1, 4, 10_000) < with_ball(0, 4, 10_000) < with_ball(1, 4, 10_000)


def test_ratings_rate_by_name_and_season() -> None:
    """A game after the last rated season is told its teams; a later one is drawn to the mean; an unknown has none."""
    november_2024, november_2026 = 1_731_000_000 * 10**9, 1_794_000_000 * 10**9
    soon = MODEL.rate("nba", "Celtics", "Wizards", november_2024)
    late = MODEL.rate("nba", "Boston Celtics", "WSH", november_2026)
    assert soon > late > 600_000
    assert MODEL.rate("nba", "Celtics", "Harlem", november_2024) == NO_MODEL
    assert MODEL.rate("nhl", "Celtics", "Wizards", november_2024) == NO_MODEL


def test_baseball_goes_by_innings() -> None:
    """A lead is worth more in every later inning, extra innings are like the ninth, and no clock is needed."""
    leads = [int(MODEL.predict_wp(mlb(inning, 3, 2), 1)[0]) for inning in (1, 3, 6, 9)]
    assert leads == sorted(leads)
    assert leads[0] > 550_000
    assert MODEL.predict_wp(mlb(12, 3, 2), 1)[0] == leads[-1]
    assert MODEL.predict_wp(mlb(0, 0, 0, GameStatus.SCHEDULED), 1)[0] == pytest.approx(534_000, abs=1_000)


def mlb(inning: int, home: int, away: int, status: GameStatus = GameStatus.LIVE) -> GameStates:
    return GameStates.from_columns(
        "mlb", period=inning, clock_ms=-1, status=int(status), home_score=home, away_score=away
    )


def test_hockey_counts_goals() -> None:
    """One goal with half a minute left is nearly safe but not certain; a lead in overtime has decided."""
    late = GameStates.from_columns("nhl", period=3, clock_ms=30_000, status=1, home_score=3, away_score=2)
    assert 980_000 < MODEL.predict_wp(late, 1)[0] < 999_000
    overtime = GameStates.from_columns("nhl", period=4, clock_ms=2 * M, status=1, home_score=3, away_score=[2, 3, 4])
    answers = MODEL.predict_wp(overtime, 1)
    assert (answers[0], answers[2]) == (CERTAIN_U6, 0)
    assert 500_000 < answers[1] < 530_000


def test_batch_equals_one_by_one() -> None:
    """A batch gives each state exactly what it gets alone."""
    lead = np.arange(-20, 21)
    batch = GameStates.from_columns("nba", period=3, clock_ms=345_678, status=1, home_score=50 + lead, away_score=50)
    alone = [int(MODEL.predict_wp(nba(int(n), 3, 345_678), 1)[0]) for n in lead]
    assert MODEL.predict_wp(batch, 1).tolist() == alone
