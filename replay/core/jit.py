"""How the folds of the core and of strategies are compiled; the decorators are those of the whole program."""

from __future__ import annotations

from recorder.jit import compiled, inlined, inner, interpreted, kernel, tell_compiling, wide

__all__ = ["compiled", "inlined", "inner", "interpreted", "kernel", "tell_compiling", "wide"]
