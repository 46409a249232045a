"""
How every polled feed asks: never twice at once, conditionally where it can, patiently when refused.

A `Poll` is one URL asked again and again. Its period runs from question to question, so a slow answer does not slow the
rhythm. What fails is asked again after a wait that doubles, up to the wait of an idle feed (weather) or two minutes (a
refusal: 403, 429), longer where the source says so. Polls know nothing of each other: one that fails delays none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random

from recorder.feeds.base import Command, Get, Response, WakeAt
from recorder.times import SECOND_NS, ns_of

__all__ = ["Backoff", "Pace", "Poll", "ask_due", "retry_after_ns", "their_now_ns"]

_WEATHER_NS = (2 * SECOND_NS, 30 * SECOND_NS)
_REFUSED_NS = (10 * SECOND_NS, 120 * SECOND_NS)
_REFUSALS = frozenset({403, 429})
# A source that says "come back tomorrow" is not believed beyond this: the games are tonight.
_RETRY_AFTER_MAX_NS = 15 * 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How often a scoreboard is asked.

    ESPN and the NBA let their edges keep a live scoreboard for two seconds, so a live_s below 2 brings copies; whoever
    configures a public upstream keeps to that. Units: seconds.
    """

    live_s: float = 2.0
    idle_s: float = 30.0
    timeout_s: float = 10.0


@dataclass(slots=True)
class Backoff:
    """A wait that doubles with each failure, from first_ns to longest_ns, and up to half as much again by chance."""

    first_ns: int
    longest_ns: int
    rng: Random
    failures: int = 0

    def next_ns(self) -> int:
        """Count one more failure and return how long to wait."""
        wait_ns = min(self.longest_ns, self.first_ns << min(self.failures, 20))
        self.failures += 1
        return wait_ns + int(wait_ns * self.rng.random() / 2)

    def reset(self) -> None:
        """Forget the failures: it worked."""
        self.failures = 0


class Poll:
    """One URL asked again and again; see the module for its manners."""

    def __init__(
        self,
        key: str,
        url: str,
        *,
        timeout_s: float,
        rng: Random,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        """Make a poll that is due at once. With a body it is a POST."""
        self.key = key
        self.url = url
        self.body = body
        self.due_ns = 0
        self.is_asked = False
        self._timeout_ns = int(timeout_s * SECOND_NS)
        self._headers = dict(headers or {})
        self._validators: dict[str, str] = {}
        self._asked_ns = 0
        self._rng = rng
        self._weather = Backoff(*_WEATHER_NS, rng)
        self._refused = Backoff(*_REFUSED_NS, rng)

    def ask(self, now_ns: int) -> Get:
        """Ask now."""
        assert not self.is_asked, f"{self.key} is asked already"
        self.is_asked = True
        self._asked_ns = now_ns
        return Get(self.key, self.url, self._timeout_ns, {**self._headers, **self._validators}, self.body)

    def aim(self, url: str) -> None:
        """Ask this URL from now on; the validators of another do not hold for it."""
        if url != self.url:
            self.url = url
            self._validators = {}

    def succeed(self, response: Response, now_ns: int, period_ns: int) -> None:
        """Take a good answer (or 304); ask again a period, and up to a twentieth more, after the question."""
        self.is_asked = False
        self._weather.reset()
        self._refused.reset()
        if response.status != 304:
            self._validators = _validators(response.headers)
        self.due_ns = max(now_ns, self._asked_ns + period_ns + int(period_ns * self._rng.random() / 20))

    def fail(self, now_ns: int, response: Response | None = None) -> None:
        """Take no answer, or one that is none; ask again later. What we were told of its validity is void."""
        self.is_asked = False
        self._validators = {}
        told_ns = None
        if response is not None:
            told_ns = retry_after_ns(response.headers, now_ns)
        backoff = self._refused if response is not None and response.status in _REFUSALS else self._weather
        self.due_ns = now_ns + max(backoff.next_ns(), min(told_ns or 0, _RETRY_AFTER_MAX_NS))

    def alarm_ns(self, now_ns: int) -> int:
        """Return when to look at this poll again: when it is due, or must have been answered."""
        return max(self._asked_ns + self._timeout_ns, now_ns + SECOND_NS) if self.is_asked else self.due_ns


def ask_due(polls: Iterable[Poll], now_ns: int, *, latest_ns: int) -> list[Command]:
    """Ask whichever is due and not yet asked, and set the one alarm for all, at latest_ns at the latest."""
    commands: list[Command] = []
    alarm_ns = latest_ns
    for poll in polls:
        if not poll.is_asked and poll.due_ns <= now_ns:
            commands.append(poll.ask(now_ns))
        alarm_ns = min(alarm_ns, poll.alarm_ns(now_ns))
    return [*commands, WakeAt(alarm_ns)]


def retry_after_ns(headers: Mapping[str, str], now_ns: int) -> int | None:
    """Read how long we are asked to wait, in seconds or as an HTTP date; None where nothing (or nonsense) is said."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:10]), 10**9) * SECOND_NS
    until_ns = _http_date_ns(text)
    return None if until_ns is None else max(0, until_ns - now_ns)


def their_now_ns(headers: Mapping[str, str], now_ns: int) -> int:
    """
    Return what time it is where an answer comes from: its `Date`, or now_ns where it bears none.

    Whether a game is on is a question about the source's time: a tape that is played back has its own.
    """
    said_ns = _http_date_ns(headers.get("date", ""))
    return now_ns if said_ns is None else said_ns


def _http_date_ns(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return ns_of(moment)


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (("If-None-Match", headers.get("etag")), ("If-Modified-Since", headers.get("last-modified")))
    return {name: value for name, value in pairs if value}
