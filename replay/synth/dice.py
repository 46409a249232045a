"""
Seeded chance and the little mathematics of the simulation.

Only `random()` and `getrandbits()` are used, whose sequences Python guarantees, and only the four operations and the
square root, which IEEE 754 rounds the same way everywhere: no logarithm, no exponential, no libm. So a seed means the
same night on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from random import Random
from typing import TypeVar

__all__ = ["Dice", "normal_cdf"]

T = TypeVar("T")
_NORMAL_SCALE = sqrt(3.0)


class Dice:
    """A seeded stream of chance, named so that parts of the world do not disturb one another's luck."""

    __slots__ = ("bits", "unit")

    def __init__(self, seed: int, *names: str | int) -> None:
        """Start the stream of this seed and these names; equal names give equal streams."""
        source = Random("/".join(str(part) for part in (seed, *names)))
        self.unit = source.random
        """Draw from [0, 1)."""
        self.bits = source.getrandbits
        """Draw that many random bits as an integer."""

    def between(self, low: float, high: float) -> float:
        """Draw evenly from [low, high)."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """Draw an integer evenly from low to high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def ns_between(self, low_s: float, high_s: float) -> int:
        """Draw a duration in nanoseconds from a range in seconds."""
        return int(self.between(low_s, high_s) * 1e9)

    def hit(self, chance: float) -> bool:
        """Say yes with this probability."""
        return self.unit() < chance

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of the items."""
        return items[int(self.unit() * len(items))]

    def normal(self) -> float:
        """Draw from a bell of mean 0 and deviation 1 (four uniform draws: bounded by +-3.5, no logarithm)."""
        unit = self.unit
        return (unit() + unit() + unit() + unit() - 2.0) * _NORMAL_SCALE

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order."""
        rest = list(items)
        for last in range(len(rest) - 1, 0, -1):
            other = int(self.unit() * (last + 1))
            rest[last], rest[other] = rest[other], rest[last]
        return rest

    def hex(self, digits: int) -> str:
        """Draw lower-case hexadecimal digits."""
        return f"{self.bits(4 * digits):0{digits}x}"


def normal_cdf(z: float) -> float:
    """
    Return the standard normal distribution function, within 1.5e-7.

    Source: Abramowitz and Stegun 26.2.19, a polynomial: it needs no exponential, so no two machines differ.
    """
    x = -z if z < 0.0 else z
    tail = 1.0 + x * (
        0.0498673470
        + x * (0.0211410061 + x * (0.0032776263 + x * (0.0000380036 + x * (0.0000488906 + x * 0.0000053830))))
    )
    tail *= tail
    tail *= tail
    tail *= tail
    tail *= tail
    upper = 0.5 / tail
    return upper if z < 0.0 else 1.0 - upper
