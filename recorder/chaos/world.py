"""
One simulated recording under faults: the real session, its real clients and its real writer, from a seed.

Theory of operation. The session runs on a virtual loop against `Upstream`. A second task lets the faults of the
schedule strike one after the other. `Record` notes from outside what the recorder published, what it acknowledged and
what was done to it; nothing of that comes from the tape, so that the judge can compare the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from recorder.chaos.disk import ChaosFs
from recorder.chaos.faults import CLOSES, HTTP_FAULTS, Fault, Strike, schedule
from recorder.chaos.upstream import Upstream, Weather
from recorder.chaos.virtual import VirtualClock, VirtualLoop, run_virtually
from recorder.config import load_config
from recorder.envelope import Envelope, encode_row
from recorder.leagues import league_of
from recorder.lineup import lineup
from recorder.plan import Planner
from recorder.session import Session
from recorder.tape.identity import HOT
from recorder.tape.writer import TapeWriter
from recorder.times import SECOND_NS

__all__ = ["BEGIN_NS", "HEAL_S", "Record", "fingerprint", "simulate"]

BEGIN_NS = 1_768_514_400_000_000_000
"""2026-01-15 22:00 UTC, two and a half hours before the first night's games."""

HEAL_S = 420.0
"""How long before the end the faults end: longer than any patience and any backoff."""

_SEGMENT_RAW_BYTES = 8 << 20


def fingerprint(envelope: Envelope) -> bytes:
    """Return eight bytes that stand for an envelope."""
    return hashlib.blake2b(encode_row(envelope), digest_size=8).digest()


@dataclass(slots=True)
class Record:
    """
    What an observer outside the recorder saw.

    published holds the fingerprints of what a tap saw, by seq; acked is the last seq that was called durable; strikes
    are the faults that struck, with their times; ends are the times at which the process was killed. Units: UTC ns.
    """

    published: list[bytes] = field(default_factory=list)
    acked: int = -1
    acked_lost: int = 0
    unknown: int = 0
    strikes: list[tuple[int, Strike]] = field(default_factory=list)
    kills: list[int] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    quiet: list[tuple[int, int]] = field(default_factory=list)
    withheld: list[tuple[str, int, int]] = field(default_factory=list)
    retried_syncs: int = 0
    healing_ns: int = 0
    end_ns: int = 0

    def see(self, envelope: Envelope) -> None:
        """Be a tap."""
        self.published.append(fingerprint(envelope))


def simulate(path: Path, *, seed: int, hours: float, on_hour: Callable[[int], None] | None = None) -> Record:
    """
    Record so many hours of faults to a new tape at path and return what was seen from outside.

    on_hour is told each full hour of virtual time.

    Raises:
        UsageError: async-solipsism is not installed, or there is something at path.
    """
    hold: list[VirtualLoop] = []
    return run_virtually(_World(path, seed, hours, hold).run(on_hour), hold)


class _World:
    def __init__(self, path: Path, seed: int, hours: float, hold: list[VirtualLoop]) -> None:
        self._path = path
        self._seconds = hours * 3600
        self._hold = hold
        self._rng = Random(seed)
        self._strikes = schedule(Random(seed + 1), until_s=max(60.0, self._seconds - HEAL_S))
        self._weather = Weather()
        self._clock = VirtualClock(BEGIN_NS)
        self._fs = ChaosFs()
        self._upstream = Upstream(self._weather, Random(seed + 2), self._clock.now_ns)
        self._record = Record()
        self._session: Session | None = None
        self._kill = asyncio.Event()

    async def run(self, on_hour: Callable[[int], None] | None) -> Record:
        base = await self._upstream.start()
        try:
            async with asyncio.timeout(None), asyncio.TaskGroup() as group:
                striking = group.create_task(self._strike_all(group))
                clocking = group.create_task(self._tell_hours(on_hour))
                await self._record_on(base)
                striking.cancel()
                clocking.cancel()
        finally:
            await self._upstream.stop()
        record = self._record
        record.asked = self._upstream.asked
        record.quiet = self._upstream.quiet
        record.end_ns = self._clock.now_ns()
        record.withheld = [(one.token, one.since_ns, one.until_ns or record.end_ns) for one in self._upstream.withheld]
        return record

    async def _tell_hours(self, on_hour: Callable[[int], None] | None) -> None:
        hour = 0
        while on_hour is not None:
            await asyncio.sleep(3600)
            hour += 1
            on_hour(hour)

    # The recorder, as often as it is started ---------------------------------------------------------------------

    async def _record_on(self, base: str) -> None:
        writer = TapeWriter.create(
            self._path, created_ns=BEGIN_NS, label="simulated", fs=self._fs, segment_raw_bytes=_SEGMENT_RAW_BYTES
        )
        while not await self._record_once(writer, base):
            self._fs = ChaosFs()
            self._tear()
            writer = TapeWriter.resume(self._path, fs=self._fs, segment_raw_bytes=_SEGMENT_RAW_BYTES)
            self._record.acked_lost += max(0, self._record.acked + 1 - writer.next_seq)
            self._record.unknown += max(0, writer.next_seq - len(self._record.published))
            del self._record.published[writer.next_seq :]

    async def _record_once(self, writer: TapeWriter, base: str) -> bool:
        """Record to the end, or until the process is killed; return whether it was the end."""
        fs = self._fs
        config = load_config(upstream=base, env={}, folder=self._path).config
        feeds = lineup(config, [league_of("nba")], rng=Random(self._rng.random()))

        def on_durable(seq: int) -> None:
            if not fs.is_dead:
                self._record.acked = seq

        session = Session(writer, self._clock, feeds, Planner(), config, taps=[self._record.see], on_durable=on_durable)
        left_ns = BEGIN_NS + int(self._seconds * 1e9) - self._clock.now_ns()
        self._kill.clear()
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(session.run(for_ns=max(SECOND_NS, left_ns)))
            killed = group.create_task(self._kill.wait())
            await asyncio.wait({recording, killed}, return_when=asyncio.FIRST_COMPLETED)
            if killed.done():
                fs.die()
                recording.cancel()
            killed.cancel()
        self._record.retried_syncs += fs.retried_syncs
        if not fs.is_dead:
            self._record.acked = writer.next_seq - 1
        return not fs.is_dead

    def _tear(self) -> None:
        """Leave half a block behind, as a process does that dies in the middle of a write."""
        last = max((self._path / HOT).glob("*.hot"), default=None)
        if last is not None:
            with last.open("ab") as file:
                file.write(b"\x89GTBLK\r\n" + self._rng.randbytes(self._rng.randrange(300)))

    # Faults ------------------------------------------------------------------------------------------------------

    async def _strike_all(self, group: asyncio.TaskGroup) -> None:
        for strike in self._strikes:
            await self._until_s(strike.at_s)
            self._record.strikes.append((self._clock.now_ns(), strike))
            group.create_task(self._strike(strike))
        await self._until_s(self._seconds - HEAL_S)
        self._record.healing_ns = self._clock.now_ns()

    async def _until_s(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))

    async def _strike(self, strike: Strike) -> None:
        fault, loop = strike.fault, self._hold[0]
        if fault in CLOSES:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._upstream.close_sockets(fault)
        elif fault in HTTP_FAULTS:
            self._weather.answers[strike.where] = fault
            await asyncio.sleep(strike.for_s)
            if self._weather.answers.get(strike.where) is fault:
                del self._weather.answers[strike.where]
        elif fault is Fault.CLOCK_STEP:
            self._clock.step_wall(int(strike.for_s * 1e9))
        elif fault is Fault.FREEZE:
            loop.freeze(strike.for_s)
        elif fault is Fault.DISK_EIO:
            self._fs.fail_sync = True
        elif fault is Fault.DISK_STALL:
            loop.disk_stall_s = strike.for_s
        elif fault is Fault.DISK_FULL:
            fs = self._fs
            fs.is_full = True
            await asyncio.sleep(strike.for_s)
            fs.is_full = False
        elif fault is Fault.KILL:
            self._record.kills.append(self._clock.now_ns())
            self._kill.set()
        else:
            await self._strike_socket(strike)

    async def _strike_socket(self, strike: Strike) -> None:
        weather = self._weather
        if strike.fault in weather.faults:
            return
        weather.faults.add(strike.fault)
        if strike.fault in {Fault.SILENT_ASSET, Fault.NO_SNAPSHOT}:
            tokens = self._upstream.tokens()
            weather.silent_token = self._rng.choice(tokens) if tokens else ""
            # A book that is withheld shows when somebody subscribes.
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._upstream.close_sockets(Fault.CLOSE_1006)
        await asyncio.sleep(strike.for_s)
        weather.faults.discard(strike.fault)
