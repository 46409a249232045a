"""Finding pattern predictors by name, through the entry-point group `gametape.predictors`."""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable

from recorder.errors import UsageError
from replay.core.predictions import Predictor

__all__ = ["PREDICTOR_GROUP", "load_predictor", "predictor_names"]

PREDICTOR_GROUP = "gametape.predictors"


def predictor_names() -> list[str]:
    """Name every installed predictor, sorted."""
    return sorted(importlib.metadata.entry_points(group=PREDICTOR_GROUP).names)


def load_predictor(name: str) -> Predictor:
    """
    Load a predictor: its entry point names a function of no arguments that returns it.

    Raises:
        UsageError: there is no such predictor, or what it runs on is not installed.
    """
    for entry in importlib.metadata.entry_points(group=PREDICTOR_GROUP, name=name):
        try:
            load: Callable[[], Predictor] = entry.load()
            return load()
        except ImportError as error:
            raise UsageError(
                f"predictor {name!r} needs {error.name}",
                why="it is not installed",
                hint='pip install "gametape[live]", or --predictor none',
            ) from error
    names = predictor_names()
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(
        f"there is no predictor {name!r}",
        why=f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(names) or 'none'}",
        hint="gametape model ls",
    )
