"""Markets that are said to be a game's."""

from __future__ import annotations

import pytest

from recorder.errors import UsageError
from recorder.overrides import Override, read_overrides


def test_a_market_is_said_by_its_slug_or_by_its_tokens() -> None:
    """Both forms, by id of the game; a blank beside the comma does no harm."""
    said = {"nba:1": "nba-bos-gsw-2026-02-19", "ncaamb:2": "11, 22"}
    assert read_overrides(said) == {
        "nba:1": Override(slug="nba-bos-gsw-2026-02-19"),
        "ncaamb:2": Override(home_token_id="11", away_token_id="22"),
    }


@pytest.mark.parametrize(
    "said",
    [
        {"401772994": "nba-bos-gsw-2026-02-19"},
        {"nbl:1": "nba-bos-gsw-2026-02-19"},
        {"nba:1": "https://polymarket.com/event/nba-bos-gsw-2026-02-19"},
        {"nba:1": "Celtics"},
        {"nba:1": "11"},
        {"nba:1": "11,11"},
        {"nba:1": "nba-a-b", "nba:2": "nba-a-b"},
        {"nba:1": "11,22", "nba:2": "22,33"},
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(said) -> None:
    """No game of a league, no market, or one market of two games: before anything is recorded."""
    with pytest.raises(UsageError):
        read_overrides(said)
