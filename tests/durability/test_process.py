"""T1, T7: the whole program, stopped and continued by a signal, and under a wall clock that jumps."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from little_upstream import little_upstream

from recorder.envelope import Envelope, Kind
from recorder.session import STALL_NS
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape

_FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


@contextmanager
def recorder(base: str, tape: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program `record` in a process of its own; killed at the end where it still runs."""
    root = Path(__file__).parents[2]
    urls = {f"GAMETAPE_{source}_URL": base for source in ("ESPN", "NBA", "CLOB", "GAMMA")}
    urls["GAMETAPE_MARKET_WS_URL"] = urls["GAMETAPE_SPORTS_WS_URL"] = f"ws{base.removeprefix('http')}/ws/market"
    words = ["record", "--tape", str(tape), "--poll-live", "200ms", "--poll-idle", "200ms"]
    child = subprocess.Popen(
        [sys.executable, "-m", "replay.cli", *words],
        cwd=tape.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **urls, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def when(child: subprocess.Popen[bytes], tape: Path, holds: Callable[[list[Envelope]], object]) -> list[Envelope]:
    """Read the tape beside its writer until something holds."""
    for _ in range(2_400):
        assert child.poll() is None, child.communicate()
        envelopes = list(open_tape(tape).read()) if (tape / "tape.json").exists() else []
        if holds(envelopes):
            return envelopes
        select.select([], [], [], 0.05)
    pytest.fail("it never came to that")


def of(envelopes: list[Envelope], kind: Kind, feed: str = "polymarket.market") -> list[Envelope]:
    return [one for one in envelopes if one.kind is kind and one.feed == feed]


def notes(envelopes: list[Envelope], name: str) -> list[Envelope]:
    return [one for one in of(envelopes, Kind.NOTE, "recorder") if one.facts()["note"] == name]


def end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 0, out.decode()


def test_a_stopped_process_leaves_a_gap_and_no_burst(tmp_path, tell) -> None:
    """
    What came while the process was stopped is not recorded as if it came now.

    SIGSTOP, more than five seconds, SIGCONT: the tape says since when nobody looked, and of which feeds; what the old
    socket had buffered is thrown away inside the gap: no frame on the tape was sent that long before its time.
    """
    tape = tmp_path / "night"
    with little_upstream(chatter_s=0.02) as base, recorder(base, tape) as child:
        when(child, tape, lambda seen: len(of(seen, Kind.FRAME)) > 20)
        child.send_signal(signal.SIGSTOP)
        select.select([], [], [], STALL_NS / 1e9 + 1.0)
        child.send_signal(signal.SIGCONT)
        when(child, tape, lambda seen: len(of(seen, Kind.OPENED)) > 1 and of(seen, Kind.FRAME)[-1].conn > 1)
        end(child)
    envelopes = list(open_tape(tape).read())
    (stalled,) = notes(envelopes, "stalled")
    gap_ns = stalled.recv_ns - int(stalled.facts()["since_ns"])
    assert gap_ns > STALL_NS
    silent = {one.feed for one in envelopes if one.kind is Kind.SILENT and one.facts()["asset"] is None}
    assert {"polymarket.market", "espn.nba", "nba.scoreboard"} <= silent
    (closed,) = [one for one in of(envelopes, Kind.CLOSED) if one.conn == 1]
    assert closed.facts()["reason"] == "stalled"
    assert not [one for one in of(envelopes, Kind.FRAME) if one.conn == 1 and one.seq > stalled.seq]
    changes = [(one.recv_ns, json.loads(one.payload)) for one in of(envelopes, Kind.FRAME)]
    late_ms = [recv_ns / 1e6 - int(told["timestamp"]) for recv_ns, told in changes if isinstance(told, dict)]
    assert max(late_ms) < STALL_NS / 1e6
    assert verify_tape(tape).ok
    tell(f"T7: stopped for {gap_ns / 1e9:.1f} s, marked to the second, 0 of {len(late_ms)} frames stamped late")


@pytest.mark.skipif(_FAKETIME is None, reason="needs libfaketime (apt-get install faketime)")
def test_a_wall_clock_that_jumps_reorders_nothing(tmp_path, tell) -> None:
    """The wall clock goes an hour back and two on while the program records: each step is a note, time never falls."""
    tape, offset = tmp_path / "night", tmp_path / "offset"
    steps_s = (-3600, 7200)
    offset.write_text("+0")
    fake = {
        "LD_PRELOAD": str(_FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with little_upstream(chatter_s=0.02) as base, recorder(base, tape, **fake) as child:
        when(child, tape, lambda seen: len(of(seen, Kind.FRAME)) > 20)
        reached_s = 0
        for count, step_s in enumerate(steps_s, start=1):
            reached_s += step_s
            offset.write_text(f"{reached_s:+d}")
            when(child, tape, lambda seen, count=count: len(notes(seen, "clock_step")) == count)
        end(child)
    envelopes = list(open_tape(tape).read())
    told_s = [round(one.facts()["step_ns"] / 1e9) for one in notes(envelopes, "clock_step")]
    assert told_s == list(steps_s)
    times = [one.recv_ns for one in envelopes]
    assert times == sorted(times)
    assert times[-1] - times[0] < 120_000_000_000, "the tape's time followed the wall clock"
    assert not notes(envelopes, "stalled")
    tell(f"T1: steps of {told_s} s by libfaketime, {len(times)} events, inversions 0")


def test_ctrl_c_ends_though_a_source_hangs(tmp_path, tell) -> None:
    """One SIGINT ends the program cleanly beside a source that takes a question and never answers."""
    tape = tmp_path / "night"
    with (
        little_upstream(chatter_s=0.02) as base,
        socket.create_server(("127.0.0.1", 0)) as mute,
        recorder(base, tape, GAMETAPE_NBA_URL=f"http://127.0.0.1:{mute.getsockname()[1]}") as child,
    ):
        envelopes = when(child, tape, lambda seen: len(of(seen, Kind.FRAME)) > 20)
        began_s = time.monotonic()
        end(child)
        took_s = time.monotonic() - began_s
    assert list(open_tape(tape).read())[: len(envelopes)] == envelopes
    assert open_tape(tape).closed
    tell(f"Ctrl-C beside a source that hangs: a clean end after {took_s:.1f} s")
