"""The bytes between the two processes."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from replay.live.facts import (
    LENGTH_BYTES,
    Batch,
    BookFact,
    GameFact,
    GapFact,
    PredictionFact,
    decode_batch,
    encode_batch,
    frame_length,
)

HOSTILE = st.text(max_size=40) | st.sampled_from(
    ["</script>", "\u2028", "=1+1", "'; drop", "\x1b[2J", "\x00", "\U0001f600"]
)


def game(**more) -> GameFact:
    facts = dict.fromkeys(GameFact.__struct_fields__) | {"game_id": "nba:1", "league": "nba", "home": "A", "away": "B"}
    return GameFact(**facts | {"status": "live", "seen_ns": 1, "pattern": ()} | more)


@given(HOSTILE, HOSTILE, st.binary(max_size=64).map(lambda one: one[: len(one) // 16 * 16]))
def test_a_batch_comes_back_as_it_was(home, feed, levels) -> None:
    """Whatever a team is called, the fact at the other end is the same."""
    facts = [
        game(home=home, pattern=(1, -2)),
        PredictionFact("g", 1, 2, 3, None, b"[]"),
        BookFact("T", "known", 5, levels, b""),
        GapFact(feed, 1, 2),
    ]
    batch = Batch(7, 8, facts, 9)
    framed = encode_batch(batch)
    assert frame_length(framed[:LENGTH_BYTES]) == len(framed) - LENGTH_BYTES
    assert decode_batch(framed[LENGTH_BYTES:]) == batch


def test_a_fact_is_small() -> None:
    """A game goes over the link without its field names."""
    assert len(msgspec.msgpack.encode(game())) < 60
