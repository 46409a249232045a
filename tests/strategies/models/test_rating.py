"""Team ratings and what they say before tip-off."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.models.rating import Games, LeagueRatings, Ratings, Rule, Team, expected_margins


def games_of(seasons: list[int], homes: list[str], aways: list[str], margins: list[int]) -> Games:
    return Games(seasons, [0] * len(seasons), homes, aways, margins)


RULE = Rule(gain=0.1, carry=0.5, cap=20.0, home=2.0, spread=12.0)


def test_the_shipped_ratings_know_every_team_by_all_its_names() -> None:
    """Thirty teams; code, ESPN's code, nickname and full name all mean the same team."""
    ratings = Ratings.load()
    assert len(ratings.leagues["nba"].teams) == 30
    asked = [("BOS", "WAS"), ("Celtics", "Wizards"), ("Boston Celtics", "Washington Wizards"), ("bos", "WSH")]
    assert len({ratings.prior(home, away) for home, away in asked}) == 1
    assert ratings.prior("LA Clippers", "GS") == ratings.prior("LAC", "Golden State Warriors")


def test_a_team_that_is_not_rated_has_no_prior() -> None:
    """An all-star side, an unknown league: no answer, never a guess."""
    ratings = Ratings.load()
    assert ratings.prior("Team LeBron", "BOS") is None
    assert ratings.prior("BOS", "") is None
    assert ratings.prior("BOS", "WAS", league="wnba") is None


def test_every_summer_draws_the_ratings_to_the_mean() -> None:
    """In the season after the next a strong team is favoured less; in the end the home edge alone remains."""
    ratings = Ratings.load()
    strong, weak = "BOS", "WAS"
    in_years = [ratings.prior(strong, weak, season=year) for year in (2024, 2025, 2026, 2060)]
    assert in_years == sorted(in_years, reverse=True)
    assert in_years[1] == ratings.prior(strong, weak)
    assert in_years[-1] == ratings.prior(weak, strong, season=2060)


def test_a_rating_moves_by_a_share_of_the_surprise() -> None:
    """An expected two-point win that became thirty moves both teams by a tenth of the capped surprise."""
    expected, strengths = expected_margins(RULE, games_of([1, 1, 2], ["A", "A", "A"], ["B", "B", "B"], [30, 6, 6]))
    assert strengths.keys() == {"A", "B"}
    assert expected.tolist() == pytest.approx([2.0, 2.0 + 2 * 1.8, 2.0 + 0.5 * (3.6 + 2 * 0.1 * (6 - 5.6))])


def test_a_game_without_names_is_passed_over() -> None:
    """Nothing is expected of it and nothing is learned from it."""
    expected, strengths = expected_margins(RULE, games_of([1, 1], ["", "A"], ["B", "B"], [30, 0]))
    assert np.isnan(expected[0])
    assert expected[1] == 2.0
    assert strengths["A"] == pytest.approx(-0.2)


games = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("DEF"), st.integers(-40, 40)), min_size=1)


@given(games, st.integers(0, 30))
@settings(max_examples=30)
def test_nothing_looks_ahead(played: list[tuple[str, str, int]], cut: int) -> None:
    """What is expected of a game is the same whether or not anything was played after it; ratings go on from a cut."""
    years = [2020 + at // 5 for at in range(len(played))]
    columns = [years, *(list(column) for column in zip(*played, strict=True))]
    whole, last = expected_margins(RULE, games_of(*columns))
    part, strengths = expected_margins(RULE, games_of(*(column[:cut] for column in columns)))
    assert whole[:cut].tolist() == part.tolist()
    if 0 < cut < len(played):
        teams = {code: Team(rating=rating) for code, rating in strengths.items()}
        start = LeagueRatings(season=years[cut - 1], through=0, rule=RULE, teams=teams)
        rest, end = expected_margins(RULE, games_of(*(column[cut:] for column in columns)), start)
        assert rest.tolist() == whole[cut:].tolist()
        assert end == last


def test_a_file_that_is_no_ratings_file_is_refused() -> None:
    """A wrong type is an error at the gate, not a number in a game."""
    with pytest.raises(msgspec.ValidationError):
        Ratings.decode(b'{"nba": {"season": "2024"}}')
