"""Kernels are plain Python to whoever wants them so."""

from __future__ import annotations

import numba

from replay.core.jit import inner, interpreted, kernel, tell_compiling


def test_a_kernel_can_be_had_as_plain_python() -> None:
    """The interpreted form is the function as written: the oracle of the compiled one."""

    @kernel
    def doubled(value: int) -> int:
        return 2 * value

    assert interpreted(doubled)(21) == 42


def test_whoever_waits_for_the_compiler_is_told_once() -> None:
    """The first kernel that is compiled is told of, the next one is not; nor is one that is compiled already."""
    said: list[str] = []
    for _ in range(2):
        made = numba.njit(lambda value: value + 1)
        tell_compiling(lambda: said.append("compiling"))
        made(1)
        made(2)
        assert said == ["compiling"] * len(said)
        numba.njit(lambda value: value - 1)(1)
    assert len(said) == 2


def test_a_part_of_a_kernel_stays_plain_python() -> None:
    """What kernels call needs no compiler when Python calls it."""

    @inner
    def halved(value: int) -> int:
        return value // 2

    assert halved(85) == 42
