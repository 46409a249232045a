from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.errors import CorruptError, UsageError
from recorder.tape.identity import (
    IDENTITY_FILE,
    FutureFormatError,
    check_name,
    decode_checked,
    decode_identity,
    encode_checked,
    encode_identity,
    new_identity,
    read_identity,
)

NAME = r"\A[a-z0-9][a-z0-9._-]{0,63}\Z"


@given(st.from_regex(NAME), st.integers(0, 1 << 62), st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=100)
def test_comes_back_as_it_was(name, created_ns, label):
    """tape.json decodes to what was encoded."""
    identity = new_identity(name, created_ns=created_ns, label=label)
    assert decode_identity(encode_identity(identity)) == identity


@given(st.text(max_size=70))
@settings(max_examples=200)
def test_no_name_leaves_its_directory(name):
    """What passes as a name has no separator, no dot in front, no control character."""
    try:
        check_name(name)
    except UsageError:
        return
    assert name.isascii()
    assert not name.startswith(".")
    assert not set(name) & set("/\\\0\n ")


def test_every_flipped_bit_is_noticed():
    """No bit of tape.json can change without it being refused."""
    data = encode_identity(new_identity("a", created_ns=5, label="x"))
    for bit in range(len(data) * 8):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"."):
            decode_identity(bytes(bad))


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data):
    """No bytes but ours are accepted, and none cause another error than the one promised."""
    with pytest.raises(ValueError, match=r"."):
        decode_checked(data)


def test_a_later_format_is_said_to_be_one():
    """A tape of a format to come is no damage."""
    with pytest.raises(FutureFormatError, match="format 3 is later than 2"):
        decode_identity(encode_checked({"format": 3}))


def test_says_what_is_wrong(tmp_path):
    """No tape, a tape without its tape.json, and a damaged one are told apart."""
    with pytest.raises(UsageError):
        read_identity(tmp_path)
    (tmp_path / "hot").mkdir()
    with pytest.raises(CorruptError, match=r"lost its tape\.json"):
        read_identity(tmp_path)
    (tmp_path / IDENTITY_FILE).write_bytes(b"{}")
    with pytest.raises(CorruptError, match="is damaged"):
        read_identity(tmp_path)
