"""Finding the tape that a user means: a path, or a name under the directory of tapes."""

from __future__ import annotations

import contextlib
import difflib
from pathlib import Path

from recorder.errors import UsageError
from recorder.tape.identity import HOT, IDENTITY_FILE, SEALED
from recorder.tape.reserve import RESERVE_FILE

__all__ = ["list_tapes", "locate_tape", "tape_bytes"]


def locate_tape(text: str, tapes_dir: Path) -> Path:
    """
    Return the directory of the tape that a word on the command line means.

    Raises:
        UsageError: there is none; with the nearest name as a suggestion.
    """
    path = Path(text)
    if _is_tape(path):
        return path
    if "/" not in text and "\0" not in text and text not in {"", ".", ".."} and _is_tape(tapes_dir / text):
        return tapes_dir / text
    near = difflib.get_close_matches(path.name, [tape.name for tape in list_tapes(tapes_dir)], n=1)
    raise UsageError(
        f"there is no tape {text!r}",
        why=f"neither a path nor a name under {tapes_dir}/",
        hint=f"did you mean {near[0]}?" if near else "gametape ls",
    )


def list_tapes(folder: Path) -> list[Path]:
    """Return the tapes directly under a directory, by name; none where there is no directory."""
    return sorted(path for path in folder.iterdir() if _is_tape(path)) if folder.is_dir() else []


def tape_bytes(path: Path) -> int:
    """Return how many bytes all files of a tape have, those set aside for its end apart."""
    total = 0
    for file in path.rglob("*"):
        # A file may be sealed away between listing and asking.
        with contextlib.suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() and file != path / RESERVE_FILE else 0
    return total


def _is_tape(path: Path) -> bool:
    if "\0" in str(path):
        return False
    # One that has lost its tape.json is still a tape, for `verify` and `recover` to say so.
    return (path / IDENTITY_FILE).is_file() or ((path / HOT).is_dir() and (path / SEALED).is_dir())
