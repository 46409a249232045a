"""Finding win-probability models by name, through the entry-point group `gametape.models`."""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable

from recorder.errors import UsageError
from replay.core.models import WinProbability

__all__ = ["MODEL_GROUP", "load_model", "model_entry", "model_names"]

MODEL_GROUP = "gametape.models"


def model_names() -> list[str]:
    """Name every installed model, sorted."""
    return sorted(importlib.metadata.entry_points(group=MODEL_GROUP).names)


def model_entry(name: str) -> importlib.metadata.EntryPoint:
    """
    Find a model's entry point.

    Raises:
        UsageError: there is no such model.
    """
    for entry in importlib.metadata.entry_points(group=MODEL_GROUP, name=name):
        return entry
    names = model_names()
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(
        f"there is no model {name!r}",
        why=f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(names) or 'none'}",
        hint="gametape model ls",
    )


def load_model(name: str) -> WinProbability:
    """
    Load a model: its entry point names a function of no arguments that returns it.

    Raises:
        UsageError: there is no such model.
    """
    load: Callable[[], WinProbability] = model_entry(name).load()
    return load()
