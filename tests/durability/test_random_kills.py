"""D1: the whole recorder, its sockets and all, and its sealer, killed at random times again and again on one tape."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from little_upstream import little_upstream

from recorder.envelope import Kind
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape

_KILLS = int(os.environ.get("GAMETAPE_KILLS", "12"))
"""How many; more on demand."""

_EACH_TAPE = 20
_PAUSE_S = 0.6


def acked(acks: Path) -> int:
    """The last seq of which the recorder was told that it is durable; a number that was cut off counts for nothing."""
    lines = acks.read_bytes().split(b"\n")[:-1] if acks.exists() else []
    return int(lines[-1]) if lines else -1


def sealers(pid: int) -> list[int]:
    """Every process that a recorder has started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def run_and_kill(
    zygote: subprocess.Popen[str], words: str, acks: Path, after_s: float, *, sealer_first: bool | None
) -> int:
    """
    Let a recorder come so far that it acknowledges something, and kill it a random moment later; its sealer too.

    sealer_first: whether that one dies before it; None: never, it works on alone. Returns how many sealers were killed.
    """
    assert zygote.stdin is not None
    assert zygote.stdout is not None
    before = acked(acks)
    zygote.stdin.write(f"{words}\n")
    zygote.stdin.flush()
    pid = int(zygote.stdout.readline())
    for _ in range(12_000):
        if acked(acks) > before:
            break
        select.select([], [], [], 0.01)
    select.select([], [], [], after_s)
    doomed = [] if sealer_first is None else sealers(pid)
    for one in [*doomed, pid] if sealer_first else [pid, *doomed]:
        with contextlib.suppress(ProcessLookupError):  # a sealer may have ended by itself
            os.kill(one, signal.SIGKILL)
    status = int(zygote.stdout.readline())
    assert os.WIFSIGNALED(status), f"the recorder ended by itself with {status}"
    return len(doomed)


def test_killed_at_random_times(folder: Path, tell: Callable[[str], None]) -> None:
    """After each SIGKILL everything acknowledged is there, nothing before it has changed, and every byte verifies."""
    rng = random.Random(20260115)
    root = Path(__file__).parents[2]
    kept, events, sealers_killed = 0, 0, 0
    with (
        little_upstream(chatter_s=0.002) as base,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("recorder_zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}:{root / 'tests'}"},
        ) as zygote,
    ):
        for kill in range(_KILLS):
            tape = folder / f"night{kill // _EACH_TAPE}"
            acks = folder / f"acks{kill // _EACH_TAPE}"
            before = list(open_tape(tape).read()) if tape.exists() else []
            how = rng.choice((True, False, None))
            words, after_s = f"{base} {tape} {acks}", rng.uniform(0, _PAUSE_S)
            sealers_killed += run_and_kill(zygote, words, acks, after_s, sealer_first=how)
            after = list(open_tape(tape).read())
            assert [one.seq for one in after] == list(range(len(after)))
            assert after[: len(before)] == before
            assert len(after) > acked(acks), f"acknowledged up to {acked(acks)}, {len(after)} on the tape"
            assert verify_tape(tape, deep=True).damage == ()
            kept += len(after) - len(before)
            events = max(events, sum(one.kind is Kind.FRAME for one in after))
        assert zygote.stdin is not None
        zygote.stdin.close()
        # Sealers that were left alone end by themselves.
        with (tape / "seal.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    assert any((tape / "sealed").iterdir()), "nothing was sealed meanwhile"
    assert events > 50, "nothing was recorded that could have been lost"
    kills = f"{_KILLS} SIGKILLs of the whole recorder and {sealers_killed} of its sealer"
    tell(f"D1: {kills} at random times, {kept} events, acknowledged events lost 0")
