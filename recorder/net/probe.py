"""Asking a host once, as a check before a night: its address, a connection, and what time it thinks it is."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from recorder.clock import Clock

__all__ = ["Answer", "Unreachable", "probe"]

_TIMEOUT_S = 10.0
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a host answered.

    Units: resolved_ms for its address; answered_ms for connection, TLS and the first answer, of any status; ahead_s how
    far its clock is ahead of ours by its `Date`, to a second, None where it sent none.
    """

    resolved_ms: float
    answered_ms: float
    ahead_s: float | None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why a host could not be asked."""

    why: str


async def probe(url: str, clock: Clock, *, user_agent: str) -> Answer | Unreachable:
    """Resolve and ask the host of an address; of a socket's address too, with an ordinary request."""
    parts = urlsplit(url)
    began_ns = clock.now_ns()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            port = parts.port or _PORTS[parts.scheme]
            await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
            resolved_ns = clock.now_ns()
            date = await _date_of(url.replace("ws", "http", 1) if parts.scheme in {"ws", "wss"} else url, user_agent)
    except TimeoutError:
        return Unreachable(f"no answer within {_TIMEOUT_S:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Unreachable(f"{type(error).__name__}: {error}")
    now_ns = clock.now_ns()
    return Answer((resolved_ns - began_ns) / 1e6, (now_ns - resolved_ns) / 1e6, _ahead_s(date, now_ns))


async def _date_of(url: str, user_agent: str) -> str:
    async with (
        aiohttp.ClientSession(headers={"User-Agent": user_agent}, trust_env=False) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        return answer.headers.get("Date", "")


def _ahead_s(date: str, now_ns: int) -> float | None:
    try:
        theirs_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # Their second has begun at some time before now: only what lies outside of it is a difference.
    ours_s = now_ns / 1e9
    if theirs_s > ours_s:
        return theirs_s - ours_s
    return min(0.0, theirs_s + 1.0 - ours_s)
