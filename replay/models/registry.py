"""Finding win-probability models by name, through the entry-point group `gametape.models`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

from replay.core.models import WinProbability
from replay.plugins import find_plugin, plugin_names

__all__ = ["load_model", "model_entry", "model_names"]

_GROUP = "gametape.models"


def model_names() -> list[str]:
    """Name every installed model, sorted."""
    return plugin_names(_GROUP)


def model_entry(name: str) -> EntryPoint:
    """
    Find a model's entry point.

    Raises:
        UsageError: there is no such model.
    """
    return find_plugin(_GROUP, name, kind="model", hint="gametape model ls")


def load_model(name: str) -> WinProbability:
    """
    Load a model: its entry point names a function of no arguments that returns it.

    Raises:
        UsageError: there is no such model.
    """
    load: Callable[[], WinProbability] = model_entry(name).load()
    return load()
