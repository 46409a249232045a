"""What is read of eight bytes at once is what is read of them one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recorder.tape.scan import read_decimal, read_ms
from recorder.tape.words import (
    EMPTY,
    compiled_copy_text,
    compiled_put_word,
    compiled_same,
    compiled_word_at,
    copy_text,
    eight_digits,
    hex_of,
    lanes_of,
    nibbles,
    put_word,
    same,
    short_decimal,
    until,
    word_at,
)

DECIMAL = re.compile(rb"(?:0|[1-9][0-9]*)(?:\.[0-9]{1,6})?")
DIGITS = b"0123456789"
EIGHT = st.one_of(
    st.binary(min_size=8, max_size=8),
    st.lists(st.sampled_from(b'0123456789.."af'), min_size=8, max_size=8).map(bytes),
    st.lists(st.sampled_from(b"0123456789abcdef"), min_size=8, max_size=8).map(bytes),
)


@pytest.fixture(autouse=True)
def _wrap() -> Iterator[None]:
    with np.errstate(over="ignore"):
        yield


def laid(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


@given(st.binary(max_size=20), st.integers(0, 20))
def test_a_word_is_the_eight_bytes_that_begin_there(data, at):
    """A word near the end of a text has zeros for what lies beyond it."""
    expected = int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little", signed=True)
    assert expected == int(word_at(laid(data), at)) == int(compiled_word_at(laid(data), at))


@given(st.binary(min_size=1, max_size=60), st.data())
def test_stretches_are_equal_where_all_bytes_are(data, drawn):
    """Two stretches are the same exactly where their bytes are; what follows them does not matter."""
    size = drawn.draw(st.integers(0, len(data)))
    other = bytearray(data[:size] + drawn.draw(st.sampled_from([b"", b"beyond", b"beyond all"])))
    if drawn.draw(st.booleans()) and size:
        other[drawn.draw(st.integers(0, size - 1))] ^= drawn.draw(st.integers(1, 255))
    for compare in (same, compiled_same):
        assert bool(compare(laid(data), 0, laid(bytes(other)), 0, size)) is (data[:size] == other[:size])


@given(EIGHT, st.sampled_from(b'".'))
@example(b'\x23"\x23\x22\x23\x23\x23\x23', ord('"'))
@example(b"\xa2!#!#!#\xff", ord('"'))
def test_the_first_lane_with_a_byte_is_found(data, byte):
    """Lanes are counted up to the first that has the byte, 8 where none has."""
    found = data.find(byte)
    assert int(until(word_at(laid(data), 0), byte)) == (8 if found < 0 else found)


@given(EIGHT, st.integers(0, 7))
@example(b'0.500000"', 5)
@example(b'1234567"', 7)
@example(b'00.5"   ', 4)
@example(b'.5"     ', 2)
@example(b'5."     ', 2)
@example(b'0.5.5"  ', 5)
def test_a_short_decimal_is_read_exactly_or_not_at_all(data, size):
    """Value and spelling are those of the digits; a text that is no decimal of ours gives none."""
    text = data[:size]
    value, spelling = (int(said) for said in short_decimal(word_at(laid(data), 0), size))
    if not text:
        assert spelling == EMPTY
    elif DECIMAL.fullmatch(text):
        decimals = len(text.partition(b".")[2])
        assert value == int(Decimal(text.decode()) * 1_000_000)
        assert spelling == (decimals if b"." in text and text.endswith(b"0") else 0)
    else:
        assert spelling == -1


@given(st.from_regex(r"[0-9]{0,11}(\.[0-9]{0,8})?", fullmatch=True), st.sampled_from(['"', '",', '","size":"1"', "}"]))
@settings(max_examples=200)
def test_long_and_short_decimals_are_read_alike(text, after):
    """However long a decimal is, and whatever stands behind it, it is read exactly or refused."""
    data = text.encode() + after.encode()
    value, _, end = (int(said) for said in read_decimal(laid(data), 0, len(data)))
    whole = re.match(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?(?![0-9.])", text)
    if whole is not None and whole[0] == text:
        assert (value, end) == (int(Decimal(text) * 1_000_000), len(text))
    elif text:
        assert end != len(text)


@given(EIGHT)
def test_hex_is_read_four_bytes_at_a_time(data):
    """Eight digits of lower-case hex are four bytes; anything else is none."""
    is_hex = re.fullmatch(rb"[0-9a-f]{8}", data) is not None
    expected = int.from_bytes(bytes.fromhex(data.decode()), "little") if is_hex else -1
    assert int(nibbles(word_at(laid(data), 0))) == expected


@given(st.integers(0, 99_999_999))
def test_eight_digits_are_a_number(number):
    """Eight lanes of digits are the number that they spell, the first one highest."""
    lanes = word_at(laid(f"{number:08}".encode()), 0) ^ 0x3030303030303030
    assert int(eight_digits(lanes)) == number


@given(st.one_of(st.from_regex(r"[0-9]{0,17}", fullmatch=True), st.integers(10**12, 10**13 - 1).map(str)))
def test_milliseconds_are_read_whole(text):
    """Up to fifteen digits that do not begin with 0 are a time; fewer or more are none."""
    data = text.encode() + b'","asset_id"'
    value, end = (int(said) for said in read_ms(laid(data), 0, len(data)))
    assert (value, end) == (int(text), len(text)) if re.fullmatch("[1-9][0-9]{0,14}", text) else end != len(text)


@given(st.integers(0, 99_999_999))
@example(9_999)
@example(10_000)
def test_eight_lanes_spell_a_number(value):
    """The lanes of a number are its digits with zeros before them."""
    assert int(lanes_of(value)).to_bytes(8, "little") == bytes(map(int, f"{value:08}"))


@given(st.binary(min_size=4, max_size=4))
def test_eight_lanes_spell_four_bytes(data):
    """What is written of four bytes in hex is what Python writes."""
    assert int(hex_of(int.from_bytes(data, "little"))).to_bytes(8, "little") == data.hex().encode()


@given(st.binary(max_size=40), st.integers(0, 9))
def test_a_text_is_copied(data, at):
    """All bytes of a text are copied, and none before them is touched; where they end is told."""
    for copy in (copy_text, compiled_copy_text):
        out = np.full(64, 7, np.uint8)
        assert int(copy(laid(data), 0, len(data), out, at)) == at + len(data)
        assert out.tobytes()[: at + len(data)] == bytes([7]) * at + data


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_word_is_laid_as_it_is_read(word):
    """What is laid at a byte is read back from there, and nothing beside it is touched."""
    for put in (put_word, compiled_put_word):
        out = np.full(16, 7, np.uint8)
        put(word, out, 3)
        assert int(word_at(out, 3)) == word
        assert out.tobytes() == bytes([7] * 3) + out[3:11].tobytes() + bytes([7] * 5)
