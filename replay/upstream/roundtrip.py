"""
Whether a tape survived being served and recorded again.

What must come back is listed in `COMPARED`, what may differ and why in `NORMALISED`; docs/playing-a-tape.md shows both
tables. Everything is compared byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

import msgspec

from recorder.envelope import Envelope, Kind
from recorder.leagues import game_days
from replay.upstream.address import Address, address_of, is_scoreboard
from replay.upstream.timeline import SCORE_FEEDS
from replay.upstream.wirebook import split_frame

__all__ = ["COMPARED", "NORMALISED", "Difference", "compare"]

COMPARED: Mapping[str, str] = {
    "score bodies": "of each URL, every body that is not equal to the one before it, in order, with its status",
    "market frames": "of each token, every frame that names it, in order; frames that name none likewise",
    "catalogue bodies, files of single games": "those that were asked again are in the first tape, in the same order",
    "frames of the sports socket": "likewise; a fresh socket hears the newest of each game once more",
    "plan": "the last plan: games, ids and tokens",
}
NORMALISED: Mapping[str, str] = {
    "seq, recv_ns, sent_ns": "another night, another clock",
    "conn": "connections are counted anew",
    "host and port of URLs, game day of `dates=`": "the second recorder asked its own upstream for its own today",
    "headers": "the server sends only those that a client acts on, and its own Date",
    "pulses, notes but the plan": "facts about the recording, not about the world",
    "URLs that only the second recorder asked": "the first tape cannot say what they answer",
    "equal bodies in a row, 304": "how often a body was asked for is up to the client",
    "failed polls": "weather",
    "opened, closed, sent, silent": "the second recorder's own talk",
    "PONG and other replies to texts, ping": "likewise",
    "REST books": "computed from the frames, which are compared, at whatever moment they were asked for",
}
_CONTROL = frozenset({b"PONG", b"NO NEW ASSETS", b"INVALID OPERATION", b"ping"})


@dataclass(frozen=True, slots=True)
class Difference:
    """
    Something that did not come back.

    stream is what differs (a URL, a token, `plan`); index counts within it. first and second are the two tapes' bytes
    as a short digest, None where a tape has nothing there.
    """

    stream: str
    index: int
    first: str | None
    second: str | None


def compare(first: Iterable[Envelope], second: Iterable[Envelope]) -> list[Difference]:
    """Return the first difference of every stream; empty where the second tape tells the same night."""
    a, b = _Told.by(first), _Told.by(second)
    found = []
    for stream, bodies in sorted(a.scores.items()):
        found += _unequal(stream, bodies, b.scores.get(stream, []))
    for token in sorted(a.frames.keys() | b.frames.keys()):
        found += _unequal(f"token {token}", a.frames.get(token, []), b.frames.get(token, []))
    for stream, bodies in sorted(a.catalogue.items()):
        found += _strange(stream, bodies, b.catalogue.get(stream, []))
    return found + _unequal("plan", a.plan, b.plan)


@dataclass(slots=True)
class _Told:
    """What a tape tells, by stream, as digests."""

    scores: dict[str, list[str]] = field(default_factory=dict)
    catalogue: dict[str, list[str]] = field(default_factory=dict)
    frames: dict[str, list[str]] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)
    first_ns: int = 0

    @classmethod
    def by(cls, envelopes: Iterable[Envelope]) -> _Told:
        told = cls()
        for envelope in envelopes:
            told.first_ns = told.first_ns or envelope.recv_ns
            match envelope.kind:
                case Kind.BODY:
                    told.hear_body(envelope)
                case Kind.FRAME:
                    told.hear_frame(envelope.feed, envelope.payload)
                case Kind.NOTE if envelope.facts().get("note") == "plan":
                    told.plan = [_digest(envelope.payload)]
                case _:
                    pass
        return told

    def hear_body(self, envelope: Envelope) -> None:
        facts = envelope.facts()
        if facts["status"] == HTTPStatus.NOT_MODIFIED or envelope.feed.startswith("polymarket."):
            return
        streams = self.scores if envelope.feed.startswith(SCORE_FEEDS) else self.catalogue
        bodies = streams.setdefault(self._name(address_of(facts["url"])), [])
        digest = f"{facts['status']} {_digest(envelope.payload)}"
        if bodies[-1:] != [digest]:
            bodies.append(digest)

    def hear_frame(self, feed: str, payload: bytes) -> None:
        if payload in _CONTROL:
            return
        if feed == "polymarket.sports":
            frames = self.catalogue.setdefault(feed, [])
            if (digest := _digest(payload)) not in frames:
                frames.append(digest)
            return
        try:
            tokens = {token: None for message, _ in split_frame(payload) for token in message.tokens()}
        except msgspec.MsgspecError:
            tokens = {}
        for token in tokens or ("(none)",):
            self.frames.setdefault(token, []).append(_digest(payload))

    def _name(self, address: Address) -> str:
        day = address.param("dates")
        if day is not None and is_scoreboard(address):
            apart = (datetime.strptime(f"{day}+0000", "%Y%m%d%z").date() - game_days(self.first_ns)[0]) // timedelta(
                days=1
            )
            address = address.with_param("dates", f"today{apart:+d}" if apart else "today")
        return address.path + "?" + "&".join(f"{key}={value}" for key, value in address.query)


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()[:16]


def _unequal(stream: str, first: Sequence[str], second: Sequence[str]) -> list[Difference]:
    for index in range(max(len(first), len(second))):
        pair = (first[index] if index < len(first) else None, second[index] if index < len(second) else None)
        if pair[0] != pair[1]:
            return [Difference(stream, index, *pair)]
    return []


def _strange(stream: str, first: Sequence[str], second: Sequence[str]) -> list[Difference]:
    at = 0
    for index, body in enumerate(second):
        if body not in first[at:]:
            return [Difference(stream, index, None, body)]
        at = first.index(body, at)
    return []
