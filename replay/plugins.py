"""Finding what packages bring by its name, through entry points."""

from __future__ import annotations

import difflib
import importlib.metadata
from importlib.metadata import EntryPoint

from recorder.errors import UsageError

__all__ = ["find_plugin", "plugin_names"]


def plugin_names(group: str) -> list[str]:
    """Name all that is installed under a group, sorted."""
    return sorted(importlib.metadata.entry_points(group=group).names)


def find_plugin(group: str, name: str, *, kind: str, hint: str) -> EntryPoint:
    """
    Find an entry point of a group; kind is what a user calls it.

    Raises:
        UsageError: nothing of this name is installed.
    """
    for entry in importlib.metadata.entry_points(group=group, name=name):
        return entry
    names = plugin_names(group)
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(
        f"there is no {kind} {name!r}",
        why=f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(names) or 'none'}",
        hint=hint,
    )
