"""D1, D7, D8: a process that is killed at any system call loses nothing that it had acknowledged."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from durability.killing import Ended, Zygote, needs_strace, spread
from durability.zygote import EACH, RESUMED, SEGMENT_RAW_BYTES, WRITTEN, envelope, fill

from recorder.envelope import Envelope
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter

pytestmark = needs_strace

_MOST = 10_000 if os.environ.get("GAMETAPE_ALL_KILL_POINTS") else 60
"""Kill points of each job; all of them on demand."""


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.close()


def expected(count: int) -> list[Envelope]:
    return [envelope(seq) for seq in range(count)]


def write(path: Path, count: int) -> None:
    """A tape as an undisturbed writer leaves it."""
    with Path(os.devnull).open("wb") as nowhere:
        fill(TapeWriter.create(path, created_ns=1, segment_raw_bytes=SEGMENT_RAW_BYTES), count, nowhere.fileno())


def tree(path: Path) -> dict[str, bytes]:
    """Every file of a tape but the locks and drafts, which hold a process id or what nobody waits for."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.parent.name != "tmp"]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files if file.suffix != ".lock"}


def kill_everywhere(
    zygote: Zygote, job: str, folder: Path, prepare: Callable[[Path], None], check: Callable[[Path, Ended], None]
) -> int:
    """Kill a job at its system calls, one after the other, each on a fresh tape; return how many kills there were."""
    undisturbed = folder / "undisturbed" / "night"
    prepare(undisturbed)
    calls = zygote.count_calls(job, undisturbed, folder / "calls")
    kills = 0
    for call, nth in spread(calls, _MOST):
        path = folder / "killed" / "night"
        shutil.rmtree(path, ignore_errors=True)
        prepare(path)
        ended = zygote.kill_at(job, path, call, nth)
        assert ended.signal in {0, signal.SIGKILL}
        kills += ended.signal == signal.SIGKILL
        check(path, ended)
    # The allocator and the interpreter may close or open a file more or less.
    assert kills >= 0.95 * min(_MOST, calls.total())
    return kills


def check_prefix(path: Path, acked: int, written: list[Envelope]) -> int:
    """See that a tape holds at least what was acknowledged and nothing that was not written; return how much."""
    read = list(open_tape(path).read())
    assert read == written[: len(read)]
    assert len(read) > acked, f"acknowledged up to {acked}, {len(read)} events left"
    assert all(damage.why == "torn tail" for damage in verify_tape(path, deep=True).damage)
    return len(read)


def check_goes_on(path: Path) -> None:
    """See that a tape can be gone on with, and is then whole."""
    with TapeWriter.resume(path) as writer:
        first = writer.next_seq
        for seq in range(first, first + 4):
            writer.append(envelope(seq))
    assert list(open_tape(path).read()) == expected(first + 4)
    assert verify_tape(path, deep=True).damage == ()


def test_killed_writers_lose_nothing(zygote, folder, tell) -> None:
    """A new recording killed at any system call holds all it acknowledged, nothing half-written, and can go on."""
    events = 0

    def check(path: Path, ended: Ended) -> None:
        nonlocal events
        acked = max(ended.acked, default=-1)
        events += acked + 1
        if not (path / "tape.json").exists():
            assert acked == -1
            write(path, WRITTEN)  # what is left of a birth that was broken off is in nobody's way
            return
        # Seen by a reader, mended by recover, gone on with: three ways into the same tape.
        kept = check_prefix(path, acked, expected(WRITTEN))
        twin = path.with_name("twin") / "night"
        shutil.rmtree(twin, ignore_errors=True)
        shutil.copytree(path, twin)
        assert recover_tape(twin, write=True).lost == ()
        assert list(open_tape(twin).read()) == expected(kept)
        check_goes_on(path)

    def prepare(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)

    kills = kill_everywhere(zygote, "write", folder, prepare, check)
    tell(f"D1 write: {kills} kill points, {events} events acknowledged, lost 0, half-visible 0")


def test_killed_resumptions_lose_nothing(zygote, folder, tell) -> None:
    """A torn recording that is gone on with, and killed at any system call of that, still holds everything."""
    events = 0

    def prepare(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, WRITTEN)
        last = max((path / "hot").iterdir())
        with last.open("ab") as file:
            file.write(b"\x89GTBLK\r\n half a block")

    def check(path: Path, ended: Ended) -> None:
        nonlocal events
        acked = max(ended.acked, default=WRITTEN - 1)
        events += acked + 1
        check_prefix(path, acked, expected(RESUMED))
        check_goes_on(path)

    kills = kill_everywhere(zygote, "resume", folder, prepare, check)
    tell(f"D1 resume: {kills} kill points, {events} events acknowledged, lost 0, half-visible 0")


def test_killed_sealing_changes_no_event(zygote, folder, tell) -> None:
    """Sealing that is killed at any system call leaves the same digest, and a second one finishes the work."""
    before = folder / "before" / "night"
    before.parent.mkdir()
    write(before, WRITTEN)
    digest = open_tape(before).digest()
    tapes = 0

    def prepare(path: Path) -> None:
        shutil.copytree(before, path)

    def check(path: Path, ended: Ended) -> None:
        nonlocal tapes
        assert open_tape(path).digest() == digest
        check_prefix(path, WRITTEN - 1, expected(WRITTEN))
        seal_tape(path)
        assert open_tape(path).digest() == digest
        assert list((path / "hot").iterdir()) == []
        assert verify_tape(path, deep=True).ok
        tapes += 1

    kills = kill_everywhere(zygote, "seal", folder, prepare, check)
    tell(f"D8 seal: {kills} kill points, {tapes} tapes, {tapes} digests equal")


@pytest.mark.parametrize("sealed", [False, True], ids=["hot", "sealed"])
def test_killed_recovery_ends_where_an_undisturbed_one_does(zygote, folder, tell, sealed) -> None:
    """Recovery of a damaged tape, killed anywhere and run again, keeps the same rows; a third run changes no byte."""
    before = folder / "before" / "night"
    before.parent.mkdir()
    write(before, WRITTEN)
    if sealed:
        seal_tape(before)
    middle = sorted((before / ("sealed" if sealed else "hot")).iterdir())[1]
    spoilt = bytearray(middle.read_bytes())
    # More than one byte, which recovery would put right in a sealed segment.
    spoilt[150:158] = bytes(byte ^ 1 for byte in spoilt[150:158])
    middle.write_bytes(spoilt)
    whole = folder / "whole" / "night"
    shutil.copytree(before, whole)
    report = recover_tape(whole, write=True)
    rows, digest = list(open_tape(whole).read()), open_tape(whole).digest()
    assert 0 < len(rows) < WRITTEN
    assert len(rows) >= WRITTEN - 3 * EACH

    def check(path: Path, ended: Ended) -> None:
        recover_tape(path, write=True)
        assert open_tape(path).lost == report.lost
        assert list(open_tape(path).read()) == rows
        assert open_tape(path).digest() == digest
        assert verify_tape(path, deep=True).damage == ()
        after = tree(path)
        assert recover_tape(path, write=True).steps == ()
        assert tree(path) == after

    def prepare(path: Path) -> None:
        shutil.copytree(before, path)

    kills = kill_everywhere(zygote, "recover", folder, prepare, check)
    tell(f"D7 recover, {'sealed' if sealed else 'hot'}: {kills} kill points, {kills} ends equal")
