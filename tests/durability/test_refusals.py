"""D3, D4: a disk that refuses is said loudly, costs nothing acknowledged, and no file that failed is synced again."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from durability.zygote import envelope

from recorder.errors import DiskError
from recorder.tape.fs import RealFs
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.recover import recover_tape
from recorder.tape.segment import TORN_TAIL
from recorder.tape.writer import TapeWriter

EVENTS = 15
ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EIO]


class RefusingFs(RealFs):
    """Refuses from one call on, for so many; a refused sync loses what it should have made durable, as Linux does."""

    def __init__(self, error: int, *, is_short: bool = False) -> None:
        self.calls = 0
        self.refused = 0
        self.window = range(0)
        self.retried: list[int] = []
        self._error = error
        self._is_short = is_short
        self._durable: dict[int, int] = {}
        self._failed: set[int] = set()

    def _call(self) -> None:
        self.calls += 1
        if self.calls in self.window:
            self.refused += 1
            raise OSError(self._error, os.strerror(self._error))

    def create(self, path: Path) -> int:
        self._call()
        fd = super().create(path)
        self._durable[fd] = 0
        self._failed.discard(fd)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        if self._is_short and self.calls + 1 in self.window:
            super().write(fd, data[: len(data) // 2])
        self._call()
        super().write(fd, data)

    def sync_data(self, fd: int) -> None:
        if fd in self._failed:
            self.retried.append(fd)
        try:
            self._call()
        except OSError:
            self._failed.add(fd)
            os.ftruncate(fd, self._durable[fd])
            raise
        self._durable[fd] = os.fstat(fd).st_size

    def sync_dir(self, path: Path) -> None:
        self._call()

    def truncate(self, path: Path, size: int) -> None:
        self._call()
        super().truncate(path, size)

    def unlink(self, path: Path) -> None:
        self._call()
        super().unlink(path)


def record(path: Path, fs: RefusingFs, nth: int = 0, lasts: int = 0) -> int:
    """Record with a commit for every event, refused from its nth call on; return how much was acked and not there."""
    writer = TapeWriter.create(path, created_ns=1, fs=fs, segment_raw_bytes=420)
    born = fs.calls
    fs.window = range(born + nth, born + nth + lasts)
    acked, lost, whys = -1, 0, []
    for seq in range(EVENTS):
        writer.append(envelope(seq))
        try:
            acked = writer.commit()
        except DiskError as error:
            whys.append(error.why)
            lost = max(lost, acked + 1 - len(open_tape(path)))
    fs.window = range(0)
    writer.close()
    assert all(whys)
    fs.calls -= born
    return lost


@pytest.mark.parametrize("lasts", [1, 5])
def test_every_refusal_at_every_call(folder, tell, lasts) -> None:
    """Each error at each call, once or for a while: the commit says so, nothing acked goes, and it heals by itself."""
    fs = RefusingFs(errno.EIO)
    record(folder / "counting", fs)
    injections = 0
    for error in [*ERRORS, 0]:
        for nth in range(1, fs.calls, 1 if lasts == 1 else 3):
            path = folder / f"e{error}-{nth}"
            # 0 stands for a short write that the disk gives no more reasons for than a full one.
            one = RefusingFs(error or errno.ENOSPC, is_short=error == 0)
            assert record(path, one, nth, lasts) == 0
            injections += one.refused
            assert one.retried == [], "a failed sync was tried again on the same file"
            assert list(open_tape(path).read()) == [envelope(seq) for seq in range(EVENTS)]
            # Where even cutting off what was refused is refused, it hangs on behind the segment until it is recovered.
            assert {damage.why for damage in verify_tape(path, deep=True).damage} <= {TORN_TAIL}
            assert recover_tape(path, write=True).lost == ()
            assert verify_tape(path, deep=True).damage == ()
    assert injections > 100
    tell(f"D3/D4 refusals of {lasts} calls: {injections} injections, acked lost 0, failed syncs retried 0")


def limited(path: Path, limit: int) -> None:
    """Record below a file size limit until refused, then without it; run as a process of its own."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = TapeWriter.create(path, created_ns=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    refused = 0
    for seq in range(60):
        one = envelope(seq)
        writer.append(type(one)(seq, one.recv_ns, one.feed, 0, one.kind, b"", os.urandom(1000)))
        try:
            writer.commit()
        except DiskError:
            refused += 1
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    writer.close()
    assert refused == 1, refused
    assert [one.seq for one in open_tape(path).read()] == list(range(60))
    assert verify_tape(path, deep=True).ok


def test_a_file_size_limit_is_one_refusal(tmp_path) -> None:
    """RLIMIT_FSIZE cuts a write short and then refuses: it is a refusal like any other."""
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "night"), "20000"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(__file__).parents[up]) for up in (1, 2))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_dev_full_refuses_loudly() -> None:
    """The kernel's own full disk: the write says so, whatever came before it."""
    fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        RealFs().write(fd, b"x")
    RealFs().close(fd)


if __name__ == "__main__":
    limited(Path(sys.argv[1]), int(sys.argv[2]))
