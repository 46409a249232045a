"""
The writer of a tape: envelopes in, durable blocks out, one writer at a time.

Theory of operation: `append` renders an envelope and buffers it. `commit` writes what is buffered as a block, waits
until the disk has it and only then counts it as acknowledged. Where a write or a sync fails, the file is given up for
good (the kernel may have dropped the dirty pages and would call a second sync a success), what was not acknowledged
stays buffered, and the next commit writes it into a new segment. Segments end after a fixed number of bytes of rows, so
where they end depends on what was recorded and not on when it was committed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import zstandard

from recorder.envelope import Envelope, encode_row
from recorder.errors import UsageError
from recorder.tape.blocks import BLOCK_RAW_MAX, GENESIS, ZSTD_LEVEL, encode_block
from recorder.tape.catalog import read_catalog
from recorder.tape.fs import Fs, RealFs, disk_error, disk_errors, publish
from recorder.tape.identity import (
    HOT,
    IDENTITY_FILE,
    LOCK_FILE,
    MANIFEST,
    SEALED,
    TMP,
    TapeIdentity,
    check_name,
    encode_identity,
    new_identity,
)
from recorder.tape.lock import FileLock
from recorder.tape.plain import NotPlainError, oddity, open_plain
from recorder.tape.segment import SEGMENT_HEAD, SegmentHead, encode_segment_head, hot_name
from recorder.tape.tail import cut_tail

__all__ = ["SEGMENT_RAW_BYTES", "TapeLock", "TapeWriter", "is_being_written", "refuse_taken"]

SEGMENT_RAW_BYTES = 128 * 1024 * 1024
_BLOCK_RAW_BYTES = 4 * 1024 * 1024


class TapeLock(FileLock):
    """The right to write a tape: a lock on a file in it."""

    def __init__(self, path: Path, file: str = LOCK_FILE) -> None:
        """
        Take the lock of the tape at path.

        Raises:
            LockedError: another process (or this one) holds it.
            CorruptError: what has the lock's name is no file.
        """
        hint = "record under another name: gametape record --tape NAME"
        super().__init__(path / file, what=f"tape {path.name} is being written", hint=hint)


def is_being_written(path: Path) -> bool:
    """Say whether a process holds the writer's lock of a tape."""
    try:
        with open_plain(path / LOCK_FILE) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, NotPlainError):
        # No writer locks anything but a file.
        return False
    return False


@dataclass(slots=True)
class _Batch:
    """Rows that go into one block; fresh says that a new segment begins with them."""

    rows: list[bytes]
    raw_len: int
    first_seq: int
    first_ns: int
    last_ns: int
    fresh: bool


@dataclass(slots=True)
class _OpenSegment:
    fd: int
    path: Path
    durable_size: int


class TapeWriter:
    """
    The one writer of a tape. `append` and `commit` may run in different threads.

    next_seq is what the next envelope must carry; last_ns is recv_ns of the newest one, 0 before the first; durable_seq
    is the last seq that survives a power cut, -1 before the first; segment_seq is the first one of the segment that is
    being written, -1 before the first.
    """

    def __init__(  # noqa: PLR0913  # what resume found out; callers use create and resume
        self,
        path: Path,
        identity: TapeIdentity,
        lock: TapeLock,
        *,
        fs: Fs,
        next_seq: int = 0,
        last_ns: int = 0,
        chain: bytes = GENESIS,
        segment_raw_bytes: int = SEGMENT_RAW_BYTES,
    ) -> None:
        """Begin at next_seq; see `create` and `resume`."""
        self.path = path
        self.identity = identity
        self.next_seq = next_seq
        self.last_ns = last_ns
        self.durable_seq = next_seq - 1
        self.segment_seq = -1
        self._fs = fs
        self._lock = lock
        self._chain = chain
        self._segment_raw_bytes = segment_raw_bytes
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self._segment: _OpenSegment | None = None
        self._segment_raw = 0
        self._begin_segment = True
        self._open: _Batch | None = None
        self._full: list[_Batch] = []
        self._buffer_guard = threading.Lock()
        self._commit_guard = threading.Lock()

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        created_ns: int,
        label: str = "",
        fs: Fs | None = None,
        segment_raw_bytes: int = SEGMENT_RAW_BYTES,
    ) -> Self:
        """
        Begin a new tape in a new directory. The directory's name is the tape's.

        Units: created_ns is UTC nanoseconds; a segment ends before its rows exceed segment_raw_bytes.

        Raises:
            UsageError: the name is no tape name, or something is there already.
            LockedError: it is being written.
            DiskError: the disk refused.
        """
        path, fs = Path(path), fs or RealFs()
        identity = new_identity(path.name, created_ns=created_ns, label=label)
        _refuse_other(path)
        with disk_errors(path):
            fs.make_dir(path)
            lock = TapeLock(path)
            try:
                refuse_taken(path)
                for part in (HOT, SEALED, MANIFEST, TMP):
                    fs.make_dir(path / part)
                # What makes it a tape comes last: no power cut may keep tape.json and lose what it stands for.
                fs.sync_dir(path)
                publish(fs, path / TMP, path / IDENTITY_FILE, encode_identity(identity))
                fs.sync_dir(path.parent)
            except BaseException:
                lock.release()
                raise
        return cls(path, identity, lock, fs=fs, segment_raw_bytes=segment_raw_bytes)

    @classmethod
    def resume(cls, path: Path | str, *, fs: Fs | None = None, segment_raw_bytes: int = SEGMENT_RAW_BYTES) -> Self:
        """
        Go on with a tape, in a new segment, after cutting off what a crash left half-written.

        Cut-off bytes are kept under `quarantine/`. Damage elsewhere is left for `recover`; it never stops a recording.

        Raises:
            UsageError: there is no tape.
            CorruptError: its `tape.json` is damaged.
            LockedError: it is being written.
            DiskError: the disk refused.
        """
        path, fs = Path(path), fs or RealFs()
        read_catalog(path)
        with disk_errors(path):
            lock = TapeLock(path)
            try:
                catalog = read_catalog(path)
                for part in (HOT, SEALED, MANIFEST, TMP):
                    # Git and object storage keep no empty folders.
                    fs.make_dir(path / part)
                cut_tail(fs, catalog)
            except BaseException:
                lock.release()
                raise
        return cls(
            path,
            catalog.identity,
            lock,
            fs=fs,
            next_seq=catalog.next_seq,
            last_ns=catalog.last_ns,
            chain=catalog.chain,
            segment_raw_bytes=segment_raw_bytes,
        )

    def append(self, envelope: Envelope) -> None:
        """Buffer an envelope. It is durable only after a `commit`."""
        assert envelope.seq == self.next_seq, f"seq {envelope.seq} where {self.next_seq} is next"
        recv_ns = envelope.recv_ns
        assert recv_ns >= self.last_ns, f"recv_ns {recv_ns} falls behind {self.last_ns}"
        if envelope.meta:
            envelope.meta.decode()  # sealed segments hold meta as text
        row = encode_row(envelope)
        size = len(row)
        assert size <= BLOCK_RAW_MAX, f"an envelope of {size} bytes"
        with self._buffer_guard:
            batch = self._open
            if batch is not None and batch.raw_len + size <= _BLOCK_RAW_BYTES and not self._is_segment_full(size):
                batch.rows.append(row)
                batch.raw_len += size
                batch.last_ns = recv_ns
            else:
                self._start_batch(row, envelope)
            self._segment_raw += size
            self.next_seq = envelope.seq + 1
            self.last_ns = recv_ns

    def commit(self) -> int:
        """
        Make everything appended so far durable and return the last durable seq; -1 for none.

        Raises:
            DiskError: the disk refused. Nothing is lost: what is not durable stays buffered for the next commit.
        """
        with self._commit_guard:
            with self._buffer_guard:
                batches, self._full = self._full, []
                if self._open is not None:
                    batches.append(self._open)
                    self._open = None
            while batches:
                try:
                    self._write_batch(batches[0])
                except OSError as error:
                    self._give_up_segment()
                    with self._buffer_guard:
                        self._full = batches + self._full
                    raise disk_error(self.path, error) from error
                del batches[0]
            return self.durable_seq

    def close(self) -> None:
        """
        Commit, mark the end as a clean one and give the lock back.

        Raises:
            DiskError: the disk refused; the lock is given back all the same.
        """
        try:
            self.commit()
            with disk_errors(self.path):
                self._write_end()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        """Write within a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _is_segment_full(self, size: int) -> bool:
        return self._segment_raw + size > self._segment_raw_bytes

    def _start_batch(self, row: bytes, envelope: Envelope) -> None:
        if self._open is not None:
            self._full.append(self._open)
        fresh = self._begin_segment or self._is_segment_full(len(row))
        if fresh:
            self._segment_raw = 0
            self._begin_segment = False
        self._open = _Batch([row], len(row), envelope.seq, envelope.recv_ns, envelope.recv_ns, fresh)

    def _write_batch(self, batch: _Batch) -> None:
        if batch.fresh or self._segment is None:
            self._open_segment(batch.first_seq)
        assert self._segment is not None
        block = encode_block(
            b"".join(batch.rows),
            first_seq=batch.first_seq,
            count=len(batch.rows),
            span_ns=(batch.first_ns, batch.last_ns),
            previous=self._chain,
            compressor=self._compressor,
        )
        self._fs.write(self._segment.fd, block)
        self._fs.sync_data(self._segment.fd)
        self._segment.durable_size += len(block)
        self._chain = hashlib.sha256(block).digest()
        self.durable_seq = batch.first_seq + len(batch.rows) - 1

    def _open_segment(self, first_seq: int) -> None:
        """Begin a file. Its name is durable before the first block in it can be acknowledged."""
        if self._segment is not None:
            self._fs.close(self._segment.fd)
            self._segment = None
        path = self.path / HOT / hot_name(first_seq)
        # Nothing in a file of this name was ever acknowledged: it is what a refused write left behind.
        self._fs.unlink(path)
        head = encode_segment_head(SegmentHead(self.identity.tape_id, first_seq, self.identity.created_ns, self._chain))
        self._segment = _OpenSegment(self._fs.create(path), path, 0)
        self._fs.write(self._segment.fd, head)
        self._fs.sync_data(self._segment.fd)
        self._fs.sync_dir(path.parent)
        self._segment.durable_size = len(head)
        self.segment_seq = first_seq

    def _give_up_segment(self) -> None:
        """Never write to a file again that failed. What was acknowledged stays in it; an empty one goes."""
        if self._segment is None:
            return
        segment, self._segment = self._segment, None
        # Best effort on a disk that has just refused: a reader copes with whatever stays behind.
        with contextlib.suppress(OSError):
            self._fs.close(segment.fd)
        with contextlib.suppress(OSError):
            if segment.durable_size <= SEGMENT_HEAD.size:
                self._fs.unlink(segment.path)
            else:
                self._fs.truncate(segment.path, segment.durable_size)

    def _write_end(self) -> None:
        if self._segment is None:
            return
        end = encode_block(
            b"",
            first_seq=self.durable_seq + 1,
            count=0,
            span_ns=(self.last_ns, self.last_ns),
            previous=self._chain,
            compressor=self._compressor,
        )
        self._fs.write(self._segment.fd, end)
        self._fs.sync_data(self._segment.fd)
        self._fs.close(self._segment.fd)
        self._segment = None


def refuse_taken(path: Path) -> None:
    """
    Raise where no new tape can be made at path.

    Raises:
        UsageError: the name is no tape name, or something is there already.
    """
    check_name(path.name)
    _refuse_other(path)
    if not path.is_dir():
        return
    if (path / IDENTITY_FILE).exists():
        raise UsageError(
            f"there is a tape at {path} already",
            why="a recording never overwrites",
            hint=f"choose another name, or go on with it: gametape record --tape {path.name}",
        )
    strangers = [entry.name for entry in path.iterdir() if entry.name not in {LOCK_FILE, HOT, SEALED, MANIFEST, TMP}]
    if strangers or any((path / HOT).glob("*")) or any((path / SEALED).glob("*")):
        raise UsageError(f"{path} is not empty", why="it holds something that is no tape", hint="choose another name")


def _refuse_other(path: Path) -> None:
    if odd := oddity(path, folder=True):
        raise UsageError(f"{path} is taken", why=odd, hint="choose another name")
