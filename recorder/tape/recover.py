"""
Mending a tape: every row that can still be read stays, what is gone is said, nothing is thrown away.

Theory of operation: files that are damaged are put aside under `quarantine/` (a second name first, so that no moment
has neither), their readable blocks or row groups are written as new hot segments, and ranges that nobody can read any
more are declared `lost` in the manifest. Each step leaves a tape that a second run can go on from, so recovery may be
killed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from recorder.errors import CorruptError, UsageError
from recorder.tape.blocks import GENESIS, ZSTD_LEVEL, Block, BlockError, encode_block
from recorder.tape.catalog import BROKEN_JOINT, OVERLAPS, Catalog, HotPart, Part, SealedPart, chain_in, read_catalog
from recorder.tape.fs import Fs, RealFs, disk_errors, publish
from recorder.tape.fsck import check_sealed, strangers
from recorder.tape.identity import (
    HOT,
    IDENTITY_FILE,
    MANIFEST,
    QUARANTINE,
    SEAL_LOCK_FILE,
    SEALED,
    TMP,
    FutureFormatError,
    TapeIdentity,
    check_name,
    encode_identity,
    read_identity,
)
from recorder.tape.manifest import (
    MANIFEST_START,
    Entry,
    Lost,
    Manifest,
    Sealed,
    Withdrawn,
    encode_entry,
    publish_entry,
    read_manifest,
)
from recorder.tape.plain import NotPlainError, oddity, open_plain
from recorder.tape.segment import (
    FOREIGN_COLUMNS,
    SEGMENT_HEAD,
    TORN_TAIL,
    Damage,
    SegmentHead,
    SegmentScan,
    decode_segment_head,
    encode_segment_head,
    hot_name,
)
from recorder.tape.tail import cut_tail
from recorder.tape.writer import TapeLock

if TYPE_CHECKING:
    from recorder.tape.batch import Batch

__all__ = ["RecoverReport", "Step", "recover_tape"]

_BLOCK_ROWS = 4096
_BLOCK_BYTES = 4 * 1024 * 1024

_LABEL_LOST = "label lost"
"""A tape that may have been simulated, injected or imported must not pass for a recording of the world."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that recovery does (or would do) to a file, and why."""

    file: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class RecoverReport:
    """What recovery did, or without write would do; lost are the seq ranges (inclusive) that it newly gives up."""

    written: bool
    steps: tuple[Step, ...]
    lost: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Job:
    path: Path
    fs: Fs
    write: bool
    steps: list[Step] = field(default_factory=list)

    def do(self, file: str, what: str, why: str, act: Callable[[], object]) -> None:
        """Note a step, and take it if writing is allowed."""
        self.steps.append(Step(file, what, why))
        if self.write:
            act()

    def put_aside(self, file: str, *, keep: bool = False) -> None:
        """Give a file a name under `quarantine/` and take its own away, unless keep."""
        source = self.path / file
        self.fs.make_dir(self.path / QUARANTINE)
        target, number, is_odd = self.path / QUARANTINE / file.replace("/", "-"), 0, bool(oddity(source))
        while target.is_symlink() or (target.exists() and (is_odd or not target.samefile(source))):
            number += 1
            target = target.with_name(f"{file.replace('/', '-')}.{number}")
        if is_odd:
            self.fs.rename(source, target)
        else:
            if not target.exists():
                self.fs.link(source, target)
            self.fs.sync_dir(target.parent)
            if not keep:
                self.fs.unlink(source)
        self.fs.sync_dir(source.parent)

    def replace(self, file: str, data: bytes) -> None:
        """Give a file new bytes, or create it."""
        self.fs.make_dir((self.path / file).parent)
        publish(self.fs, self.path / TMP, self.path / file, data, replace=True)


def recover_tape(path: Path | str, *, write: bool = False, fs: Fs | None = None) -> RecoverReport:
    """
    Make a damaged tape whole, or without write only say what that would take.

    Raises:
        UsageError: there is nothing at this path that could be a tape.
        CorruptError: not one file says which tape it is.
        LockedError: the tape is being written or sealed.
        DiskError: the disk refused.
    """
    path = Path(path)
    if not any((path / part).is_dir() for part in (HOT, SEALED)) and not (path / IDENTITY_FILE).exists():
        raise UsageError(f"there is no tape at {path}", hint="gametape ls")
    job = _Job(path, fs or RealFs(), write)
    with ExitStack() as stack:
        if write:
            stack.enter_context(disk_errors(path))
            stack.enter_context(TapeLock(path))
            stack.enter_context(TapeLock(path, SEAL_LOCK_FILE))
        _make_folders(job)
        identity = _mend_identity(job)
        manifest = _mend_manifest(job, identity)
        catalog = read_catalog(path, identity=identity, manifest=manifest)
        for file in catalog.leftover:
            job.do(file, "remove", "its rows are sealed", partial(job.fs.unlink, path / file))
        readable: list[tuple[int, int]] = []
        for part in catalog.parts:
            if isinstance(part, SealedPart):
                readable.extend(_mend_sealed(job, catalog, part.entry))
        for scan in [part.scan for part in catalog.parts if isinstance(part, HotPart)] + catalog.empty:
            readable.extend(_mend_hot(job, catalog, scan))
        _accept_joints(job, catalog)
        lost = _declare_lost(job, catalog, sorted(readable))
        _mend_tail(job, catalog)
        odd = [damage for damage in catalog.damage if damage.file.startswith(f"{HOT}/") and oddity(path / damage.file)]
        for damage in [*odd, *strangers(catalog)]:
            job.do(damage.file, "put aside", damage.why, partial(job.put_aside, damage.file))
    return RecoverReport(written=write, steps=tuple(job.steps), lost=tuple(lost))


def _make_folders(job: _Job) -> None:
    """Put aside what stands where a folder of the tape should."""
    for part in (TMP, HOT, SEALED, MANIFEST):
        if why := oddity(job.path / part, folder=True):
            job.do(part, "put aside", why, partial(job.put_aside, part))
            job.do(part, "make the folder anew", why, partial(job.fs.make_dir, job.path / part))


# Identity and manifest ---------------------------------------------------------------------------------------------


def _mend_identity(job: _Job) -> TapeIdentity:
    try:
        return read_identity(job.path)
    except CorruptError as error:
        if isinstance(error.__cause__, FutureFormatError):
            raise
        tape_id, created_ns = _find_identity(job.path)
        identity = TapeIdentity(tape_id, check_name(job.path.name), created_ns, _LABEL_LOST)

        def act() -> None:
            if oddity(job.path / IDENTITY_FILE) or (job.path / IDENTITY_FILE).exists():
                job.put_aside(IDENTITY_FILE, keep=True)
            job.replace(IDENTITY_FILE, encode_identity(identity))

        job.do(IDENTITY_FILE, "make again from a segment; its label is lost", error.why, act)
        return identity


def _find_identity(path: Path) -> tuple[bytes, int]:
    """Return the tape id and the time of birth that the first readable segment tells."""
    for hot in sorted((path / HOT).glob("*.hot")):
        try:
            with open_plain(hot) as file:
                head = decode_segment_head(file.read(SEGMENT_HEAD.size))
        except (BlockError, NotPlainError):
            continue
        return head.tape_id, head.created_ns
    for sealed in sorted((path / SEALED).glob("*.parquet")):
        from recorder.tape.parquet import SealedError, read_origin  # noqa: PLC0415  # slow to load, rarely needed

        try:
            return read_origin(sealed)
        except SealedError:
            continue
    raise CorruptError(f"{path} cannot be recovered", why=f"{IDENTITY_FILE} and every segment are damaged")


def _mend_manifest(job: _Job, identity: TapeIdentity) -> Manifest:
    """Return the manifest as it is once its damaged entries are made again from the sealed files themselves."""
    manifest = read_manifest(job.path, tape_id=identity.tape_id)
    entries = list(manifest.entries)
    told = {entry.file for entry in entries if not isinstance(entry, Lost)}
    found = [entry for entry in _orphans(job.path, identity) if entry.file not in told]
    if not manifest.damage and not found:
        return manifest
    entries.extend(found)
    mended = Manifest()
    for entry in entries:
        mended.admit(entry)
    for damage in manifest.damage:
        job.do(damage.file, "write the manifest anew", damage.why, lambda: None)
    for entry in found:
        job.do(entry.file, "enter into the manifest again", "no entry names it", lambda: None)
    mended.number = len(entries)
    mended.sha256 = _write_manifest(job, entries, identity) if job.write else MANIFEST_START
    return mended


def _orphans(path: Path, identity: TapeIdentity) -> Iterator[Sealed]:
    """Describe the sealed files that can be read in full and whose hot segment is gone."""
    for sealed in sorted((path / SEALED).glob("*.parquet")):
        if (path / HOT / f"{sealed.stem}.hot").exists():
            continue
        from recorder.tape.parquet import SealedError, describe_parquet  # noqa: PLC0415  # slow to load, rarely needed

        try:
            yield describe_parquet(sealed, f"{SEALED}/{sealed.name}", tape_id=identity.tape_id)
        except SealedError:
            continue


def _write_manifest(job: _Job, entries: list[Entry], identity: TapeIdentity) -> str:
    """Write all entries under new numbers where they differ from what is there; return the hash of the last."""
    previous = MANIFEST_START
    kept: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        name = f"{number:08d}.json"
        data = encode_entry(entry, tape_id=identity.tape_id, number=number, previous=previous)
        file = job.path / MANIFEST / name
        if oddity(file) or not file.exists() or file.read_bytes() != data:
            if file.exists():
                job.put_aside(f"{MANIFEST}/{name}", keep=True)
            job.replace(f"{MANIFEST}/{name}", data)
        previous = hashlib.sha256(data).hexdigest()
        kept.add(name)
    for file in sorted((job.path / MANIFEST).iterdir()):
        if file.name not in kept:
            job.put_aside(f"{MANIFEST}/{file.name}")
    return previous


# Segments ----------------------------------------------------------------------------------------------------------


def _mend_sealed(job: _Job, catalog: Catalog, entry: Sealed) -> list[tuple[int, int]]:
    """Mend a Parquet segment, or move its readable rows back into hot segments; return the seq ranges that stay."""
    found = check_sealed(job.path, entry, deep=False)
    if not found:
        return [(entry.first_seq, entry.last_seq)]
    if found[0].why == FOREIGN_COLUMNS:
        hint = "use the version of gametape that sealed it"
        raise CorruptError(f"{job.path / entry.file} cannot be mended here", why=FOREIGN_COLUMNS, hint=hint)
    bad = {damage.first_seq for damage in found if damage.first_seq is not None}
    whole = _reassemble(job.path, entry, bad)
    if whole is not None:

        def rewrite() -> None:
            job.put_aside(entry.file, keep=True)
            job.replace(entry.file, whole)

        job.do(entry.file, "put aside, and write it again as it was sealed", found[0].why, rewrite)
        return [(entry.first_seq, entry.last_seq)]
    missing = not (job.path / entry.file).is_file()
    good = [] if missing else [at for at, group in enumerate(entry.groups) if group.first_seq not in bad]
    runs = _neighbours([(entry.groups[at].first_seq, entry.groups[at].last_seq) for at in good])

    def withdraw() -> None:
        _unseal(job, catalog, entry, good)
        gone = Withdrawn(
            file=entry.file,
            first_seq=entry.first_seq,
            last_seq=entry.last_seq,
            chain_out=entry.chain_out,
            why=found[0].why,
        )
        if not missing or oddity(job.path / entry.file):
            job.put_aside(entry.file, keep=True)
        publish_entry(job.fs, job.path, catalog.manifest, gone, tape_id=catalog.identity.tape_id)
        job.fs.unlink(job.path / entry.file)
        job.fs.sync_dir(job.path / SEALED)

    job.do(entry.file, "put aside, and move the rows that can be read back into hot segments", found[0].why, withdraw)
    return runs


def _reassemble(path: Path, entry: Sealed, bad: set[int]) -> bytes | None:
    """Return the file as it was sealed; None where of a damaged row group more is wrong than can be put right."""
    footer = base64.b64decode(entry.footer)
    try:
        with open_plain(path / entry.file) as file:
            data = file.read(entry.bytes)
    except (FileNotFoundError, NotPlainError):
        return None
    whole = footer[-4:] + data[4 : entry.bytes - len(footer)] + footer
    for at, group in enumerate(entry.groups):
        if group.first_seq in bad and len(whole) == entry.bytes:
            from recorder.tape.repair import mend_group  # noqa: PLC0415  # slow to load, rarely needed

            end = group.offset + group.bytes
            mended = mend_group(whole[group.offset : end], entry, at)
            whole = whole if mended is None else whole[: group.offset] + mended + whole[end:]
    return whole if hashlib.sha256(whole).hexdigest() == entry.file_sha256 else None


def _unseal(job: _Job, catalog: Catalog, entry: Sealed, good: list[int]) -> None:
    """Write the readable row groups of a sealed segment as hot segments, one for each run without a hole."""
    from recorder.tape.parquet import SealedFile  # noqa: PLC0415  # slow to load, rarely needed

    sealed = SealedFile(job.path, entry)
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    previous, expected, first_seq = bytes.fromhex(entry.chain_in), entry.first_seq, entry.first_seq
    pieces: list[bytes] = []
    for at in good:
        group = entry.groups[at]
        if group.first_seq != expected or not pieces:
            if pieces:
                job.replace(f"{HOT}/{hot_name(first_seq)}", b"".join(pieces))
            previous = previous if group.first_seq == entry.first_seq else GENESIS
            first_seq = group.first_seq
            head = SegmentHead(catalog.identity.tape_id, first_seq, catalog.identity.created_ns, previous)
            pieces = [encode_segment_head(head)]
        for rows, seq, times in _cut(sealed.batches(at)):
            block = encode_block(
                rows,
                first_seq=seq,
                count=len(times),
                span_ns=(times[0], times[-1]),
                previous=previous,
                compressor=compressor,
            )
            pieces.append(block)
            previous = hashlib.sha256(block).digest()
        expected = group.last_seq + 1
    if pieces:
        job.replace(f"{HOT}/{hot_name(first_seq)}", b"".join(pieces))


def _cut(batches: Iterator[Batch]) -> Iterator[tuple[bytes, int, list[int]]]:
    """Yield the rows of batches as blocks hold them, the first seq, and recv_ns of each."""
    from recorder.tape.batch import cut_rows  # noqa: PLC0415  # slow to load, rarely needed

    for batch in batches:
        done = 0
        for rows, count in cut_rows([(batch.rows(), len(batch))], rows_max=_BLOCK_ROWS, bytes_max=_BLOCK_BYTES):
            yield rows, int(batch.seq[done]), batch.recv_ns[done : done + count].tolist()
            done += count


def _mend_hot(job: _Job, catalog: Catalog, scan: SegmentScan) -> list[tuple[int, int]]:
    """Split a hot segment at its damage; return the seq ranges that stay."""
    last = catalog.parts[-1] if catalog.parts else None
    at_end = scan.first_seq >= catalog.next_seq or (isinstance(last, HotPart) and last.scan is scan)
    trouble = [one for one in catalog.damage if one.file == scan.file and not (at_end and one.why == TORN_TAIL)]
    if any(one.why == OVERLAPS for one in trouble) or (not scan.blocks and (trouble or not at_end)):
        job.do(
            scan.file, "put aside", trouble[0].why if trouble else "it holds nothing", partial(job.put_aside, scan.file)
        )
        return []
    runs: list[list[Block]] = []
    for block in scan.blocks:
        if runs and runs[-1][-1].last_seq + 1 == block.first_seq:
            runs[-1].append(block)
        else:
            runs.append([block])
    spans = [(run[0].first_seq, run[-1].last_seq) for run in runs]
    if any(one.why != BROKEN_JOINT for one in trouble):
        what = "put aside, and write the blocks that can be read again"
        job.do(scan.file, what, trouble[0].why, partial(_split, job, catalog, scan, runs))
    return spans


def _split(job: _Job, catalog: Catalog, scan: SegmentScan, runs: list[list[Block]]) -> None:
    """Write each run of blocks, unchanged, as a hot segment of its own."""
    data = (job.path / scan.file).read_bytes()
    job.put_aside(scan.file, keep=True)
    files: dict[str, bytes] = {}
    for run in runs:
        head = SegmentHead(catalog.identity.tape_id, run[0].first_seq, catalog.identity.created_ns, run[0].previous)
        pieces = [encode_segment_head(head), *(data[block.offset : block.end] for block in run)]
        if run is runs[-1] and scan.close is not None and scan.close.previous == run[-1].sha256:
            pieces.append(data[scan.close.offset : scan.close.end])
        files[f"{HOT}/{hot_name(run[0].first_seq)}"] = b"".join(pieces)
    # The file that takes the damaged one's name comes last: until then the damaged one counts where the others do not.
    for file in sorted(files, reverse=True):
        job.replace(file, files[file])
    if scan.file not in files:
        job.fs.unlink(job.path / scan.file)
        job.fs.sync_dir(job.path / HOT)


def _accept_joints(job: _Job, catalog: Catalog) -> None:
    """Admit that a segment does not follow from the one before it although no seq is missing between them."""
    for damage in catalog.damage:
        part = next((part for part in catalog.parts if _file_of(part) == damage.file), None)
        if damage.why != BROKEN_JOINT or part is None:
            continue
        joint = part.first_seq
        entry = Withdrawn(file="", first_seq=joint, last_seq=joint - 1, chain_out=chain_in(part).hex(), why=damage.why)
        act = partial(publish_entry, job.fs, job.path, catalog.manifest, entry, tape_id=catalog.identity.tape_id)
        job.do(damage.file, "admit the break in the chain", damage.why, act)


def _file_of(part: Part) -> str:
    return part.scan.file if isinstance(part, HotPart) else part.entry.file


# What is gone ------------------------------------------------------------------------------------------------------


def _neighbours(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join seq ranges that follow one another."""
    joined: list[tuple[int, int]] = []
    for first_seq, last_seq in sorted(spans):
        if joined and first_seq <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last_seq, joined[-1][1]))
        else:
            joined.append((first_seq, last_seq))
    return joined


def _declare_lost(job: _Job, catalog: Catalog, readable: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Enter into the manifest every seq that no file holds any more and no entry has declared lost yet."""
    known = [*readable, *((lost.first_seq, lost.last_seq) for lost in catalog.manifest.lost)]
    ends = [damage.last_seq + 1 for damage in catalog.damage if damage.last_seq is not None]
    reach = max([catalog.next_seq, *ends])
    gone: list[tuple[int, int]] = []
    expected = 0
    for first_seq, last_seq in [*_neighbours(known), (reach, reach)]:
        if first_seq > expected:
            gone.append((expected, first_seq - 1))
        expected = last_seq + 1
    for first_seq, last_seq in gone:
        why = _why_lost(catalog.damage, first_seq, last_seq)
        entry = Lost(first_seq=first_seq, last_seq=last_seq, why=why)
        act = partial(publish_entry, job.fs, job.path, catalog.manifest, entry, tape_id=catalog.identity.tape_id)
        job.do(MANIFEST, f"declare seq {first_seq} to {last_seq} lost", why, act)
    return gone


def _why_lost(damage: list[Damage], first_seq: int, last_seq: int) -> str:
    for one in damage:
        if one.covers(first_seq, last_seq):
            return f"{one.file} at byte {one.offset}: {one.why}"
    return "no file holds them"


def _mend_tail(job: _Job, catalog: Catalog) -> None:
    """Cut off what was half-written at the end of the tape."""
    if job.write:
        catalog = read_catalog(job.path, identity=catalog.identity)
    last = catalog.parts[-1] if catalog.parts else None
    torn = [last.scan] if isinstance(last, HotPart) and any(one.why == TORN_TAIL for one in last.scan.damage) else []
    torn += [scan for scan in catalog.empty if scan.first_seq >= catalog.next_seq]
    for scan in torn:
        what = f"cut off {scan.size - scan.end} bytes after the last whole block"
        job.do(scan.file, what, TORN_TAIL, lambda: None)
    if torn and job.write:
        cut_tail(job.fs, catalog)
