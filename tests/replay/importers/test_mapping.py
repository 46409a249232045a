"""Which tokens belong to which game."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.errors import UsageError
from replay.importers.mapping import parse_game, plan_of, read_plan
from replay.importers.source import FoundGame

ESPN = FoundGame(source="espn", league="nba", id="9", home="Homes", away="Aways", start_ns=5)
NBA = FoundGame(source="nba", league="nba", id="0022500001", home="HOM", away="AWY", start_ns=6)


def test_two_tokens_or_a_market() -> None:
    """Home first; a market alone stands for its yes, which is that the home side wins, and its no."""
    two, market = parse_game("9=H,A"), parse_game("nba:9=slug")
    assert (two.ids, two.home_token_id, two.away_token_id) == (("9",), "H", "A")
    assert (market.ids, market.home_token_id, market.away_token_id) == (("9",), "slug/yes", "slug/no")
    assert parse_game("9=slug/no,slug/yes").market_id == "slug"


@pytest.mark.parametrize("text", ["", "9", "=H,A", "9=", "9=H,", "9=H,A,B", "9=H,H", "9+=H,A"])
def test_what_says_nothing(text: str) -> None:
    """It is refused with an example."""
    with pytest.raises(UsageError) as refused:
        parse_game(text)
    assert "--game" in refused.value.hint


def test_the_plan_of_one_source_and_of_two() -> None:
    """Names and start are those of the first source; every source's id is a ref."""
    (both,) = plan_of([parse_game("9+0022500001=H,A")], [NBA, ESPN]).games
    assert (both.game_id, both.home, both.start_ns) == ("nba:9", "Homes", 5)
    assert [(ref.source, ref.id) for ref in both.refs] == [("espn", "9"), ("nba", "0022500001")]
    (alone,) = plan_of([parse_game("0022500001=H,A")], [NBA]).games
    assert alone.game_id == "nba:nba:0022500001"


def test_a_game_that_no_file_is_about() -> None:
    """The games that there are stand in the error."""
    with pytest.raises(UsageError) as refused:
        plan_of([parse_game("8=H,A")], [ESPN])
    assert "9 (Aways at Homes)" in refused.value.why


def test_a_plan_from_a_file(tmp_path: Path) -> None:
    """As the recorder's note holds it; anything else is refused."""
    import msgspec

    plan = plan_of([parse_game("9=H,A")], [ESPN])
    path = tmp_path / "plan.json"
    path.write_bytes(msgspec.json.encode(plan))
    assert read_plan(path) == plan
    path.write_text('{"games": 5}')
    with pytest.raises(UsageError, match="is no plan"):
        read_plan(path)
