"""
The check before a night: is this machine ready to record, and did the last night end well?

Every check ends in ok, warn or fail, says what it found and, unless it is ok, what to do. Nothing is asked of the
network here; `recorder.net.probe` does that where it is wanted.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from recorder.clock import Clock, Discipline, clock_discipline
from recorder.config import Config
from recorder.envelope import Kind
from recorder.errors import GametapeError
from recorder.leagues import GAME_ZONE
from recorder.lineup import check_manners
from recorder.net.probe import Answer, Unreachable
from recorder.operate.machine import disk_free_bytes, fsyncs_ms, open_files_max, recorder_pid
from recorder.plan import Plan
from recorder.sequencer import RECORDER
from recorder.tape.identity import HOT
from recorder.tape.locate import list_tapes, tape_bytes
from recorder.tape.reader import Tape, open_tape
from recorder.tape.show import moment, size
from recorder.times import SECOND_NS

__all__ = ["Check", "Level", "check_host", "check_machine", "check_plan"]

Level = Literal["ok", "warn", "fail"]

_CLOCK_ERROR_MS_MAX = 500.0
_FSYNC_MS = (100.0, 1000.0)
_DISK_HOURS = (12.0, 2.0)
_DISK_BYTES = (20 << 30, 1 << 30)
_OPEN_FILES = (1024, 256)
_LATELY = 1_000_000
_SOON_NS = 30 * 60 * SECOND_NS
_HOST_MS_MAX = 2000.0
_HOST_AHEAD_S_MAX = 1.0


class Check(msgspec.Struct, frozen=True):
    """One check: how it ended, what was found, and what to do where it is not ok."""

    name: str
    level: Level
    said: str
    fix: str = ""


def check_machine(config: Config, clock: Clock, *, port: int) -> list[Check]:
    """Check what can be checked without asking anybody else."""
    folder = _existing(Path(config.tapes_dir))
    tapes = list_tapes(Path(config.tapes_dir))
    last = max(tapes, key=_written_ns, default=None)
    return [
        _configuration(config),
        _time_zone(),
        _clock(clock_discipline()),
        *_last_tape(last),
        _unsealed(tapes),
        _disk_space(folder, last),
        _disk_speed(folder, clock),
        _open_files(),
        _port(port),
    ]


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there: its disk is the one that will be written."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _by_limits(value: float, warn: float, fail: float) -> Level:
    """Judge a value that must not be below its limits."""
    return "fail" if value < fail else "warn" if value < warn else "ok"


# This program ------------------------------------------------------------------------------------------------


def _configuration(config: Config) -> Check:
    try:
        check_manners(config)
    except GametapeError as error:
        return Check("configuration", "fail", error.what, error.hint)
    return Check("configuration", "ok", f"leagues {', '.join(config.leagues)}; tapes in {config.tapes_dir}")


def _time_zone() -> Check:
    """See that the game day can be told: the zone's data knows both clocks of New York."""
    hours = [datetime(2026, month, 15, tzinfo=UTC).astimezone(GAME_ZONE).hour for month in (1, 7)]
    if hours != [19, 20]:
        return Check("time zone", "fail", "New York's clock is not set twice a year", "pip install --upgrade tzdata")
    return Check("time zone", "ok", "New York's game day is known")


def _clock(kept: Discipline | None) -> Check:
    fix = "timedatectl set-ntp true, or start chronyd"
    if kept is None:
        return Check("clock", "warn", "this system does not say whether its clock is kept", fix)
    if not kept.is_kept:
        return Check("clock", "warn", "nobody keeps the clock: NTP is not synchronised", fix)
    level: Level = "warn" if kept.error_ms_max > _CLOCK_ERROR_MS_MAX else "ok"
    return Check("clock", level, f"kept, at most {kept.error_ms_max:.0f} ms wrong", "" if level == "ok" else fix)


# The last night ----------------------------------------------------------------------------------------------


def _written_ns(tape: Path) -> int:
    lock = tape / "lock"
    return lock.stat().st_mtime_ns if lock.exists() else 0


def _last_tape(path: Path | None) -> Iterator[Check]:
    if path is None:
        yield Check("last tape", "ok", "none yet")
        return
    try:
        tape = open_tape(path)
    except GametapeError as error:
        yield Check("last tape", "fail", error.what, f"gametape recover {path}")
        return
    yield _how_it_ended(tape, path)
    yield _steps(tape)


def _how_it_ended(tape: Tape, path: Path) -> Check:
    """Say whether the last recording ended cleanly, and if not, what that cost."""
    when = f"{path.name}, {len(tape):,} events to {moment(tape.last_ns)} UTC"
    pid = recorder_pid(path)
    if tape.damage:
        worst = tape.damage[0]
        said = f"{when}: damaged, {worst.file} at byte {worst.offset}: {worst.why}"
        return Check("last tape", "fail", said, f"gametape recover {path} --write")
    if pid is not None:
        return Check("last tape", "ok", f"{when}: being recorded by process {pid}")
    lost = sum(last_seq - first_seq + 1 for first_seq, last_seq in tape.lost)
    if lost:
        return Check("last tape", "warn", f"{when}: {lost:,} events were given up", f"gametape info {path}")
    if tape.closed or not len(tape):
        return Check("last tape", "ok", f"{when}: ended cleanly")
    cut = "; a block that was cut short and never acknowledged is left over" if tape.torn else ""
    said = f"{when}: the recorder died; nothing that was acknowledged is lost{cut}"
    return Check("last tape", "warn", said, f"gametape recover {path} --write, or go on with it: record --tape {path}")


def _steps(tape: Tape) -> Check:
    """Count how often the clock was stepped and the process stood still lately on a tape."""
    counts = {"clock_step": 0, "stalled": 0, "disk_refused": 0}
    with contextlib.suppress(GametapeError):
        for envelope in tape.read(max(0, tape.next_seq - _LATELY), feeds=[RECORDER]):
            note = envelope.facts().get("note") if envelope.kind is Kind.NOTE else None
            if note in counts:
                counts[str(note)] += 1
    said = (
        f"{counts['clock_step']} clock steps, {counts['stalled']} stalls, "
        f"{counts['disk_refused']} refusals of the disk on {tape.name}"
    )
    if not any(counts.values()):
        return Check("last night", "ok", said)
    return Check("last night", "warn", said, f"gametape cat {tape.name} --feed recorder | grep -v pulse")


def _unsealed(tapes: list[Path]) -> Check:
    """Name the tapes that still lie there as they were written, which costs room and nothing else."""
    hot = [path.name for path in tapes if recorder_pid(path) is None and any((path / HOT).glob("*.hot"))]
    if not hot:
        return Check("unsealed", "ok", "no tape waits to be sealed")
    more = f" and {len(hot) - 3} more" if len(hot) > 3 else ""
    said = f"{', '.join(hot[:3])}{more}"
    return Check("unsealed", "warn", said, f"gametape verify {hot[0]} && gametape seal {hot[0]}")


# The machine -------------------------------------------------------------------------------------------------


def _disk_space(folder: Path, last: Path | None) -> Check:
    free = disk_free_bytes(folder)
    fix = "free space, or set tapes_dir to a larger disk"
    hourly = None if last is None else _bytes_per_hour(last)
    if not hourly:
        level = _by_limits(free, *_DISK_BYTES)
        return Check("disk space", level, f"{size(free)} free at {folder}", "" if level == "ok" else fix)
    hours = free / hourly
    level = _by_limits(hours, *_DISK_HOURS)
    said = f"{size(free)} free at {folder}: {hours:,.0f} h at {size(int(hourly))}/h, as last recorded"
    return Check("disk space", level, said, "" if level == "ok" else fix)


def _bytes_per_hour(path: Path) -> float | None:
    with contextlib.suppress(GametapeError):
        tape = open_tape(path)
        span_ns = tape.last_ns - tape.first_ns
        if span_ns > 60 * SECOND_NS:
            return tape_bytes(path) / (span_ns / SECOND_NS) * 3600
    return None


def _disk_speed(folder: Path, clock: Clock) -> Check:
    try:
        took_ms = sorted(fsyncs_ms(folder, clock))
    except OSError as error:
        return Check("disk", "fail", f"cannot write to {folder}: {error.strerror}", "is tapes_dir right, and writable?")
    worst = took_ms[-1]
    warn_ms, fail_ms = _FSYNC_MS
    level: Level = "fail" if worst > fail_ms else "warn" if worst > warn_ms else "ok"
    said = f"64 KiB durable in {took_ms[len(took_ms) // 2]:.1f} ms, at worst {worst:.1f} ms of {len(took_ms)}"
    return Check("disk", level, said, "" if level == "ok" else "a local disk; not a network file system")


def _open_files() -> Check:
    most = open_files_max()
    level = _by_limits(most, *_OPEN_FILES)
    return Check("open files", level, f"{most:,} at most", "" if level == "ok" else "ulimit -n 4096")


def _port(port: int) -> Check:
    with socket.socket() as probe:
        # As every server of ours binds: a port that only waits for its last packets is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Check("port", "warn", f"{port}: {os.strerror(error.errno or 0)}", "gametape live --port 0")
    return Check("port", "ok", f"{port} is free")


# The network -------------------------------------------------------------------------------------------------


def check_host(host: str, answer: Answer | Unreachable) -> Check:
    """Judge how a host answered."""
    if isinstance(answer, Unreachable):
        return Check(host, "fail", answer.why, "is the machine online, and does a proxy or a firewall stand between?")
    said = f"address in {answer.resolved_ms:.0f} ms, answer in {answer.answered_ms:.0f} ms"
    if answer.ahead_s is not None and abs(answer.ahead_s) > _HOST_AHEAD_S_MAX:
        return Check(
            host, "warn", f"{said}; its clock is {answer.ahead_s:+.0f} s from ours", "set this machine's clock"
        )
    if answer.answered_ms > _HOST_MS_MAX:
        return Check(host, "warn", f"{said}: slow", "another network, or another place")
    return Check(host, "ok", said)


def check_plan(plan: Plan, now_ns: int) -> list[Check]:
    """Judge tonight's schedule: is there a game, and does every game that begins soon have its market?"""
    checks = []
    for game in plan.unmatched:
        starts = f"{game.league}: {game.away} @ {game.home} at {moment(game.start_ns)} UTC"
        is_soon = game.start_ns is not None and game.start_ns - now_ns < _SOON_NS
        fix = "gametape games; a game without a market is recorded without books"
        checks.append(Check("game without market", "fail" if is_soon else "warn", f"{starts}: {game.reason}", fix))
    if not plan.games and not plan.unmatched:
        return [Check("tonight", "warn", "no game", "gametape games --date YYYY-MM-DD")]
    first = min((game.start_ns for game in plan.games if game.start_ns is not None), default=None)
    said = f"{len(plan.games)} games with a market, {len(plan.unmatched)} without"
    return [Check("tonight", "ok", f"{said}; the first at {moment(first)} UTC"), *checks]
