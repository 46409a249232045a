from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from memory_log import MemoryLog

from recorder.clock import ManualClock
from recorder.envelope import Envelope, Kind
from recorder.sequencer import RECORDER, Sequencer


@given(st.lists(st.integers(min_value=0, max_value=10**9), max_size=50), st.integers(min_value=0, max_value=10**9))
def test_seq_has_no_hole_and_time_never_falls(steps_ns: list[int], tape_end_ns: int) -> None:
    """seq counts on without a hole and recv_ns never falls, even on a tape that ends in the clock's future."""
    log, clock = MemoryLog(tape_end_ns), ManualClock()
    sequencer = Sequencer(log, clock)
    for step_ns in steps_ns:
        clock.advance(step_ns)
        sequencer.put("espn.nba", Kind.PULSE)
    assert [e.seq for e in log.envelopes] == list(range(len(steps_ns)))
    times = [tape_end_ns, *(e.recv_ns for e in log.envelopes)]
    assert times == sorted(times)


def test_a_tap_sees_only_what_the_log_has() -> None:
    """An envelope is in the log before a tap sees it, and taps see them in seq order."""
    log = MemoryLog()
    seen: list[Envelope] = []

    def tap(envelope: Envelope) -> None:
        assert log.envelopes[-1] is envelope
        seen.append(envelope)

    sequencer = Sequencer(log, ManualClock(), [tap])
    for payload in (b"a", b"b"):
        sequencer.put("polymarket.market", Kind.FRAME, conn=1, payload=payload)
    assert seen == log.envelopes


def test_a_tap_that_raises_is_cut_and_said_so() -> None:
    """A tap that raises is called no more, a NOTE says so, other taps and the recording go on."""
    log = MemoryLog()
    calls, seen = [], []

    def broken(envelope: Envelope) -> None:
        calls.append(envelope)
        raise RuntimeError("no")

    sequencer = Sequencer(log, ManualClock(), [broken, seen.append])
    sequencer.put(RECORDER, Kind.PULSE)
    sequencer.put(RECORDER, Kind.PULSE)
    assert len(calls) == 1
    assert [e.kind for e in log.envelopes] == [Kind.PULSE, Kind.NOTE, Kind.PULSE]
    assert log.envelopes[1].facts() == {"note": "tap_cut", "tap": "function", "seq": 0, "why": "RuntimeError: no"}
    assert seen == log.envelopes


def test_two_taps_that_raise_at_once_are_both_cut() -> None:
    """Two taps that break on the same envelope are each cut once."""
    log = MemoryLog()

    def broken(_: Envelope) -> None:
        raise RuntimeError

    Sequencer(log, ManualClock(), [broken, broken]).put(RECORDER, Kind.PULSE)
    assert [e.kind for e in log.envelopes] == [Kind.PULSE, Kind.NOTE, Kind.NOTE]


def test_notes_carry_their_facts() -> None:
    """A note is compact JSON with its name first and its payload beside it."""
    log = MemoryLog()
    Sequencer(log, ManualClock()).note("plan", payload=b"{}", games=2)
    assert (log.envelopes[0].meta, log.envelopes[0].payload) == (b'{"note":"plan","games":2}', b"{}")


def test_a_late_stamp_is_announced_first() -> None:
    """Where too long passes between two stamps, whoever asked is told since when, and what it puts comes first."""
    log, clock = MemoryLog(), ManualClock(100)
    told: list[int] = []

    def late(since_ns: int) -> None:
        told.append(since_ns)
        sequencer.note("stalled", since_ns=since_ns)

    sequencer = Sequencer(log, clock, late_ns=50, on_late=late)
    for step_ns in (0, 50, 51):
        clock.advance(step_ns)
        sequencer.put(RECORDER, Kind.PULSE)
    assert told == [150]
    assert [(e.kind, e.recv_ns) for e in log.envelopes[2:]] == [(Kind.NOTE, 201), (Kind.PULSE, 201)]
