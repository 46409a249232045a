"""
Model files: JSON, LightGBM text or ONNX, each pinned by the sha256 in its model's card.

What runs code when it is read is never read: a file is taken only if its name ends in one of the three suffixes, its
digest is the card's, and its first bytes are those of the kind that its suffix says. A pickle under another name fails
each of these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from recorder.errors import CorruptError

__all__ = ["checked_bytes", "digest", "model_files"]


class _Pins(msgspec.Struct):
    """What a card says about files."""

    file: str
    sha256: str
    companions: dict[str, str] = {}


def digest(text: bytes) -> str:
    """Return the sha256 of a model file, as a card names it."""
    return hashlib.sha256(text).hexdigest()


def model_files(read: Callable[[str], bytes], card: str) -> dict[str, bytes]:
    """
    Return the files that a card stands for, by name, checked. read gives a file's bytes by its name.

    Raises:
        CorruptError: the card or a file cannot be read, or is not what it should be.
    """
    try:
        pins = msgspec.json.decode(_read(read, card), type=_Pins)
    except msgspec.DecodeError as error:
        raise CorruptError(f"{card} is no model card", why=str(error)) from error
    pinned = {pins.file: pins.sha256, **pins.companions}
    return {name: checked_bytes(name, _read(read, name), sha256) for name, sha256 in pinned.items()}


def checked_bytes(name: str, text: bytes, sha256: str) -> bytes:
    """
    Return the bytes of a model file that is what its name and its digest say.

    Raises:
        CorruptError: it is not.
    """
    found = digest(text)
    if found != sha256:
        raise CorruptError(
            f"the card does not stand for {name}",
            why=f"it says sha256 {sha256}, the file has {found}",
            hint="gametape model fit --games … --timeline … --out DIR",
        )
    if not _is_as_named(name, text):
        raise CorruptError(f"{name} is no model file", why="JSON, LightGBM text and ONNX are read, by their suffix")
    return text


def _read(read: Callable[[str], bytes], name: str) -> bytes:
    try:
        return read(name)
    except OSError as error:
        raise CorruptError(f"model file {name} cannot be read", why=str(error)) from error


def _is_as_named(name: str, text: bytes) -> bool:
    """Tell whether a file's bytes are of the kind that its suffix says."""
    suffix = name.rpartition(".")[2]
    if suffix == "json":
        try:
            msgspec.json.decode(text)
        except msgspec.DecodeError:
            return False
        return True
    # A LightGBM text file begins with this word; ONNX is a protobuf whose first field is the version, an integer.
    return (suffix == "txt" and text.startswith(b"tree\n")) or (suffix == "onnx" and text.startswith(b"\x08"))
