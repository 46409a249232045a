from __future__ import annotations

import json
from typing import Any

import pytest

from replay.core.decode.note import decode_note
from replay.core.events import ClockStepped, GameRef, PlanGame, PlanSeen, Undecodable

PLAN: dict[str, Any] = {
    "games": [
        {
            "game_id": "nba:401772994",
            "league": "nba",
            "start_ns": 1_748_736_000_000_000_000,
            "home": "Pacers",
            "away": "Knicks",
            "refs": [
                {"source": "espn", "league": "nba", "id": "401772994"},
                {"source": "nba", "league": "nba", "id": "0042400306"},
            ],
            "market_id": "0x1",
            "home_token_id": "11",
            "away_token_id": "22",
            "confidence": "exact",
        }
    ]
}


def test_a_plan_is_read() -> None:
    """The recorder's plan names the games, the sources' ids and the tokens."""
    assert decode_note("recorder", b'{"note":"plan"}', json.dumps(PLAN).encode()) == [
        PlanSeen(
            games=(
                PlanGame(
                    game_id="nba:401772994",
                    league="nba",
                    start_ns=1_748_736_000_000_000_000,
                    home="Pacers",
                    away="Knicks",
                    refs=(
                        GameRef(source="espn", league="nba", id="401772994"),
                        GameRef(source="nba", league="nba", id="0042400306"),
                    ),
                    market_id="0x1",
                    home_token_id="11",
                    away_token_id="22",
                    confidence="exact",
                ),
            )
        )
    ]


def test_a_clock_step_is_read() -> None:
    """The step is in the meta, in nanoseconds, either way."""
    assert decode_note("recorder", b'{"note":"clock_step","step_ns":-5}', b"") == [ClockStepped(step_ns=-5)]


@pytest.mark.parametrize("note", ["session", "simulated", "feed", "something_new"])
def test_notes_about_the_recording_mean_nothing_to_a_replay(note: str) -> None:
    """Unknown notes too: they are the recorder's own and lose nothing."""
    assert decode_note("recorder", json.dumps({"note": note, "seed": 7}).encode(), b"whatever") == []


@pytest.mark.parametrize(
    ("meta", "payload"),
    [
        (b"", b""),
        (b"{}", b""),
        (b"[]", b""),
        (b'{"note":5}', b""),
        (b'{"note":"plan"}', b""),
        (b'{"note":"plan"}', b'{"games":[{}]}'),
        (b'{"note":"plan"}', b"[" * 50_000),
        (b'{"note":"clock_step"}', b""),
        (b'{"note":"clock_step","step_ns":"5"}', b""),
    ],
)
def test_a_broken_note_is_undecodable(meta: bytes, payload: bytes) -> None:
    """A damaged note of our own is one event like any other damage."""
    assert [type(event) for event in decode_note("recorder", meta, payload)] == [Undecodable]
