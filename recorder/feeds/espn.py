"""
ESPN's scoreboards: today's and, until its last game is over, yesterday's, each at its own pace.

The day is New York's (see `recorder.leagues`): a game that runs past midnight stays filed under the day it began.
Always with `dates=`, because without it the off-season shows future games; one day a request, because ranges are
refused; with `limit=300`, because without it busy college days are cut, and from 600 on they are cut silently.
"""

from __future__ import annotations

from random import Random

from recorder.feeds.base import Command, Failed, Input, Response
from recorder.feeds.peek import Slot, espn_slots, is_busy
from recorder.feeds.polling import Pace, Poll, ask_due, their_now_ns
from recorder.leagues import League, game_days
from recorder.times import SECOND_NS

__all__ = ["EspnFeed"]


class EspnFeed:
    """The scoreboard of one league."""

    def __init__(self, league: League, base_url: str, *, rng: Random, pace: Pace | None = None) -> None:
        """Poll this league below base_url (no slash at its end)."""
        self.name = league.feed
        self._league = league
        self._base_url = base_url
        self._rng = rng
        self._pace = pace or Pace()
        self._polls: dict[str, Poll] = {}
        self._slots: dict[str, list[Slot]] = {}

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        if isinstance(happened, Response | Failed):
            poll = self._polls[happened.key]
            if isinstance(happened, Response):
                self._hear(poll, happened, now_ns)
            else:
                poll.fail(now_ns)
        return ask_due(self._wanted(now_ns), now_ns, latest_ns=now_ns + int(self._pace.idle_s * SECOND_NS))

    def _hear(self, poll: Poll, response: Response, now_ns: int) -> None:
        if response.status == 200:
            slots = espn_slots(response.body)
            if slots is None:
                poll.fail(now_ns, response)
                return
            self._slots[poll.key] = slots
        elif response.status != 304:
            poll.fail(now_ns, response)
            return
        busy = is_busy(self._slots.get(poll.key, []), their_now_ns(response.headers, now_ns))
        poll.succeed(response, now_ns, int((self._pace.live_s if busy else self._pace.idle_s) * SECOND_NS))

    def _wanted(self, now_ns: int) -> list[Poll]:
        """Return the polls of the days that matter, new ones included; forget the days before."""
        today, yesterday = (f"{day:%Y%m%d}" for day in game_days(now_ns))
        for day in (today, yesterday):
            if day not in self._polls:
                self._polls[day] = Poll(day, self._url(day), timeout_s=self._pace.timeout_s, rng=self._rng)
        for day in [day for day, poll in self._polls.items() if day < yesterday and not poll.is_asked]:
            del self._polls[day]
            self._slots.pop(day, None)
        is_over = yesterday in self._slots and all(slot.over for slot in self._slots[yesterday])
        return [self._polls[today]] if is_over else [self._polls[today], self._polls[yesterday]]

    def _url(self, day: str) -> str:
        groups = f"&groups={self._league.espn_groups}" if self._league.espn_groups is not None else ""
        return f"{self._base_url}/apis/site/v2/sports/{self._league.espn_path}/scoreboard?dates={day}&limit=300{groups}"
