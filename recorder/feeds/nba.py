"""
The NBA's own files: the scoreboard of the current slate, and of each game its play-by-play and its boxscore.

The scoreboard turns to the next slate about noon in New York. The files of a game are asked while the scoreboard shows
it live and ten minutes on, for corrections come after the end; before it begins they answer 403. Each is a whole
version of the game, every earlier play with the time it happened, so asking seldom loses little; the questions of a
feed go out at least a quarter of a second apart, however many games are on.

Since 2026-05-12 the host answers 403 to whoever does not come from nba.com; the other headers are what a browser sends.
"""

from __future__ import annotations

from random import Random
from typing import Literal

from recorder.feeds.base import Command, Failed, GamesOn, Input, Response
from recorder.feeds.peek import Slot, is_busy, is_nba_game, nba_live_ids, nba_slots
from recorder.feeds.polling import Pace, Poll, ask_due, their_now_ns
from recorder.times import SECOND_NS

__all__ = ["NBA_HEADERS", "NbaGameFeed", "NbaScoreboardFeed"]

NBA_HEADERS = {
    "Accept": "application/json",
    "Accept-Language": "en-US,en;q=0.9",
    "Origin": "https://www.nba.com",
    "Referer": "https://www.nba.com/",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
_FOLDER = "/static/json/liveData/"
_GAP_NS = SECOND_NS // 4
_AFTER_NS = 600 * SECOND_NS


class NbaScoreboardFeed:
    """The scoreboard file of cdn.nba.com."""

    name = "nba.scoreboard"

    def __init__(self, base_url: str, *, rng: Random, pace: Pace | None = None) -> None:
        """Poll the file below base_url (no slash at its end)."""
        self._pace = pace or Pace()
        url = f"{base_url}{_FOLDER}scoreboard/todaysScoreboard_00.json"
        self._poll = Poll("scoreboard", url, timeout_s=self._pace.timeout_s, rng=rng, headers=NBA_HEADERS)
        self._slots: list[Slot] = []
        self._on: tuple[str, ...] = ()

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        before = self._on
        if isinstance(happened, Response):
            self._hear(happened, now_ns)
        elif isinstance(happened, Failed):
            self._poll.fail(now_ns)
        asking = ask_due([self._poll], now_ns, latest_ns=now_ns + int(self._pace.idle_s * SECOND_NS))
        return asking if self._on == before else [GamesOn("nba", self._on), *asking]

    def _hear(self, response: Response, now_ns: int) -> None:
        if response.status == 200:
            slots = nba_slots(response.body)
            if slots is None:
                self._poll.fail(now_ns, response)
                return
            self._slots = slots
            self._on = nba_live_ids(response.body) or ()
        elif response.status != 304:
            self._poll.fail(now_ns, response)
            return
        busy = is_busy(self._slots, their_now_ns(response.headers, now_ns))
        self._poll.succeed(response, now_ns, int((self._pace.live_s if busy else self._pace.idle_s) * SECOND_NS))


class NbaGameFeed:
    """One file of every game that is on, below cdn.nba.com: its play-by-play, or its boxscore."""

    def __init__(
        self,
        file: Literal["playbyplay", "boxscore"],
        base_url: str,
        *,
        rng: Random,
        every_s: float = 30.0,
        timeout_s: float = 10.0,
    ) -> None:
        """Ask for the games of `GamesOn` below base_url (no slash at its end), each every so often."""
        self.name = f"nba.{file}"
        self._url = f"{base_url}{_FOLDER}{file}/{file}_{{}}.json"
        self._rng = rng
        self._every_ns = int(every_s * SECOND_NS)
        self._gap_ns = min(_GAP_NS, self._every_ns // 8)
        self._timeout_s = timeout_s
        self._polls: dict[str, Poll] = {}
        self._until_ns: dict[str, int] = {}
        self._free_ns = 0

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        if isinstance(happened, GamesOn):
            self._take(happened, now_ns)
        elif isinstance(happened, Response | Failed):
            self._hear(happened, now_ns)
        over = [key for key, at_ns in self._until_ns.items() if at_ns <= now_ns and not self._polls[key].is_asked]
        for key in over:
            del self._polls[key], self._until_ns[key]
        asking: list[Command] = []
        for poll in sorted(self._polls.values(), key=lambda poll: (poll.due_ns, poll.key)):
            if poll.is_asked or poll.due_ns > now_ns:
                continue
            if now_ns < self._free_ns:
                poll.due_ns = self._free_ns
                continue
            asking.append(poll.ask(now_ns))
            self._free_ns = now_ns + self._gap_ns
        return [*asking, *ask_due(self._polls.values(), now_ns, latest_ns=now_ns + self._every_ns)]

    def _take(self, games: GamesOn, now_ns: int) -> None:
        if games.source != "nba":
            return
        for key in games.ids:
            self._until_ns.pop(key, None)
            if key not in self._polls:
                url = self._url.format(key)
                self._polls[key] = Poll(key, url, timeout_s=self._timeout_s, rng=self._rng, headers=NBA_HEADERS)
        for key in self._polls.keys() - set(games.ids):
            self._until_ns.setdefault(key, now_ns + _AFTER_NS)

    def _hear(self, happened: Response | Failed, now_ns: int) -> None:
        poll = self._polls[happened.key]
        if isinstance(happened, Failed):
            poll.fail(now_ns)
        elif happened.status == 304 or (happened.status == 200 and is_nba_game(happened.body)):
            poll.succeed(happened, now_ns, self._every_ns)
        else:
            poll.fail(now_ns, happened)
