"""Tapes in memory, and a stretch of a simulated game that is short enough to be played a hundred times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from recorder.envelope import Envelope, Kind, encode_row
from recorder.tape.batch import Batch, batches_of
from replay.synth.night import night, plan_night

__all__ = ["MINUTE_NS", "Reel", "stretch"]

MINUTE_NS = 60_000_000_000


class Reel:
    """Envelopes that are read like a tape."""

    def __init__(self, envelopes: Sequence[Envelope], name: str = "reel") -> None:
        """Number the envelopes anew from 0."""
        self.name, self.label = name, "simulated"
        self.envelopes = [msgspec.structs.replace(one, seq=seq) for seq, one in enumerate(envelopes)]
        self.first_ns = self.envelopes[0].recv_ns if envelopes else None
        self.last_ns = self.envelopes[-1].recv_ns if envelopes else None

    def __len__(self) -> int:
        return len(self.envelopes)

    def read(self) -> Iterator[Envelope]:
        return iter(self.envelopes)

    def batches(self) -> Iterator[Batch]:
        return batches_of(self.envelopes)

    def digest(self) -> str:
        return hashlib.sha256(b"".join(map(encode_row, self.envelopes))).hexdigest()


@lru_cache(maxsize=4)
def stretch(seed: int = 3, games: int = 1, minutes: int = 20, changes: int = 6_000) -> Reel:
    """
    Return so many minutes of play around the loss of the market socket.

    What a night says once stands at its head: the plan and the market's rules.
    """
    whole = list(night(plan_night(seed, games, "2026-01-15", changes)))
    lost_ns = next(one.recv_ns for one in whole if one.kind is Kind.CLOSED)
    start_ns = lost_ns - MINUTE_NS
    first = next(seq for seq, one in enumerate(whole) if one.recv_ns >= start_ns)
    head = [one for one in whole[:first] if one.kind is Kind.NOTE]
    rules = [one for one in whole[:first] if one.feed == "gamma.markets"][-1:]
    book = [one for one in whole[:first] if one.kind is Kind.FRAME and b'"event_type":"book"' in one.payload][:games]
    early = [msgspec.structs.replace(one, recv_ns=start_ns) for one in (*head, *rules, *book)]
    return Reel([*early, *(one for one in whole[first:] if one.recv_ns < start_ns + minutes * MINUTE_NS)])
