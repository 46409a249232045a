"""
Polymarket's catalogue: which events each league has, and the rules of their markets as they stand.

Theory of operation. `/sports` is asked until it answers once; it names the series of each league. From then on every
league's open events are asked every 60 s, soonest first, page by page as far as a day and a half ahead: that is where
new games turn up, and delay, fee, tick and minimum are facts of the moment, so all of it is wanted again and again. An
event that is no longer among the open ones is asked for by its id among the closed ones, until it is closed (then its
result is on the tape) or has been gone for a day.

Answers carry all markets of an event, so a page can outgrow what the recorder takes: then the pages get smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec

from recorder.feeds.base import Command, Failed, Input, Note, Response
from recorder.feeds.peek import instant_ns, readable
from recorder.feeds.polling import Poll, ask_due, their_now_ns
from recorder.leagues import League
from recorder.times import SECOND_NS

__all__ = ["GAMES_TAG", "GammaFeed"]

GAMES_TAG = 100639
"""The tag of single-game events, as against a season's."""

_HOUR_NS = 3600 * SECOND_NS
_AHEAD_NS = 36 * _HOUR_NS
_GONE_NS = 24 * _HOUR_NS
_PAGE, _PAGE_MIN = 200, 25
_OFFSET_MAX = 2000
_CLOSING_BATCH = 20
# Some default agents are refused.
_HEADERS = {"Accept": "application/json", "User-Agent": "gametape"}


class _Sport(msgspec.Struct):
    sport: str
    series: str


class _Event(msgspec.Struct):
    id: str
    start: str | None = msgspec.field(name="startTime", default=None)
    closed: bool = False


_list = msgspec.json.Decoder(list[msgspec.Raw])
_sport = msgspec.json.Decoder(_Sport)
_event = msgspec.json.Decoder(_Event)


@dataclass(slots=True)
class _Listing:
    """The open events of one league, gathered page by page: what this round has shown so far."""

    league: str
    series: str
    poll: Poll
    offset: int = 0
    seen: set[str] = field(default_factory=set)


class GammaFeed:
    """The catalogue of the wanted leagues."""

    name = "gamma.markets"

    def __init__(
        self,
        leagues: Sequence[League],
        base_url: str,
        *,
        rng: Random,
        events_s: float = 60.0,
        timeout_s: float = 20.0,
    ) -> None:
        """Ask for these leagues below base_url (no slash at its end), every league's events every events_s."""
        self._leagues = tuple(leagues)
        self._base_url = base_url
        self._rng = rng
        self._period_ns = int(events_s * SECOND_NS)
        self._timeout_s = timeout_s
        self._page = _PAGE
        self._sports: Poll | None = self._poll("sports", "/sports")
        self._closing = self._poll("closing", "/events")
        self._listings: dict[str, _Listing] = {}
        self._listed_ns: dict[str, tuple[str, int]] = {}
        self._missing: list[str] = []

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        notes: list[Command] = []
        if isinstance(happened, Response | Failed):
            notes = self._hear(happened, now_ns)
        polls = [listing.poll for listing in self._listings.values()]
        if self._sports is not None:
            polls.append(self._sports)
        if self._missing and not self._closing.is_asked:
            self._closing.aim(self._closing_url())
            polls.append(self._closing)
        return [*notes, *ask_due(polls, now_ns, latest_ns=now_ns + self._period_ns)]

    # Answers -----------------------------------------------------------------------------------------------------

    def _hear(self, happened: Response | Failed, now_ns: int) -> list[Command]:
        if self._sports is not None and happened.key == self._sports.key:
            return self._hear_sports(self._sports, happened, now_ns)
        if happened.key == self._closing.key:
            self._hear_closing(happened, now_ns)
        else:
            self._hear_events(self._listings[happened.key], happened, now_ns)
        return []

    def _hear_sports(self, poll: Poll, happened: Response | Failed, now_ns: int) -> list[Command]:
        raws = _items(happened)
        if raws is None:
            _fail(poll, happened, now_ns)
            return []
        self._sports = None
        series = {item.sport.lower(): item.series for item in readable(raws, _sport) if item.series}
        notes: list[Command] = []
        for league in self._leagues:
            found = [series[code] for code in league.venue_codes if code in series]
            if not found:
                notes.append(Note("league_without_series", {"league": league.key}))
                continue
            key = f"events:{league.key}"
            self._listings[key] = _Listing(league.key, found[0], self._poll(key, "/events"))
            self._aim(self._listings[key])
        return notes

    def _hear_events(self, listing: _Listing, happened: Response | Failed, now_ns: int) -> None:
        if isinstance(happened, Response) and happened.status == 304:
            listing.poll.succeed(happened, now_ns, self._period_ns)
            return
        raws = _items(happened)
        if raws is None or not isinstance(happened, Response):
            _fail(listing.poll, happened, now_ns)
            if listing.offset:
                # Deep pages are refused one day (422); the first ones must not be asked faster for it.
                listing.poll.due_ns = max(listing.poll.due_ns, now_ns + self._period_ns)
            if isinstance(happened, Failed) and happened.too_large:
                self._page = max(_PAGE_MIN, self._page // 2)
            self._aim(listing)
            return
        # Tonight is the source's: a tape that is played back has its own.
        until_ns = their_now_ns(happened.headers, now_ns) + _AHEAD_NS
        latest_ns = self._take(listing, readable(raws, _event), now_ns, until_ns)
        is_last = len(raws) < self._page or latest_ns > until_ns
        if is_last or listing.offset + self._page >= _OFFSET_MAX:
            listing.poll.succeed(happened, now_ns, self._period_ns)
            self._close_round(listing, now_ns)
            self._aim(listing)
        else:
            listing.poll.succeed(happened, now_ns, 0)
            self._aim(listing, listing.offset + self._page)

    def _hear_closing(self, happened: Response | Failed, now_ns: int) -> None:
        raws = _items(happened)
        if raws is None or not isinstance(happened, Response):
            _fail(self._closing, happened, now_ns)
            return
        self._closing.succeed(happened, now_ns, self._period_ns)
        for event in readable(raws, _event):
            if event.closed:
                self._listed_ns.pop(event.id, None)
        # Whoever was asked for goes to the end, so that all get their turn.
        asked, waiting = self._missing[:_CLOSING_BATCH], self._missing[_CLOSING_BATCH:]
        self._missing = [*waiting, *(event_id for event_id in asked if event_id in self._listed_ns)]

    # Rounds ------------------------------------------------------------------------------------------------------

    def _take(self, listing: _Listing, events: list[_Event], now_ns: int, until_ns: int) -> int:
        """Note which events are open, as far as until_ns; return the latest start of the page, 0 where it has none."""
        latest_ns = 0
        for event in events:
            start_ns = instant_ns(event.start)
            if start_ns is None:
                continue
            latest_ns = max(latest_ns, start_ns)
            listing.seen.add(event.id)
            if start_ns <= until_ns:
                self._listed_ns[event.id] = (listing.league, now_ns)
        return latest_ns

    def _close_round(self, listing: _Listing, now_ns: int) -> None:
        for event_id in [name for name, (_, at_ns) in self._listed_ns.items() if at_ns < now_ns - _GONE_NS]:
            del self._listed_ns[event_id]
        gone = {name for name, (league, _) in self._listed_ns.items() if league == listing.league} - listing.seen
        kept = [name for name in self._missing if name in self._listed_ns and name not in listing.seen]
        self._missing = [*kept, *sorted(gone.difference(kept))]

    def _aim(self, listing: _Listing, offset: int = 0) -> None:
        if not offset:
            listing.seen = set()
        listing.offset = offset
        page = f"&offset={offset}" if offset else ""
        listing.poll.aim(
            f"{self._base_url}/events?series_id={listing.series}&tag_id={GAMES_TAG}&active=true&closed=false"
            f"&order=startTime&ascending=true&limit={self._page}{page}"
        )

    def _closing_url(self) -> str:
        ids = "".join(f"&id={event_id}" for event_id in self._missing[:_CLOSING_BATCH])
        return f"{self._base_url}/events?closed=true&limit={_CLOSING_BATCH}{ids}"

    def _poll(self, key: str, path: str) -> Poll:
        return Poll(key, self._base_url + path, timeout_s=self._timeout_s, rng=self._rng, headers=_HEADERS)


def _items(happened: Response | Failed) -> list[msgspec.Raw] | None:
    """Return the items of a listing; None where there was no answer, or it is none."""
    if not isinstance(happened, Response) or happened.status != 200:
        return None
    try:
        return _list.decode(happened.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _fail(poll: Poll, happened: Response | Failed, now_ns: int) -> None:
    poll.fail(now_ns, happened if isinstance(happened, Response) else None)
