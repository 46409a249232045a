from __future__ import annotations

import msgspec
import pytest

from replay.core import events
from replay.core.events import Event, GameRef, GameStatus, Pulse, ScoreSeen, Team, Undecodable, event_as_dict

TEAM = Team(id="1", name="Suns", abbreviation="PHX", display_name="Phoenix Suns")


def test_an_event_names_itself_first_and_its_status_in_words() -> None:
    """A line of `decode` begins with the event's name, and a game's status is a word."""
    seen = ScoreSeen(
        game=GameRef(source="espn", league="nba", id="7"),
        status=GameStatus.FINAL,
        status_name="STATUS_FINAL",
        completed=True,
        home=TEAM,
        away=TEAM,
        home_score=101,
        away_score=99,
        period=4,
        clock_ms=0,
        start_ns=None,
    )
    line = event_as_dict(seen)
    assert list(line)[:3] == ["event", "game", "status"]
    assert (line["event"], line["status"], line["start_ns"]) == ("ScoreSeen", "final", None)
    assert event_as_dict(Pulse()) == {"event": "Pulse"}


@pytest.mark.parametrize("kind", Event.__args__, ids=lambda kind: kind.__name__)
def test_every_event_is_frozen_and_taken_by_keyword(kind: type[msgspec.Struct]) -> None:
    """No event can be changed after the fact, and none can be built by position."""
    assert kind.__struct_config__.frozen
    assert kind.__name__ in events.__all__
    if msgspec.structs.fields(kind):
        with pytest.raises(TypeError):
            kind("by position")


def test_events_compare_by_value() -> None:
    """Two events that say the same are equal, whoever decoded them."""
    assert Undecodable(feed="a", reason="b") == Undecodable(feed="a", reason="b")
    assert Undecodable(feed="a", reason="b") != Undecodable(feed="a", reason="c")
