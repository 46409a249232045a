"""
The normal distribution, the same to the last bit on every machine.

Library `exp` and `erf` differ between CPUs (SIMD and FMA variants) and between C libraries. Here only + - * /, rint
and a power of two are used, which IEEE 754 defines exactly, in a fixed order and one operation at a time, so that
neither the batch size nor the CPU can move a probability.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["exp", "phi", "probit"]

# Cody and Waite's split of ln 2: the high part has zeros at its end, so k * _LN2_HIGH is exact for small k.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_INVERSE_LN2 = 1.44269504088896338700e00
_EXP_TERMS = tuple(1.0 / math.factorial(power) for power in range(13, -1, -1))

# Hart's rational approximation 5666 as given by G. West, "Better approximations to cumulative normal functions",
# Wilmott Magazine 2005; absolute error below 1e-15 up to |z| = 7.07, beyond which the tail is under a billionth of a
# millionth.
_NUMERATOR = (
    3.52624965998911e-02,
    0.700383064443688,
    6.37396220353165,
    33.912866078383,
    112.079291497871,
    221.213596169931,
    220.206867912376,
)
_DENOMINATOR = (
    8.83883476483184e-02,
    1.75566716318264,
    16.064177579207,
    86.7807322029461,
    296.564248779674,
    637.333633378831,
    793.826512519948,
    440.413735824752,
)
_Z_MAX = 7.0
_P_MIN = 1e-3
_NEWTON_STEPS = 12  # from 0 to 3.09, where p is 1e-3, takes 10
_ROOT_TWO_PI = 2.5066282746310002


def phi(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return P(X <= z) of the standard normal distribution; 0 or 1 beyond |z| = 7.

    Shape: any; returns the same.
    """
    size = np.minimum(np.abs(z), _Z_MAX)
    tail = exp(-0.5 * (size * size)) * _horner(size, _NUMERATOR) / _horner(size, _DENOMINATOR)
    tail = np.where(np.abs(z) > _Z_MAX, 0.0, tail)
    return np.where(z > 0, 1.0 - tail, tail)


def probit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return z with phi(z) = p; p is kept at least 1e-3 from certain.

    Newton's steps from 0: phi bends one way on either side of it, so every step falls short and none overshoots.

    Shape: any; returns the same.
    """
    p = np.clip(p, _P_MIN, 1 - _P_MIN)
    tail = np.minimum(p, 1 - p)
    size = np.zeros_like(p)
    for _ in range(_NEWTON_STEPS):
        size = size + (phi(-size) - tail) * _ROOT_TWO_PI * exp(0.5 * (size * size))
    return np.where(p < 0.5, -size, size)


def exp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return e to the power of x, for |x| below 700.

    Shape: any; returns the same.
    """
    twos = np.rint(x * _INVERSE_LN2)
    rest = (x - twos * _LN2_HIGH) - twos * _LN2_LOW
    return np.ldexp(_horner(rest, _EXP_TERMS), twos.astype(np.int32))


def _horner(x: NDArray[np.float64], coefficients: tuple[float, ...]) -> NDArray[np.float64]:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total
