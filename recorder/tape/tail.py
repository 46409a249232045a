"""Cutting off what a crash left half-written at the end of a tape."""

from __future__ import annotations

from recorder.tape.catalog import Catalog, HotPart
from recorder.tape.fs import Fs, publish
from recorder.tape.identity import QUARANTINE, TMP
from recorder.tape.manifest import Lost, publish_entry
from recorder.tape.segment import TORN_TAIL, Damage, SegmentScan

__all__ = ["cut_tail"]


def cut_tail(fs: Fs, catalog: Catalog) -> list[str]:
    """
    Make a tape end after its last whole block and return what was put aside, as paths within the tape.

    The bytes that are cut off are kept under `quarantine/`. May be killed and run again.

    Raises:
        OSError: the disk refused.
    """
    aside: list[str] = []
    last = catalog.parts[-1] if catalog.parts else None
    if isinstance(last, HotPart) and any(damage.why == TORN_TAIL for damage in last.scan.damage):
        for damage in last.scan.damage:
            if damage.why == TORN_TAIL:
                _declare(fs, catalog, damage)
        aside.append(_put_aside(fs, catalog, last.scan, last.scan.end))
        fs.truncate(catalog.path / last.scan.file, last.scan.end)
    for scan in catalog.empty:
        if scan.first_seq >= catalog.next_seq:
            if any(damage.why != TORN_TAIL for damage in scan.damage) or scan.size > scan.end:
                aside.append(_put_aside(fs, catalog, scan, 0))
            fs.unlink(catalog.path / scan.file)
            fs.sync_dir((catalog.path / scan.file).parent)
    return aside


def _declare(fs: Fs, catalog: Catalog, damage: Damage) -> None:
    """
    Give up the seqs of a block that is all there but not what was written.

    It may have been acknowledged, so its seqs are never used again. A block that is merely cut short was not.
    """
    if damage.first_seq is None or damage.last_seq is None:
        return
    if damage.first_seq not in {lost.first_seq for lost in catalog.manifest.lost}:
        lost = Lost(first_seq=damage.first_seq, last_seq=damage.last_seq, why=f"{damage.file}: {damage.why}")
        publish_entry(fs, catalog.path, catalog.manifest, lost, tape_id=catalog.identity.tape_id)


def _put_aside(fs: Fs, catalog: Catalog, scan: SegmentScan, offset: int) -> str:
    fs.make_dir(catalog.path / QUARANTINE)
    data = (catalog.path / scan.file).read_bytes()[offset:]
    name = f"{scan.file.rsplit('/', 1)[-1]}.from-{offset}"
    publish(fs, catalog.path / TMP, catalog.path / QUARANTINE / name, data, replace=True)
    return f"{QUARANTINE}/{name}"
