"""A log in memory, for tests that are about order and not about the disk."""

from __future__ import annotations

from recorder.envelope import Envelope, Kind

__all__ = ["MemoryLog"]


class MemoryLog:
    """Keeps envelopes; refuses a hole in seq and a time that falls."""

    def __init__(self, last_ns: int = 0) -> None:
        self.envelopes: list[Envelope] = []
        self.last_ns = last_ns
        self.is_closed = False

    @property
    def next_seq(self) -> int:
        return len(self.envelopes)

    def append(self, envelope: Envelope) -> None:
        assert envelope.seq == self.next_seq
        assert envelope.recv_ns >= self.last_ns
        self.last_ns = envelope.recv_ns
        self.envelopes.append(envelope)

    def commit(self) -> int:
        return len(self.envelopes) - 1

    def close(self) -> None:
        self.is_closed = True

    def of(self, *kinds: Kind, feed: str | None = None) -> list[Envelope]:
        """Return the envelopes of these kinds (all where none is given), of one feed where it is given."""
        return [e for e in self.envelopes if (not kinds or e.kind in kinds) and feed in {None, e.feed}]
