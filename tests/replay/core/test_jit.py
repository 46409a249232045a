"""Kernels are plain Python to whoever wants them so."""

from __future__ import annotations

from functools import partial

import numba

from replay.core.jit import inner, interpreted, kernel, tell_compiling


def test_a_kernel_can_be_had_as_plain_python() -> None:
    """The interpreted form is the function as written: the oracle of the compiled one."""

    @kernel
    def doubled(value: int) -> int:
        return 2 * value

    assert interpreted(doubled)(21) == 42


def test_whoever_waits_for_the_compiler_is_told_once() -> None:
    """Of the first kernel that is compiled all are told who asked before, each once, and of none that was already."""
    said: list[str] = []
    made = numba.njit(lambda value: value + 1)
    for name in "ab":
        tell_compiling(partial(said.append, name))
    made(1)
    assert said == ["a", "b"]
    made(2)
    tell_compiling(partial(said.append, "c"))
    made(3)
    assert said == ["a", "b"]
    numba.njit(lambda value: value - 1)(1)
    assert said == ["a", "b", "c"]


def test_a_part_of_a_kernel_stays_plain_python() -> None:
    """What kernels call needs no compiler when Python calls it."""

    @inner
    def halved(value: int) -> int:
        return value // 2

    assert halved(85) == 42
