"""What an operator sees while a recording runs, and the sums at its end: a tap that only counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recorder.envelope import Envelope, Kind
from recorder.sequencer import RECORDER
from recorder.tape.show import hours
from recorder.times import SECOND_NS

__all__ = ["FeedCount", "Tally", "is_essential", "refusal"]

_ESSENTIAL = frozenset({"nba.scoreboard", "gamma.markets", "polymarket.market", "polymarket.book"})
_SIGNALS = "live"
_GAPS = frozenset({Kind.CLOSED, Kind.SILENT, Kind.FAILED})


@dataclass(slots=True)
class FeedCount:
    """
    One feed so far.

    answers counts frames and usable bodies, failures all other bodies, failed requests and closed sockets (ours at the
    end apart); gaps failed requests, closed sockets and silences.
    """

    events: int = 0
    answers: int = 0
    failures: int = 0
    gaps: int = 0
    heard_ns: int = 0
    last_why: str = ""


@dataclass(slots=True)
class Tally:
    """Counts what a session records; call it with every envelope."""

    events: int = 0
    bytes: int = 0
    games: int = 0
    decisions: int = 0
    first_ns: int = 0
    last_ns: int = 0
    durable_seq: int = -1
    disk: str = ""
    feeds: dict[str, FeedCount] = field(default_factory=dict)

    name = "progress"

    def __call__(self, envelope: Envelope) -> None:
        """Count one envelope."""
        self.events += 1
        self.bytes += len(envelope.payload)
        self.first_ns = self.first_ns or envelope.recv_ns
        self.last_ns = envelope.recv_ns
        if envelope.kind is Kind.DECISION:
            # What else an engine says, its forecasts, decides nothing.
            self.decisions += envelope.feed == _SIGNALS
            return
        if envelope.feed == RECORDER:
            if envelope.kind is Kind.NOTE:
                self._note(envelope)
            return
        count = self.feeds.setdefault(envelope.feed, FeedCount())
        count.events += 1
        if envelope.kind in {Kind.FRAME, Kind.BODY}:
            why = refusal(envelope, envelope.facts()) if envelope.kind is Kind.BODY else ""
            if why:
                count.failures += 1
                count.last_why = why
                return
            count.answers += 1
            count.heard_ns = envelope.recv_ns
        elif envelope.kind in _GAPS:
            self._gap(count, envelope)

    def on_durable(self, seq: int) -> None:
        """Take note of what the disk has."""
        self.durable_seq = seq

    @property
    def answers(self) -> int:
        """Frames and usable bodies of all feeds."""
        return sum(count.answers for count in self.feeds.values())

    @property
    def unheard(self) -> dict[str, str]:
        """The essential feeds that were asked and never gave a usable answer, each with the last reason."""
        return {
            name: count.last_why
            for name, count in sorted(self.feeds.items())
            if is_essential(name) and count.failures and not count.answers
        }

    @property
    def gaps(self) -> int:
        """Gaps of all feeds."""
        return sum(count.gaps for count in self.feeds.values())

    def line(self, now_ns: int, *, feeds_max: int = 100) -> str:
        """Render the state in one line, worst first: the disk, then the feeds that were heard least lately."""
        seconds = max(1, (now_ns - self.first_ns) // SECOND_NS)
        feeds = sorted(self.feeds.items(), key=lambda item: item[1].heard_ns)
        parts = [
            *([f"DISK REFUSES: {self.disk}"] if self.disk else []),
            f"{hours(seconds)} {self.events:,} events ({self.events // seconds:,}/s), {self.games} games",
            *(f"{name} {_age(count, now_ns)}" for name, count in feeds[:feeds_max]),
            *([f"{len(feeds) - feeds_max} more"] if len(feeds) > feeds_max else []),
        ]
        return "  ".join(parts)

    def _note(self, envelope: Envelope) -> None:
        facts = envelope.facts()
        match facts["note"]:
            case "plan":
                self.games = envelope.payload.count(b'"game_id":')
            case "disk_refused":
                self.disk = facts["why"]
            case "disk_back":
                self.disk = ""
            case _:
                pass

    def _gap(self, count: FeedCount, envelope: Envelope) -> None:
        facts = envelope.facts()
        if facts.get("side") == "us" and facts.get("reason") == "session ends":
            return
        count.gaps += 1
        # A silence of a feed that was never asked says only that the recorder itself stood still.
        count.failures += envelope.kind is not Kind.SILENT
        count.last_why = str(facts.get("why") or facts.get("reason") or "silent")


def is_essential(feed: str) -> bool:
    """Say whether a night without this feed is not whole; the others only say more exactly what these say."""
    return feed.startswith("espn.") or feed in _ESSENTIAL


def refusal(body: Envelope, facts: dict[str, Any]) -> str:
    """Say why a BODY with these facts is of no use to anybody: its status, or a page instead of data; else nothing."""
    status = facts.get("status")
    if status not in {200, 304}:
        return f"status {status}"
    return "a page of HTML" if body.payload[:64].lstrip()[:1] == b"<" else ""


def _age(count: FeedCount, now_ns: int) -> str:
    gaps = f", {count.gaps} gaps" if count.gaps else ""
    if not count.heard_ns:
        return f"nothing yet{gaps}"
    return f"{max(0, now_ns - count.heard_ns) // SECOND_NS} s ago{gaps}"
