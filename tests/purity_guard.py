"""
Make the pure code's reads of clocks, of the environment and of unseeded randomness raise.

Comparing a live run with its replay does not catch a clock read in the engine: both runs read the same wrong clock. So,
while the guard is on, every name by which a pure module could reach such a read is replaced: the globals of the modules
that are loaded, and whatever their functions import from then on. All others (pytest, hypothesis, sockets) keep the
real ones.
"""

from __future__ import annotations

import builtins
import datetime as dt
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

__all__ = ["PURE", "ImpureReadError", "guarded", "is_pure"]

PURE = ("replay.core", "recorder.feeds", "strategies")
_TERMINAL_ONLY = ("strategies.models.cli", "strategies.predictors.cli")

_BANNED: dict[str, frozenset[str]] = {
    "time": frozenset(name for name in dir(time) if callable(getattr(time, name)) and name != "struct_time"),
    "random": frozenset(name for name in dir(random) if not name.startswith("_")) - {"Random"},
    "os": frozenset({"environ", "environb", "getenv", "getenvb", "urandom", "getpid", "times"}),
    "uuid": frozenset({"uuid1", "uuid4", "getnode"}),
}


class ImpureReadError(AssertionError):
    """Pure code asked for something that is not in its arguments."""


def is_pure(module_name: str) -> bool:
    """Say whether a module must be pure."""

    def within(package: str) -> bool:
        return module_name == package or module_name.startswith(package + ".")

    return any(map(within, PURE)) and not any(map(within, _TERMINAL_ONLY))


def _refuse(name: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        raise ImpureReadError(f"{name} was read inside pure code: pass it in as an argument")

    return refuse


class _LikeRealType(type):
    """Let isinstance(x, guarded datetime) answer as the real class would."""

    _real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls._real)


class _Datetime(dt.datetime, metaclass=_LikeRealType):
    _real = dt.datetime
    now = staticmethod(_refuse("datetime.now"))
    utcnow = staticmethod(_refuse("datetime.utcnow"))
    today = staticmethod(_refuse("datetime.today"))


class _Date(dt.date, metaclass=_LikeRealType):
    _real = dt.date
    today = staticmethod(_refuse("date.today"))


class _GuardedModule(ModuleType):
    """A module whose impure names raise when they are read (a mapping such as os.environ) or called."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        real = self._real
        if real is dt:
            return {"datetime": _Datetime, "date": _Date}.get(name) or getattr(real, name)
        if name in _BANNED[real.__name__]:
            refuse = _refuse(f"{real.__name__}.{name}")
            return refuse if callable(getattr(real, name)) else refuse()
        return getattr(real, name)


_MODULES: dict[int, ModuleType] = {id(real): _GuardedModule(real) for real in (time, random, os, uuid, dt)}
_NAMES = {name: _MODULES[id(real)] for name, real in (("time", time), ("random", random), ("os", os), ("uuid", uuid))}
_NAMES["datetime"] = _MODULES[id(dt)]


def _values() -> dict[int, Any]:
    """Every object that a pure module may hold by name, and what stands in for it."""
    stand_ins: dict[int, Any] = dict(_MODULES)
    stand_ins[id(dt.datetime)] = _Datetime
    stand_ins[id(dt.date)] = _Date
    for module_name, names in _BANNED.items():
        for name in names:
            real = getattr(sys.modules[module_name], name, None)
            if callable(real):
                stand_ins[id(real)] = _refuse(f"{module_name}.{name}")
    return stand_ins


@contextmanager
def guarded() -> Iterator[None]:
    """Replace every way to an impure read in the pure modules, and put everything back afterwards."""
    stand_ins = _values()
    undo: list[tuple[dict[str, Any], str, Any]] = []
    for name, module in list(sys.modules.items()):
        if module is None or not is_pure(name):
            continue
        space = vars(module)
        for key, value in list(space.items()):
            if id(value) in stand_ins and not key.startswith("__"):
                undo.append((space, key, value))
                space[key] = stand_ins[id(value)]
    real_import = builtins.__import__

    def guarded_import(
        name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        # A module imported for the first time keeps its globals beyond this test, so it gets the real thing.
        if (
            name in _NAMES
            and sys._getframe(1).f_code.co_name != "<module>"
            and is_pure((globals_ or {}).get("__name__", ""))
        ):
            return _NAMES[name]
        return real_import(name, globals_, locals_, fromlist, level)

    builtins.__import__ = guarded_import
    try:
        yield
    finally:
        builtins.__import__ = real_import
        for space, key, value in undo:
            space[key] = value
