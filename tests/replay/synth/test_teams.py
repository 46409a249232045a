"""The table of teams."""

from __future__ import annotations

from replay.synth.teams import NBA_TEAMS


def test_thirty_teams_each_named_once():
    """No id, code or nickname stands for two teams."""
    rows = [(club.espn_id, club.nba_id, club.tricode, club.espn_abbreviation, club.name) for club in NBA_TEAMS]
    for names in zip(*rows, strict=True):
        assert len(set(names)) == 30


def test_six_codes_differ_between_the_sources():
    """ESPN and the league spell exactly the six known teams differently."""
    differ = {club.tricode: club.espn_abbreviation for club in NBA_TEAMS if club.tricode != club.espn_abbreviation}
    assert differ == {"GSW": "GS", "NOP": "NO", "NYK": "NY", "SAS": "SA", "UTA": "UTAH", "WAS": "WSH"}


def test_nicknames_may_hold_a_blank():
    """Two-word nicknames and places survive the table's form."""
    by_code = {club.tricode: club.display_name for club in NBA_TEAMS}
    assert (by_code["POR"], by_code["OKC"], by_code["LAC"]) == (
        "Portland Trail Blazers",
        "Oklahoma City Thunder",
        "LA Clippers",
    )
