"""
The judge of a simulated recording: compares the tape with what an observer saw from outside, and names what is wrong.

Every rule is a promise that the recorder makes; see docs/durability.md for the list.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recorder.chaos.faults import Fault
from recorder.chaos.world import HEAL_S, Record, fingerprint
from recorder.envelope import Envelope, Kind
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.times import SECOND_NS

__all__ = ["BUDGET_PER_MINUTE", "Verdict", "as_json", "judge"]

BUDGET_PER_MINUTE = {"espn": 70, "nba": 36, "gamma": 30, "clob": 70, "market": 20}
"""Questions that a source may be asked within any minute: two scoreboards every two seconds, a book every second."""

_FIRST_BOOK_NS = 30 * SECOND_NS
_PATIENCE_MAX_NS = 300 * SECOND_NS
_TICK_NS = 2 * SECOND_NS
_NAMES_MAX = 20


@dataclass(slots=True)
class Verdict:
    """
    What the judge found.

    faults counts what struck, by name; events and acked count envelopes on the tape and acknowledged ones; lost counts
    acknowledged ones that are not on the tape; heal_s says for each feed how long after the end of the faults it was
    live again, None for not at all.
    """

    faults: dict[str, int]
    events: int = 0
    acked: int = 0
    lost: int = 0
    kills: int = 0
    silences: int = 0
    heal_s: dict[str, float | None] = field(default_factory=dict)
    peak_per_minute: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    violations: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Say whether nothing was lost and no promise broken."""
        return not self.lost and not self.violations


@dataclass(slots=True)
class _Seen:
    """What the tape tells, gathered in one pass."""

    events: int = 0
    last_ns: int = 0
    notes: list[tuple[str, int]] = field(default_factory=list)
    silent: list[tuple[int, str | None]] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    alive: dict[str, int] = field(default_factory=dict)


def judge(path: Path, record: Record) -> Verdict:
    """Read the tape at path and compare it with the record."""
    verdict = Verdict(dict(Counter(strike.fault.value for _, strike in record.strikes)))
    verdict.acked = record.acked + 1
    verdict.kills = len(record.kills)
    report = verify_tape(path, deep=True)
    for damage in report.damage:
        verdict.violations.append(f"verify: {damage.file} at byte {damage.offset}: {damage.why}")
    seen = _Seen()
    for envelope in _whole(path, verdict):
        _compare(envelope, record, seen, verdict)
        _gather(envelope, record, seen, verdict)
    tape = open_tape(path)
    verdict.events = seen.events
    verdict.digest = tape.digest() if report.ok else ""
    verdict.lost = record.acked_lost + max(0, record.acked + 1 - seen.events)
    if record.unknown:
        verdict.violations.append(f"{record.unknown} events on the tape after a crash that nobody published")
    if record.retried_syncs:
        verdict.violations.append(f"a failed sync was tried again on the same file {record.retried_syncs} times")
    if seen.open:
        verdict.violations.append(f"{len(seen.open)} sockets have no end on the tape")
    _judge_notes(record, seen, verdict)
    _judge_silence(record, seen, verdict)
    _judge_budget(record, verdict)
    _judge_healing(record, seen, verdict)
    return verdict


def _whole(path: Path, verdict: Verdict) -> Iterator[Envelope]:
    for expected, envelope in enumerate(open_tape(path, salvage=True).read()):
        if envelope.seq != expected:
            verdict.violations.append(f"seq {envelope.seq} where {expected} belongs")
            return
        yield envelope


def _compare(envelope: Envelope, record: Record, seen: _Seen, verdict: Verdict) -> None:
    """See that the tape holds what was published, in an order in which time never falls."""
    seen.events += 1
    if envelope.seq >= len(record.published) or fingerprint(envelope) != record.published[envelope.seq]:
        verdict.violations.append(f"seq {envelope.seq} is not what was published")
    if envelope.recv_ns < seen.last_ns:
        verdict.violations.append(f"seq {envelope.seq} is earlier than the one before it")
    seen.last_ns = envelope.recv_ns


def _gather(envelope: Envelope, record: Record, seen: _Seen, verdict: Verdict) -> None:
    at_ns, kind = envelope.recv_ns, envelope.kind
    if kind is Kind.NOTE:
        note = envelope.facts()["note"]
        seen.notes.append((note, at_ns))
        if note == "session":
            # Only a process that was killed leaves a socket without an end.
            if seen.open and not record.kills:
                verdict.violations.append(f"a session ended with {len(seen.open)} sockets open")
            seen.ended += [at_ns] * len(seen.open)
            seen.open.clear()
    elif kind is Kind.SILENT:
        seen.silent.append((at_ns, envelope.facts()["asset"]))
    elif kind is Kind.OPENED:
        seen.open.add(envelope.conn)
    elif kind is Kind.CLOSED:
        seen.open.discard(envelope.conn)
        seen.ended.append(at_ns)
    if at_ns >= record.healing_ns and envelope.feed not in seen.alive and _is_alive(envelope):
        seen.alive[envelope.feed] = at_ns


def _is_alive(envelope: Envelope) -> bool:
    if envelope.kind is Kind.BODY:
        return envelope.facts()["status"] in {200, 304} and not envelope.payload.startswith(b"<")
    return envelope.kind is Kind.FRAME and b"event_type" in envelope.payload


# Rules ---------------------------------------------------------------------------------------------------------------


def _judge_notes(record: Record, seen: _Seen, verdict: Verdict) -> None:
    """See that what befell the clock, the process and the disk is on the tape, unless the process died of it."""
    wanted = {Fault.CLOCK_STEP: "clock_step", Fault.FREEZE: "stalled"}
    for at_ns, strike in record.strikes:
        note = wanted.get(strike.fault)
        if note is None or abs(strike.for_s) < 8:
            continue
        until_ns = at_ns + _TICK_NS + int(max(0.0, strike.for_s if strike.fault is Fault.FREEZE else 0.0) * 1e9)
        # Another freeze makes everything late.
        until_ns += sum(
            int(other.for_s * 1e9)
            for other_ns, other in record.strikes
            if other.fault is Fault.FREEZE and at_ns <= other_ns <= until_ns and other is not strike
        )
        told = any(name == note and at_ns <= told_ns <= until_ns for name, told_ns in seen.notes)
        if not told and not _is_killed(record, at_ns, until_ns):
            verdict.violations.append(f"no note tells of {strike.fault} at {at_ns}")
    sessions = sum(name == "session" for name, _ in seen.notes)
    if sessions > 1 + len(record.kills):
        verdict.violations.append(f"{sessions} sessions where {1 + len(record.kills)} were begun")


def _is_killed(record: Record, since_ns: int, until_ns: int) -> bool:
    """Say whether the process died in a stretch, or so soon after that what it knew was not durable yet."""
    return any(since_ns <= killed_ns <= until_ns + 61 * SECOND_NS for killed_ns in record.kills)


def _judge_silence(record: Record, seen: _Seen, verdict: Verdict) -> None:
    """See that every silence longer than the feed's patience is marked, be it of a socket or of one asset."""
    times = sorted(at_ns for at_ns, _ in seen.silent)
    ends = sorted(seen.ended)
    for since_ns, until_ns in record.quiet:
        if until_ns - since_ns <= _PATIENCE_MAX_NS + _TICK_NS:
            continue
        verdict.silences += 1
        late_ns = _when_awake(record, since_ns, since_ns + _PATIENCE_MAX_NS + _TICK_NS)
        if not _any_within(times, since_ns, late_ns) and not _is_killed(record, since_ns, late_ns):
            verdict.violations.append(f"a socket was silent from {since_ns}, and nothing says so")
    for token, since_ns, until_ns in record.withheld:
        late_ns = _when_awake(record, since_ns, since_ns + _FIRST_BOOK_NS + _TICK_NS)
        if until_ns < late_ns:
            continue
        verdict.silences += 1
        told = any(asset in {token, None} and since_ns <= at_ns <= late_ns for at_ns, asset in seen.silent)
        patient = any(
            asset == token and since_ns - _PATIENCE_MAX_NS <= at_ns <= since_ns for at_ns, asset in seen.silent
        )
        excused = patient or _any_within(ends, since_ns, late_ns) or _is_killed(record, since_ns, late_ns)
        if not told and not excused:
            verdict.violations.append(f"token {token} had no book from {since_ns}, and nothing says so")


def _when_awake(record: Record, since_ns: int, until_ns: int) -> int:
    """Return until when a process may take that had so long: while it is frozen it notices nothing."""
    for at_ns, strike in sorted(record.strikes, key=lambda struck: struck[0]):
        if strike.fault is Fault.FREEZE and since_ns <= at_ns <= until_ns:
            until_ns += int(strike.for_s * 1e9)
    return until_ns


def _any_within(times: list[int], since_ns: int, until_ns: int) -> bool:
    at = bisect.bisect_left(times, since_ns)
    return at < len(times) and times[at] <= until_ns


def _judge_budget(record: Record, verdict: Verdict) -> None:
    """See that no source was asked more often within a minute than it should be; a restart begins anew."""
    by_source: dict[str, list[int]] = {}
    for source, at_ns in record.asked:
        by_source.setdefault(source, []).append(at_ns)
    for source, times in sorted(by_source.items()):
        begin = peak = 0
        for at, at_ns in enumerate(times):
            while times[begin] <= at_ns - 60 * SECOND_NS:
                begin += 1
            restarts = sum(times[begin] <= killed_ns <= at_ns for killed_ns in record.kills)
            peak = max(peak, at + 1 - begin - 8 * restarts)
        verdict.peak_per_minute[source] = peak
        if peak > BUDGET_PER_MINUTE[source]:
            verdict.violations.append(f"{source} was asked {peak} times within a minute")


def _judge_healing(record: Record, seen: _Seen, verdict: Verdict) -> None:
    """See that every feed is live again within `HEAL_S` after the last fault."""
    for feed in ("espn.nba", "nba.scoreboard", "gamma.markets", "polymarket.market", "polymarket.book"):
        alive_ns = seen.alive.get(feed)
        verdict.heal_s[feed] = None if alive_ns is None else (alive_ns - record.healing_ns) / 1e9
        if alive_ns is None:
            verdict.violations.append(f"{feed} was not live again {HEAL_S:g} s after the last fault")


# What is said --------------------------------------------------------------------------------------------------------


def as_json(verdict: Verdict, *, seed: int, hours: float) -> dict[str, Any]:
    """Return a verdict as the facts that `gametape chaos --json` prints."""
    return {
        "schema": "gametape.chaos/1",
        "seed": seed,
        "hours": hours,
        "ok": verdict.ok,
        "faults": sum(verdict.faults.values()),
        "faults_by_name": dict(sorted(verdict.faults.items())),
        "events": verdict.events,
        "acknowledged": verdict.acked,
        "lost": verdict.lost,
        "kills": verdict.kills,
        "silences": verdict.silences,
        "heal_s": verdict.heal_s,
        "peak_per_minute": verdict.peak_per_minute,
        "digest": verdict.digest,
        "violations": len(verdict.violations),
        "violated": verdict.violations[:_NAMES_MAX],
    }
