"""
How a tape's time passes while it is served: at a rate, or from poll to poll.

At a rate, tape time is `first + (now - start) * rate`, and the start is the moment a client first asks for something
that is on the tape, so that nothing is missed while a recorder is still starting. From poll to poll, tape time stands
still until the client has asked for every score body that stands there now and holds every subscription that the
recorder held; then it leaps to the next one. It misses nothing at any speed: so is a tape recorded again without loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from recorder.clock import Clock
from recorder.envelope import Envelope, Kind
from replay.upstream.address import Address
from replay.upstream.timeline import SCORE_FEEDS, Opening, Timeline, subscribed_tokens

__all__ = ["OTHERS_MAX", "Gate", "MemorySource", "Pace", "Source"]


OTHERS_MAX = 1000

# Below this, going on at once is more punctual than any sleep.
_SHORTEST_S = 0.0005


class Source(Protocol):
    """What can be served: a tape, or anything that reads like one."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def label(self) -> str:
        """Return what it is labelled as; empty for none."""
        ...

    @property
    def first_ns(self) -> int:
        """Return the receive time of its first envelope."""
        ...

    @property
    def last_ns(self) -> int:
        """Return the receive time of its last envelope."""
        ...

    def __len__(self) -> int:
        """Return the number of its envelopes."""
        ...

    def read(self) -> Iterator[Envelope]:
        """Yield its envelopes in order."""
        ...


@dataclass(frozen=True)
class MemorySource:
    """Envelopes held in memory; at least one."""

    name: str
    envelopes: tuple[Envelope, ...]
    label: str = ""

    @property
    def first_ns(self) -> int:
        """Return the receive time of the first envelope."""
        return self.envelopes[0].recv_ns

    @property
    def last_ns(self) -> int:
        """Return the receive time of the last envelope."""
        return self.envelopes[-1].recv_ns

    def __len__(self) -> int:
        """Return the number of envelopes."""
        return len(self.envelopes)

    def read(self) -> Iterator[Envelope]:
        """Yield the envelopes in order."""
        return iter(self.envelopes)


class Pace:
    """Waits until a moment of the tape has come, at a rate."""

    def __init__(self, clock: Clock, from_ns: int, rate: float) -> None:
        self._clock = clock
        self._from_ns = from_ns
        self._rate = rate
        self._start_ns = clock.now_ns()
        self._late = 0

    async def until(self, tape_ns: int) -> None:
        """Return when tape time has come to tape_ns; lets others run even where it is always late."""
        passed_ns = (self._clock.now_ns() - self._start_ns) * self._rate
        left_s = (tape_ns - self._from_ns - passed_ns) / self._rate / 1e9
        if left_s > _SHORTEST_S:
            self._late = 0
            await asyncio.sleep(left_s)
            return
        self._late += 1
        if self._late % 64 == 0:
            await asyncio.sleep(0)


class Gate:
    """
    Waits until the client has had what stands there now.

    held returns the tokens that open sockets hold. A request that is left alone for patience_s of real time, or while
    others are made `OTHERS_MAX` times, no longer holds up the tape until somebody makes it again: a recorder stops
    asking for yesterday when yesterday is over. Only the time counts where the last answer was an error, because the
    client may be waiting before it tries again.
    """

    def __init__(self, opening: Opening, held: Callable[[], Iterable[str]], patience_s: float) -> None:
        self._held = held
        self._patience_s = patience_s
        self._polled: set[Address] = set()
        # What was not asked for since it changed, and how many questions were asked in the meantime.
        self._unseen: dict[Address, int] = {}
        self._refused: set[Address] = set()
        self._changed = asyncio.Event()
        # A client asks for all of these as it starts; the tape waits for the slowest.
        self._expected = set(opening.scores)

    def served(self, address: Address, status: int) -> None:
        """Hear that a client was given the current answer of a request."""
        self._polled.add(address)
        self._unseen.pop(address, None)
        (self._refused.add if status >= HTTPStatus.BAD_REQUEST else self._refused.discard)(address)
        for other in self._unseen:
            self._unseen[other] += 1
        self._changed.set()

    def subscribed(self) -> None:
        """Hear that a client's subscriptions changed."""
        self._changed.set()

    async def before(self, envelope: Envelope, timeline: Timeline) -> None:
        """Return when this envelope may pass."""
        if envelope.kind is Kind.SENT:
            await self.holding(subscribed_tokens(envelope.payload))
        elif envelope.feed.startswith(SCORE_FEEDS) and (address := timeline.upcoming(envelope)) is not None:
            if address in self._expected or address in self._unseen:
                await self._seen(address)
            self._expected.discard(address)
            if address in self._polled:
                self._unseen[address] = 0

    async def holding(self, tokens: Iterable[str]) -> None:
        """Return when open sockets hold all of these tokens."""
        wanted = set(tokens)
        await self._wait(lambda: wanted <= set(self._held()))

    async def finish(self) -> None:
        """Return when the last answers have been asked for."""
        for address in sorted(self._unseen):
            await self._seen(address)

    async def _seen(self, address: Address) -> None:
        if address in self._expected:
            await self._wait(lambda: address in self._polled)
            return
        in_time = await self._wait(lambda: address not in self._unseen or self._is_left_alone(address))
        if not in_time or address in self._unseen:
            self._polled.discard(address)
            self._unseen.pop(address, None)

    def _is_left_alone(self, address: Address) -> bool:
        return address not in self._refused and self._unseen[address] >= OTHERS_MAX

    async def _wait(self, come: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(self._patience_s):
                while not come():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
