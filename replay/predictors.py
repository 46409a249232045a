"""Finding pattern predictors by name, through the entry-point group `gametape.predictors`."""

from __future__ import annotations

from collections.abc import Callable

from recorder.errors import UsageError
from replay.core.predictions import Predictor
from replay.plugins import find_plugin, plugin_names

__all__ = ["load_predictor", "predictor_names"]

_GROUP = "gametape.predictors"


def predictor_names() -> list[str]:
    """Name every installed predictor, sorted."""
    return plugin_names(_GROUP)


def load_predictor(name: str) -> Predictor:
    """
    Load a predictor: its entry point names a function of no arguments that returns it.

    Raises:
        UsageError: there is no such predictor, or what it runs on is not installed.
    """
    entry = find_plugin(_GROUP, name, kind="predictor", hint="gametape model ls")
    try:
        load: Callable[[], Predictor] = entry.load()
        return load()
    except ImportError as error:
        raise UsageError(
            f"predictor {name!r} needs {error.name}",
            why="it is not installed",
            hint='pip install "gametape[live]", or --predictor none',
        ) from error
