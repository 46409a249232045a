"""Living through a recorded night again: the recorder's sequencer and a live engine on its tap, as fast as can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from recorder.clock import ManualClock
from recorder.envelope import Envelope, Kind
from recorder.sequencer import RECORDER, Sequencer
from recorder.tape.reader import Tape, open_tape
from recorder.tape.writer import TapeWriter
from replay.live.decisions import LiveConfig
from replay.live.outlet import OutletPlan
from replay.live.tap import LiveEngine
from replay.settings import Setting

__all__ = ["EAGER", "FAILING", "relive", "rewrite"]

EAGER = LiveConfig(setting=Setting(min_edge_u6=20_000, cooldown_ms=30_000))

FAILING = """
from strategies.fusion import SignalFuser

class Failing(SignalFuser):
    name = "failing"
    rows = 0

    def run(self, rows, *others):
        self.rows += len(rows.seq)
        if self.rows > 2_000:
            raise ZeroDivisionError("out of ideas")
        return SignalFuser.run(rows, *others)
"""
"""A strategy that raises after a while, as a module of its own."""


def relive(
    envelopes: Iterable[Envelope],
    path: Path,
    config: LiveConfig = EAGER,
    *,
    say: Callable[[str], None] = lambda _: None,
    before_end: Callable[[], None] = lambda: None,
    plan: OutletPlan | None = None,
    waiting_max: int = 200_000,
    waiting_bytes_max: int = 1 << 30,
    settle_s: float = 600.0,
) -> Tape:
    """
    Record envelopes at path with a live engine beside, and return the tape; an existing one is gone on with.

    before_end is called when everything is recorded and the engine may still be busy.
    """
    writer = TapeWriter.resume(path) if path.exists() else TapeWriter.create(path, created_ns=1)
    bounds = {"waiting_max": waiting_max, "waiting_bytes_max": waiting_bytes_max, "settle_s": settle_s}
    engine = LiveEngine(path, config, say, plan=plan, **bounds)
    with writer:
        asyncio.run(_record(envelopes, writer, engine, before_end))
    engine.close()
    return open_tape(path)


async def _record(
    envelopes: Iterable[Envelope], writer: TapeWriter, engine: LiveEngine, before_end: Callable[[], None]
) -> None:
    clock = ManualClock(writer.last_ns)
    sequencer = Sequencer(writer, clock, engine.taps)
    sequencer.note("session")
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.run(sequencer.put))
        await asyncio.sleep(0)
        for count, one in enumerate(envelopes):
            if one.feed == RECORDER and one.kind is Kind.NOTE and one.facts()["note"] == "session":
                continue
            clock.advance(max(0, one.recv_ns - clock.now_ns()))
            sequencer.put(one.feed, one.kind, conn=one.conn, meta=one.meta, payload=one.payload)
            if count % 100 == 0:
                writer.commit()
                await asyncio.sleep(0)
        before_end()
        engine.finish()


def rewrite(tape: Tape, path: Path, change: Callable[[Envelope], Envelope | None]) -> Tape:
    """Write a tape anew with every envelope changed; None leaves it out, and the later ones move up."""
    with TapeWriter.create(path, created_ns=1) as writer:
        for envelope in tape.read():
            made = change(envelope)
            if made is not None:
                writer.append(
                    Envelope(writer.next_seq, made.recv_ns, made.feed, made.conn, made.kind, made.meta, made.payload)
                )
                if writer.next_seq % 1_000 == 0:
                    writer.commit()
    return open_tape(path)
