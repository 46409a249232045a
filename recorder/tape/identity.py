"""A tape's `tape.json`, and the self-checking JSON form that it shares with the manifest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from recorder.errors import CorruptError, UsageError
from recorder.tape.plain import read_plain
from recorder.tape.segment import FORMAT_VERSION

__all__ = [
    "HOT",
    "IDENTITY_FILE",
    "LOCK_FILE",
    "MANIFEST",
    "QUARANTINE",
    "SEALED",
    "SEAL_LOCK_FILE",
    "TMP",
    "FutureFormatError",
    "TapeIdentity",
    "check_name",
    "decode_checked",
    "decode_identity",
    "encode_checked",
    "encode_identity",
    "new_identity",
    "read_identity",
]

IDENTITY_FILE = "tape.json"
LOCK_FILE = "lock"
SEAL_LOCK_FILE = "seal.lock"
HOT = "hot"
SEALED = "sealed"
MANIFEST = "manifest"
TMP = "tmp"
QUARANTINE = "quarantine"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_BYTES_MAX = 1 << 20
_CHECK = b',"sha256":"'
_CHECK_LEN = len(_CHECK) + 64 + len(b'"}\n')


class FutureFormatError(ValueError):
    """The file is of a format that this program does not know yet: not damage, and nothing to mend."""


@dataclass(frozen=True, slots=True)
class TapeIdentity:
    """Which tape this is. tape_id (16 bytes) stands in every segment; created_ns is UTC nanoseconds."""

    tape_id: bytes
    name: str
    created_ns: int
    label: str


def check_name(name: str) -> str:
    """
    Return a tape's name if it is one.

    Raises:
        UsageError: it is not `[a-z0-9][a-z0-9._-]{0,63}`.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a tape name",
            why="a name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit",
            hint="try a name such as tonight-2026-01-15",
        )
    return name


def new_identity(name: str, *, created_ns: int, label: str) -> TapeIdentity:
    """Name a new tape. The id follows from its name and birth, so a simulated tape has the same bytes every time."""
    seed = f"{name}\0{created_ns}\0{label}".encode()
    return TapeIdentity(hashlib.sha256(seed).digest()[:16], check_name(name), created_ns, label)


def encode_checked(facts: dict[str, Any]) -> bytes:
    """Render facts as one line of compact JSON whose last key, `sha256`, is taken over all bytes before it."""
    body = msgspec.json.encode(facts)[:-1]
    return b"".join((body, _CHECK, hashlib.sha256(body).hexdigest().encode(), b'"}\n'))


def decode_checked(data: bytes) -> dict[str, Any]:
    """
    Read facts back.

    Raises:
        ValueError: not a byte is other than it was written.
    """
    body = data[:-_CHECK_LEN]
    if data != b"".join((body, _CHECK, hashlib.sha256(body).hexdigest().encode(), b'"}\n')):
        raise ValueError("does not match its checksum")
    try:
        facts: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError(f"not a JSON object: {error}") from error
    del facts["sha256"]
    return facts


def encode_identity(identity: TapeIdentity) -> bytes:
    """Render `tape.json`."""
    return encode_checked(
        {
            "format": FORMAT_VERSION,
            "tape": identity.tape_id.hex(),
            "name": identity.name,
            "created_ns": identity.created_ns,
            "label": identity.label,
        }
    )


def decode_identity(data: bytes) -> TapeIdentity:
    """
    Read `tape.json`.

    Raises:
        ValueError: damaged, or of a later format.
    """
    facts = decode_checked(data)
    version = facts.get("format")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise FutureFormatError(f"format {version} is later than {FORMAT_VERSION}, the latest this program knows")
    try:
        return TapeIdentity(bytes.fromhex(facts["tape"]), facts["name"], facts["created_ns"], facts["label"])
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error


def read_identity(path: Path) -> TapeIdentity:
    """
    Read a tape directory's `tape.json`.

    Raises:
        UsageError: there is no tape at this path.
        CorruptError: the file is damaged, or of a later format.
    """
    try:
        return decode_identity(read_plain(path / IDENTITY_FILE, bytes_max=_BYTES_MAX))
    except (FileNotFoundError, NotADirectoryError):
        if any((path / part).is_dir() for part in (HOT, SEALED)):
            raise CorruptError(
                f"{path} has lost its {IDENTITY_FILE}",
                why="a tape cannot be read without it",
                hint=f"gametape recover {path}",
            ) from None
        raise UsageError(f"there is no tape at {path}", why=f"no {IDENTITY_FILE} in it", hint="gametape ls") from None
    except ValueError as error:
        raise CorruptError(
            f"{path / IDENTITY_FILE} is damaged", why=str(error), hint=f"gametape recover {path}"
        ) from error
