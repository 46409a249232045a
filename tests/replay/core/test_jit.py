"""Kernels are plain Python to whoever wants them so."""

from __future__ import annotations

from replay.core.jit import inner, interpreted, kernel


def test_a_kernel_can_be_had_as_plain_python() -> None:
    """The interpreted form is the function as written: the oracle of the compiled one."""

    @kernel
    def doubled(value: int) -> int:
        return 2 * value

    assert interpreted(doubled)(21) == 42


def test_a_part_of_a_kernel_stays_plain_python() -> None:
    """What kernels call needs no compiler when Python calls it."""

    @inner
    def halved(value: int) -> int:
        return value // 2

    assert halved(85) == 42
