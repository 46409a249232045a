from __future__ import annotations

import json
from typing import Any

import pytest

from replay.core.decode.sports import decode_sports
from replay.core.events import ControlText, Undecodable, VenueScoreSeen

FEED = "polymarket.sports"
FRAME: dict[str, Any] = {
    "gameId": 10077773,
    "leagueAbbreviation": "MLB",
    "homeTeam": "NYM",
    "awayTeam": "LAA",
    "status": "InProgress",
    "score": "3-4",
    "period": "Top 9th",
    "live": True,
    "ended": False,
}


def seen(**change: Any) -> VenueScoreSeen:
    (event,) = decode_sports(FEED, json.dumps(FRAME | change).encode())
    assert isinstance(event, VenueScoreSeen)
    return event


def test_a_frame_is_one_game_by_the_slots_of_the_wire() -> None:
    """Score and teams are kept as they stand in the frame; the league's spelling varies and does not matter."""
    event = seen(eventState={"updatedAt": "2026-09-28T00:08:01.123Z"}, elapsed="03:05")
    assert event == VenueScoreSeen(
        venue_game_id="10077773",
        league="mlb",
        home="NYM",
        away="LAA",
        home_score=3,
        away_score=4,
        status="InProgress",
        period="Top 9th",
        elapsed="03:05",
        live=True,
        ended=False,
        source_ns=1_790_554_081_123_000_000,
    )


@pytest.mark.parametrize("score", ["000-000|2-0|Bo3", "", None, "3", "3-x"])
def test_a_score_that_is_no_pair_of_numbers_is_absent(score: str | None) -> None:
    """Esports, cricket and games before their start have no score of two numbers."""
    event = seen(score=score)
    assert (event.home_score, event.away_score) == (None, None)


def test_everything_but_the_id_may_be_missing() -> None:
    """Cricket has another name for its id; a frame with nothing else is still that game's."""
    (event,) = decode_sports(FEED, b'{"metadataGameId":"c1"}')
    assert isinstance(event, VenueScoreSeen)
    assert (event.venue_game_id, event.live, event.source_ns) == ("c1", None, None)


@pytest.mark.parametrize(("frame", "kind"), [(b"ping", ControlText), (b"{}", Undecodable), (b"[]", Undecodable)])
def test_what_is_no_game(frame: bytes, kind: type) -> None:
    """Pings are control texts; JSON without a game is kept and counted."""
    (event,) = decode_sports(FEED, frame)
    assert isinstance(event, kind)
