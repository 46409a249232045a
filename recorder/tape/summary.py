"""
What a tape holds, as a fold over its envelopes: counts by feed, the stretches in which a feed was blind, and coverage.

A gap of a connection begins at CLOSED and ends at OPENED; of a request series at FAILED and ends at the next BODY; of
an asset at the moment since which it was silent and ends at the next frame of its feed. One that never ended has no
end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from recorder.envelope import Envelope, Kind

__all__ = ["FeedSummary", "Gap", "Summary", "summarise"]

_ENDED_BY = {Kind.OPENED: (Kind.CLOSED,), Kind.BODY: (Kind.FAILED,), Kind.FRAME: (Kind.SILENT,)}
_BEGINS = frozenset({Kind.CLOSED, Kind.FAILED, Kind.SILENT})


@dataclass(slots=True)
class FeedSummary:
    """One feed: how many envelopes and payload bytes, by kind (lower-case names), and recv_ns of the first and last."""

    events: int = 0
    bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Gap:
    """
    A stretch in which a feed was blind. count says how many facts tell of it, seq names the first.

    Units: from_ns and until_ns are recv_ns; until_ns is None where it lasted to the end of the tape.
    """

    feed: str
    kind: str
    asset: str | None
    seq: int
    from_ns: int
    until_ns: int | None
    count: int
    why: str


@dataclass(slots=True)
class Summary:
    """Feeds by name, and gaps in the order in which they were noticed."""

    events: int = 0
    first_ns: int = 0
    last_ns: int = 0
    feeds: dict[str, FeedSummary] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def coverage(self, name: str) -> float:
        """
        Return for how much of its time a feed could see, between 0 and 1.

        Its time is from its first envelope to the end of the tape; a silent asset blinds only itself.
        """
        feed = self.feeds[name]
        span_ns = self.last_ns - feed.first_ns
        blind_ns = _union_ns(
            [
                (max(gap.from_ns, feed.first_ns), self.last_ns if gap.until_ns is None else gap.until_ns)
                for gap in self.gaps
                if gap.feed == name and gap.asset is None
            ]
        )
        return 1.0 if span_ns <= 0 else round(1.0 - blind_ns / span_ns, 6)


def summarise(envelopes: Iterable[Envelope]) -> Summary:
    """Fold envelopes, in seq order, into what they hold."""
    summary = Summary()
    open_gaps: dict[tuple[str, int, str | None], Gap] = {}
    for envelope in envelopes:
        _count(summary, envelope)
        kind = envelope.kind
        if kind in _ENDED_BY:
            for ended in _ENDED_BY[kind]:
                for key in [key for key in open_gaps if key[0] == envelope.feed and key[1] == ended]:
                    open_gaps.pop(key).until_ns = envelope.recv_ns
        elif kind in _BEGINS:
            _begin(summary, open_gaps, envelope)
    return summary


def _count(summary: Summary, envelope: Envelope) -> None:
    if not summary.events:
        summary.first_ns = envelope.recv_ns
    summary.events += 1
    summary.last_ns = envelope.recv_ns
    feed = summary.feeds.get(envelope.feed)
    if feed is None:
        feed = summary.feeds[envelope.feed] = FeedSummary(first_ns=envelope.recv_ns)
    feed.events += 1
    feed.bytes += len(envelope.payload)
    feed.last_ns = envelope.recv_ns
    kind = envelope.kind.name.lower()
    feed.kinds[kind] = feed.kinds.get(kind, 0) + 1


def _begin(summary: Summary, open_gaps: dict[tuple[str, int, str | None], Gap], envelope: Envelope) -> None:
    facts = envelope.facts()
    asset = facts.get("asset")
    key = (envelope.feed, int(envelope.kind), asset)
    known = open_gaps.get(key)
    if known is not None:
        known.count += 1
        return
    why = str(facts.get("why") or facts.get("reason") or envelope.kind.name.lower())
    from_ns = int(facts.get("since_ns", envelope.recv_ns))
    gap = Gap(envelope.feed, envelope.kind.name.lower(), asset, envelope.seq, from_ns, None, 1, why)
    open_gaps[key] = gap
    summary.gaps.append(gap)


def _union_ns(spans: list[tuple[int, int]]) -> int:
    """Return how long at least one of the stretches lasted."""
    total, reached = 0, None
    for begin, end in sorted(spans):
        start = begin if reached is None else max(begin, reached)
        if end > start:
            total += end - start
            reached = end
    return total
