"""Finding strategies, tapes and the cache: what the verbs of the backtest share."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from recorder.config import load_config
from recorder.errors import UsageError
from recorder.folders import make_folder
from replay.core.strategy import Strategy
from replay.plugins import find_plugin
from replay.store import fetch_tape, is_remote

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["cache_folder", "find_tapes", "load_strategy"]

_GROUP = "gametape.strategies"


def cache_folder(name: str) -> Path:
    """
    Return the folder of this name in the cache, made where it is not there.

    Raises:
        UsageError: there can be no such folder.
        DiskError: it cannot be written to.
    """
    folder = Path(load_config().config.cache_dir).expanduser() / name
    # One that is there may be for reading only: what others decoded is as good.
    return folder if folder.is_dir() else make_folder(folder, hint="GAMETAPE_CACHE_DIR=/another/folder")


def find_tapes(names: Sequence[str]) -> list[Tape]:
    """
    Open tapes: paths, names within the tapes folder, or addresses of sealed tapes on object storage.

    Raises:
        UpstreamError: the storage does not answer.
        UsageError: there is no such tape, one holds nothing, or one is named twice.
        CorruptError: a tape is damaged.
    """
    from recorder.tape.reader import open_tape

    root = Path(load_config().config.tapes_dir)
    tapes = []
    for name in names:
        if is_remote(name):
            tapes.append(open_tape(fetch_tape(name, cache_folder("s3"))))
            continue
        path = Path(name)
        tapes.append(open_tape(path if path.exists() or not (root / name).exists() else root / name))
    for tape in tapes:
        if not len(tape):
            list(tape.read())  # a manifest that is gone is damage, not an empty tape, and says so when it is read
            raise UsageError(
                f"{tape.name} holds no events", why="there is nothing to play", hint=f"gametape verify {tape.path}"
            )
    digests = [tape.digest() for tape in tapes]
    for tape, digest in zip(tapes, digests, strict=True):
        if digests.count(digest) > 1:
            raise UsageError(f"{tape.name} is given twice", why="the same events would count as two nights")
    return tapes


def load_strategy(name: str) -> Strategy:
    """
    Load a strategy by its entry-point name, or from a file as `path/to/file.py:Name`.

    Raises:
        UsageError: there is no such strategy, file or class, or it cannot fold columns.
    """
    path, _, attribute = name.rpartition(":")
    if path.endswith(".py"):
        made = _from_file(Path(path), attribute)
    else:
        hint = "--strategy fusion  or  --strategy path/to/file.py:Name"
        made = find_plugin(_GROUP, name, kind="strategy", hint=hint).load()()
    if not callable(getattr(made, "run", None)) or not isinstance(getattr(made, "name", None), str):
        raise UsageError(
            f"{name} is not a strategy", why="it needs a name and a run(...): see replay.core.strategy.Strategy"
        )
    return cast("Strategy", made)


def _from_file(path: Path, attribute: str) -> object:
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.exists() else None
    if spec is None or spec.loader is None:
        raise UsageError(f"there is no strategy file {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = getattr(module, attribute, None)
        if not callable(made):
            why = "the part after the colon names a class in the file"
            raise UsageError(f"{path} has no class {attribute!r}", why=why)
        strategy: object = made()
    except UsageError:
        raise
    except Exception as error:
        # A user's own file: whatever it raises is about that file and no failure of ours.
        raise UsageError(f"{path} cannot be loaded", why=f"{type(error).__name__}: {error}") from error
    return strategy
