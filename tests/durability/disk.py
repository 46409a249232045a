"""
A disk that remembers every operation, so that one can ask what a power cut at any moment could have left.

Theory of operation. `RecordingFs` does what it is told on a real directory and keeps a log. `crash_states` walks that
log. What was synced is there for certain; of the rest a cut may leave anything: a file's bytes since its last sync
whole, not at all, torn, as zeros, or the later half without the earlier; a name made or taken away since the last sync
of its directory, or not, each independently of the others. A rename is atomic, and durable with the directory that it
leads to.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from recorder.tape.fs import RealFs

__all__ = ["Ack", "CrashState", "RecordingFs", "crash_states"]

_COMBINATIONS_MAX = 96


class _MakeDir(NamedTuple):
    path: str


class _Create(NamedTuple):
    path: str
    file: int


class _Write(NamedTuple):
    file: int
    data: bytes


class _Truncate(NamedTuple):
    path: str
    size: int


class _Sync(NamedTuple):
    file: int


class _SyncDir(NamedTuple):
    path: str


class _Rename(NamedTuple):
    source: str
    target: str


class _Link(NamedTuple):
    source: str
    target: str


class _Unlink(NamedTuple):
    path: str


class _Enter(NamedTuple):
    """A link or a rename, once it is known which file it is about: a name is made of a file, not of another name."""

    target: str
    file: int
    gone: str | None


class Ack(NamedTuple):
    """The writer said that everything up to this seq is durable; -1: that the tape exists."""

    seq: int


_Name = _MakeDir | _Create | _Enter | _Unlink
_Op = _Name | _Rename | _Link | _Write | _Truncate | _Sync | _SyncDir | Ack


class RecordingFs(RealFs):
    """A real file system below root that keeps a log of what it was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log: list[_Op] = []
        self._files = itertools.count()
        self._by_fd: dict[int, int] = {}

    def make_dir(self, path: Path) -> None:
        if not path.is_dir():
            self.log.append(_MakeDir(self._name(path)))
        super().make_dir(path)

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._by_fd[fd] = next(self._files)
        self.log.append(_Create(self._name(path), self._by_fd[fd]))
        return fd

    def write(self, fd: int, data: bytes) -> None:
        super().write(fd, data)
        self.log.append(_Write(self._by_fd[fd], bytes(data)))

    def sync_data(self, fd: int) -> None:
        self.log.append(_Sync(self._by_fd[fd]))

    def sync_dir(self, path: Path) -> None:
        if path != self.root.parent:
            self.log.append(_SyncDir(self._name(path)))

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)
        self.log.append(_Truncate(self._name(path), size))

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.log.append(_Rename(self._name(source), self._name(target)))

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        self.log.append(_Link(self._name(source), self._name(target)))

    def unlink(self, path: Path) -> None:
        if path.exists():
            self.log.append(_Unlink(self._name(path)))
        super().unlink(path)

    def ack(self, seq: int) -> None:
        """Note that the writer acknowledged."""
        self.log.append(Ack(seq))

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        return "" if name == "." else name


@dataclass(slots=True)
class _File:
    durable: bytes = b""
    pending: list[bytes] = field(default_factory=list)

    def variants(self) -> list[bytes]:
        """Return what may be in the file after a cut; the first is all of it, the last is what is certain."""
        tail = b"".join(self.pending)
        if not tail:
            return [self.durable]
        half = len(tail) // 2
        tails = [tail, tail[:-1], tail[:half], tail[:1], bytes(len(tail)), tail[:half] + bytes(len(tail) - half)]
        tails += [bytes(half) + tail[half:], tail[: half + half // 2] + bytes(len(tail) - half - half // 2)]
        tails += [b"".join(self.pending[:at]) for at in range(1, len(self.pending))]
        return [self.durable + one for one in dict.fromkeys([*tails, b""])]


class CrashState(NamedTuple):
    """What a power cut left: files by path, directories, what was acknowledged (None: not even the tape itself)."""

    files: dict[str, bytes]
    folders: frozenset[str]
    acked: int | None

    def write_to(self, root: Path) -> None:
        """Make a real directory of it."""
        root.mkdir(parents=True)
        for folder in sorted(self.folders):
            (root / folder).mkdir(exist_ok=True)
        for name, data in self.files.items():
            (root / name).write_bytes(data)


@dataclass(slots=True)
class _Disk:
    durable: list[_Name] = field(default_factory=list)
    pending: list[_Name] = field(default_factory=list)
    files: dict[int, _File] = field(default_factory=dict)
    acked: int | None = None

    def apply(self, op: _Op) -> None:
        match op:
            case _Create(file=file):
                self.files[file] = _File()
                self.pending.append(op)
            case _MakeDir() | _Enter() | _Unlink():
                self.pending.append(op)
            case _Link(source, target):
                self.pending.append(_Enter(target, self.now()[source], None))
            case _Rename(source, target):
                self.pending.append(_Enter(target, self.now()[source], source))
            case _Write(file, data):
                self.files[file].pending.append(data)
            case _Sync(file):
                self.files[file].durable += b"".join(self.files[file].pending)
                self.files[file].pending = []
            case _Truncate(path, size):
                file = self.now()[path]
                self.files[file] = _File((self.files[file].durable + b"".join(self.files[file].pending))[:size])
            case _SyncDir(path):
                reached = [name for name in self.pending if _folder_of(name) == path]
                self.durable += reached
                self.pending = [name for name in self.pending if _folder_of(name) != path]
            case Ack(seq):
                self.acked = seq

    def now(self) -> dict[str, int]:
        """Return which file stands under which path for a program that runs."""
        return self.names([*self.durable, *self.pending])[0]

    def names(self, ops: list[_Name]) -> tuple[dict[str, int], set[str]]:
        """Return which file stands under which path, and the directories, after these operations."""
        files: dict[str, int] = {}
        folders: set[str] = {""}
        for op in ops:
            if _folder_of(op) not in folders:
                continue  # its directory did not survive
            match op:
                case _MakeDir(path):
                    folders.add(path)
                case _Create(path, file):
                    files[path] = file
                case _Enter(target, file, gone):
                    files[target] = file
                    if gone is not None:
                        files.pop(gone, None)
                case _Unlink(path):
                    files.pop(path, None)
        return files, folders - {""}

    def states(self) -> Iterator[CrashState]:
        choices = self._name_choices()
        pending = [number for number, file in self.files.items() if file.pending]
        variants = [[(number, data) for data in self.files[number].variants()] for number in pending]
        combinations = itertools.product(choices, *variants)
        for chosen, *contents in itertools.islice(combinations, _COMBINATIONS_MAX):
            names, folders = self.names([*self.durable, *chosen])
            told = dict(contents)
            files = {path: told.get(number, self.files[number].durable) for path, number in names.items()}
            yield CrashState(files, frozenset(folders), self.acked)

    def _name_choices(self) -> list[list[_Name]]:
        ops = self.pending
        choices = [list(ops), []]
        choices += [ops[:at] for at in range(1, len(ops))]
        choices += [[*ops[:at], *ops[at + 1 :]] for at in range(len(ops))]
        choices += [[op] for op in ops]
        return list({tuple(map(id, choice)): choice for choice in choices}.values())


def _folder_of(op: _Name) -> str:
    path = op.target if isinstance(op, _Enter) else op.path
    return path.rpartition("/")[0]


def crash_states(log: list[_Op]) -> Iterator[CrashState]:
    """Yield every different state that a power cut during or after these operations may leave."""
    disk = _Disk()
    seen: set[int] = set()
    for op in log:
        disk.apply(op)
        for state in disk.states():
            key = hash((tuple(sorted(state.files.items())), state.folders, state.acked))
            if key not in seen:
                seen.add(key)
                yield state
