"""
How kernels are compiled: three decorators, one compile cache.

Kernels are plain Python functions over integer arrays; `NUMBA_DISABLE_JIT=1` leaves them so, which is the oracle of the
tests. numba notices a change in the file of a compiled function, but not in the file of a function that it calls: a
stale kernel would decide differently from its source. The cache folder is therefore named by a hash over every source
file that may hold kernels which call each other: those of the tape, those that read books, and those of the core and
the strategies. This module reads its own source tree, never data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import event as events
from numba.extending import overload, register_jitable

__all__ = ["compiled", "inlined", "inlined_as", "inner", "interpreted", "kernel", "tell_compiling", "wide"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

# Without the runtime for references (`_nrt`) arrays are passed as what they are. With it every access to a member of a
# named tuple counts a reference up and down, atomically: nine tenths of the time of a fold. The price is that a kernel
# cannot make an array.
_OPTIONS: dict[str, Any] = {
    "fastmath": False,
    "parallel": False,
    "nogil": True,
    "error_model": "python",
    "_nrt": False,
    "no_cfunc_wrapper": True,  # nothing calls a kernel from C
}

wide: Callable[[Any], int] = cast("Callable[[Any], int]", np.int64)
"""As 64 bits: `int` of a narrow column keeps its width in a kernel, and 16 or 32 bits wrap without a word."""

_TREE = Path(__file__).resolve().parents[1]
_ROOT = numba.config.CACHE_DIR or str(Path("~/.cache/gametape/kernels").expanduser())
_TAPE = ("recorder/jit.py", "recorder/tape/scan.py", "recorder/tape/walk.py", "recorder/tape/words.py")
_SOURCES = {"recorder": _TAPE, "replay.books": (*_TAPE, "replay/books.py", "replay/core/rows.py")}
_FOLDED = ("recorder/jit.py", "replay/core", "strategies")


@cache
def _cache_folder(sources: tuple[str, ...]) -> str:
    """Return a folder named by a hash over everything that may define or call these kernels, and the compiler."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sources:
        for path in sorted((_TREE / source).rglob("*.py")) or [_TREE / source]:
            digest.update(path.read_bytes())
    return str(Path(_ROOT) / digest.hexdigest()[:16])


def compiled() -> bool:
    """Say whether kernels run compiled in this process."""
    return not numba.config.DISABLE_JIT


def kernel(function: _Function) -> _Function:
    """
    Compile a function of integers and integer arrays on first use and keep the result on disk.

    No fast mathematics, no parallel loops, no Python objects, no new arrays: the same bits on every machine.
    """
    if compiled():
        module = function.__module__
        sources = _SOURCES.get(module) or _SOURCES.get(module.partition(".")[0], _FOLDED)
        numba.config.CACHE_DIR = _cache_folder(sources)
    made: _Function = numba.njit(cache=True, **_OPTIONS)(function)
    return made


def tell_compiling(say: Callable[[], None]) -> None:
    """Call say once, as soon as the compiler is at work in this process; what comes from the cache is not work."""
    events.register("numba:compile", _Once(say))


class _Once(events.Listener):  # type: ignore[misc]  # numba ships no types
    def __init__(self, say: Callable[[], None]) -> None:
        self._say: Callable[[], None] | None = say

    def on_start(self, event: events.Event) -> None:  # noqa: ARG002 - what is compiled is all the same
        """Tell the first time; it goes on listening, for who leaves while all are told takes the next one's turn."""
        say, self._say = self._say, None
        if say is not None:
            say()

    def on_end(self, event: events.Event) -> None:
        """Nothing: an end belongs to a start that was told of."""


def inner(function: _Function) -> _Function:
    """
    Mark what kernels call: plain Python to whoever calls it from Python, compiled into the kernels that call it.

    That a part of a kernel has no door of its own halves the time to compile; and a test calls what is written.
    """
    made: _Function = register_jitable(**_OPTIONS)(function)
    return made


def inlined(function: _Function) -> _Function:
    """Mark like `inner` what runs once a row: passing dozens of arrays on the stack would cost more than its work."""
    made: _Function = register_jitable(forceinline=True, **_OPTIONS)(function)
    return made


def inlined_as(plain: Callable[..., Any]) -> Callable[[_Function], _Function]:
    """Mark what kernels call in the place of a plain function, which says the same in fewer steps of Python."""

    def mark(function: _Function) -> _Function:
        overload(plain, jit_options={"forceinline": True, **_OPTIONS}, strict=False)(lambda *_: function)
        return function

    return mark


def interpreted(function: _Function) -> _Function:
    """Return a kernel as plain Python: for tests, and to run before the compiler is ready."""
    plain: _Function = getattr(function, "py_func", function)
    return plain
