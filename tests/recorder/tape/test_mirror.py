"""What a frame tells of both tokens of a market is kept once, and comes back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.tape.frames import BY_CHANGE, Frames, Payloads, ShapeBook, read_frames, write_back
from recorder.tape.mirror import fold_mirrors, unfold_mirrors

TOKENS = ("7" * 77, "5" * 76)
FIRST = {"price": "0.47", "size": "800", "side": "SELL", "best_bid": "0.42", "best_ask": "0.440"}
SECOND = {"price": "0.53", "size": "800", "side": "BUY", "best_bid": "0.56", "best_ask": "0.58"}
PRICES = st.sampled_from(["", "0", "1", "0.47", "0.53", "0.470", "0.000001", "0.999999", "1.000001", "2"])


def frame(*changes: dict[str, str]) -> bytes:
    told = [{"asset_id": TOKENS[k % 2], **change, "hash": f"{k:040x}"} for k, change in enumerate(changes)]
    message = {"event_type": "price_change", "market": "0xab", "price_changes": told}
    return json.dumps(message, separators=(",", ":")).encode()


def read(*payloads: bytes) -> tuple[Frames, ShapeBook]:
    book = ShapeBook()
    frames = read_frames(Payloads.of(payloads), np.ones(len(payloads), bool), book)
    assert (frames.shape >= 0).all()
    return frames, book


def test_a_mirrored_change_is_kept_once() -> None:
    """Of the second change of a pair its token and its hash are left, and the frame comes back byte for byte."""
    first = FIRST | {"best_ask": "0.44"}
    payload = frame(first, SECOND)
    frames, book = read(payload, frame(first), payload)
    folded, mirrors = fold_mirrors(frames)
    assert (len(folded.asset), (mirrors.asset >= 0).tolist()) == (3, [True, False, True])
    written, ends = write_back(unfold_mirrors(folded, mirrors), book)
    assert written[: ends[0]].tobytes() == payload


@pytest.mark.parametrize(
    "change",
    [{"price": "0.54"}, {"size": "801"}, {"side": "SELL"}, {"best_bid": "0.57"}, {"best_ask": ""}, {"price": "0.530"}],
)
def test_what_does_not_follow_is_kept(change) -> None:
    """A second change of which anything differs from the mirror, a spelling even, stays as it is."""
    frames, _ = read(frame(FIRST | {"best_ask": "0.44"}, SECOND | change))
    folded, mirrors = fold_mirrors(frames)
    assert (len(folded.asset), mirrors.asset.tolist()) == (2, [-1])


CHANGES = st.tuples(
    PRICES.filter(bool), st.sampled_from(["800", "0", "1.50"]), st.sampled_from(["BUY", "SELL"]), PRICES, PRICES
).map(lambda said: dict(zip(FIRST, said, strict=True)))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=1, max_size=4))
def test_folding_and_unfolding_changes_nothing(told) -> None:
    """Whatever frames say, unfolded they say what they said before they were folded."""
    frames, _ = read(*(frame(*changes) for changes in told))
    back = unfold_mirrors(*fold_mirrors(frames))
    for name in ("first", *BY_CHANGE):
        assert getattr(back, name).tolist() == getattr(frames, name).tolist()
