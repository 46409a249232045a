"""
A process that has imported the whole recorder and forks one for each line, so that many kills cost no many starts.

A line is `BASE TAPE ACKS`: the child records from that base onto that tape, or goes on with it, and appends every seq
that it was told is durable to the file of acks. The answers are its pid, and later its wait status.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from recorder.cli import _open_tape, _run
from recorder.clock import SystemClock
from recorder.config import load_config
from recorder.leagues import LEAGUES
from recorder.lineup import lineup  # noqa: F401  loaded before the first fork
from recorder.plan import Planner  # noqa: F401
from recorder.progress import Tally
from recorder.session import Session  # noqa: F401


class AckingTally(Tally):
    """Says what is durable where it survives this process."""

    acks_fd = -1

    def on_durable(self, seq: int) -> None:
        os.write(self.acks_fd, b"%d\n" % seq)


def record(base: str, tape: Path, acks: Path) -> None:
    config = load_config(
        {"poll_live_s": 0.05, "poll_idle_s": 0.05, "reserve_mib": 0, "segment_mib": 1}, upstream=base, env={}
    ).config
    writer = _open_tape(config, tape, "")
    clock = SystemClock(not_before_ns=writer.last_ns)
    tally = AckingTally()
    tally.acks_fd = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    asyncio.run(_run(config, [LEAGUES["nba"]], writer, clock, tally, None, None))


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        base, tape, acks = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                record(base, Path(tape), Path(acks))
            except BaseException as error:  # noqa: BLE001  the parent sees it
                os.write(2, repr(error).encode() + b"\n")
            os._exit(1)
        say(pid)
        _, status = os.waitpid(pid, 0)
        say(status)


if __name__ == "__main__":
    main()
