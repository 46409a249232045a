"""Telling many."""

from __future__ import annotations

import asyncio
import json

from board_kit import S, batch, book, game, health, signal

from replay.live.board import Board
from replay.live.fanout import Hub, Outbox, Subscription


class Room:
    """A board, a hub and one client."""

    def __init__(self, **wanted) -> None:
        self.board = Board()
        self.hub = Hub(self.board)
        self.outbox = Outbox()
        self.outbox.subscription = Subscription(**{key: frozenset(value) for key, value in wanted.items()})
        self.hub.join(self.outbox)

    def tell(self, *facts, now_s=100) -> Room:
        made = batch(*facts, now_s=now_s)
        self.hub.tell(self.board.apply(made), now_s * S)
        return self

    def heard(self) -> list[dict]:
        """What the client has been told since the last time."""
        self.outbox._news.set()
        return [json.loads(one.text) for one in asyncio.run(self.outbox.take())]


def kinds(heard: list[dict]) -> list[str]:
    return [one["type"] for one in heard]


def test_scores_and_signals_are_told_at_once_and_books_a_little_later() -> None:
    """A new score does not wait; a book that trembles is told once with the next flush."""
    room = Room(types=["state", "signal"]).tell(game(), book())
    assert kinds(room.heard()) == ["state"]
    for at_s in (101, 102, 103):
        room.tell(book(seen_ns=at_s * S), now_s=at_s)
    assert room.heard() == []
    room.hub.flush(103 * S)
    (state,) = room.heard()
    assert state["game"]["tokens"]["home"]["recv_ns"] == str(103 * S)
    room.tell(game(home_score=53), signal(104), now_s=104)
    assert kinds(room.heard()) == ["signal", "state"]


def test_a_state_that_stands_is_told_once_in_five_seconds() -> None:
    """Twenty flushes within ten seconds tell an unchanged game twice, so that its age is known."""
    room = Room(types=["state"]).tell(game(status="final"))
    room.heard()
    for half in range(201, 221):
        room.hub.flush(half * S // 2)
    assert kinds(room.heard()) == ["state", "state"]


def test_becoming_stale_is_a_change() -> None:
    """A game that turns stale by itself is told with the next flush, though no fact came."""
    room = Room(types=["state"]).tell(game(seen_ns=71 * S), book(), book("nba:1-A"))
    room.hub.flush(100 * S)
    assert [one["game"]["is_stale"] for one in room.heard()] == [False]
    room.hub.flush(100 * S + S * 3 // 2)
    assert [one["game"]["is_stale"] for one in room.heard()] == [True]


def test_health_is_told_when_it_changes() -> None:
    """A new reason is news."""
    room = Room(types=["health"]).tell(health())
    room.hub.flush(100 * S)
    room.hub.flush(101 * S)
    room.tell(health(reasons=("bad",)), now_s=102)
    room.hub.flush(102 * S)
    assert [one["health"]["status"] for one in room.heard()] == ["ok", "degraded"]


def test_a_client_hears_what_it_asked_for() -> None:
    """By game, by league, by type."""
    facts = (game("nba:1"), game("nhl:2"), signal(100, game_id="nhl:2"), signal(100, 1, "nba:1"))
    assert {one["game"]["game_id"] for one in Room(types=["state"], games=["nba:1"]).tell(*facts).heard()} == {"nba:1"}
    assert kinds(Room(leagues=["nhl"], types=["signal", "state"]).tell(*facts).heard()) == ["signal", "state"]
    assert kinds(Room(types=["pattern"]).tell(game()).heard()) == ["pattern"]
    assert Room(types=[]).tell(*facts).heard() == []


def test_a_slow_client_loses_the_oldest_and_is_told_how_many() -> None:
    """Of three hundred messages the newest 256 are there, and 44 are counted; nobody else loses any."""
    room = Room(types=["signal"])
    quick = Outbox(1_000)
    room.hub.join(quick)
    room.tell(*(signal(seq) for seq in range(300)))
    assert (room.outbox.take_dropped(), room.outbox.take_dropped()) == (44, 0)
    assert [one["seq"] for one in room.heard()][-1] == 299
    assert quick.dropped == 0
    assert room.hub.dropped == 44


def test_a_message_is_made_once_for_all() -> None:
    """Two clients hold the very same text."""
    room = Room(types=["signal"])
    other = Outbox()
    room.hub.join(other)
    room.tell(signal(1))
    first, second = asyncio.run(room.outbox.take()), asyncio.run(other.take())
    assert first[0].text is next(one for one in second if one.type == "signal").text


def test_whoever_left_is_told_nothing() -> None:
    """After leaving, nothing more is put."""
    room = Room()
    room.hub.leave(room.outbox)
    room.tell(signal(1))
    assert room.heard() == []


def test_what_waits_is_still_taken_after_the_end() -> None:
    """An ended queue gives what it holds, then nothing, without waiting."""
    room = Room(types=["signal"]).tell(signal(1))

    async def last_words() -> list[int]:
        room.outbox.end()
        return [len(await room.outbox.take()), len(await room.outbox.take())]

    assert asyncio.run(last_words()) == [1, 0]
