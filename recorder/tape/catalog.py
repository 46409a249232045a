"""
What a tape consists of right now: its identity, its manifest and its hot segments, laid end to end.

Theory of operation: sealed segments come from the manifest alone. A hot segment that a sealed one covers is a leftover
of sealing and counts as absent. Where a hot segment goes on beyond the beginning of the next, the later file holds: the
writer gives a file up after a failed sync and writes what was not acknowledged into a new one. Whatever then is missing
between two parts, and was not declared lost, is damage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from recorder.tape.blocks import GENESIS
from recorder.tape.identity import HOT, MANIFEST, SEALED, TMP, TapeIdentity, read_identity
from recorder.tape.manifest import Lost, Manifest, Sealed, read_manifest
from recorder.tape.plain import NotPlainError, oddity, read_plain
from recorder.tape.segment import TORN_TAIL, Damage, SegmentScan, scan_segment

__all__ = ["BROKEN_JOINT", "OVERLAPS", "Catalog", "HotPart", "Part", "SealedPart", "chain_in", "read_catalog"]

BROKEN_JOINT = "segment does not follow from the one before it"
OVERLAPS = "segment overlaps another"

_HOT_BYTES_MAX = 5 << 30
"""A segment ends with 4 GiB of rows at the latest, which compressed are no more."""
_FOLDERS = (HOT, SEALED, MANIFEST, TMP)
_HOT_NAME_LEN = len("00000000000000000000.hot")


@dataclass(slots=True)
class SealedPart:
    """A Parquet segment of the tape."""

    entry: Sealed

    @property
    def first_seq(self) -> int:
        """The first seq it holds."""
        return self.entry.first_seq

    @property
    def last_seq(self) -> int:
        """The last seq it holds."""
        return self.entry.last_seq


@dataclass(slots=True)
class HotPart:
    """A hot segment of the tape; blocks hold what of it counts."""

    scan: SegmentScan

    @property
    def first_seq(self) -> int:
        """The first seq it holds."""
        return self.scan.blocks[0].first_seq

    @property
    def last_seq(self) -> int:
        """The last seq it holds."""
        return self.scan.blocks[-1].last_seq


Part = SealedPart | HotPart


def _next_seq(part: Part) -> int:
    return part.scan.next_seq if isinstance(part, HotPart) else part.last_seq + 1


def chain_in(part: Part) -> bytes:
    """Return the SHA-256 of the block that a part says it follows."""
    match part:
        case SealedPart(entry):
            return bytes.fromhex(entry.chain_in)
        case HotPart(scan):
            return scan.head.previous if scan.head else scan.blocks[0].previous


@dataclass(slots=True)
class Catalog:
    """
    The parts of a tape in seq order, and what is wrong with it.

    leftover names hot files whose rows are sealed already, strange what lies among hot files and has no name of one;
    empty are hot files without a whole block; chain is the SHA-256 that the next block must name as its previous.
    """

    path: Path
    identity: TapeIdentity
    manifest: Manifest
    parts: list[Part] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    leftover: list[str] = field(default_factory=list)
    empty: list[SegmentScan] = field(default_factory=list)
    chain: bytes = GENESIS
    closed: bool = False

    @property
    def next_seq(self) -> int:
        """The seq after the last one that the tape holds or has lost."""
        ends = [_next_seq(part) for part in self.parts[-1:]]
        ends += [lost.last_seq + 1 for lost in self.manifest.lost]
        # What is damaged was there; only a torn tail may never have been.
        ends += [one.last_seq + 1 for one in self.damage if one.last_seq is not None and one.why != TORN_TAIL]
        return max(ends, default=0)

    @property
    def last_ns(self) -> int:
        """recv_ns of the last envelope; 0 for an empty tape."""
        match self.parts[-1] if self.parts else None:
            case HotPart(scan):
                return scan.blocks[-1].last_ns
            case SealedPart(entry):
                return entry.last_ns
            case None:
                return 0


def read_catalog(path: Path, *, identity: TapeIdentity | None = None, manifest: Manifest | None = None) -> Catalog:
    """
    Read what a tape consists of, beside a writer or not.

    An identity or a manifest that is given stands in for the one on disk.

    Raises:
        UsageError: there is no tape at this path.
        CorruptError: `tape.json` is damaged or of a later format. Any other damage stands in the catalog.
    """
    identity = identity or read_identity(path)
    # Hot files are listed before the manifest is read: a segment that is sealed in between is then seen twice, never
    # not at all. One that vanished after the listing is in the manifest.
    hot, strange = _list_hot(path)
    scans: list[SegmentScan] = []
    damage = [Damage(part, 0, None, None, odd) for part in _FOLDERS if (odd := oddity(path / part, folder=True))]
    for file in hot:
        try:
            scans.append(
                scan_segment(read_plain(path / file, bytes_max=_HOT_BYTES_MAX), file, tape_id=identity.tape_id)
            )
        except FileNotFoundError:
            continue
        except NotPlainError as error:
            damage.append(Damage(file, 0, None, None, str(error)))
    catalog = Catalog(path, identity, manifest or read_manifest(path, tape_id=identity.tape_id), strange=strange)
    catalog.damage.extend(damage)
    catalog.damage.extend(catalog.manifest.damage)
    for entry in catalog.manifest.sealed:
        _check_size(catalog, entry)
    _lay_out(catalog, scans)
    _check_joints(catalog)
    return catalog


def _list_hot(path: Path) -> tuple[list[str], list[str]]:
    """Return the hot files of a tape in seq order, and what else lies among them."""
    folder = path / HOT
    files: list[str] = []
    strange: list[str] = []
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if len(name) == _HOT_NAME_LEN and name.endswith(".hot") and name[:20].isdecimal() and name.isascii():
            files.append(f"{HOT}/{name}")
        else:
            strange.append(f"{HOT}/{name}")
    return files, strange


def _check_size(catalog: Catalog, entry: Sealed) -> None:
    file = catalog.path / entry.file
    size = file.stat().st_size if file.is_file() else None
    if size != entry.bytes:
        why = (oddity(file) or "file is missing") if size is None else f"file has {size} bytes instead of {entry.bytes}"
        offset = 0 if size is None else min(size, entry.bytes)
        catalog.damage.append(Damage(entry.file, offset, entry.first_seq, entry.last_seq, why))


def _lay_out(catalog: Catalog, scans: list[SegmentScan]) -> None:
    """Put sealed and hot parts in seq order and cut hot segments off where a later file takes over."""
    sealed: list[Part] = [SealedPart(entry) for entry in catalog.manifest.sealed]
    live: list[SegmentScan] = []
    for scan in scans:
        if any(
            entry.first_seq <= scan.first_seq <= entry.last_seq and scan.next_seq - 1 <= entry.last_seq
            for entry in catalog.manifest.sealed
        ):
            catalog.leftover.append(scan.file)
        else:
            live.append(scan)
    begins = sorted({scan.first_seq for scan in live if scan.blocks} | {part.first_seq for part in sealed})
    for scan in live:
        until = next((begin for begin in begins if begin > scan.first_seq), None)
        if until is not None and scan.next_seq > until:
            over = next((block.offset for block in scan.blocks if block.last_seq >= until), scan.end)
            scan.damage.append(Damage(scan.file, over, None, None, TORN_TAIL))
            scan.blocks = [block for block in scan.blocks if block.last_seq < until]
            scan.chain = scan.blocks[-1].sha256 if scan.blocks else b""
            scan.next_seq = scan.blocks[-1].last_seq + 1 if scan.blocks else scan.first_seq
            scan.close = None
        catalog.damage.extend(scan.damage)
        if not scan.blocks:
            catalog.empty.append(scan)
    hot: list[Part] = [HotPart(scan) for scan in live if scan.blocks]
    catalog.parts = sorted([*sealed, *hot], key=lambda part: part.first_seq)


def _check_joints(catalog: Catalog) -> None:
    """Compare where each part begins with where the one before ends, in seq and in the chain of blocks."""
    expected, chain = 0, GENESIS
    lost = {entry.last_seq + 1: entry for entry in catalog.manifest.lost}
    for part in catalog.parts:
        if isinstance(part, SealedPart):
            file = part.entry.file
            chain_out, closed = bytes.fromhex(part.entry.chain_out), part.entry.closed
        else:
            scan = part.scan
            file, chain_out, closed = scan.file, scan.chain, scan.close is not None
        joint = part.first_seq if isinstance(part, SealedPart) else part.scan.first_seq
        if joint > expected:
            if not _is_lost(lost, expected, joint):
                _blame(catalog, file, expected, joint - 1)
        elif joint < expected:
            catalog.damage.append(Damage(file, 0, None, None, OVERLAPS))
        elif chain_in(part) not in (chain, *_withdrawn_chains(catalog.manifest, joint)):
            catalog.damage.append(Damage(file, 0, None, None, BROKEN_JOINT))
        expected, chain, catalog.closed = _next_seq(part), chain_out, closed
    catalog.chain = chain
    for gone in catalog.manifest.withdrawn:
        # Recovery that was killed before it declared them lost: they were there, and are never given out again.
        if gone.last_seq >= expected and not _is_lost(lost, expected, gone.last_seq + 1):
            catalog.damage.append(Damage(gone.file, 0, expected, gone.last_seq, "segment was withdrawn"))


def _is_lost(lost: dict[int, Lost], first_seq: int, joint: int) -> bool:
    """Say whether all of first_seq .. joint - 1 was declared lost."""
    while joint > first_seq and joint in lost:
        joint = lost[joint].first_seq
    return joint <= first_seq


def _withdrawn_chains(manifest: Manifest, joint: int) -> list[bytes]:
    return [bytes.fromhex(entry.chain_out) for entry in manifest.withdrawn if entry.last_seq + 1 == joint]


def _blame(catalog: Catalog, file: str, first_seq: int, last_seq: int) -> None:
    """Say that envelopes are missing before a file: at the tail that held them, where there is one."""
    for at, damage in enumerate(catalog.damage):
        if damage.why == TORN_TAIL and damage.first_seq in {None, first_seq} and damage.file < file:
            scans = [part.scan for part in catalog.parts if isinstance(part, HotPart)] + catalog.empty
            if any(scan.file == damage.file and scan.next_seq == first_seq for scan in scans):
                catalog.damage[at] = Damage(damage.file, damage.offset, first_seq, last_seq, "tail is damaged")
                return
    catalog.damage.append(Damage(file, 0, first_seq, last_seq, "segment before this one is missing"))
