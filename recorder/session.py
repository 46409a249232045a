"""
A recording session: feeds, sockets, sequencer and tape in one TaskGroup.

Theory of operation. Every feed has a pump: a task that hands it one input after another and does what it says. Sockets
and requests run beside the pumps, so that no feed waits for another's network. Whatever arrives is stamped and appended
by the sequencer first and told to its feed afterwards. Weather ends in an envelope; a bug of ours ends the session,
loudly, with everything so far on the tape.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol

import msgspec

from recorder.clock import Clock, SystemClock
from recorder.committer import Committer, DurableLog
from recorder.config import Config
from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import DiskError
from recorder.feeds.base import (
    AskBooks,
    Close,
    Command,
    Feed,
    GamesOn,
    Get,
    Input,
    Note,
    Open,
    PlanChanged,
    Response,
    Send,
    Silent,
    Start,
    Wake,
    WakeAt,
)
from recorder.net.http import HttpClient
from recorder.net.websocket import Socket
from recorder.sequencer import RECORDER, Sequencer, Tap
from recorder.tape.sealer import Sealer
from recorder.times import SECOND_NS

__all__ = ["STALL_NS", "Companion", "Planned", "Planner", "Put", "Session"]

STALL_NS = 5_000_000_000
"""A pulse comes every second, so where this passes between two stamps the process itself stood still."""

_CLOSE_GRACE_S = 2.0
_COMPANION_GRACE_S = 1.5


class Planned(Protocol):
    """Which games are on and which tokens belong to them; `recorder.plan.Plan` is one."""

    @property
    def tokens(self) -> Sequence[str]:
        """All market tokens, in plan order."""
        ...

    def encode(self) -> bytes:
        """Return the plan as it is written to the tape."""
        ...


class Planner(Protocol):
    """Folds bodies into the plan; `recorder.plan.Planner` is one."""

    def see(self, feed: str, body: bytes) -> Planned | None:
        """Take one body; return the plan where it is now another."""
        ...


class Put(Protocol):
    """Stamps a fact and appends it to the tape; `recorder.sequencer.Sequencer.put` is one."""

    def __call__(self, feed: str, kind: Kind, *, conn: int = 0, meta: bytes = b"", payload: bytes = b"") -> Envelope:
        """Return the envelope that it became."""
        ...


class Companion(Protocol):
    """Reads along and puts facts of its own on the tape, as the live engine does."""

    @property
    def taps(self) -> Sequence[Tap]:
        """What it reads along with; to be given to the session."""
        ...

    def on_durable(self, seq: int) -> None:
        """Take note of the last durable seq, in the event loop's thread."""
        ...

    async def run(self, put: Put) -> None:
        """Put facts on the tape until all is said after `finish`; never waits for anything but its own engine."""
        ...

    def finish(self) -> None:
        """Take note that all sockets are closed: what is still to be said must be said within a second."""
        ...


@dataclass(slots=True, eq=False)
class _Pump:
    feed: Feed
    inbox: asyncio.Queue[Input] = field(default_factory=asyncio.Queue)
    alarm_ns: int | None = None
    sockets: dict[int, Socket] = field(default_factory=dict)


class Session:
    """One run of the recorder on one tape, from `run` to its end."""

    def __init__(  # noqa: PLR0913  # what a night is made of
        self,
        log: DurableLog,
        clock: Clock,
        feeds: Iterable[Feed],
        planner: Planner,
        config: Config,
        *,
        taps: Iterable[Tap] = (),
        on_durable: Callable[[int], None] | None = None,
        make_room: Callable[[], bool] | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        """
        Prepare a session that records feeds into log.

        taps see every envelope in seq order after it is appended; on_durable is told the last durable seq after every
        commit, in the event loop's thread. make_room gives back what was set aside on the disk for the end. sealer
        seals meanwhile what is finished.
        """
        self._committer = Committer(
            log,
            backlog_bytes=config.backlog_mib << 20,
            on_durable=self._tell_durable,
            on_refusal=self._note_refusal,
            make_room=make_room,
        )
        self._sequencer = Sequencer(self._committer, clock, taps, late_ns=STALL_NS, on_late=self._mark_stall)
        self._clock = clock
        self._pumps = [_Pump(feed) for feed in feeds]
        self._planner = planner
        self._config = config
        self._http = HttpClient(self._sequencer, clock, user_agent=config.user_agent)
        self._on_durable = on_durable
        self._sealer = sealer
        self._stop = asyncio.Event()
        self._request_tasks: set[asyncio.Task[None]] = set()
        self._socket_tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End the session in good order; `run` returns within five seconds."""
        self._stop.set()

    async def run(self, *, for_ns: int | None = None, companion: Companion | None = None) -> None:
        """
        Record until stopped, or for so long; then close the sockets, commit and close the log.

        companion, whose taps the session has, speaks meanwhile; its last words come before the log closes.

        Raises:
            DiskError: the disk did not keep up; says up to which seq everything is durable.
        """
        upstream = msgspec.to_builtins(self._config.upstream())
        facts = {"version": version("gametape"), "upstream": upstream}
        if isinstance(self._clock, SystemClock) and self._clock.ahead_ns:
            # The tape ended in this machine's future: its times run ahead of the wall clock by this much.
            facts["ahead_ns"] = self._clock.ahead_ns
        self._sequencer.note("session", **facts)
        try:
            async with self._http, asyncio.TaskGroup() as group:
                steady = [group.create_task(self._committer.run())]
                if self._sealer is not None:
                    steady.append(group.create_task(self._sealer.run(self._sequencer.note)))
                async with self._accompanied(companion):
                    await self._record(None if for_ns is None else for_ns / 1e9)
                for task in steady:
                    task.cancel()
        except BaseExceptionGroup as failures:
            raise _leaf(failures) from failures
        finally:
            self._say_halted()
            await self._committer.finish()

    @contextlib.asynccontextmanager
    async def _accompanied(self, companion: Companion | None) -> AsyncIterator[None]:
        """Let the companion speak beside the recording, and say its last when that is over."""
        if companion is None:
            yield
            return
        async with asyncio.TaskGroup() as group:
            speaking = group.create_task(self._speak(companion))
            yield
            companion.finish()
            await asyncio.wait({speaking}, timeout=_COMPANION_GRACE_S)
            speaking.cancel()

    async def _speak(self, companion: Companion) -> None:
        try:
            await companion.run(self._sequencer.put)
        except DiskError:
            raise
        except Exception as error:  # noqa: BLE001  as with any tap: whatever it raises must not end the recording
            name = getattr(companion, "name", type(companion).__name__)
            self._sequencer.note("companion_failed", tap=name, why=f"{type(error).__name__}: {error}")

    async def _record(self, for_s: float | None) -> None:
        async with asyncio.TaskGroup() as group:
            steady = [group.create_task(self._pump(pump, group)) for pump in self._pumps]
            steady.append(group.create_task(self._pulse()))
            try:
                async with asyncio.timeout(for_s):
                    await self._stop.wait()
            except TimeoutError:
                self._stop.set()
            for task in steady:
                task.cancel()
            await self._close_sockets()
            for task in self._request_tasks | self._socket_tasks:
                task.cancel()

    async def _close_sockets(self) -> None:
        for pump in self._pumps:
            for socket in pump.sockets.values():
                socket.close("session ends")
        if self._socket_tasks:
            await asyncio.wait(self._socket_tasks, timeout=_CLOSE_GRACE_S)

    # Feeds -------------------------------------------------------------------------------------------------------

    async def _pump(self, pump: _Pump, group: asyncio.TaskGroup) -> None:
        happened: Input = Start()
        while True:
            for command in pump.feed.step(happened, self._clock.now_ns()):
                self._do(pump, command, group)
            happened = await self._next(pump)

    async def _next(self, pump: _Pump) -> Input:
        """Wait for what happens next to a feed; its alarm comes before what waits in the inbox."""
        while True:
            wait_s = None
            if pump.alarm_ns is not None:
                left_ns = pump.alarm_ns - self._clock.now_ns()
                if left_ns <= 0:
                    pump.alarm_ns = None
                    # A feed whose alarms are always due must not keep the loop from the others.
                    await asyncio.sleep(0)
                    return Wake()
                wait_s = left_ns / 1e9
            if not pump.inbox.empty():
                return pump.inbox.get_nowait()
            try:
                async with asyncio.timeout(wait_s):
                    return await pump.inbox.get()
            except TimeoutError:
                continue

    def _do(self, pump: _Pump, command: Command, group: asyncio.TaskGroup) -> None:
        name = pump.feed.name
        match command:
            case Get():
                _start(self._request_tasks, group, self._ask(pump, command))
            case Open():
                _start(self._socket_tasks, group, self._serve(pump, command))
            case Send():
                # The socket may be gone already; its Closed is then on the way to the feed.
                if socket := pump.sockets.get(command.conn):
                    socket.send(command.text)
            case Close():
                if socket := pump.sockets.get(command.conn):
                    socket.close(command.why)
            case WakeAt():
                pump.alarm_ns = command.at_ns
            case Silent():
                meta = encode_meta({"asset": command.asset, "since_ns": command.since_ns})
                self._sequencer.put(name, Kind.SILENT, conn=command.conn, meta=meta)
            case Note():
                meta = encode_meta({"note": "feed", "what": command.note, **command.facts})
                self._sequencer.put(name, Kind.NOTE, meta=meta)
            case AskBooks() | GamesOn():
                self._tell_all(command, but=pump)

    async def _ask(self, pump: _Pump, get: Get) -> None:
        answer = await self._http.ask(pump.feed.name, get)
        pump.inbox.put_nowait(answer)
        if not isinstance(answer, Response) or answer.status != 200:
            return
        plan = self._planner.see(pump.feed.name, answer.body)
        if plan is not None:
            self._sequencer.note("plan", payload=plan.encode())
            self._tell_all(PlanChanged(plan.tokens))

    async def _serve(self, pump: _Pump, opening: Open) -> None:
        name, tell = pump.feed.name, pump.inbox.put_nowait
        socket = Socket(name, opening, self._sequencer, tell, user_agent=self._config.user_agent)
        pump.sockets[opening.conn] = socket
        try:
            await socket.run()
        finally:
            del pump.sockets[opening.conn]

    def _tell_all(self, happened: Input, *, but: _Pump | None = None) -> None:
        for pump in self._pumps:
            if pump is not but:
                pump.inbox.put_nowait(happened)

    def _tell_durable(self, seq: int) -> None:
        if self._sealer is not None:
            self._sealer.look()
        if self._on_durable is not None:
            self._on_durable(seq)

    def _note_refusal(self, why: str) -> None:
        """Say on the tape itself since when and why the disk refused; written when it takes envelopes again."""
        if why:
            self._sequencer.note("disk_refused", why=why)
        else:
            self._sequencer.note("disk_back")

    def _say_halted(self) -> None:
        """Say on the tape that the recording ended while the disk refused: after this nobody looked."""
        if self._committer.refusal:
            # Too much may wait by now; `finish` says so after it has written what was taken.
            with contextlib.suppress(DiskError):
                self._sequencer.note("halted", why=self._committer.refusal)

    # Time --------------------------------------------------------------------------------------------------------

    async def _pulse(self) -> None:
        """Put time on the tape at every full second, and what the wall clock did meanwhile."""
        due_ns = 0
        while True:
            now_ns = self._clock.now_ns()
            if now_ns < due_ns:
                await asyncio.sleep((due_ns - now_ns) / 1e9)
                continue
            due_ns = (now_ns // SECOND_NS + 1) * SECOND_NS
            if step_ns := self._clock.wall_step_ns():
                self._sequencer.note("clock_step", step_ns=step_ns)
            self._sequencer.put(RECORDER, Kind.PULSE)

    def _mark_stall(self, since_ns: int) -> None:
        """
        Say that nobody was looking since then: the process was stopped, or the machine slept.

        What waits in the sockets' buffers is old and would be stamped as new, so the sockets are dropped; their feeds
        open new ones and get whole books.
        """
        self._sequencer.note("stalled", since_ns=since_ns)
        meta = encode_meta({"asset": None, "since_ns": since_ns})
        for pump in self._pumps:
            self._sequencer.put(pump.feed.name, Kind.SILENT, meta=meta)
            for socket in pump.sockets.values():
                socket.drop("stalled")


def _start(tasks: set[asyncio.Task[None]], group: asyncio.TaskGroup, work: Coroutine[None, None, None]) -> None:
    task = group.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _leaf(failures: BaseExceptionGroup) -> BaseException:
    """Return the failure that matters: the disk's, or the first."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [failures]
    while waiting:
        failure = waiting.pop(0)
        if isinstance(failure, BaseExceptionGroup):
            waiting.extend(failure.exceptions)
        else:
            leaves.append(failure)
    return next((leaf for leaf in leaves if isinstance(leaf, DiskError)), leaves[0])
