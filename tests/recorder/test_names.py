"""Team names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.leagues import LEAGUES
from recorder.names import ALIASES, canonical, normal


@pytest.mark.parametrize(
    ("league", "one", "other"),
    [
        ("nba", "Trail Blazers", "Blazers"),
        ("nba", "GS", "gsw"),
        ("nba", "UTAH", "UTA"),
        ("nhl", "Montréal Canadiens", "Montreal Canadiens"),
        ("mlb", "A's", "Athletics"),
        ("mlb", "D-backs", "Diamondbacks"),
        ("ncaamb", "St. John's Red Storm", "St Johns Red Storm"),
        ("ncaamb", "Texas A&M Aggies", "Texas A and M Aggies"),
        ("ncaamb", "Miami (FL) Hurricanes", "Miami Hurricanes"),
    ],
)
def test_spellings_of_one_team_are_one_name(league: str, one: str, other: str) -> None:
    """What the sources write differently is compared as the same."""
    assert canonical(league, one) == canonical(league, other)


def test_an_alias_holds_in_its_own_league_only() -> None:
    """`SA` is San Antonio in the NBA and nothing elsewhere."""
    assert canonical("nba", "SA") == "sas"
    assert canonical("nhl", "SA") == "sa"


def test_the_table_is_in_normal_form_and_one_step_deep() -> None:
    """Each alias is a normal form that points to a name which is no alias itself."""
    for league, table in ALIASES.items():
        assert league in LEAGUES
        for alias, name in table.items():
            assert alias == normal(alias)
            assert canonical(league, name) == name


@given(st.text())
def test_any_text_has_a_normal_form_that_stays(text: str) -> None:
    """The normal form of a normal form is itself."""
    assert normal(normal(text)) == normal(text)
