"""The one point of order: stamps an envelope, appends it to the log, then shows it to the taps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from recorder.clock import Clock
from recorder.envelope import Envelope, Kind, encode_meta

__all__ = ["RECORDER", "Log", "Sequencer", "Tap", "TapFullError"]

RECORDER = "recorder"
"""The feed of the facts that the recorder states about itself."""

Tap = Callable[[Envelope], None]
"""Sees every envelope, in seq order, after the log has it. Must return at once."""


class Log(Protocol):
    """Where envelopes go; `recorder.tape.writer.TapeWriter` is one."""

    @property
    def next_seq(self) -> int:
        """The seq that the next envelope must have."""
        ...

    @property
    def last_ns(self) -> int:
        """recv_ns of the last envelope; not more than now where there is none."""
        ...

    def append(self, envelope: Envelope) -> None:
        """Take the envelope with seq `next_seq`; buffers, never waits for a disk."""
        ...


class TapFullError(Exception):
    """A tap did not keep up."""


class Sequencer:
    """
    Sole owner of seq.

    Nobody sees an envelope before the log has it. A tap is somebody else's code: one that raises is cut off and a NOTE
    `tap_cut` says so; the recording never stops for it.
    """

    def __init__(
        self,
        log: Log,
        clock: Clock,
        taps: Iterable[Tap] = (),
        *,
        late_ns: int = 0,
        on_late: Callable[[int], None] | None = None,
    ) -> None:
        """
        Go on from where the log ends.

        on_late is called with the time of the last stamp where more than late_ns passed between two stamps, before the
        second; what it puts comes before the late envelope.
        """
        self._late_ns = late_ns
        self._on_late = on_late
        self._stamped_ns = clock.now_ns()
        self._log = log
        self._clock = clock
        self._taps = list(taps)

    @property
    def next_seq(self) -> int:
        """The seq of the envelope that comes next."""
        return self._log.next_seq

    def put(self, feed: str, kind: Kind, *, conn: int = 0, meta: bytes = b"", payload: bytes = b"") -> Envelope:
        """Stamp one fact, append it, show it to the taps, and return it."""
        now_ns = self._clock.now_ns()
        last_ns, self._stamped_ns = self._stamped_ns, now_ns
        if self._on_late is not None and now_ns - last_ns > self._late_ns:
            self._on_late(last_ns)
        # A resumed tape may end later than this clock stands, and what on_late put is later too: the tape's order wins.
        recv_ns = max(now_ns, self._log.last_ns)
        envelope = Envelope(self._log.next_seq, recv_ns, feed, conn, kind, meta, payload)
        self._log.append(envelope)
        if self._taps:
            self._publish(envelope)
        return envelope

    def note(self, name: str, *, feed: str = RECORDER, payload: bytes = b"", **facts: object) -> Envelope:
        """Put a NOTE of this name with these facts."""
        return self.put(feed, Kind.NOTE, meta=encode_meta({"note": name, **facts}), payload=payload)

    def _publish(self, envelope: Envelope) -> None:
        cut: list[tuple[Tap, str]] = []
        for tap in self._taps:
            try:
                tap(envelope)
            except Exception as error:  # noqa: BLE001  a tap is foreign code; whatever it raises must not end the recording
                cut.append((tap, f"{type(error).__name__}: {error}"))
        # Out with all of them first: each note below is itself published.
        for tap, _ in cut:
            self._taps.remove(tap)
        for tap, why in cut:
            name = getattr(tap, "name", type(tap).__name__)
            self.note("tap_cut", tap=name, seq=envelope.seq, why=why)
