"""
The reader of a tape: sealed and hot segments as one sequence, beside a live writer or after it.

A reader sees whole blocks only. It takes no lock and never makes the writer wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.envelope import Envelope, decode_rows, encode_row
from recorder.errors import CorruptError
from recorder.tape.blocks import BLOCK_HEAD, Block, BlockError, decode_block, unpack_rows
from recorder.tape.catalog import Catalog, HotPart, Part, SealedPart, read_catalog
from recorder.tape.identity import HOT, MANIFEST, SEALED
from recorder.tape.manifest import Sealed
from recorder.tape.plain import NotPlainError, open_plain
from recorder.tape.segment import SEGMENT_HEAD, TORN_TAIL, Damage, SegmentScan

if TYPE_CHECKING:
    from recorder.tape.batch import Batch

__all__ = ["Tape", "corrupt", "joined_blocks", "open_tape", "read_block", "rows_digest"]

_BATCH_ROWS, _BATCH_BYTES = 8_192, 32 * 1024 * 1024
_NS_MIN, _NS_END = -(1 << 63), 1 << 63


def open_tape(path: Path | str, *, salvage: bool = False) -> Tape:
    """
    Open a tape as it stands now.

    With salvage, damaged stretches are left out instead of ending a read with an error.

    Raises:
        UsageError: there is no tape at this path.
        CorruptError: its `tape.json` is damaged or of a later format.
    """
    # Listed before the catalog is read: what is sealed meanwhile is in the manifest that is read after it.
    sealed = _list_sealed(Path(path))
    catalog = read_catalog(Path(path))
    catalog.damage.extend(_unnamed(catalog, sealed))
    return Tape(catalog, salvage=salvage)


def _list_sealed(path: Path) -> list[str]:
    folder = path / SEALED
    return sorted(file.name for file in folder.glob("*.parquet")) if folder.is_dir() else []


def _unnamed(catalog: Catalog, sealed: list[str]) -> list[Damage]:
    """Find sealed segments beyond the end that the manifest tells of: without its entry a night would look empty."""
    named = {entry.file.rsplit("/", 1)[-1] for entry in catalog.manifest.sealed}
    found = []
    for name in sealed:
        stem = name.removesuffix(".parquet")
        if name not in named and stem.isdecimal() and int(stem) >= catalog.next_seq:
            found.append(Damage(f"{MANIFEST}/", 0, int(stem), None, f"no entry tells of {SEALED}/{name}"))
    return found


def rows_digest(rows: Iterator[bytes]) -> str:
    """Return the SHA-256 over canonical rows, hex."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row)
    return digest.hexdigest()


def read_block(segment: Path, block: Block) -> bytes:
    """
    Return the canonical rows of a block.

    Raises:
        CorruptError: the bytes are no longer those that were found there.
        FileNotFoundError: the segment was sealed in the meantime.
    """
    try:
        with open_plain(segment) as file:
            file.seek(block.offset)
            data = file.read(block.size)
        if decode_block(data).sha256 != block.sha256:
            raise BlockError("block is another one than before")
        return unpack_rows(data[BLOCK_HEAD.size :], block.raw_len)
    except (BlockError, NotPlainError) as error:
        damage = Damage(f"{HOT}/{segment.name}", block.offset, block.first_seq, block.last_seq, str(error))
        raise corrupt(segment.parent.parent, damage) from error


def corrupt(path: Path, damage: Damage) -> CorruptError:
    """Say to a user where a tape is damaged."""
    span = "" if damage.first_seq is None else f", seq {damage.first_seq} on"
    if damage.last_seq is not None:
        span = f", seq {damage.first_seq} to {damage.last_seq}"
    return CorruptError(
        f"tape {path.name} is damaged: {damage.file} at byte {damage.offset}{span}",
        why=damage.why,
        hint=f"gametape verify {path}; then gametape recover {path}",
    )


class Tape:
    """
    A tape as it stood when it was opened. `len()` is its number of envelopes.

    Units: first_ns and last_ns are recv_ns of its first and last envelope, 0 for an empty tape. damage is what makes it
    unreadable in places; torn is where bytes of a block lie that was cut short: one that is being written just now, or
    what a crash left, which was never acknowledged. lost are the seq ranges, both ends included, that recovery gave up.
    """

    def __init__(self, catalog: Catalog, *, salvage: bool = False) -> None:
        """Not for callers: see `open_tape`."""
        self.path = catalog.path
        self.name = catalog.identity.name
        self.label = catalog.identity.label
        self.created_ns = catalog.identity.created_ns
        self.tape_id = catalog.identity.tape_id.hex()
        self.closed = catalog.closed
        self.next_seq = catalog.next_seq
        self.first_ns = _span_ns(catalog.parts[0])[0] if catalog.parts else 0
        self.last_ns = catalog.last_ns
        self.damage = tuple(damage for damage in catalog.damage if damage.why != TORN_TAIL)
        self.torn = tuple(damage for damage in catalog.damage if damage.why == TORN_TAIL)
        self.lost = tuple((lost.first_seq, lost.last_seq) for lost in catalog.manifest.lost)
        self._parts = tuple(catalog.parts)
        self._salvage = salvage
        self._digest: str | None = None

    def __len__(self) -> int:
        """Return the number of envelopes."""
        return sum(_count(part) for part in self._parts)

    def digest(self) -> str:
        """
        Return the tape's digest, hex: SHA-256 over seq range and row digest of each segment.

        The same for hot and sealed segments; cheap for sealed ones, a read of all rows for hot ones, once.

        Raises:
            CorruptError: a hot segment is damaged.
        """
        self._refuse_damage()
        if self._digest is None:
            self._digest = self._taken_digest()
        return self._digest

    def read(
        self,
        first_seq: int = 0,
        last_seq: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        feeds: Collection[str] | None = None,
    ) -> Iterator[Envelope]:
        """
        Yield envelopes in seq order.

        Units: first_seq and last_seq are both included; since_ns is included, until_ns is not, both recv_ns; feeds are
        names, None for all.

        Raises:
            CorruptError: the range holds damage (not with salvage).
        """
        final = self.next_seq - 1 if last_seq is None else min(last_seq, self.next_seq - 1)
        wanted = None if feeds is None else frozenset(feeds)
        since = _NS_MIN if since_ns is None else since_ns
        until = _NS_END if until_ns is None else until_ns
        expected = first_seq
        for stretch in self._stretches():
            if stretch.last_seq < first_seq or stretch.last_ns < since:
                expected = max(expected, stretch.last_seq + 1)
                continue
            self._refuse_hole(expected, min(stretch.first_seq - 1, final))
            if stretch.first_seq > final or stretch.first_ns >= until:
                return
            try:
                for envelope in self._envelopes(stretch):
                    if envelope.seq > final:
                        return
                    if envelope.seq < first_seq or not since <= envelope.recv_ns < until:
                        continue
                    if wanted is None or envelope.feed in wanted:
                        yield envelope
            except FileNotFoundError:
                # A hot segment that was sealed since this tape was opened: from here on the tape as it stands now.
                begin = max(first_seq, stretch.first_seq)
                yield from self._reopen().read(begin, final, since_ns, until_ns, feeds)
                return
            expected = stretch.last_seq + 1
        self._refuse_hole(expected, final)
        if last_seq is None or last_seq >= self.next_seq:
            self._refuse_unknown_end()

    def batches(self) -> Iterator[Batch]:
        """
        Yield the whole tape as columns, in seq order: for readers that want values and not bytes.

        Raises:
            CorruptError: the tape is damaged.
        """
        expected = 0
        for stretch in self._wide_stretches():
            self._refuse_hole(expected, stretch.first_seq - 1)
            yield from self._batches(stretch)
            expected = stretch.last_seq + 1
        self._refuse_hole(expected, self.next_seq - 1)
        self._refuse_unknown_end()

    def follow(self, first_seq: int = 0, feeds: Collection[str] | None = None) -> Iterator[Envelope | None]:
        """
        Yield envelopes as they are committed; None whenever there is none more right now. Never ends.

        Whoever gets None decides whether to wait or to stop: a reader has no clock.

        Raises:
            CorruptError: damage lies ahead.
        """
        wanted = None if feeds is None else frozenset(feeds)
        position = _Position(self.path, first_seq)
        while True:
            for envelope in position.advance():
                if wanted is None or envelope.feed in wanted:
                    yield envelope
            yield None

    def _stretches(self) -> Iterator[_Stretch]:
        for part in self._parts:
            match part:
                case SealedPart(entry):
                    yield from _sealed_stretches(self.path, entry)
                case HotPart(scan):
                    for block in scan.blocks:
                        read = partial(_read_hot, self.path / scan.file, block)
                        yield _Stretch(block.first_seq, block.last_seq, block.first_ns, block.last_ns, read)

    def _wide_stretches(self) -> Iterator[_Wide]:
        """Yield the row groups of sealed segments, and as much of a hot one at a time as columns are good for."""
        # Imported late: numpy and the compiler take longer to load than a small tape takes to read.
        from recorder.tape.batch import batch_of_rows  # noqa: PLC0415
        from recorder.tape.frames import ShapeBook  # noqa: PLC0415

        book = ShapeBook()

        def read(segment: Path, blocks: list[Block]) -> Iterator[Batch]:
            rows = b"".join(read_block(segment, block) for block in blocks)
            yield batch_of_rows(rows, sum(block.count for block in blocks), book)

        for part in self._parts:
            match part:
                case SealedPart(entry):
                    yield from _sealed_batches(self.path, entry)
                case HotPart(scan):
                    for blocks in joined_blocks(scan.blocks):
                        here = partial(read, self.path / scan.file, blocks)
                        yield _Wide(blocks[0].first_seq, blocks[-1].last_seq, here)

    def _batches(self, stretch: _Wide) -> Iterator[Batch]:
        from recorder.tape.batch import batches_of  # noqa: PLC0415  # see above

        try:
            yield from stretch.read()
        except FileNotFoundError:
            # A hot segment that was sealed since this tape was opened: the same rows are in the sealed one.
            again = open_tape(self.path, salvage=self._salvage)
            yield from batches_of(again.read(stretch.first_seq, stretch.last_seq))
        except CorruptError:
            if not self._salvage:
                raise

    def _envelopes(self, stretch: _Stretch) -> Iterator[Envelope]:
        try:
            yield from stretch.read()
        except CorruptError:
            if not self._salvage:
                raise

    def _reopen(self) -> Tape:
        return open_tape(self.path, salvage=self._salvage)

    def _taken_digest(self) -> str:
        digest = hashlib.sha256()
        for part in self._parts:
            match part:
                case SealedPart(entry):
                    rows = entry.rows_sha256
                case HotPart(scan):
                    rows = self._hot_digest(scan)
            digest.update(f"{part.first_seq} {part.last_seq} {rows}\n".encode())
        return digest.hexdigest()

    def _hot_digest(self, scan: SegmentScan) -> str:
        try:
            return rows_digest(read_block(self.path / scan.file, block) for block in scan.blocks)
        except FileNotFoundError:
            sealed_meanwhile = self._reopen().read(scan.blocks[0].first_seq, scan.blocks[-1].last_seq)
            return rows_digest(map(encode_row, sealed_meanwhile))

    def _refuse_damage(self) -> None:
        if self.damage:
            raise corrupt(self.path, self.damage[0])

    def _refuse_unknown_end(self) -> None:
        """Raise where nobody knows what else there was: the manifest is damaged, or a hot segment after the last."""
        for damage in self.damage:
            if not self._salvage and _hides_the_end(damage, self.next_seq):
                raise corrupt(self.path, damage)

    def _refuse_hole(self, first_seq: int, last_seq: int) -> None:
        """Raise where any of first_seq .. last_seq is missing without having been declared lost."""
        if self._salvage:
            return
        for lost_first, lost_last in sorted(self.lost):
            if lost_first <= first_seq <= lost_last:
                first_seq = lost_last + 1
        if first_seq > last_seq:
            return
        for damage in self.damage:
            if damage.covers(first_seq, last_seq):
                raise corrupt(self.path, damage)
        raise corrupt(self.path, Damage(HOT, 0, first_seq, last_seq, "envelopes are missing"))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some envelopes in a row that are read together: a block, or a row group of a Parquet file."""

    first_seq: int
    last_seq: int
    first_ns: int
    last_ns: int
    read: Callable[[], Iterator[Envelope]]


@dataclass(frozen=True, slots=True)
class _Wide:
    """Some envelopes in a row that are read together as columns."""

    first_seq: int
    last_seq: int
    read: Callable[[], Iterator[Batch]]


def joined_blocks(blocks: list[Block]) -> Iterator[list[Block]]:
    """Yield blocks that follow one another, so many together that they make a batch."""
    taken: list[Block] = []
    for block in blocks:
        count, size = sum(one.count for one in taken), sum(one.raw_len for one in taken)
        is_full = count + block.count > _BATCH_ROWS or size + block.raw_len > _BATCH_BYTES
        if taken and (is_full or block.first_seq != taken[-1].last_seq + 1):
            yield taken
            taken = []
        taken.append(block)
    if taken:
        yield taken


def _read_hot(segment: Path, block: Block) -> Iterator[Envelope]:
    return decode_rows(read_block(segment, block))


def _sealed_stretches(path: Path, entry: Sealed) -> Iterator[_Stretch]:
    # Imported late: pyarrow takes longer to load than a small tape takes to read.
    from recorder.tape.parquet import SealedError, SealedFile  # noqa: PLC0415

    sealed = SealedFile(path, entry)

    def read(at: int) -> Iterator[Envelope]:
        try:
            yield from sealed.read(at)
        except SealedError as error:
            raise corrupt(path, error.damage) from error

    for at, group in enumerate(entry.groups):
        yield _Stretch(group.first_seq, group.last_seq, group.first_ns, group.last_ns, partial(read, at))


def _sealed_batches(path: Path, entry: Sealed) -> Iterator[_Wide]:
    from recorder.tape.parquet import SealedError, SealedFile  # noqa: PLC0415  # see above

    sealed = SealedFile(path, entry)

    def read(at: int) -> Iterator[Batch]:
        try:
            yield from sealed.batches(at)
        except SealedError as error:
            raise corrupt(path, error.damage) from error

    for at, group in enumerate(entry.groups):
        yield _Wide(group.first_seq, group.last_seq, partial(read, at))


def _hides_the_end(damage: Damage, next_seq: int) -> bool:
    folder, _, name = damage.file.partition("/")
    number = name.partition(".")[0]
    is_later = folder == HOT and number.isdecimal() and int(number) >= next_seq
    return folder == MANIFEST or damage.file in {HOT, SEALED} or is_later


def _span_ns(part: Part) -> tuple[int, int]:
    match part:
        case SealedPart(entry):
            return entry.first_ns, entry.last_ns
        case HotPart(scan):
            return scan.blocks[0].first_ns, scan.blocks[-1].last_ns


def _count(part: Part) -> int:
    match part:
        case SealedPart(entry):
            return entry.count
        case HotPart(scan):
            return sum(block.count for block in scan.blocks)


class _Position:
    """
    Where a follower stands: the next seq, and the place in a hot segment where its block will appear.

    Without a segment the whole tape is opened again, which also finds what was sealed meanwhile.
    """

    def __init__(self, path: Path, next_seq: int) -> None:
        self._path = path
        self._next_seq = next_seq
        self._segment: str | None = None
        self._offset = 0

    def advance(self) -> Iterator[Envelope]:
        """Yield what was committed since the last time."""
        while (segment := self._segment) is not None:
            # Looked for before the read: once a later segment exists, this one grows no more.
            later = self._later_segment(segment)
            try:
                with open_plain(self._path / HOT / segment) as file:
                    file.seek(self._offset)
                    data = file.read()
            except (FileNotFoundError, NotPlainError):
                break
            yield from self._take(data)
            if self._segment != segment:
                break
            if later is None:
                return
            self._segment, self._offset = later, SEGMENT_HEAD.size
        yield from self._reopen()

    def _take(self, data: bytes) -> Iterator[Envelope]:
        at = 0
        while at < len(data):
            try:
                block = decode_block(data, at)
                rows = unpack_rows(data[at + BLOCK_HEAD.size : block.end], block.raw_len)
            except BlockError as error:
                if not error.torn:
                    self._segment = None
                return
            if block.first_seq > self._next_seq:
                self._segment = None
                return
            at = block.end
            self._offset += block.size
            yield from self._after(decode_rows(rows))

    def _after(self, envelopes: Iterator[Envelope]) -> Iterator[Envelope]:
        for envelope in envelopes:
            if envelope.seq >= self._next_seq:
                self._next_seq = envelope.seq + 1
                yield envelope

    def _later_segment(self, segment: str) -> str | None:
        """Name the segment after a segment, if the writer has begun one."""
        names = sorted(entry.name for entry in (self._path / HOT).glob("*.hot"))
        return next((name for name in names if name > segment), None)

    def _reopen(self) -> Iterator[Envelope]:
        self._segment = None
        catalog = read_catalog(self._path)
        yield from self._after(Tape(catalog).read(self._next_seq))
        last = catalog.parts[-1] if catalog.parts else None
        if isinstance(last, HotPart):
            self._segment, self._offset = last.scan.file.rsplit("/", 1)[-1], last.scan.end
