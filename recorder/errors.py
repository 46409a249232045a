"""The few errors that a user can meet: each says what, why and the next command, and carries its exit code."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "CorruptError",
    "DiskError",
    "Exit",
    "GametapeError",
    "LockedError",
    "LossyError",
    "RegressionError",
    "UpstreamError",
    "UsageError",
]


class Exit(IntEnum):
    """The documented exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOSSY = 3
    REGRESSION = 4
    CORRUPT = 5
    DISK = 6
    LOCKED = 7
    UPSTREAM = 8


class GametapeError(Exception):
    """What went wrong, why, and what to type next."""

    exit_code = Exit.FAILED

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        """Say what went wrong; why; and the next command as a hint."""
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint


class UsageError(GametapeError):
    """A wrong argument, name or setting."""

    exit_code = Exit.USAGE


class LossyError(GametapeError):
    """Done, but something was lost, and it is said what."""

    exit_code = Exit.LOSSY


class RegressionError(GametapeError):
    """A golden, a parity check or a gate did not hold."""

    exit_code = Exit.REGRESSION


class CorruptError(GametapeError):
    """A file is not what it says it is."""

    exit_code = Exit.CORRUPT


class DiskError(GametapeError):
    """The disk refused."""

    exit_code = Exit.DISK


class LockedError(GametapeError):
    """Somebody else is writing this tape."""

    exit_code = Exit.LOCKED


class UpstreamError(GametapeError):
    """The upstream cannot be reached or does not answer as it should."""

    exit_code = Exit.UPSTREAM
