"""
Text eight bytes at a time, compiled: comparing and copying it, finding its end, reading and writing its numbers.

A word is eight bytes as a little-endian integer; its lanes are its bytes, the first one lowest. What is done to a word
is done to all lanes at once, so nothing is guessed by the processor where a text ends. Sums and products of words wrap,
as they do in a kernel: whoever runs these as plain Python says so to numpy (`np.errstate`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recorder.jit import inlined, inlined_as, wide

__all__ = [
    "EMPTY",
    "SHORT_MAX",
    "are_digits",
    "compiled_copy_text",
    "compiled_put_word",
    "compiled_same",
    "compiled_word_at",
    "copy_text",
    "eight_digits",
    "hex_of",
    "lanes_of",
    "nibbles",
    "put_word",
    "same",
    "short_decimal",
    "until",
    "word_at",
]

Bytes = NDArray[np.uint8]

EMPTY = 7
"""How a decimal is spelled that is not there."""
SHORT_MAX = 7
"""A text that ends within one word has no more bytes than this."""
_ONES = 0x0101010101010101
_HIGHS = -0x7F7F7F7F7F7F7F80
_UPPER = -0x0F0F0F0F0F0F0F10  # the upper half of each lane
_ZEROS = 0x30 * _ONES
_MICRO = 1_000_000
_U1, _U2, _U3, _U4, _U5, _U6, _U7 = map(np.uint64, range(1, 8))


def word_at(data: Bytes, at: int) -> int:
    """Return the word that begins at a byte; beyond the end of the data all is nothing."""
    return wide(int.from_bytes(data[at : at + 8].tobytes().ljust(8, b"\0"), "little", signed=True))


@inlined_as(word_at)
def compiled_word_at(data: Bytes, at: int) -> int:
    """Return what `word_at` does, in a kernel."""
    if at + 8 > len(data):
        word = 0
        for k in range(len(data) - 1, at - 1, -1):
            word = (word << 8) | wide(data[k])
        return word
    return _whole_word(data, at)


@inlined
def _whole_word(data: Bytes, at: int) -> int:
    """Return a word all of which is there. Eight loads become one, where an index cannot be negative."""
    u = np.uint64(at)
    low = wide(data[u]) | (wide(data[u + _U1]) << 8) | (wide(data[u + _U2]) << 16) | (wide(data[u + _U3]) << 24)
    high = wide(data[u + _U4]) | (wide(data[u + _U5]) << 8) | (wide(data[u + _U6]) << 16) | (wide(data[u + _U7]) << 24)
    return low | (high << 32)


def same(one: Bytes, begin: int, other: Bytes, at: int, size: int) -> bool:
    """Say whether two stretches of so many bytes, all of which are there, are equal."""
    return one[begin : begin + size].tobytes() == other[at : at + size].tobytes()


@inlined_as(same)
def compiled_same(one: Bytes, begin: int, other: Bytes, at: int, size: int) -> bool:
    """Say what `same` does, in a kernel: two words at a time where eight bytes more are there."""
    k, differs = 0, 0
    if begin + size + 8 > len(one) or at + size + 8 > len(other):
        for k in range(size):
            differs |= wide(one[begin + k]) ^ wide(other[at + k])
        return differs == 0
    while k + 16 <= size:
        differs = _whole_word(one, begin + k) ^ _whole_word(other, at + k)
        differs |= _whole_word(one, begin + k + 8) ^ _whole_word(other, at + k + 8)
        if differs != 0:
            return False
        k += 16
    if k + 8 <= size:
        differs = _whole_word(one, begin + k) ^ _whole_word(other, at + k)
        k += 8
    differs |= (_whole_word(one, begin + k) ^ _whole_word(other, at + k)) & ~(-1 << (8 * (size - k)))
    return differs == 0


@inlined
def until(word: int, byte: int) -> int:
    """Return how many lanes stand before the first one with this byte, 8 where none has it."""
    lanes = word ^ (byte * _ONES)
    # The lowest lane with its high bit set is the first that was zero; those above it may be wrong.
    found = (((lanes - _ONES) & ~lanes & _HIGHS) >> 7) & _ONES
    return (((((found - 1) & ~found) & _ONES) * _ONES) >> 56) & 15


@inlined
def eight_digits(lanes: int) -> int:
    """Return the number that eight lanes of 0 to 9 spell."""
    pairs = (lanes * 10 + (lanes >> 8)) & 0x00FF00FF00FF00FF
    fours = (pairs * 100 + (pairs >> 16)) & 0x0000FFFF0000FFFF
    return (fours * 10_000 + (fours >> 32)) & 0xFFFFFFFF


@inlined
def are_digits(lanes: int) -> bool:
    """Say whether all lanes are 0 to 9."""
    return (((lanes + 0x76 * _ONES) | lanes) & _HIGHS) == 0


@inlined
def short_decimal(word: int, size: int) -> tuple[int, int]:
    """
    Read a decimal of at most SHORT_MAX bytes; return its value in millionths and its spelling.

    The spelling is how many digits stand after the point where the last one is 0, else 0; EMPTY where there is no text,
    -1 where it is none that we would spell so.
    """
    point = min(until(word, 0x2E), size)
    decimals = max(size - point - 1, 0)
    lanes = word ^ _ZEROS
    whole = lanes & ~(-1 << (8 * point))
    fraction = ((lanes >> (8 * point)) >> 8) & ~(-1 << (8 * decimals))
    if size == 0:
        return -1, EMPTY
    is_padded = point > 1 and (lanes & 255) == 0
    if point == 0 or point + 1 == size or is_padded or not are_digits(whole) or not are_digits(fraction):
        return -1, -1
    value = eight_digits(whole << (8 * (8 - point))) * _MICRO + eight_digits(fraction << 16)
    is_zero = decimals > 0 and ((lanes >> (8 * (size - 1))) & 255) == 0
    return value, decimals if is_zero else 0


@inlined
def nibbles(word: int) -> int:
    """Return the four bytes that eight lanes of lower-case hex spell, the first one lowest; -1 where they do not."""
    lanes = (word & (0x0F * _ONES)) + 9 * ((word >> 6) & _ONES)
    over = ((lanes + 6 * _ONES) >> 4) & _ONES
    if ((lanes & _UPPER) | ((lanes + _ZEROS + 39 * over) ^ word)) != 0:
        return -1
    pairs = ((lanes << 4) | (lanes >> 8)) & 0x00FF00FF00FF00FF
    fours = (pairs | (pairs >> 8)) & 0x0000FFFF0000FFFF
    return (fours | (fours >> 16)) & 0xFFFFFFFF


def put_word(word: int, out: Bytes, at: int) -> None:
    """Lay a word at a byte."""
    out[at : at + 8] = np.frombuffer(int(word).to_bytes(8, "little", signed=True), np.uint8)


@inlined_as(put_word)
def compiled_put_word(word: int, out: Bytes, at: int) -> None:
    """Do what `put_word` does, in a kernel."""
    u = np.uint64(at)
    out[u], out[u + _U1] = word & 255, (word >> 8) & 255
    out[u + _U2], out[u + _U3] = (word >> 16) & 255, (word >> 24) & 255
    out[u + _U4], out[u + _U5] = (word >> 32) & 255, (word >> 40) & 255
    out[u + _U6], out[u + _U7] = (word >> 48) & 255, (word >> 56) & 255


def copy_text(data: Bytes, begin: int, size: int, out: Bytes, at: int) -> int:
    """Copy so many bytes, in a kernel with up to seven that follow them; return where they end."""
    out[at : at + size] = data[begin : begin + size]
    return at + size


@inlined_as(copy_text)
def compiled_copy_text(data: Bytes, begin: int, size: int, out: Bytes, at: int) -> int:
    """Do what `copy_text` does, in a kernel."""
    for k in range(0, size, 8):
        put_word(word_at(data, begin + k), out, at + k)
    return at + size


@inlined
def lanes_of(value: int) -> int:
    """Return the eight lanes of 0 to 9 that spell a number below a hundred million."""
    fours = value // 10_000 | (value % 10_000) << 32
    hundreds = ((fours * 10_486) >> 20) & 0x0000007F0000007F
    pairs = hundreds | (fours - hundreds * 100) << 16
    tens = ((pairs * 103) >> 10) & 0x000F000F000F000F
    return tens | (pairs - tens * 10) << 8


@inlined
def hex_of(four: int) -> int:
    """Return the eight lanes of lower-case hex that spell four bytes, the lowest one first."""
    pairs = (four | (four << 16)) & 0x0000FFFF0000FFFF
    bytes_ = (pairs | (pairs << 8)) & 0x00FF00FF00FF00FF
    lanes = ((bytes_ >> 4) & 0x000F000F000F000F) | ((bytes_ & 0x000F000F000F000F) << 8)
    return lanes + _ZEROS + 39 * (((lanes + 6 * _ONES) >> 4) & _ONES)
