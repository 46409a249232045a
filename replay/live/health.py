"""How every feed goes: a tap that only counts, and rolling statistics of the polls."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from recorder.envelope import Envelope, Kind
from recorder.sequencer import RECORDER
from recorder.times import SECOND_NS
from replay.live.facts import FeedFact, GapFact, PollFact

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["FeedWatch"]

_POLLS = 100
_SOCKET_QUIET_NS = 10 * SECOND_NS
_POLL_QUIET_NS = 35 * SECOND_NS  # more than the pause between two polls while no game is on
_STALE_NS = 60 * SECOND_NS
_PATIENCE = 3  # so many usual spacings without a word are silence
_HEARD_MIN = 8
_CONTINUOUS_NS = 20 * SECOND_NS  # a feed that is heard less often is asked now and then: its silence says nothing
_RATE_NS = 5 * SECOND_NS
_GAPS_MAX = 10_000


class _Told(msgspec.Struct, gc=False):
    status: int = 200
    sent_ns: int = 0
    reason: str = ""
    side: str = ""
    note: str = ""


_TOLD = msgspec.json.Decoder(_Told)


@dataclass(slots=True)
class _Feed:
    heard_ns: int = 0
    heard: int = 0
    rate_from_ns: int = 0
    rate_count: int = 0
    per_s: float = 0.0
    usual_ns: int = 0
    gaps: int = 0
    opened: int = 0
    broken_ns: int = 0
    is_silent: bool = False
    is_polled: bool = False
    trips: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=_POLLS))


class FeedWatch:
    """Follows the feeds from their envelopes; asked from other threads, which only read."""

    name = "health"

    def __init__(self) -> None:
        """Begin with no feed heard."""
        self.next_seq = 0
        self.last_ns = 0
        self.undurable: deque[tuple[int, int]] = deque(maxlen=100_000)
        self._feeds: dict[str, _Feed] = {}
        self._ended: deque[GapFact] = deque(maxlen=_GAPS_MAX)

    def __call__(self, envelope: Envelope) -> None:
        """Take one envelope."""
        self.next_seq = envelope.seq + 1
        self.last_ns = envelope.recv_ns
        self.undurable.append((envelope.seq, envelope.recv_ns))
        if envelope.feed == RECORDER or envelope.kind is Kind.DECISION:
            return
        feed = self._feeds.get(envelope.feed)
        if feed is None:
            feed = self._feeds[envelope.feed] = _Feed(rate_from_ns=envelope.recv_ns)
        match envelope.kind:
            case Kind.FRAME:
                self._hear(envelope, feed)
            case Kind.BODY:
                self._answer(envelope, feed)
            case Kind.OPENED:
                feed.opened += 1
            case Kind.CLOSED | Kind.FAILED | Kind.SILENT:
                self._break(envelope, feed)
            case _:
                pass

    def lag_ns(self, durable_seq: int, now_ns: int) -> int:
        """Return for how long the oldest envelope has waited that the disk does not have."""
        while self.undurable and self.undurable[0][0] <= durable_seq:
            self.undurable.popleft()
        return max(0, now_ns - self.undurable[0][1]) if self.undurable else 0

    def take_gaps(self) -> list[GapFact]:
        """Return the gaps that ended since the last time."""
        gaps = []
        while self._ended:
            gaps.append(self._ended.popleft())
        return gaps

    def facts(self, now_ns: int) -> tuple[FeedFact, ...]:
        """Return every feed as of now."""
        return tuple(_fact(name, feed, now_ns) for name, feed in sorted(self._feeds.copy().items()))

    def _hear(self, envelope: Envelope, feed: _Feed) -> None:
        now_ns = envelope.recv_ns
        if feed.heard:
            # The longest spacing lately: bursts do not make a feed impatient.
            feed.usual_ns = max(now_ns - feed.heard_ns, feed.usual_ns - feed.usual_ns // 64)
        feed.heard_ns = now_ns
        feed.heard += 1
        feed.rate_count += 1
        if now_ns - feed.rate_from_ns >= _RATE_NS:
            feed.per_s = feed.rate_count * SECOND_NS / (now_ns - feed.rate_from_ns)
            feed.rate_from_ns, feed.rate_count = now_ns, 0
        if feed.broken_ns or feed.is_silent:
            if feed.broken_ns:
                self._ended.append(GapFact(envelope.feed, feed.broken_ns, now_ns))
            feed.broken_ns, feed.is_silent = 0, False

    def _answer(self, envelope: Envelope, feed: _Feed) -> None:
        told = _told(envelope)
        is_good = told.status in {200, 304}
        feed.is_polled = True
        feed.trips.append((max(0, envelope.recv_ns - (told.sent_ns or envelope.recv_ns)), is_good))
        if is_good:
            self._hear(envelope, feed)
        else:
            self._open_gap(envelope, feed)

    def _break(self, envelope: Envelope, feed: _Feed) -> None:
        told = _told(envelope)
        if told.side == "us" and told.reason == "session ends":
            return
        if envelope.kind is Kind.FAILED:
            feed.is_polled = True
            feed.trips.append((max(0, envelope.recv_ns - (told.sent_ns or envelope.recv_ns)), False))
        if envelope.kind is Kind.SILENT:
            feed.is_silent = True
        self._open_gap(envelope, feed)

    @staticmethod
    def _open_gap(envelope: Envelope, feed: _Feed) -> None:
        if not feed.broken_ns:
            feed.broken_ns = envelope.recv_ns
            feed.gaps += 1


def _fact(name: str, feed: _Feed, now_ns: int) -> FeedFact:
    age_ns = now_ns - feed.heard_ns
    quiet_ns = max(_POLL_QUIET_NS if feed.is_polled else _SOCKET_QUIET_NS, _PATIENCE * feed.usual_ns)
    is_judged = feed.heard >= _HEARD_MIN and feed.usual_ns <= _CONTINUOUS_NS
    is_quiet = is_judged and age_ns > quiet_ns
    state: Literal["LIVE", "SILENT", "RECONNECTING", "STALE"] = "LIVE"
    if (is_quiet or feed.broken_ns) and age_ns > max(_STALE_NS, 2 * quiet_ns):
        state = "STALE"
    elif feed.is_silent or is_quiet:
        state = "SILENT"
    elif feed.broken_ns:
        state = "RECONNECTING"
    per_s = 0.0 if is_quiet else feed.per_s
    reconnects = max(0, feed.opened - 1)
    return FeedFact(name, state, feed.heard_ns, round(per_s, 2), feed.gaps, reconnects, _polls(feed))


def _polls(feed: _Feed) -> PollFact | None:
    if not feed.is_polled or not feed.trips:
        return None
    trips = [trip_ns / 1e6 for trip_ns, _ in tuple(feed.trips)]
    errors = sum(not is_good for _, is_good in tuple(feed.trips))
    last, mean, least, most = trips[-1], sum(trips) / len(trips), min(trips), max(trips)
    return PollFact(round(last, 3), round(mean, 3), round(least, 3), round(most, 3), errors)


def _told(envelope: Envelope) -> _Told:
    try:
        return _TOLD.decode(envelope.meta or b"{}")
    except (msgspec.DecodeError, RecursionError):
        return _Told()
