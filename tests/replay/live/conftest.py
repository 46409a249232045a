"""A small simulated night."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from board_kit import book, game, health, signal
from served import Served, served
from watching import wait_for

from recorder.clock import SystemClock
from recorder.tape.reader import Tape, open_tape
from replay.live.facts import FeedFact, PollFact
from replay.live.orders import Limits
from replay.synth.night import plan_night, write_night


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """One simulated game with a thin book."""
    path = tmp_path_factory.mktemp("night") / "night"
    write_night(path, plan_night(3, 1, "2026-01-15", 1_200))
    return open_tape(path)


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    """A served board: one game with both books, three signals, health."""
    now_ns = SystemClock().now_ns()
    facts = [
        game(seen_ns=now_ns),
        book(seen_ns=now_ns),
        book("nba:1-A", seen_ns=now_ns),
        *(signal(seq) for seq in (3, 5, 7)),
        health(FeedFact("espn.nba", "LIVE", now_ns, 2.5, 0, 0, PollFact(3.0, 2.5, 1.0, 9.0, 1))),
    ]
    with served(facts, limits=Limits(streams=100, streams_per_peer=100, sockets=100)) as one:
        wait_for(lambda: one.json("/v1/signals")["signals"])
        yield one
