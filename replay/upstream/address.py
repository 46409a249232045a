"""Which recorded request an asking client means: URLs without their host, and the game day without its date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Address", "address_of", "best_match", "is_scoreboard", "on_tape_day"]

# A request that differs in one of these asks for another thing; in any other (limit, order, lang) for the same thing.
_IDENTITY = frozenset(
    {
        "after_cursor",
        "closed",
        "condition_ids",
        "dates",
        "event",
        "id",
        "market",
        "offset",
        "series_id",
        "slug",
        "tag_id",
        "token_id",
    }
)


class Address(NamedTuple):
    """A request apart from its host: the path and the sorted query."""

    path: str
    query: tuple[tuple[str, str], ...]

    def param(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def with_param(self, name: str, value: str) -> Address:
        """Return the same request with one parameter replaced."""
        rest = tuple(pair for pair in self.query if pair[0] != name)
        return Address(self.path, tuple(sorted((*rest, (name, value)))))


def address_of(url: str) -> Address:
    """Read an address from an absolute URL or from a path with a query."""
    parts = urlsplit(url)
    return Address(parts.path, tuple(sorted(parse_qsl(parts.query, keep_blank_values=True))))


def is_scoreboard(address: Address) -> bool:
    """Say whether this asks ESPN for one day of games."""
    return address.path.startswith("/apis/site/v2/sports/") and address.path.endswith("/scoreboard")


def best_match(asked: Address, recorded: Iterable[Address]) -> Address | None:
    """
    Find the recorded request that asks for the same thing: equal, or else equal in everything that names a thing.

    Among several, the one that shares most parameters; of equals, the first in sorted order.
    """
    same = sorted(it for it in recorded if it.path == asked.path and _identity(it) == _identity(asked))
    if asked in same:
        return asked
    return max(same, key=lambda it: len(set(it.query) & set(asked.query)), default=None)


def _identity(address: Address) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in address.query if pair[0] in _IDENTITY)


def on_tape_day(asked: Address, client_today: date, tape_today: date, recorded: Iterable[Address]) -> Address:
    """
    Put a scoreboard request on the tape's calendar: the client's today is the tape's today at that moment of the tape.

    A date that the tape itself was asked for is taken as it is, and so is a request for anything but one day. Where the
    tape was never asked for the day that the calendars lead to, the client's today is the newest day it was asked for.
    """
    said = asked.param("dates")
    if said is None or not is_scoreboard(asked):
        return asked
    days = sorted(day for it in recorded if it.path == asked.path and (day := it.param("dates")))
    wanted = _day(said)
    if said in days or wanted is None:
        return asked
    there = (tape_today + (wanted - client_today)).strftime("%Y%m%d")
    if there not in days and wanted == client_today and days:
        there = days[-1]
    return asked.with_param("dates", there)


def _day(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
