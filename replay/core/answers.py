"""
From the answers to polls to rows: what came of every poll, and the observations that held from then on.

Theory of operation: nearly every answer says what the one before it at its URL said, so what an answer means is drawn
once, as columns, and kept with the bytes it was read from; a poll only points to it. When the tables are cut, the
columns are written out as often as they were pointed to, each time with the times of its poll. What is kept changes no
row: an answer that is read anew gives the same columns.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Envelope, Kind
from replay.core.decode import NOT_MODIFIED, OK, Meta, decode
from replay.core.events import Event, PollMissed, PollUnchanged, ScoreSeen, Undecodable
from replay.core.gameclock import PERIOD_RULES
from replay.core.rows import POLL_COLUMNS, STATE_COLUMNS, frozen
from replay.core.witnesses import WITNESS_FEEDS, Witnesses

__all__ = ["Answers", "or_absent"]

Ints = NDArray[np.int64]

_SOURCE_NUMBERS = {"espn": 0, "nba": 1}
"""The sources that are decided on."""
_ANSWERED, _UNCHANGED, _MISSED = 0, 1, 2
_COUNT_MAX = (1 << 31) - 1
_DRAWN = tuple(name for name in STATE_COLUMNS if name not in ("seq", "recv_ns", "poll"))
_POLL_DRAWN = ("outcome", "first_state", "states")
_POLLED = tuple(name for name in POLL_COLUMNS if name not in _POLL_DRAWN)
_BODIES_KEPT = 64
_NOTHING = frozen(np.zeros(0, np.int64))


class _Asked(Meta, gc=False):
    """The recorder's facts about a poll: those that decide what it means, and those that its rows need."""

    url: str = ""
    sent_ns: int | None = None


class _Poll(msgspec.Struct, gc=False):
    """Those that its rows need, where the others cannot be read."""

    url: str = ""
    sent_ns: int | None = None


_ASKED = msgspec.json.Decoder(_Asked)
_POLL = msgspec.json.Decoder(_Poll)


class _Said:
    """What an answer comes to: its outcome, how often it names which event, and its observations, _DRAWN of each."""

    __slots__ = ("columns", "names", "outcome")

    def __init__(self, outcome: int, events: Sequence[Event], columns: list[tuple[int, ...]]) -> None:
        self.outcome = outcome
        self.names = Counter(type(event).__name__ for event in events)
        self.columns = columns


class _Url:
    """
    What is known of a URL.

    body is the latest usable answer of a feed, None where it is not kept; events what it means, and loud those of them
    that are to be shown each time. scores is what a 304 repeats, None where there is nothing to repeat; drawn their
    columns, none where they are to be drawn anew. again and unchanged are body and 304 as drawn, None as well.
    """

    __slots__ = ("again", "body", "drawn", "events", "feed", "loud", "number", "scores", "unchanged")

    def __init__(self, number: int) -> None:
        self.number = number
        self.feed = ""
        self.body: bytes | None = None
        self.events: list[Event] = []
        self.loud: list[Event] = []
        self.scores: list[ScoreSeen] | None = None
        self.drawn: list[tuple[int, ...]] = []
        self.again: _Said | None = None
        self.unchanged: _Said | None = None


class Answers:
    """Takes answers, and requests that got none, in seq order; `cut` has their rows."""

    def __init__(
        self,
        feeds: list[str],
        witnesses: Witnesses,
        game_number: Callable[[ScoreSeen], int],
        show: Callable[[Envelope, Event], None],
    ) -> None:
        """
        Begin with nothing asked.

        feeds, the catalogue's, grows with every feed that is polled; game_number gives the number of a game. show is
        handed what an answer means, but not a score that stands as it stood; witnesses what it says to WITNESS_FEEDS.
        """
        self._feeds = feeds
        self._witnesses = witnesses
        self._game_number = game_number
        self._show = show
        self._feed_numbers: dict[str, int] = {}
        self._urls: dict[str, _Url] = {}
        self._kept: dict[str, None] = {}
        self._polls: list[int] = []
        self._said: list[_Said] = []

    def take(self, at: Envelope, *, is_read: bool = False) -> None:
        """Take one answer; is_read: it says nothing of scores, and whoever calls has read and counted what it says."""
        try:
            asked: _Asked | None = _ASKED.decode(at.meta or b"{}")
        except (ValueError, RecursionError):
            asked = None
        told = asked or _told(at)
        url = self._urls.get(told.url)
        if url is None:
            url = self._urls[told.url] = _Url(len(self._urls))
        events: list[Event] = []
        if is_read:
            said = self._answered(url, events, [])
        elif asked is None or at.kind is not Kind.BODY:
            events, said = self._anew(at, url)
        elif asked.status == NOT_MODIFIED:
            events = [PollUnchanged(feed=at.feed)]
            self._show(at, events[0])
            said = self._repeated(url, events)
        elif asked.status == OK and at.payload == url.body and at.feed == url.feed:
            events, said = self._again(at, url)
        else:
            events, said = self._anew(at, url)
            if asked.status == OK:
                self._keep(told.url, url, at, events, said)
        sent_ns = at.recv_ns if told.sent_ns is None or not 0 <= told.sent_ns <= at.recv_ns else told.sent_ns
        if at.feed in WITNESS_FEEDS:
            self._witnesses.answer(at, told.url, sent_ns, events)
        feed = self._feed_numbers.get(at.feed)
        if feed is None:
            feed = self._feed_numbers[at.feed] = len(self._feeds)
            self._feeds.append(at.feed)
        self._polls += (at.seq, sent_ns, at.recv_ns, feed, url.number)
        self._said.append(said)

    def renumber(self) -> None:
        """Draw every answer anew from here on: a game may have got another number."""
        for url in self._urls.values():
            url.again = url.unchanged = None
            url.drawn = []

    def cut(self, counts: Counter[str]) -> tuple[Ints, Ints]:
        """
        Hand over the tables of states and polls gathered so far and begin anew; the events of all answers are counted.

        Shape: states (n, len(STATE_COLUMNS)), polls (m, len(POLL_COLUMNS)).
        """
        if not self._said:
            return _NOTHING.reshape(0, len(STATE_COLUMNS)), _NOTHING.reshape(0, len(POLL_COLUMNS))
        numbers: dict[_Said, int] = {}
        which = np.array([numbers.setdefault(said, len(numbers)) for said in self._said])
        for said, times in zip(numbers, np.bincount(which).tolist(), strict=True):
            for name, count in said.names.items():
                counts[name] += count * times
        polls = np.empty((len(which), len(POLL_COLUMNS)), np.int64)
        asked = np.array(self._polls, np.int64).reshape(-1, len(_POLLED))
        for k, name in enumerate(_POLLED):
            polls[:, POLL_COLUMNS.index(name)] = asked[:, k]
        outcome, first, size = (POLL_COLUMNS.index(name) for name in _POLL_DRAWN)
        polls[:, outcome] = np.array([said.outcome for said in numbers])[which]
        sizes = np.array([len(said.columns) for said in numbers])
        polls[:, size] = sizes[which]
        polls[:, first] = np.cumsum(polls[:, size]) - polls[:, size]
        states = _written_out(numbers, sizes, which, polls)
        self._polls, self._said = [], []
        return frozen(states), frozen(polls)

    def _repeated(self, url: _Url, events: list[Event]) -> _Said:
        """Return what the last answer said, as said again by a 304."""
        if url.unchanged is None:
            # Nothing to repeat: the answer that it refers to was not understood, or is not on this tape.
            outcome = _MISSED if url.scores is None else _UNCHANGED
            url.unchanged = _Said(outcome, events, [] if url.scores is None else self._drawn(url, url.scores))
        return url.unchanged

    def _again(self, at: Envelope, url: _Url) -> tuple[list[Event], _Said]:
        """Take the body that was the latest usable one once more: a score that stands is no news."""
        for event in url.loud:
            self._show(at, event)
        if url.again is None:
            outcome = _MISSED if url.scores is None else _ANSWERED
            url.again = _Said(outcome, url.events, [] if url.scores is None else self._drawn(url, url.scores))
        return url.events, url.again

    def _anew(self, at: Envelope, url: _Url) -> tuple[list[Event], _Said]:
        """Decode an answer."""
        events = decode(at)
        for event in events:
            self._show(at, event)
        kinds = {type(event) for event in events}
        if PollUnchanged in kinds:
            return events, self._repeated(url, events)
        if PollMissed in kinds:
            return events, _Said(_MISSED, events, [])
        if kinds == {Undecodable}:
            url.body = url.unchanged = url.scores = None
            return events, _Said(_MISSED, events, [])
        scores = [event for event in events if isinstance(event, ScoreSeen)]
        return events, self._answered(url, events, [one for one in scores if one.game.source in _SOURCE_NUMBERS])

    def _answered(self, url: _Url, events: list[Event], scores: list[ScoreSeen]) -> _Said:
        """Return what a usable answer comes to, which is what a 304 repeats from here on."""
        url.body = url.unchanged = None
        return _Said(_ANSWERED, events, self._drawn(url, scores))

    def _keep(self, name: str, url: _Url, at: Envelope, events: list[Event], said: _Said) -> None:
        """Keep a usable answer, to know it when it comes again; not those of too many URLs at a time."""
        url.body, url.feed, url.events, url.again = at.payload, at.feed, events, said
        url.loud = [event for event in events if type(event) is not ScoreSeen]
        self._kept.pop(name, None)
        self._kept[name] = None
        if len(self._kept) > _BODIES_KEPT:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._urls[oldest].body = None

    def _drawn(self, url: _Url, scores: list[ScoreSeen]) -> list[tuple[int, ...]]:
        """Return the columns of an answer's scores; those that stand as in the answer before it are drawn already."""
        known = dict(zip(map(id, url.scores or ()), url.drawn, strict=False))
        url.drawn = [known.get(id(score)) or _columns(self._game_number(score), score) for score in scores]
        url.scores = scores
        return url.drawn


def or_absent(value: int | None, most: int = _COUNT_MAX) -> int:
    """Return a count, -1 where there is none or none that can be meant."""
    return -1 if value is None or not 0 <= value <= most else value


def _told(at: Envelope) -> _Poll:
    """Return what the rows need, nothing where that cannot be read."""
    try:
        return _POLL.decode(at.meta or b"{}")
    except (ValueError, RecursionError):
        return _Poll()


def _columns(game: int, score: ScoreSeen) -> tuple[int, ...]:
    """Return _DRAWN of an observation."""
    rules = PERIOD_RULES.get(score.game.league)
    return (
        game,
        _SOURCE_NUMBERS[score.game.source],
        int(score.status),
        or_absent(score.period),
        or_absent(score.clock_ms),
        int(rules is not None and rules.is_counting_up),
        or_absent(score.home_score),
        or_absent(score.away_score),
        {score.home.id: 1, score.away.id: -1}.get(score.possession_team_id or "", 0),
    )


def _written_out(saids: dict[_Said, int], sizes: Ints, which: Ints, polls: Ints) -> Ints:
    """Return the states of all polls: the columns of what each one points to, with its times."""
    drawn = array("q", chain.from_iterable(chain.from_iterable(said.columns for said in saids)))
    columns = np.frombuffer(drawn, np.int64).reshape(-1, len(_DRAWN)) if drawn else _NOTHING.reshape(0, len(_DRAWN))
    poll = np.repeat(np.arange(len(which)), sizes[which])
    first = polls[:, POLL_COLUMNS.index("first_state")]
    begins = (np.cumsum(sizes) - sizes)[which] - first
    at = begins[poll] + np.arange(len(poll))
    states = np.empty((len(poll), len(STATE_COLUMNS)), np.int64)
    for k, name in enumerate(STATE_COLUMNS):
        if name in _DRAWN:
            states[:, k] = columns[at, _DRAWN.index(name)]
        else:
            states[:, k] = poll if name == "poll" else polls[poll, POLL_COLUMNS.index(name)]
    return states
