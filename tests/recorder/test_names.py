"""Team names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.leagues import LEAGUES
from recorder.names import ALIASES, canonical, normal, with_own


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


def test_own_lines_win_and_lead_to_the_one_name() -> None:
    """A line may be spelt as it is written anywhere, may lead to an alias of ours, and holds in its league only."""
    table = with_own({"nba": {"The Cavs!": "Cavs", "SA": "SAC"}})
    assert canonical("nba", "the cavs", table) == "cavaliers"
    assert canonical("nba", "SA", table) == "sac"
    assert canonical("nhl", "the cavs", table) == "the cavs"
    assert canonical("nba", "SA") == "sas"


@pytest.mark.parametrize(
    "own",
    [
        {"nbl": {"a": "b"}},
        {"nba": {"": "suns"}},
        {"nba": {"suns": "..."}},
        {"nba": {"Suns": "suns"}},
        {"nba": {"a": "b", "b": "c"}},
        {"nba": {"a": "b", "b": "a"}},
    ],
)
def test_a_line_that_says_nothing_is_refused(own) -> None:
    """An unknown league, an empty name, a name of itself and a chain are usage errors, not silence."""
    with pytest.raises(UsageError):
        with_own(own)
