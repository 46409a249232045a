"""
The manifest: a numbered, hash-chained list of what became of a tape's segments.

One small file per entry, never changed: `manifest/00000001.json`, `…2.json`. The list is a fold: a `sealed` entry adds
a Parquet segment, `withdrawn` takes one out again (recovery put its rows elsewhere), `lost` admits that a range of
envelopes is gone. Each file names the SHA-256 of the file before it and ends in a checksum of its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from recorder.tape.fs import Fs, publish
from recorder.tape.identity import MANIFEST, TMP, decode_checked, encode_checked
from recorder.tape.plain import read_plain
from recorder.tape.segment import FORMAT_VERSION, Damage

__all__ = [
    "MANIFEST_START",
    "Entry",
    "Group",
    "Lost",
    "Manifest",
    "Sealed",
    "Withdrawn",
    "decode_entry",
    "encode_entry",
    "publish_entry",
    "read_manifest",
]

_FILE = re.compile(r"[0-9]{8}\.json", re.ASCII)
MANIFEST_START = "0" * 64
_BYTES_MAX = 64 << 20

# A manifest may come from a stranger: what it names is read, put aside and removed.
_SealedFile = Annotated[str, msgspec.Meta(pattern=r"^sealed/[0-9]{20}\.parquet\Z")]
_Withdrawn = Annotated[str, msgspec.Meta(pattern=r"^(sealed/[0-9]{20}\.parquet)?\Z")]
_Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class Group(msgspec.Struct, frozen=True, array_like=True):
    """One row group of a Parquet segment: what it holds, and where its bytes lie with which SHA-256."""

    first_seq: _Count
    last_seq: _Count
    first_ns: int
    last_ns: int
    offset: _Count
    bytes: _Count
    sha256: _Hash


class Sealed(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="sealed"):
    """
    A Parquet segment.

    Units: file is relative to the tape; rows_sha256 is over the canonical rows, file_sha256 over the file; chain_in and
    chain_out are the SHA-256 of the blocks before and at the end of the hot segment it was made from; ns are UTC.
    footer is the Parquet footer up to the end of the file, base64, so that a damaged one can be told and mended.
    """

    file: _SealedFile
    first_seq: _Count
    last_seq: _Count
    count: _Count
    first_ns: int
    last_ns: int
    rows_sha256: _Hash
    file_sha256: _Hash
    bytes: _Count
    chain_in: _Hash
    chain_out: _Hash
    closed: bool
    groups: tuple[Group, ...]
    footer: str


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="withdrawn"):
    """
    A segment that recovery took out of the tape; its readable rows went elsewhere.

    chain_out is the hash that the block after last_seq names as its previous, and that nothing on the tape has any
    more.
    """

    file: _Withdrawn
    first_seq: _Count
    last_seq: int
    chain_out: _Hash
    why: str


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="lost"):
    """A range of envelopes that no one can read any more."""

    first_seq: _Count
    last_seq: _Count
    why: str


Entry = Sealed | Withdrawn | Lost


@dataclass(slots=True)
class Manifest:
    """
    What the manifest says now.

    sealed is in seq order, entries in the order they were published; number and sha256 are those of the last entry
    read, 0 and zeros for none.
    """

    sealed: list[Sealed] = field(default_factory=list)
    withdrawn: list[Withdrawn] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    number: int = 0
    sha256: str = MANIFEST_START

    def admit(self, entry: Entry) -> None:
        """Take one more entry into account."""
        self.entries.append(entry)
        match entry:
            case Sealed():
                self.sealed.append(entry)
                self.sealed.sort(key=lambda sealed: sealed.first_seq)
            case Withdrawn():
                self.sealed = [sealed for sealed in self.sealed if sealed.file != entry.file]
                self.withdrawn.append(entry)
            case Lost():
                self.lost.append(entry)


def encode_entry(entry: Entry, *, tape_id: bytes, number: int, previous: str) -> bytes:
    """Render an entry; previous is the SHA-256 of the file before it, hex."""
    facts: dict[str, Any] = {"format": FORMAT_VERSION, "tape": tape_id.hex(), "number": number, "previous": previous}
    return encode_checked(facts | msgspec.to_builtins(entry))


def decode_entry(data: bytes, *, tape_id: bytes, number: int, previous: str | None) -> Entry:
    """
    Read an entry; previous None means that the file before it could not be read.

    Raises:
        ValueError: damaged, of a later format, of another tape or out of place.
    """
    facts = decode_checked(data)
    version = facts.pop("format", None)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(f"format {version} is later than {FORMAT_VERSION}, the latest this program knows")
    if facts.pop("tape", None) != tape_id.hex():
        raise ValueError("entry belongs to another tape")
    if facts.pop("number", None) != number:
        raise ValueError("entry stands under another number")
    before = facts.pop("previous", None)
    if previous is not None and before != previous:
        raise ValueError("entry does not follow from the one before it")
    try:
        entry: Entry = msgspec.convert(facts, Entry)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if isinstance(entry, Sealed):
        _check_groups(entry)
    return entry


def _check_groups(entry: Sealed) -> None:
    """Raise ValueError where row groups are not the segment, one after the other."""
    base64.b64decode(entry.footer, validate=True)
    spans = [(group.first_seq, group.last_seq) for group in entry.groups]
    ends = [entry.first_seq, *(last_seq + 1 for _, last_seq in spans)]
    is_tiled = all(begin == first and last >= first for begin, (first, last) in zip(ends, spans, strict=False))
    is_within = all(group.offset + group.bytes <= entry.bytes for group in entry.groups)
    if not (spans and is_tiled and is_within and ends[-1] == entry.last_seq + 1 == entry.first_seq + entry.count):
        raise ValueError("entry makes no sense")


def read_manifest(path: Path, *, tape_id: bytes) -> Manifest:
    """Read a tape's manifest. Never raises on damage: what cannot be read stands under damage."""
    manifest = Manifest()
    folder = path / MANIFEST
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    previous: str | None = MANIFEST_START
    for name in names:
        file = f"{MANIFEST}/{name}"
        if not _FILE.fullmatch(name):
            manifest.damage.append(Damage(file, 0, None, None, "not a manifest entry"))
            continue
        number = int(name[:8])
        if number != manifest.number + 1:
            why = f"entry {manifest.number + 1} is missing"
            manifest.damage.append(Damage(f"{MANIFEST}/{manifest.number + 1:08d}.json", 0, None, None, why))
            previous = None
        data = b""
        try:
            data = read_plain(folder / name, bytes_max=_BYTES_MAX)
            manifest.admit(decode_entry(data, tape_id=tape_id, number=number, previous=previous))
            previous = hashlib.sha256(data).hexdigest()
        except ValueError as error:
            manifest.damage.append(Damage(file, 0, None, None, str(error)))
            previous = None
        manifest.number, manifest.sha256 = number, hashlib.sha256(data).hexdigest()
    return manifest


def publish_entry(fs: Fs, path: Path, manifest: Manifest, entry: Entry, *, tape_id: bytes) -> None:
    """
    Make an entry durable under the next number, and take it into account.

    Raises:
        FileExistsError: somebody else published that number.
        OSError: the disk refused.
    """
    number = manifest.number + 1
    data = encode_entry(entry, tape_id=tape_id, number=number, previous=manifest.sha256)
    publish(fs, path / TMP, path / MANIFEST / f"{number:08d}.json", data)
    manifest.number, manifest.sha256 = number, hashlib.sha256(data).hexdigest()
    manifest.admit(entry)
