"""A real disk that is really full: a small tmpfs in a mount namespace of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.clock import SystemClock
from recorder.config import Config
from recorder.envelope import Envelope, Kind
from recorder.errors import DiskError
from recorder.feeds.base import Command, Input, Note, WakeAt
from recorder.session import Session
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.reserve import RESERVE_FILE, Reserve
from recorder.tape.writer import TapeWriter

_FREE_BYTES = 64 * 1024


class Chatter:
    """A feed that says a little that cannot be compressed a hundred times a second."""

    name = "espn.nba"

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        del happened
        return [Note("noise", {"text": os.urandom(1000).hex()}), WakeAt(now_ns + 10_000_000)]


class NoPlan:
    def see(self, feed: str, body: bytes) -> None:
        del feed, body


class Flood:
    """A feed that says a lot that cannot be compressed."""

    name = "espn.nba"

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        del happened
        return [*(Note("noise", {"text": os.urandom(1000).hex()}) for _ in range(10)), WakeAt(now_ns + 10_000_000)]


def fill_for_good(disk: Path) -> None:
    """Record until the disk is full, and then until too much waits for it: what was set aside takes it all."""
    seen: list[int] = []

    async def main(writer: TapeWriter, reserve: Reserve) -> None:
        config = Config(backlog_mib=1)
        taps = [lambda envelope: seen.append(envelope.seq)]
        session = Session(writer, SystemClock(), [Flood()], NoPlan(), config, taps=taps, make_room=reserve.release)
        await session.run(for_ns=300_000_000_000)

    writer = TapeWriter.create(disk / "night", created_ns=1)
    with Reserve(writer.path, 2 << 20) as reserve:
        assert reserve.is_held
        (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - _FREE_BYTES))
        with pytest.raises(DiskError) as caught:
            asyncio.run(main(writer, reserve))
    assert ", 0 envelopes after it are not" in caught.value.why, caught.value.why
    envelopes = list(open_tape(disk / "night").read())
    assert [one.seq for one in envelopes] == seen
    last = envelopes[-1].facts()
    assert (last["note"], last["why"]) == ("halted", "No space left on device")
    assert open_tape(disk / "night").closed
    assert verify_tape(disk / "night").ok
    assert not (disk / "night" / RESERVE_FILE).exists()


def fill_and_free(disk: Path) -> None:
    """Record until the disk is full, free it, record until it takes everything again, and check the tape."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - _FREE_BYTES))
    notes: list[str] = []
    acks: list[int] = []

    async def main() -> int:
        def tap(envelope: Envelope) -> None:
            if envelope.kind is not Kind.NOTE or envelope.facts()["note"] == "feed":
                return
            notes.append(envelope.facts()["note"])
            if notes[-1] == "disk_refused":
                ballast.unlink()
            if notes[-1] == "disk_back":
                session.stop()

        writer = TapeWriter.create(disk / "night", created_ns=1)
        session = Session(writer, SystemClock(), [Chatter()], NoPlan(), Config(), taps=[tap], on_durable=acks.append)
        await session.run(for_ns=300_000_000_000)
        return writer.next_seq

    events = asyncio.run(main())
    assert notes == ["session", "disk_refused", "disk_back"], notes
    envelopes = list(open_tape(disk / "night").read())
    assert [e.seq for e in envelopes] == list(range(events))
    assert acks == sorted(acks)
    assert verify_tape(disk / "night").ok


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare to mount a disk")
@pytest.mark.parametrize("what", ["fill_and_free", "fill_for_good"])
def test_a_disk_that_is_really_full(tmp_path, what: str) -> None:
    """
    ENOSPC of a real disk loses nothing.

    It is noted, and recording goes on by itself when space returns. Where none does, recording halts, and what was set
    aside takes all that waited, the last word that says so, and a clean end.
    """
    mount = (
        f"mount -t tmpfs -o size=4m none {tmp_path} 2>/dev/null || exit 77; "
        f"exec {sys.executable} {__file__} {what} {tmp_path}"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("no mount is allowed here")
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    {"fill_and_free": fill_and_free, "fill_for_good": fill_for_good}[sys.argv[1]](Path(sys.argv[2]))
