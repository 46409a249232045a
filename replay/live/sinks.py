"""
Ways out: whoever is configured hears every signal, pattern and prediction, each from a bounded queue of its own.

A sink that fails is asked again, later and later; what it cannot take makes way, oldest first, and is counted. Sinks
run in the outlet process: whatever they do, the recording does not wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from recorder.errors import UsageError
from replay.live.fanout import Message, Outbox
from replay.plugins import find_plugin

__all__ = ["QUEUE_MAX", "Delivery", "Ndjson", "RefusedError", "Sink", "Webhook", "load_sink"]

QUEUE_MAX = 1_000
_ATTEMPTS = 6
_FIRST_S = 0.5
_TIMEOUT_S = 10.0
_RETRIED = {408, 425, 429}


class RefusedError(Exception):
    """A sink will not take this message, however often it is asked."""


class Sink(Protocol):
    """Takes messages, one at a time; an exception means that this one was not taken."""

    async def send(self, kind: str, body: bytes) -> None:
        """Take one message: its type and the JSON as the WebSocket tells it."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Webhook:
    """
    POSTs each message to one URL, signed.

    `Gametape-Signature: t=SECONDS,v1=HEX` is HMAC-SHA256 over `SECONDS.BODY`; a receiver that refuses old times cannot
    be shown an old message again. Redirects are not followed: only the configured URL is ever asked.
    """

    def __init__(self, url: str, secret: str, now_ns: Callable[[], int]) -> None:
        """Post to this URL."""
        self._url = url
        self._secret = secret.encode()
        self._now_ns = now_ns
        self._session: aiohttp.ClientSession | None = None

    async def send(self, kind: str, body: bytes) -> None:
        """
        Post one message.

        Raises:
            RefusedError: the receiver says that the message is wrong.
            OSError: it could not be reached, or asks to come again.
        """
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        seconds = str(self._now_ns() // 1_000_000_000)
        digest = hmac.new(self._secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "gametape-event": kind,
            "gametape-signature": f"t={seconds},v1={digest}",
        }
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        if 200 <= status < 300:
            return
        if status < 500 and status not in _RETRIED:
            raise RefusedError(f"status {status}")
        raise OSError(f"status {status}")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class Ndjson:
    """Writes each message as a line to a file descriptor, in a thread: a pipe that nobody reads stops nothing else."""

    def __init__(self, descriptor: int) -> None:
        """Write to this descriptor."""
        self._descriptor = descriptor

    async def send(self, kind: str, body: bytes) -> None:
        """
        Write one line.

        Raises:
            RefusedError: nobody is there to read it.
        """
        del kind
        try:
            await asyncio.to_thread(_write_all, self._descriptor, body + b"\n")
        except BrokenPipeError as error:
            raise RefusedError("nobody reads") from error

    async def close(self) -> None:
        """Leave the descriptor to whoever owns it."""


@dataclass(slots=True)
class Delivery:
    """One sink, its queue, and what became of what it was told."""

    name: str
    sink: Sink
    outbox: Outbox
    random: Random
    first_s: float = _FIRST_S
    sent: int = 0
    retried: int = 0
    failed: int = 0
    last_why: str = ""

    async def run(self) -> None:
        """Deliver until the queue is over."""
        while messages := await self.outbox.take():
            for message in messages:
                await self._deliver(message)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sink."""
        await self.sink.close()

    async def _deliver(self, message: Message) -> None:
        wait_s = self.first_s
        for attempt in range(_ATTEMPTS):
            try:
                await self.sink.send(message.type, message.text.encode())
                self.sent += 1
                return
            except RefusedError as error:
                self.last_why = str(error)
                break
            except Exception as error:  # noqa: BLE001  a sink is foreign code, and nothing depends on it
                self.last_why = f"{type(error).__name__}: {error}"
            if attempt < _ATTEMPTS - 1:
                self.retried += 1
                await asyncio.sleep(wait_s * (0.5 + self.random.random()))
                wait_s *= 2
        self.failed += 1


def load_sink(word: str) -> Sink:
    """
    Make a sink from `NAME=ADDRESS`: the entry point NAME of the group `gametape.sinks`, called with the address.

    Raises:
        UsageError: there is no such sink, or what it needs is not installed.
    """
    name, _, address = word.partition("=")
    entry = find_plugin(
        "gametape.sinks", name, kind="sink", hint="--sink redis=redis://127.0.0.1:6379/0?stream=gametape"
    )
    try:
        sink: Sink = entry.load()(address)
    except ImportError as error:
        raise UsageError(
            f"the sink {name!r} needs what is not installed", why=str(error), hint=f"pip install gametape[{name}]"
        ) from error
    except ValueError as error:
        raise UsageError(f"the sink {name!r} cannot go to {address!r}", why=str(error)) from error
    return sink


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
