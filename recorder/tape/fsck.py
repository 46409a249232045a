"""
Checking a tape and mending it.

`verify_tape` reads every byte and says where each trouble lies. `recover_tape` keeps every row that can still be read:
it cuts torn tails, puts damaged files aside under `quarantine/`, writes their readable rows as new hot segments, and
admits in the manifest what is lost, so that the tape is whole again and says where its holes are. Without `write` it
only plans.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from recorder.envelope import decode_rows
from recorder.errors import CorruptError
from recorder.tape.catalog import Catalog, HotPart, SealedPart, read_catalog
from recorder.tape.identity import (
    HOT,
    IDENTITY_FILE,
    LOCK_FILE,
    MANIFEST,
    QUARANTINE,
    SEAL_LOCK_FILE,
    SEALED,
    TMP,
)
from recorder.tape.manifest import Sealed
from recorder.tape.plain import oddity
from recorder.tape.reader import read_block
from recorder.tape.segment import TORN_TAIL, Damage, SegmentScan
from recorder.tape.writer import is_being_written

__all__ = ["VerifyReport", "check_sealed", "strangers", "verify_tape"]

_KNOWN = frozenset({IDENTITY_FILE, LOCK_FILE, SEAL_LOCK_FILE, HOT, SEALED, MANIFEST, TMP, QUARANTINE})


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """
    What verifying found.

    events counts the envelopes that can be read; lost are the seq ranges, both ends included, that recovery gave up;
    closed tells that the last recording session ended cleanly.
    """

    ok: bool
    events: int
    damage: tuple[Damage, ...]
    lost: tuple[tuple[int, int], ...] = ()
    closed: bool = False


def verify_tape(path: Path | str, *, deep: bool = False) -> VerifyReport:
    """
    Check every byte of a tape against its checksums. With deep, also decode every row and compare the row digests.

    Never raises on damage, whatever the bytes.

    Raises:
        UsageError: there is no tape at this path.
    """
    path = Path(path)
    being_written = is_being_written(path)
    try:
        catalog = read_catalog(path)
    except CorruptError as error:
        return VerifyReport(ok=False, events=0, damage=(Damage(IDENTITY_FILE, 0, None, None, error.why),))
    sealed = {entry.file for entry in catalog.manifest.sealed}
    # What the catalog says of sealed files is a glance at their size; they are looked into below.
    damage = [one for one in catalog.damage if one.file not in sealed]
    if being_written:
        # A block that is just being written is none yet.
        damage = [one for one in damage if one.why != TORN_TAIL]
    events = 0
    for part in catalog.parts:
        match part:
            case SealedPart(entry):
                found = check_sealed(path, entry, deep=deep)
                events += entry.count - sum(_missing(one) for one in found)
            case HotPart(scan):
                try:
                    found = _check_hot(path, scan) if deep else []
                except FileNotFoundError:
                    # It was sealed in the meantime: the tape as it stands now.
                    return verify_tape(path, deep=deep)
                events += sum(block.count for block in scan.blocks) - sum(_missing(one) for one in found)
        damage.extend(found)
    damage.extend(strangers(catalog))
    lost = tuple((one.first_seq, one.last_seq) for one in catalog.manifest.lost)
    return VerifyReport(ok=not damage, events=events, damage=tuple(damage), lost=lost, closed=catalog.closed)


def _missing(damage: Damage) -> int:
    return 0 if damage.first_seq is None or damage.last_seq is None else damage.last_seq - damage.first_seq + 1


def check_sealed(path: Path, entry: Sealed, *, deep: bool) -> list[Damage]:
    """Compare a sealed segment with its manifest entry and say where they differ."""
    file = path / entry.file
    if not file.is_file():
        why = oddity(file) or "file is missing"
        return [Damage(entry.file, 0, entry.first_seq, entry.last_seq, why)]
    # Imported late: pyarrow takes longer to load than a hot tape takes to check.
    from recorder.tape.parquet import SealedError, SealedFile  # noqa: PLC0415

    sealed = SealedFile(path, entry)
    try:
        sealed.check_columns()
    except SealedError as error:
        return [error.damage]
    if not deep and _file_digest(file) == entry.file_sha256:
        return []
    damage: list[Damage] = []
    rows = hashlib.sha256()
    for at, group in enumerate(entry.groups):
        try:
            sealed.check(group)
            if deep:
                for batch in sealed.batches(at):
                    rows.update(batch.rows())
        except SealedError as error:
            damage.append(error.damage)
    damage.extend(_check_frame(file, entry))
    if deep and not damage and rows.hexdigest() != entry.rows_sha256:
        damage.append(Damage(entry.file, 0, entry.first_seq, entry.last_seq, "rows do not match their digest"))
    return damage


def _check_frame(file: Path, entry: Sealed) -> list[Damage]:
    """Compare what of a Parquet file is no row group: the magic, the footer, and what may follow it."""
    footer = base64.b64decode(entry.footer)
    footer_at = entry.bytes - len(footer)
    size = file.stat().st_size
    with file.open("rb") as opened:
        magic = opened.read(4)
        opened.seek(footer_at)
        tail = opened.read(len(footer))
    damage: list[Damage] = []
    if magic != footer[-4:]:
        damage.append(Damage(entry.file, 0, None, None, "Parquet magic is damaged"))
    if tail != footer:
        differs = next(
            (at for at, (one, other) in enumerate(zip(tail, footer, strict=False)) if one != other), len(tail)
        )
        damage.append(Damage(entry.file, footer_at + differs, None, None, "Parquet footer is damaged"))
    if size > entry.bytes:
        damage.append(Damage(entry.file, entry.bytes, None, None, f"{size - entry.bytes} bytes too many"))
    return damage


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_hot(path: Path, scan: SegmentScan) -> list[Damage]:
    """Decode every row of a hot segment and see that the rows are those that the blocks announce."""
    damage: list[Damage] = []
    for block in scan.blocks:
        try:
            seqs = [envelope.seq for envelope in decode_rows(read_block(path / scan.file, block))]
            why = "" if seqs == list(range(block.first_seq, block.last_seq + 1)) else "rows are not those of the header"
        except CorruptError as error:
            why = error.why
        except ValueError as error:
            why = str(error)
        if why:
            damage.append(Damage(scan.file, block.offset, block.first_seq, block.last_seq, why))
    return damage


def strangers(catalog: Catalog) -> list[Damage]:
    """Name what lies in a tape and does not belong there."""
    path = catalog.path
    found = [*catalog.strange, *(entry.name for entry in sorted(path.iterdir()) if entry.name not in _KNOWN)]
    # A sealed file without an entry, whose hot segment is still there, is sealing that was interrupted.
    ours = {entry.file.rsplit("/", 1)[-1] for entry in catalog.manifest.sealed}
    ours |= {f"{part.scan.first_seq:020d}.parquet" for part in catalog.parts if isinstance(part, HotPart)}
    if (path / SEALED).is_dir():
        found += [f"{SEALED}/{entry.name}" for entry in sorted((path / SEALED).iterdir()) if entry.name not in ours]
    return [Damage(file, 0, None, None, "does not belong to this tape") for file in found]
