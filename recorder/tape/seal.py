"""
Sealing: each hot segment becomes one Parquet segment with the same rows.

Theory of operation: render, write to `tmp/`, make durable, read back and compare, rename into `sealed/`, make the name
durable, publish the manifest entry, remove the hot file. A crash between any two steps leaves a tape that reads the
same: before the entry the hot file counts, after it the sealed one. Doing it again finishes the work.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from recorder.errors import CorruptError, DiskError, LockedError
from recorder.tape.catalog import Catalog, HotPart, read_catalog
from recorder.tape.fs import Fs, RealFs, disk_errors
from recorder.tape.identity import HOT, MANIFEST, SEAL_LOCK_FILE, SEALED, TMP, read_identity
from recorder.tape.manifest import Sealed, publish_entry
from recorder.tape.reader import corrupt, joined_blocks, read_block
from recorder.tape.segment import FORMAT_VERSION, SegmentScan
from recorder.tape.writer import TapeLock

__all__ = ["SealReport", "seal_tape"]


@dataclass(frozen=True, slots=True)
class SealReport:
    """What sealing did. left counts the hot segments that remain, because the tape is still being written."""

    segments: int
    events: int
    hot_bytes: int
    sealed_bytes: int
    left: int


def seal_tape(path: Path | str, *, fs: Fs | None = None, finished_only: bool = False) -> SealReport:
    """
    Turn a tape's hot segments into Parquet; beside a live writer all but the one it is writing.

    finished_only: leave the last one even where nobody writes, and never take the writer's lock: whoever wants to go on
    recording must not wait for a sealer.

    Raises:
        UsageError: there is no tape at this path.
        CorruptError: a hot segment or the manifest is damaged; whatever came before it is sealed.
        LockedError: somebody else is sealing it.
        DiskError: the disk refused.
    """
    path, fs = Path(path), fs or RealFs()
    read_identity(path)
    with disk_errors(path), TapeLock(path, SEAL_LOCK_FILE):
        lock: TapeLock | None = None
        if not finished_only:
            with contextlib.suppress(LockedError):
                lock = TapeLock(path)
        try:
            return _seal_all(fs, read_catalog(path), everything=lock is not None)
        finally:
            if lock is not None:
                lock.release()


def _seal_all(fs: Fs, catalog: Catalog, *, everything: bool) -> SealReport:
    unsure = [damage for damage in catalog.damage if damage.file.startswith(MANIFEST) or "/" not in damage.file]
    if unsure:
        raise corrupt(catalog.path, unsure[0])
    for file in catalog.leftover:
        fs.unlink(catalog.path / file)
    hot = [part.scan for part in catalog.parts if isinstance(part, HotPart)]
    ready = hot if everything else hot[:-1]
    events = sealed_bytes = 0
    for scan in ready:
        damaged = next((damage for damage in catalog.damage if damage.file == scan.file), None)
        if damaged is not None:
            raise corrupt(catalog.path, damaged)
        entry = _seal_one(fs, catalog, scan)
        events += entry.count
        sealed_bytes += entry.bytes
    if catalog.leftover or ready:
        fs.sync_dir(catalog.path / HOT)
    return SealReport(len(ready), events, sum(scan.size for scan in ready), sealed_bytes, len(hot) - len(ready))


def _seal_one(fs: Fs, catalog: Catalog, scan: SegmentScan) -> Sealed:
    # Imported late: pyarrow takes longer to load than everything else together.
    from recorder.tape.parquet import encode_parquet  # noqa: PLC0415

    assert scan.head is not None
    hot = catalog.path / scan.file
    # The file says what its manifest entry says, so that a lost entry can be made again.
    facts = {
        "format": str(FORMAT_VERSION),
        "tape": catalog.identity.tape_id.hex(),
        "created_ns": str(catalog.identity.created_ns),
        "chain_in": scan.head.previous.hex(),
        "chain_out": scan.chain.hex(),
        "closed": "0" if scan.close is None else "1",
    }
    image = encode_parquet(_blocks(hot, scan), facts=facts)
    name = f"{scan.first_seq:020d}.parquet"
    draft = catalog.path / TMP / name
    entry = Sealed(
        file=f"{SEALED}/{name}",
        first_seq=scan.blocks[0].first_seq,
        last_seq=scan.blocks[-1].last_seq,
        count=sum(block.count for block in scan.blocks),
        first_ns=scan.blocks[0].first_ns,
        last_ns=scan.blocks[-1].last_ns,
        rows_sha256=image.rows_sha256,
        file_sha256=hashlib.sha256(image.data).hexdigest(),
        bytes=len(image.data),
        chain_in=facts["chain_in"],
        chain_out=facts["chain_out"],
        closed=scan.close is not None,
        groups=image.groups,
        footer=base64.b64encode(image.footer).decode(),
    )
    _write(fs, draft, image.data)
    _prove(catalog, entry, draft, image.rows_crc)
    for part in (SEALED, MANIFEST):
        # Git and object storage keep no empty folders.
        fs.make_dir(catalog.path / part)
    fs.rename(draft, catalog.path / entry.file)
    fs.sync_dir(catalog.path / SEALED)
    publish_entry(fs, catalog.path, catalog.manifest, entry, tape_id=catalog.identity.tape_id)
    fs.unlink(hot)
    return entry


def _prove(catalog: Catalog, entry: Sealed, draft: Path, rows_crc: tuple[int, ...]) -> None:
    """See that a draft reads back as the rows that it was made of; CorruptError or DiskError where it does not."""
    from recorder.tape.parquet import SealedError, SealedFile  # noqa: PLC0415  # as above

    staged = SealedFile(catalog.path, entry, at=draft)
    for at, (group, crc) in enumerate(zip(entry.groups, rows_crc, strict=True)):
        try:
            rows = b"".join(batch.rows() for batch in staged.batches(at))
        except SealedError as error:
            hint = f"gametape seal {catalog.path}"
            raise DiskError(f"{draft} does not read back", why=str(error), hint=hint) from error
        if google_crc32c.value(rows) != crc:
            why = "their checksums differ; the hot file stays"
            raise CorruptError(f"{draft} does not hold the rows from seq {group.first_seq} on", why=why)


def _blocks(hot: Path, scan: SegmentScan) -> Iterator[tuple[bytes, int]]:
    """Yield the rows of a hot segment, and how many."""
    for blocks in joined_blocks(scan.blocks):
        yield b"".join(read_block(hot, block) for block in blocks), sum(block.count for block in blocks)


def _write(fs: Fs, path: Path, data: bytes) -> None:
    fs.make_dir(path.parent)
    fs.unlink(path)
    fd = fs.create(path)
    try:
        fs.write(fd, data)
        fs.sync_data(fd)
    finally:
        fs.close(fd)
