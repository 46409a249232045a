"""Served and recorded again, a tape tells the same night; and where it does not, the comparison says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rerecord import rerecord

from recorder.envelope import Envelope, Kind
from replay.synth.night import night, plan_night
from replay.upstream.player import MemorySource
from replay.upstream.roundtrip import COMPARED, NORMALISED, compare
from replay.upstream.server import PlayOptions

DOC = Path(__file__).resolve().parents[3] / "docs/playing-a-tape.md"
BY_POLLS = PlayOptions(by_polls=True, patience_s=120.0)
MINUTE_NS = 60_000_000_000
Change = Callable[[Envelope], Envelope | None]


@pytest.fixture(scope="module")
def simulated() -> MemorySource:
    """The first 50 minutes of a simulated night: two tip-offs, a book wipe, trades."""
    envelopes = tuple(night(plan_night(7, 2, "2026-01-15", 4000)))
    end_ns = envelopes[0].recv_ns + 50 * MINUTE_NS
    return MemorySource("simulated", tuple(it for it in envelopes if it.recv_ns < end_ns))


def test_from_poll_to_poll_nothing_is_lost(simulated: MemorySource, tmp_path: Path) -> None:
    """Recorded again at many times the speed, every score body, every frame and the plan come back byte for byte."""
    tape = rerecord(simulated, tmp_path / "again", BY_POLLS)
    assert compare(simulated.read(), tape.read()) == []
    kinds = {(it.feed, it.kind) for it in tape.read()}
    assert {("espn.nba", Kind.BODY), ("nba.scoreboard", Kind.BODY), ("polymarket.market", Kind.FRAME)} <= kinds


@pytest.mark.slow
def test_a_whole_night_with_a_lost_socket_comes_back(tmp_path: Path) -> None:
    """A whole simulated night, the loss of its socket and the second subscription included, comes back."""
    source = MemorySource("whole", tuple(night(plan_night(11, 2, "2026-01-15", 4000))))
    assert any(it.kind is Kind.CLOSED for it in source.read())
    tape = rerecord(source, tmp_path / "again", BY_POLLS)
    assert compare(source.read(), tape.read()) == []


def test_the_second_generation_equals_the_first(simulated: MemorySource, tmp_path: Path) -> None:
    """A tape recorded from a tape serves as well as the first did, under its own dates."""
    first = rerecord(simulated, tmp_path / "first", BY_POLLS)
    second = rerecord(first, tmp_path / "second", BY_POLLS)
    assert compare(simulated.read(), second.read()) == []


def _altered(source: MemorySource, feed: str, kind: Kind, nth: int, change: Change) -> list[Envelope]:
    fits = [n for n, it in enumerate(source.envelopes) if (it.feed, it.kind) == (feed, kind) and b'"' in it.payload]
    at = fits[nth]
    new = change(source.envelopes[at])
    return [*source.envelopes[:at], *([new] if new else []), *source.envelopes[at + 1 :]]


@pytest.mark.parametrize(
    ("feed", "kind", "stream"),
    [("espn.nba", Kind.BODY, "scoreboard?"), ("nba.scoreboard", Kind.BODY, "todaysScoreboard"),
     ("polymarket.market", Kind.FRAME, "token "), ("gamma.markets", Kind.BODY, "/events?")],
)  # fmt: skip
def test_one_other_byte_is_found(simulated: MemorySource, feed: str, kind: Kind, stream: str) -> None:
    """A body or frame that differs by one byte is a difference of its stream."""

    def change(envelope: Envelope) -> Envelope:
        return msgspec.structs.replace(envelope, payload=envelope.payload.replace(b'"', b'" ', 1))

    found = compare(simulated.read(), _altered(simulated, feed, kind, 5, change))
    assert found
    assert all(stream in difference.stream for difference in found)


def test_a_lost_or_repeated_frame_and_another_order_are_found(simulated: MemorySource) -> None:
    """Frames are compared as a sequence: one less, one more or two swapped is a difference."""
    lost = _altered(simulated, "polymarket.market", Kind.FRAME, 40, lambda _: None)
    assert compare(simulated.read(), lost)
    assert compare(lost, simulated.read())


def test_what_is_normalised_makes_no_difference(simulated: MemorySource) -> None:
    """Times, connections, pulses, failures, headers and how often an unchanged body was asked for do not count."""
    day_ns = 86_400_000_000_000

    def other(envelope: Envelope) -> Envelope:
        facts: dict[str, Any] = envelope.facts()
        if envelope.kind is Kind.BODY:
            facts["headers"] = {"date": "x"}
            facts["sent_ns"] = 0
            facts["url"] = facts["url"].replace("https://site.api.espn.com", "http://127.0.0.1:1")
            facts["url"] = (
                facts["url"].replace("dates=20260115", "dates=20260116").replace("dates=20260114", "dates=20260115")
            )
        meta = msgspec.json.encode(facts) if facts else b""
        return msgspec.structs.replace(envelope, recv_ns=envelope.recv_ns + day_ns, conn=envelope.conn + 7, meta=meta)

    second = [other(it) for it in simulated.read() if it.kind not in {Kind.PULSE, Kind.FAILED, Kind.CLOSED, Kind.SENT}]
    assert compare(simulated.read(), second) == []
    assert compare(simulated.read(), [it for it in second for _ in range(1 + (it.kind is Kind.BODY))]) == []


def test_the_page_shows_both_tables() -> None:
    """Every compared stream and every normalised field stands in the documentation with its reason."""
    page = DOC.read_text()
    rows = [f"| {what} | {why} |" for table in (COMPARED, NORMALISED) for what, why in table.items()]
    assert [row for row in rows if row not in page] == []
