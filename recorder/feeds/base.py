"""
The seam between feeds and sockets: what a feed is told and what it may ask for.

A feed is a pure state machine. `step(input, now_ns)` takes one thing that happened and returns the commands that
follow from it; it never sees a socket, a clock or a file. `recorder/net` does what the commands say; the session
records every input (and every `Send`) as an envelope before the feed sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = [
    "AskBooks",
    "Close",
    "Closed",
    "Command",
    "Failed",
    "Feed",
    "GamesOn",
    "Get",
    "Input",
    "Message",
    "Note",
    "Open",
    "Opened",
    "PlanChanged",
    "Response",
    "Send",
    "Silent",
    "Start",
    "Wake",
    "WakeAt",
]


# What happened -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The session begins; the first input of every feed."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The time asked for with the latest `WakeAt` has come."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The socket asked for with `Open(conn)` is open."""

    conn: int


@dataclass(frozen=True, slots=True)
class Message:
    """A frame arrived, recorded before it is shown here."""

    conn: int
    data: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """The socket is gone, or never opened (code 0)."""

    conn: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer to `Get(key)`. Header names are lower case. body is empty for 304."""

    key: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer to `Get(key)`: timeout, refused, broken off, too large (which asking for less may help)."""

    key: str
    why: str
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """Tonight's market tokens, in plan order; all of them, not only the new ones."""

    tokens: Sequence[str]


@dataclass(frozen=True, slots=True)
class AskBooks:
    """
    An independent whole book of these tokens is wanted now, and not at the next witness.

    A feed that lost track returns it as a command; the session hands it to the other feeds as an input, where the one
    that asks for books answers it and the rest ignore it.
    """

    tokens: Sequence[str]


@dataclass(frozen=True, slots=True)
class GamesOn:
    """
    The games that are being played, all of them, by the ids of the source that says so.

    The feed that sees the slate returns it as a command when it changes; the session hands it to the other feeds as an
    input, where those that ask for single games act on it and the rest ignore it.
    """

    source: str
    ids: tuple[str, ...]


Input = Start | Wake | Opened | Message | Closed | Response | Failed | PlanChanged | AskBooks | GamesOn


# What to do --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Get:
    """
    Ask for a URL. One `Response` or `Failed` with the same key follows.

    With a body it is a POST of JSON. Units: timeout_ns covers the whole exchange.
    """

    key: str
    url: str
    timeout_ns: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Open a WebSocket. conn is chosen by the feed, counts up from 1 and is never used again."""

    conn: int
    url: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a text frame on an open socket."""

    conn: int
    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close a socket; a `Closed` follows."""

    conn: int
    why: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send `Wake` at this time. A later WakeAt replaces an earlier one: a feed has one alarm clock."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Record that the feed, or one asset of it, told us nothing since this time though it should have."""

    conn: int
    since_ns: int
    asset: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Record a fact about how this feed is being asked."""

    note: str
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)


Command = Get | Open | Send | Close | WakeAt | Silent | Note | AskBooks | GamesOn


class Feed(Protocol):
    """One subscription or poll of one source."""

    name: str

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        ...
