from __future__ import annotations

import io

from rich.console import Console

from recorder.config import Config
from recorder.operate.look import Machine, look
from recorder.operate.screen import draw
from recorder.operate.watch import Watch

S = 1_000_000_000
T0_NS = 1_768_505_400 * S


def drawn(script, at_s: int, *, pid: int | None = 7, rows_max: int = 100, width: int = 130) -> str:
    watch = Watch()
    for envelope in script.envelopes:
        watch(envelope)
    machine = Machine(pid=pid, resident_bytes=44 << 20, disk_free_bytes=1 << 30, tape_bytes=1 << 20)
    console = Console(file=io.StringIO(), width=width)
    seen = look("tonight", watch, machine, Config(), T0_NS + at_s * S, {"nba:401": "88-91  P3 4:12"})
    console.print(draw(seen, width=width, rows_max=rows_max))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_verdict_stands_above_all(script) -> None:
    """Tape, verdict, feeds, games, machine, in this order, each on lines of its own."""
    night = script()
    night.plan(0)
    night.opened(1, 1)
    night.books(2, 1)
    lines = drawn(night, 3).splitlines()
    assert lines[0].startswith("tonight  2026-01-15 19:30:03 UTC  3 events in 0:00:02")
    assert lines[1].strip() == "recording is good"
    (market,) = [line.split() for line in lines if line.startswith("polymarket.market")]
    assert market[:4] == ["polymarket.market", "LIVE", "1.0", "s"]
    (game,) = [line.split("  ") for line in lines if line.startswith("Knicks @ Pacers")]
    assert game[1:3] == ["88-91", "P3 4:12"]
    assert "recorder 7  memory 44.0 MiB  durable 1.0 s ago" in lines[-1]


def test_a_dead_recorder_says_so(script) -> None:
    """Without a recorder the second line is the reason, and nothing is called live."""
    night = script()
    night.opened(1, 1)
    night.books(2, 1)
    text = drawn(night, 30_000, pid=None)
    assert text.splitlines()[1].strip() == "recorder is not running; last event 8 h ago"
    assert "LIVE" not in text


def test_strangers_steer_no_terminal(script) -> None:
    """A reason that a server sent cannot write escape sequences."""
    from recorder.envelope import Kind

    night = script()
    night.put(1, "espn.nba", Kind.FAILED, why="\x1b[2Jgone")
    assert "\x1b" not in drawn(night, 2)


def test_games_that_do_not_fit_are_counted(script) -> None:
    """What the screen has no room for is said to be there."""
    night = script()
    night.plan(0)
    assert "1 more games" in drawn(night, 2, rows_max=0)


def test_a_narrow_terminal_cuts_no_number(script) -> None:
    """On 80 columns every number is whole, nothing wraps, and what can be spared is left out; trouble is cut first."""
    night = script()
    night.opened(1, 1)
    night.books(2, 1)
    night.closed(3, 1)
    night.espn(4, "in")
    wide, narrow = drawn(night, 5), drawn(night, 5, width=80)
    assert "lag p50" in wide
    assert "lag p50" not in narrow
    assert max(len(line.rstrip()) for line in narrow.splitlines()) <= 80
    (market,) = [line.split() for line in narrow.splitlines() if line.startswith("polymarket.market  ")]
    assert market[:7] == ["polymarket.market", "RECONNECTING", "3.0", "s", "0.0", "1", "0"]
    assert "\u2026" not in narrow
