"""One look at tonight: ask every source of the plan once and say which game has which market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import msgspec

from recorder.clock import Clock, ManualClock
from recorder.config import Config
from recorder.envelope import Envelope
from recorder.errors import UpstreamError
from recorder.feeds.base import Failed, Feed, Get, Input, Response, Start
from recorder.feeds.espn import EspnFeed
from recorder.feeds.gamma import GammaFeed
from recorder.leagues import League
from recorder.lineup import lineup
from recorder.net.http import HttpClient
from recorder.plan import Plan, Planner
from recorder.sequencer import Sequencer

__all__ = ["look_at"]

_QUESTIONS_MAX = 60


class _Nowhere:
    """A log that keeps nothing: this look is not a recording."""

    def __init__(self) -> None:
        self.next_seq = 0
        self.last_ns = 0

    def append(self, envelope: Envelope) -> None:
        self.next_seq = envelope.seq + 1


async def look_at(config: Config, leagues: Sequence[League], now_ns: int) -> Plan:
    """
    Ask the scoreboards and the catalogue as a recording at now_ns would at its start, and match what they say.

    Raises:
        UpstreamError: a scoreboard or the catalogue gave no good answer.
    """
    clock = ManualClock(now_ns)
    planner = Planner(config.markets, config.aliases)
    asked = [feed for feed in lineup(config, leagues, rng=Random(0)) if isinstance(feed, EspnFeed | GammaFeed)]
    async with HttpClient(Sequencer(_Nowhere(), clock), clock, user_agent=config.user_agent) as http:
        for feed in asked:
            await _ask_all(feed, http, planner, clock)
    return planner.plan


async def _ask_all(feed: Feed, http: HttpClient, planner: Planner, clock: Clock) -> None:
    """Let a feed ask until it would wait: time stands still, so everything it wants now is wanted once."""
    questions = list(_gets(feed, Start(), clock))
    for _ in range(_QUESTIONS_MAX):
        if not questions:
            return
        get = questions.pop(0)
        answer = await http.ask(feed.name, get)
        match answer:
            case Failed(_, why):
                raise UpstreamError(f"{feed.name} did not answer", why=why, hint=f"is {get.url} right?")
            case Response(_, status, _, body) if status == 200:
                if not _is_json(body):
                    raise UpstreamError(f"{feed.name} answered with no JSON", why=get.url, hint="try again later")
                planner.see(feed.name, body)
            case Response(_, status):
                raise UpstreamError(f"{feed.name} answered {status}", why=get.url, hint="try again later")
        questions += _gets(feed, answer, clock)


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _gets(feed: Feed, happened: Input, clock: Clock) -> Iterable[Get]:
    return [command for command in feed.step(happened, clock.now_ns()) if isinstance(command, Get)]
