"""
MEANING: tape in, ledger out. Imports recorder.

From a notebook: `replay.open("tapes/2026-01-15-nba").sweep(min_edge="1:10:0.5")`, see `replay.api`.
"""

from __future__ import annotations

import importlib

_OFFERED = ("Nights", "Results", "open")


def __getattr__(name: str) -> object:
    """Load the notebook interface when it is first asked for: everything else imports this package for its modules."""
    if name in _OFFERED:
        return getattr(importlib.import_module("replay.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
