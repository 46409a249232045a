"""
The venue's taker fee, exactly: shares x rate x (p x (1 - p)) ** exponent, in integers of any size.

This is the definition; the kernel that charges fees inside the fold is checked against it. Rounded half up to five
decimals of a dollar per fill; what rounds to nothing costs nothing. Makers pay no fee. Source: docs/venue-rules.md.
"""

from __future__ import annotations

__all__ = ["fee_u6"]

_ONE_U6 = 1_000_000
_STEP_U6 = 10  # five decimals


def fee_u6(shares_u6: int, price_u6: int, rate_u6: int, exponent: int = 1) -> int:
    """
    Return the fee of one fill.

    Units: shares, price, rate and the answer are millionths; the answer is a multiple of 10.

    Raises:
        ValueError: a number is negative, or the price is above one dollar.
    """
    if shares_u6 < 0 or rate_u6 < 0 or exponent < 0 or not 0 <= price_u6 <= _ONE_U6:
        raise ValueError(f"no fee for shares {shares_u6}, price {price_u6}, rate {rate_u6}, exponent {exponent}")
    curve: int = (price_u6 * (_ONE_U6 - price_u6)) ** exponent
    curve_one: int = _ONE_U6 ** (2 * exponent)
    charged = shares_u6 * rate_u6 * curve
    whole = _STEP_U6 * _ONE_U6 * curve_one  # what one step of the answer is worth in `charged`
    return (2 * charged + whole) // (2 * whole) * _STEP_U6
