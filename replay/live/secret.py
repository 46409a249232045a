"""The token of an exposed API: 256 random bits in a file that nobody else can read, compared in constant time."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from recorder.errors import UsageError

__all__ = ["is_same", "read_secret"]

_BYTES = 32
_LENGTH_MIN = 43  # what 256 bits come to in URL-safe base64


def read_secret(path: Path) -> str:
    """
    Return the secret in a file; where there is no file, make one.

    Raises:
        UsageError: others can read or change the file, or what is in it is too short to be a secret.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return _made(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}", why=str(error.strerror)) from error
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(4096).strip()
    if mode & 0o077:
        raise UsageError(f"{path} can be read by others", why=f"its mode is {mode:o}", hint=f"chmod 600 {path}")
    if len(text) < _LENGTH_MIN or not text.isascii() or not text.replace(b"-", b"").replace(b"_", b"").isalnum():
        raise UsageError(
            f"{path} holds no secret of 256 bits",
            why="expected 43 characters or more of A-Z a-z 0-9 - _",
            hint=f"remove {path}: a new one is made",
        )
    return text.decode()


def is_same(given: str, secret: str) -> bool:
    """Compare in a time that says nothing about where the two differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode())


def _made(path: Path) -> str:
    text = secrets.token_urlsafe(_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UsageError(f"cannot make {path}", why=str(error.strerror)) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
    return text
