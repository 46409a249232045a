"""Imported quotes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.core.decode.quotes import decode_quotes
from replay.core.events import BookSnapshot, Undecodable

QUOTE = {
    "market": "m",
    "token": "m/yes",
    "mirror": "m/no",
    "bid": "0.4",
    "ask": "0.45",
    "bid_size": "3",
    "ask_size": "7",
}


def books(**changed: object) -> list[BookSnapshot]:
    return decode_quotes("quotes.top", json.dumps(QUOTE | changed).encode())


def test_a_quote_is_two_books() -> None:
    """What is asked for one outcome is bid for the other, at one dollar less that."""
    yes, no = books()
    assert (yes.bids, yes.asks) == (((400_000, 3_000_000),), ((450_000, 7_000_000),))
    assert (no.bids, no.asks) == (((550_000, 7_000_000),), ((600_000, 3_000_000),))
    assert (yes.index, no.index, yes.witness) == (0, 1, False)


@pytest.mark.parametrize("empty", [{"bid": None}, {"bid": "0"}, {"bid_size": "0"}])
def test_an_empty_side(empty: dict[str, object]) -> None:
    """No price, a price of nothing and no shares are all no level, on both books."""
    yes, no = books(**empty)
    assert (yes.bids, no.asks) == ((), ())
    assert yes.asks
    assert no.bids


def test_without_a_mirror() -> None:
    """A token that is quoted by itself is one book."""
    assert [book.token_id for book in books(mirror=None)] == ["m/yes"]


@pytest.mark.parametrize(
    "bad", [{"bid": "1.2"}, {"bid": "-0.1"}, {"ask": "x"}, {"ask": "0.30000000000000004"}, {"token": 5}]
)
def test_what_cannot_be_read(bad: dict[str, object]) -> None:
    """One Undecodable, with the reason; a price that a float has spoilt is no price."""
    (event,) = books(**bad)
    assert isinstance(event, Undecodable)
    assert event.reason


@given(st.binary(max_size=60))
def test_any_bytes(payload: bytes) -> None:
    """Never raises."""
    assert all(isinstance(event, Undecodable) for event in decode_quotes("quotes.top", payload))
