from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.envelope import ENVELOPE_HEAD, Envelope, Kind, decode_rows, encode_meta, encode_row

ENVELOPES = st.builds(
    Envelope,
    st.integers(0, (1 << 64) - 1),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.integers(0, (1 << 32) - 1),
    st.sampled_from(Kind),
    st.binary(max_size=50),
    st.binary(max_size=200),
)


@given(st.lists(ENVELOPES, max_size=8))
@settings(max_examples=200)
def test_comes_back_as_it_was(envelopes):
    """Rows decode to the envelopes that were encoded, and encode to the same bytes again."""
    rows = b"".join(map(encode_row, envelopes))
    assert list(decode_rows(rows)) == envelopes
    assert b"".join(map(encode_row, decode_rows(rows))) == rows


@given(st.binary(max_size=120))
@settings(max_examples=200)
def test_any_bytes_are_survived(rows):
    """Bytes that are no rows raise the promised error and no other."""
    try:
        envelopes = list(decode_rows(rows))
    except ValueError:
        return
    assert b"".join(map(encode_row, envelopes)) == rows


def test_every_cut_is_noticed():
    """A row that ends early is refused."""
    row = encode_row(Envelope(1, 2, "feed", 3, Kind.BODY, b"{}", b"payload"))
    for size in range(1, len(row)):
        with pytest.raises(ValueError, match="cut short"):
            list(decode_rows(row[:size]))


def test_an_unknown_kind_is_refused():
    """A kind that this version does not know is not guessed at."""
    with pytest.raises(ValueError, match="unknown kind 99"):
        list(decode_rows(ENVELOPE_HEAD.pack(0, 0, 0, 99, 0, 0, 0)))


def test_a_feed_name_has_a_limit():
    """A name that its length byte cannot hold is refused, not cut."""
    with pytest.raises(ValueError, match="at most 255"):
        encode_row(Envelope(0, 0, "é" * 128, 0, Kind.PULSE, b"", b""))


def test_the_form_is_fixed():
    """The canonical form is on disk for ever; this is one, byte by byte."""
    row = encode_row(Envelope(258, 1, "ab", 7, Kind.FRAME, b"{}", b"xyz"))
    assert row.hex() == "02010000000000000100000000000000070000000102020000000300000061627b7d78797a"


def test_facts():
    """meta is compact JSON in the given order, empty where there are no facts."""
    assert encode_meta({"url": "x", "status": 200}) == b'{"url":"x","status":200}'
    assert encode_meta({}) == b""
    assert Envelope(0, 0, "a", 0, Kind.BODY, b'{"status":200}', b"").facts() == {"status": 200}
    assert Envelope(0, 0, "a", 0, Kind.PULSE, b"", b"").facts() == {}
