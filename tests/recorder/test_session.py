from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from memory_log import MemoryLog

from recorder.clock import ManualClock, SystemClock
from recorder.config import Config
from recorder.envelope import Envelope, Kind
from recorder.errors import DiskError
from recorder.feeds.base import (
    AskBooks,
    Close,
    Closed,
    Command,
    Failed,
    Feed,
    Get,
    Input,
    Message,
    Note,
    Open,
    Opened,
    PlanChanged,
    Response,
    Send,
    Silent,
    Start,
    Wake,
    WakeAt,
)
from recorder.sequencer import RECORDER
from recorder.session import Session
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter

S = 1_000_000_000
Rules = Callable[[Input, int], Iterable[Command]]


class Scripted:
    """A feed that does what a rule says, and remembers what it was told."""

    def __init__(self, name: str, rules: Rules) -> None:
        self.name = name
        self.told: list[Input] = []
        self._rules = rules

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        self.told.append(happened)
        return list(self._rules(happened, now_ns))


@dataclass
class OnePlan:
    tokens: Sequence[str]

    def encode(self) -> bytes:
        return b'{"games":[]}'


class OnePlanner:
    """Makes a plan of the first body of one feed."""

    def __init__(self, feed: str = "") -> None:
        self._feed = feed

    def see(self, feed: str, body: bytes) -> OnePlan | None:
        if feed != self._feed:
            return None
        self._feed = ""
        return OnePlan([body.decode()])


class JumpingClock(SystemClock):
    """The machine's clock, which can be told that the machine slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.slept_ns


async def answer(request: web.Request) -> web.StreamResponse:
    if request.path == "/hang":
        await asyncio.Event().wait()
    if request.path != "/ws/market":
        return web.Response(body=request.path.encode())
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(f"got {message.data}")
    return socket


@contextlib.asynccontextmanager
async def upstream() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def record(
    feeds: Callable[[str], list[Feed]],
    *,
    log: Any = None,
    until: Callable[[Session, Envelope], bool] = lambda _, __: False,
    clock: Any = None,
    planner: Any = None,
    for_ns: int = 120 * S,
    **options: Any,
) -> Any:
    """Record against the loopback upstream until a condition on an envelope holds."""
    log = log or MemoryLog()

    async def main() -> None:
        async with upstream() as base:

            def tap(envelope: Envelope) -> None:
                if until(session, envelope):
                    session.stop()

            config = options.pop("config", Config())
            session = Session(
                log, clock or SystemClock(), feeds(base), planner or OnePlanner(), config, taps=[tap], **options
            )
            await session.run(for_ns=for_ns)

    asyncio.run(main())
    return log


def test_the_first_fact_is_the_session_itself() -> None:
    """A recording begins with what made it and where it asked, and a log that is closed at the end."""
    log = record(lambda _: [], for_ns=S // 100)
    facts = log.envelopes[0].facts()
    assert list(facts) == ["note", "version", "upstream"]
    assert facts["note"] == "session"
    assert facts["upstream"]["espn"] == "https://site.api.espn.com"
    assert log.envelopes[0].feed == RECORDER
    assert log.is_closed


def test_a_tape_from_the_future_is_said() -> None:
    """Where the tape ends ahead of the wall clock, the session's note says by how much its times run ahead."""
    hour_ns = 3600 * S
    end_ns = SystemClock().now_ns() + hour_ns
    log = record(lambda _: [], log=MemoryLog(end_ns), clock=SystemClock(not_before_ns=end_ns), for_ns=S // 100)
    assert 0 < log.envelopes[0].facts()["ahead_ns"] <= hour_ns


def test_time_is_put_on_the_tape() -> None:
    """No second has more than one pulse, and a stepped wall clock becomes a note before it."""
    clock = JumpingClock()
    planted = ManualClock()
    planted.step_wall(-7 * S)
    clock.wall_step_ns = planted.wall_step_ns  # type: ignore[method-assign]
    log = record(lambda _: [], clock=clock, until=lambda _, e: e.kind is Kind.PULSE and e.seq > 2)
    pulses = log.of(Kind.PULSE)
    seconds = [p.recv_ns // S for p in pulses]
    assert len(seconds) == len(set(seconds)) > 1
    assert all((p.feed, p.meta, p.payload) == (RECORDER, b"", b"") for p in pulses)
    notes = [e for e in log.of(Kind.NOTE) if e.facts()["note"] == "clock_step"]
    assert [e.meta for e in notes] == [b'{"note":"clock_step","step_ns":-7000000000}']


def test_a_poll_is_recorded_then_told() -> None:
    """A Get becomes a BODY and then a Response; an alarm brings a Wake; notes and silences of a feed are recorded."""

    def rules(happened: Input, now_ns: int) -> Iterable[Command]:
        match happened:
            case Start():
                yield Get("k", f"{base[0]}/scores", S)
            case Response():
                yield Note("league", {"id": 3})
                yield Silent(2, 7, "T")
                yield WakeAt(now_ns + 3600 * S)
                yield WakeAt(now_ns + 1000)

    base: list[str] = []

    def feeds(url: str) -> list[Feed]:
        base.append(url)
        return [feed]

    feed = Scripted("espn.nba", rules)
    log = record(feeds, until=lambda _, __: any(isinstance(t, Wake) for t in feed.told))
    assert [type(t) for t in feed.told] == [Start, Response, Wake]
    body, note, silent = log.of(feed="espn.nba")
    assert (body.kind, body.payload) == (Kind.BODY, b"/scores")
    assert note.meta == b'{"note":"feed","what":"league","id":3}'
    assert (silent.kind, silent.conn, silent.meta) == (Kind.SILENT, 2, b'{"asset":"T","since_ns":7}')


def test_a_plan_is_noted_and_told_to_every_feed() -> None:
    """A body that changes the plan becomes a plan note, and then every feed is told all tokens."""
    feeds: list[Scripted] = []

    def make(base: str) -> list[Feed]:
        asks = Scripted("gamma.markets", lambda h, _: [Get("k", f"{base}/t", S)] if isinstance(h, Start) else [])
        is_told = Scripted("polymarket.market", lambda h, _: [Note("planned")] if isinstance(h, PlanChanged) else [])
        feeds.extend([asks, is_told])
        return list(feeds)

    log = record(
        make, planner=OnePlanner("gamma.markets"), until=lambda _, e: e.facts().get("what") == "planned", for_ns=5 * S
    )
    (plan,) = [e for e in log.of(Kind.NOTE) if e.facts()["note"] == "plan"]
    assert (plan.feed, plan.payload) == (RECORDER, b'{"games":[]}')
    assert PlanChanged(["/t"]) in feeds[1].told
    assert plan.seq > log.of(Kind.BODY)[0].seq


def test_a_wish_for_books_goes_to_the_other_feeds() -> None:
    """AskBooks of one feed is an input of the others, not of itself."""
    asking = Scripted("polymarket.market", lambda h, _: [AskBooks(("T",))] if isinstance(h, Start) else [])
    asked = Scripted("polymarket.book", lambda h, _: [Note("asked")] if isinstance(h, AskBooks) else [])
    record(lambda _: [asking, asked], until=lambda _, e: e.facts().get("what") == "asked", for_ns=5 * S)
    assert AskBooks(("T",)) in asked.told
    assert asking.told == [Start()]


def market(base: str) -> Rules:
    """Open a socket again whenever it closes, and say hello on each."""
    conns = iter(range(1, 100))

    def rules(happened: Input, _: int) -> Iterable[Command]:
        match happened:
            case Start() | Closed():
                yield Open(next(conns), base.replace("http", "ws") + "/ws/market")
            case Opened(conn):
                yield Send(conn, "hello")

    return rules


def test_a_socket_lives_from_open_to_the_end_of_the_session() -> None:
    """Open, send, frame; at the stop the socket is closed in good order by us, the last fact of the feed."""
    feeds: list[Scripted] = []

    def make(base: str) -> list[Feed]:
        feeds.append(Scripted("polymarket.market", market(base)))
        return list(feeds)

    log = record(make, until=lambda _, e: e.kind is Kind.FRAME)
    kinds = [(e.kind, e.conn, e.payload) for e in log.of(feed="polymarket.market")]
    assert kinds == [
        (Kind.OPENED, 1, b""),
        (Kind.SENT, 1, b"hello"),
        (Kind.FRAME, 1, b"got hello"),
        (Kind.CLOSED, 1, b""),
    ]
    assert log.of(Kind.CLOSED)[0].facts() == {"code": 1000, "reason": "session ends", "side": "us"}


def test_a_feed_closes_its_own_socket() -> None:
    """Close ends the socket with the feed's reason; commands for a socket that is gone do nothing."""

    def rules(happened: Input, now_ns: int) -> Iterable[Command]:
        match happened:
            case Message(conn):
                yield Close(conn, "silent for 60 s")
            case Closed():
                yield Send(1, "late")
                yield Close(1, "late")
                yield Note("over")
            case _:
                yield from first(happened, now_ns)

    def make(base: str) -> list[Feed]:
        nonlocal first
        first = market(base)
        return [Scripted("polymarket.market", rules)]

    first: Rules = lambda _, __: ()  # noqa: E731
    log = record(make, until=lambda _, e: e.facts().get("what") == "over")
    assert log.of(Kind.CLOSED)[0].facts() == {"code": 1000, "reason": "silent for 60 s", "side": "us"}


def test_a_hanging_source_delays_nobody() -> None:
    """While one feed's request hangs another goes on polling; at the stop the hanging request is let go at once."""

    def polls(base: str) -> Rules:
        def rules(happened: Input, _: int) -> Iterable[Command]:
            if isinstance(happened, Start | Response):
                yield Get("k", base, 5 * S)

        return rules

    def make(base: str) -> list[Feed]:
        return [Scripted("espn.nba", polls(base + "/hang")), Scripted("nba.scoreboard", polls(base + "/ok"))]

    log = record(make, until=lambda _, e: e.seq > 50)
    assert len(log.of(Kind.BODY, feed="nba.scoreboard")) > 40
    assert log.of(feed="espn.nba") == []


def test_a_bug_ends_the_session_loudly_with_the_tape_whole() -> None:
    """An exception in a feed is not weather: it ends the session as itself, after everything was committed."""

    def rules(happened: Input, _: int) -> Iterable[Command]:
        if isinstance(happened, Failed):
            raise ZeroDivisionError
        return [Get("k", "http://127.0.0.1:1/", S)]

    log = MemoryLog()
    with pytest.raises(ZeroDivisionError):
        record(lambda _: [Scripted("espn.nba", rules)], log=log)
    assert log.is_closed
    assert log.of(Kind.FAILED)


def test_a_process_that_stood_still_says_so() -> None:
    """After a minute's sleep every feed is marked silent since then and its socket is replaced."""
    clock = JumpingClock()
    frames = 0

    def until(_: Session, envelope: Envelope) -> bool:
        nonlocal frames
        frames += envelope.kind is Kind.FRAME
        if frames == 1 and clock.slept_ns == 0:
            clock.slept_ns = 60 * S
        return frames == 2 and envelope.kind is Kind.FRAME

    def make(base: str) -> list[Feed]:
        return [Scripted("polymarket.market", market(base)), Scripted("espn.nba", lambda _, __: ())]

    log = record(make, clock=clock, until=until)
    (stalled,) = [e for e in log.of(Kind.NOTE) if e.facts()["note"] == "stalled"]
    after = log.envelopes[stalled.seq + 1 :]
    assert [(e.kind, e.feed) for e in after[:2]] == [
        (Kind.SILENT, "polymarket.market"),
        (Kind.SILENT, "espn.nba"),
    ]
    since_ns = stalled.facts()["since_ns"]
    assert after[0].facts() == {"asset": None, "since_ns": since_ns}
    assert after[0].recv_ns - since_ns > 59 * S
    assert [e.conn for e in log.of(Kind.OPENED)] == [1, 2]
    assert log.of(Kind.CLOSED)[0].facts() == {"code": 1006, "reason": "stalled", "side": "us"}


class FullDisk(MemoryLog):
    """A disk that refuses for a while."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self._refusals = refusals

    def commit(self) -> int:
        if self._refusals > 0:
            self._refusals -= 1
            raise DiskError("the disk refused", why="No space left on device")
        return super().commit()


def test_a_full_disk_is_on_the_tape_itself() -> None:
    """A disk that refuses and comes back leaves its two notes on the tape, and nothing is lost."""
    log = record(
        lambda _: [],
        log=FullDisk(1),
        until=lambda _, e: e.kind is Kind.NOTE and e.facts()["note"] == "disk_back",
    )
    assert [e.facts()["note"] for e in log.of(Kind.NOTE)] == ["session", "disk_refused", "disk_back"]
    assert log.of(Kind.NOTE)[1].facts()["why"] == "No space left on device"


def test_too_much_behind_a_full_disk_halts() -> None:
    """When more waits than may wait the session ends with a DiskError, its sockets closed and its log whole."""

    def flood(happened: Input, _: int) -> Iterable[Command]:
        if isinstance(happened, Start | Wake):
            yield from (Note("x" * 10_000) for _ in range(10))
            yield WakeAt(0)

    log = FullDisk(1)
    with pytest.raises(DiskError, match="halted") as caught:
        record(lambda _: [Scripted("espn.nba", flood)], log=log, config=Config(backlog_mib=1))
    assert "0 envelopes" in caught.value.why
    assert log.is_closed


def test_what_is_acknowledged_is_on_the_disk(tmp_path) -> None:
    """Every seq told as durable can be read from the tape at that moment, and in the end all of it."""
    acks: list[int] = []
    path = tmp_path / "night"

    def on_durable(seq: int) -> None:
        acks.append(seq)
        assert len(open_tape(path)) > seq

    def make(base: str) -> list[Feed]:
        return [Scripted("polymarket.market", market(base))]

    writer = TapeWriter.create(path, created_ns=1)
    record(make, log=writer, until=lambda _, e: e.kind is Kind.PULSE and e.seq > 4, on_durable=on_durable)
    envelopes = list(open_tape(path).read())
    assert acks == sorted(acks)
    assert acks[-1] == envelopes[-1].seq
    assert [e.seq for e in envelopes] == list(range(len(envelopes)))
    assert Kind.FRAME in {e.kind for e in envelopes}
    assert writer.next_seq == len(envelopes)


class Speaker:
    """A companion that says what it is told to, until it is told to finish."""

    name = "speaker"

    def __init__(self, *, fails: Exception | None = None, is_deaf: bool = False) -> None:
        self.seen: list[Envelope] = []
        self.was_cancelled = False
        self._fails = fails
        self._is_deaf = is_deaf
        self._over = asyncio.Event()

    def __call__(self, envelope: Envelope) -> None:
        self.seen.append(envelope)

    async def run(self, put: Any) -> None:
        put("speaker", Kind.NOTE, meta=b'{"note":"hello"}')
        if self._fails is not None:
            raise self._fails
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            put("speaker", Kind.NOTE, meta=b'{"note":"cut short"}')
            raise
        put("speaker", Kind.NOTE, meta=b'{"note":"goodbye"}')

    def finish(self) -> None:
        if not self._is_deaf:
            self._over.set()


def accompany(companion: Speaker) -> Any:
    """Record two pulses beside a companion."""
    log = MemoryLog()

    async def main() -> None:
        def until(envelope: Envelope) -> None:
            if envelope.kind is Kind.PULSE:
                session.stop()

        session = Session(log, SystemClock(), [], OnePlanner(), Config(), taps=[companion, until])
        await session.run(for_ns=20 * S, companion=companion)

    asyncio.run(main())
    return log


def test_a_companion_speaks_first_and_last() -> None:
    """Its words stand after the session's own note and before the log closes; it sees every envelope, its own too."""
    speaker = Speaker()
    log = accompany(speaker)
    assert [e.facts()["note"] for e in log.of(Kind.NOTE)] == ["session", "hello", "goodbye"]
    assert log.envelopes[-1].facts()["note"] == "goodbye"
    assert speaker.seen == log.envelopes
    assert log.is_closed


def test_a_companion_that_does_not_end_is_cut_short() -> None:
    """The session waits a moment, then ends without it; its last words are still recorded."""
    speaker = Speaker(is_deaf=True)
    log = accompany(speaker)
    assert speaker.was_cancelled
    assert log.envelopes[-1].facts()["note"] == "cut short"
    assert log.is_closed


def test_a_companion_that_fails_does_not_end_the_recording() -> None:
    """What it raises becomes a note, and the recording goes on; a full disk is the recording's own trouble."""
    log = accompany(Speaker(fails=RuntimeError("no thread")))
    notes = [e.facts() for e in log.of(Kind.NOTE)]
    assert notes[-1] == {"note": "companion_failed", "tap": "speaker", "why": "RuntimeError: no thread"}
    assert log.of(Kind.PULSE)
    with pytest.raises(DiskError, match="full"):
        accompany(Speaker(fails=DiskError("full")))
