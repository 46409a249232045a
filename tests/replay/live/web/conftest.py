"""A browser, an outlet that knows nothing yet, and the view of the sample night."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from chromium import chromium
from dashboard import Outlet, in_thread

from recorder.tape.reader import open_tape
from replay.film import build_film
from replay.live.contract import History
from replay.live.decisions import LiveConfig
from replay.live.view import viewing_on
from replay.live.viewing import Viewing

SAMPLE = Path(__file__).resolve().parents[4] / "data" / "sample"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Debian's Chromium, without a network of its own accord; while it is there, nobody else can run a loop here."""
    with chromium() as started:
        yield started


@pytest.fixture
def outlet() -> Iterator[Outlet]:
    """A live night of which nothing is known yet."""
    made = Outlet()
    yield made
    made.close()


@pytest.fixture(scope="session")
def viewing() -> Viewing:
    """The sample night, ready to be looked at."""
    return Viewing(build_film(open_tape(SAMPLE)), LiveConfig())


@pytest.fixture(scope="session")
def game(viewing: Viewing) -> tuple[str, History]:
    """The first game of the sample night, and its course."""
    return "nba:401879700", viewing.history("nba:401879700", 1_000)


@pytest.fixture(scope="session")
def view_url(viewing: Viewing) -> Iterator[str]:
    """The view of the sample night on a port."""

    async def begin(ready: Queue[object]) -> None:
        stopped = asyncio.Event()
        async with viewing_on(viewing, "127.0.0.1", 0) as url:
            ready.put((url, asyncio.get_running_loop(), stopped))
            await stopped.wait()

    with in_thread(begin) as (url, loop, stopped):
        yield url
        loop.call_soon_threadsafe(stopped.set)
