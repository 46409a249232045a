"""Models from outside: finding them by name, judging them on a history, and the cards that describe them."""

from __future__ import annotations

from replay.models.registry import load_model, model_names

__all__ = ["load_model", "model_names"]
