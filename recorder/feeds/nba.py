"""
The NBA's own scoreboard: one file that holds the current slate and turns to the next about noon in New York.

Since 2026-05-12 it answers 403 to whoever does not come from nba.com; the other headers are what a browser sends along.
"""

from __future__ import annotations

from random import Random

from recorder.feeds.base import Command, Failed, Input, Response
from recorder.feeds.peek import Slot, is_busy, nba_slots
from recorder.feeds.polling import SECOND_NS, Pace, Poll, ask_due, their_now_ns

__all__ = ["NBA_HEADERS", "NbaScoreboardFeed"]

NBA_HEADERS = {
    "Accept": "application/json",
    "Accept-Language": "en-US,en;q=0.9",
    "Origin": "https://www.nba.com",
    "Referer": "https://www.nba.com/",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
_PATH = "/static/json/liveData/scoreboard/todaysScoreboard_00.json"


class NbaScoreboardFeed:
    """The scoreboard file of cdn.nba.com."""

    name = "nba.scoreboard"

    def __init__(self, base_url: str, *, rng: Random, pace: Pace | None = None) -> None:
        """Poll the file below base_url (no slash at its end)."""
        self._pace = pace or Pace()
        self._poll = Poll("scoreboard", base_url + _PATH, timeout_s=self._pace.timeout_s, rng=rng, headers=NBA_HEADERS)
        self._slots: list[Slot] = []

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        if isinstance(happened, Response):
            self._hear(happened, now_ns)
        elif isinstance(happened, Failed):
            self._poll.fail(now_ns)
        return ask_due([self._poll], now_ns, latest_ns=now_ns + int(self._pace.idle_s * SECOND_NS))

    def _hear(self, response: Response, now_ns: int) -> None:
        if response.status == 200:
            slots = nba_slots(response.body)
            if slots is None:
                self._poll.fail(now_ns, response)
                return
            self._slots = slots
        elif response.status != 304:
            self._poll.fail(now_ns, response)
            return
        busy = is_busy(self._slots, their_now_ns(response.headers, now_ns))
        self._poll.succeed(response, now_ns, int((self._pace.live_s if busy else self._pace.idle_s) * SECOND_NS))
