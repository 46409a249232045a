from __future__ import annotations

import json

import pytest

from recorder.envelope import Envelope, Kind
from recorder.operate.glance import FrameGlance, GameGlance, games_in, glance_frame, planned_games
from recorder.plan import Plan, PlannedGame, SourceRef

SECOND = 1_000_000_000


def test_a_frame_names_its_tokens_and_books() -> None:
    """A change names the tokens of its changes, a book its own; the first time that is one is kept."""
    book = {"event_type": "book", "asset_id": "1", "timestamp": "1757908892351", "bids": []}
    change = {"event_type": "price_change", "price_changes": [{"asset_id": "2"}, {"asset_id": "3"}]}
    assert glance_frame(json.dumps(change).encode()) == FrameGlance({"2", "3"}, set(), None)
    both = FrameGlance({"1", "2", "3"}, {"1"}, 1_757_908_892_351_000_000)
    assert glance_frame(json.dumps([book, change]).encode()) == both


@pytest.mark.parametrize("frame", [b"PONG", b"[]", b"{}", b"\xff", b"[1]", b'{"asset_id":7}', b"[" * 2000])
def test_what_cannot_be_read_names_nothing(frame: bytes) -> None:
    """No frame raises, and none that says nothing names anything."""
    assert glance_frame(frame) == FrameGlance()


def test_scoreboards_list_games() -> None:
    """Both scoreboards say of each game whether it is on and whether it is over; nonsense lists none."""

    def event(number: int, state: str) -> dict[str, object]:
        return {"id": str(number), "competitions": [{"status": {"type": {"state": state}}}]}

    espn = json.dumps({"events": [event(1, "pre"), event(2, "in"), event(3, "post"), {"id": "4"}]}).encode()
    expected = [GameGlance("1", False, False), GameGlance("2", True, False), GameGlance("3", False, True)]
    assert games_in("espn.nba", espn) == expected
    games = [{"gameId": "7", "gameStatus": 2}, {"gameId": "8", "gameStatus": 3}]
    nba = json.dumps({"scoreboard": {"games": games}}).encode()
    assert games_in("nba.scoreboard", nba) == [GameGlance("7", True, False), GameGlance("8", False, True)]
    assert games_in("espn.nba", b"<html>") == games_in("gamma.markets", espn) == []


def test_reads_the_plan_that_the_planner_writes() -> None:
    """What `recorder.plan` encodes is read back, and a plan of another form is none."""
    refs = (SourceRef("espn", "nba", "401"),)
    game = PlannedGame("nba:401", "nba", SECOND, "Pacers", "Knicks", refs, "0xabc", "222", "111", "exact")
    note = Envelope(0, 0, "recorder", 0, Kind.NOTE, b'{"note":"plan"}', Plan((game,)).encode())
    (read,) = planned_games(note)
    assert (read.game_id, read.home, read.away, read.tokens) == ("nba:401", "Pacers", "Knicks", ("222", "111"))
    assert [(ref.source, ref.league, ref.id) for ref in read.refs] == [("espn", "nba", "401")]
    assert planned_games(Envelope(0, 0, "recorder", 0, Kind.NOTE, b"", b'{"games":[{}]}')) == ()
