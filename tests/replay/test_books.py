"""Books that are read from their bytes are those of the decoder; whatever is not wholly known is left to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reel import stretch

from recorder.envelope import Envelope, Kind, encode_row
from recorder.jit import interpreted
from recorder.tape.batch import Batch, batch_of_rows
from recorder.tape.frames import ShapeBook
from replay import books as module
from replay import gather as gathering
from replay.books import read_snapshots
from replay.core.roll import Roller
from replay.core.rows import OP_WITNESS
from replay.gather import gather, read_batch

TOKENS = ("7" * 77, "5" * 76)
BOOK: dict[str, Any] = {
    "event_type": "book",
    "market": "0x" + "ab" * 32,
    "asset_id": TOKENS[0],
    "timestamp": "1757908892351",
    "hash": "0f" * 20,
    "bids": [{"price": "0.4", "size": "100"}, {"price": "0.45", "size": "7.5"}],
    "asks": [{"price": "0.6", "size": "1"}, {"price": "0.55", "size": "20000.25"}],
}
MORE = {"min_order_size": "5", "tick_size": "0.01", "neg_risk": False, "last_trade_price": ""}
# What the venue has been seen to send, or might: with each of these a frame is read as the decoder reads it.
ODD: list[tuple[str, Any]] = [
    *(("asset_id", value) for value in ("", "x", "0x12", TOKENS[0] * 2, 7, None)),
    *(("market", value) for value in ("", "no hex", "0xüü", '0x"', None)),
    *(
        ("timestamp", value)
        for value in ("", "0", "1", "01757908892351", "9223372036855", "9" * 15, 1757908892351, None)
    ),
    *(("hash", value) for value in ("", "0x" + "0f" * 20, "0F" * 20, None)),
    *(("tick_size", value) for value in ("", "0", "1", "0.001", "1e-3", "0.0000001", "-1", 0.01, None)),
    *(("min_order_size", value) for value in ("", "-5", "five", 5, None)),
    *(("neg_risk", value) for value in (True, None, "true", 0)),
    *(("last_trade_price", value) for value in ("0.5", "", "x", None)),
    *(("event_type", value) for value in ("books", "", None, 1)),
    *(("bids", value) for value in ([], None, {}, [[]], [{}], [{"price": "0.5"}], [{"price": "0.5", "size": None}])),
    *(
        ("asks", [{"price": price, "size": "1"}])
        for price in ("1", "0", "2500.5", "0.50", "00.5", ".5", "5.", "", "-1")
    ),
    *(
        ("asks", [{"price": "0.6", "size": size}])
        for size in ("0", "1e3", "999999999", "9999999999", "0.1234567", "", 1)
    ),
    ("asks", [{"size": "1", "price": "0.6"}]),
    ("asks", [{"price": "0.6", "size": "1", "count": "2"}]),
    ("bids", [{"price": price, "size": "1"} for price in ("0.4", "0.5", "0.45")]),
    ("bids", [{"price": "0.4", "size": size} for size in ("1", "2", "0")]),
    ("bids", [{"price": price, "size": size} for price, size in (("0.5", "0"), ("0.4", "3"), ("0.3", "0"))]),
    ("extra", "1"),
    ("extra", {"bids": []}),
]
PRICES = st.lists(st.integers(0, 1_100), max_size=6, unique=True)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A book: mostly as the venue sends it, else with a few things odd about it, or broken off."""
    book = {**BOOK, "asset_id": draw(st.sampled_from(TOKENS)), **(MORE if draw(st.booleans()) else {})}
    for side in ("bids", "asks"):
        prices = sorted(draw(PRICES), reverse=draw(st.booleans()))
        book[side] = [{"price": f"{price / 1000:g}", "size": draw(st.sampled_from("0123"))} for price in prices]
    book.update(draw(st.one_of(st.just([]), st.lists(st.sampled_from(ODD), min_size=1, max_size=2))))
    if draw(st.integers(0, 9)) == 0:
        del book[draw(st.sampled_from(sorted(book)))]
    keys = draw(st.permutations(list(book))) if draw(st.integers(0, 3)) == 0 else list(book)
    separators = draw(st.sampled_from([(",", ":")] * 5 + [(", ", ": ")]))
    text = json.dumps({key: book[key] for key in keys}, separators=separators, ensure_ascii=draw(st.booleans()))
    doubled = text.replace('"hash"', '"asset_id":"8","hash"') if draw(st.integers(0, 19)) == 0 else text
    return doubled[: draw(st.sampled_from([None] * 9 + [len(doubled) // 2, -1]))].encode()


def unnamed(frame: bytes) -> bytes:
    """The frame as an answer has it."""
    return frame.replace(b'"event_type":"book",', b"")


FRAMES = st.one_of(
    messages(),
    st.lists(messages(), max_size=3).map(lambda many: b"[" + b",".join(many) + b"]"),
    st.lists(messages(), min_size=1, max_size=2).map(lambda many: b"[" + b",".join(many) + b",]"),
    st.sampled_from([b"PONG", b"PING", b"[]", b"[", b"", b"{}", b'{"event_type":"book"}', b" ", b"[{}]"]),
)
_SOUND = b'{"url":"u","status":200}'
_STRANGE = [b'{"url":"u","status":304}', b'{"status":200}', b'{"url":"u","status":500}', b'{"status":200,"code":"x"}']
ANSWERS = st.sampled_from([*[_SOUND] * 6, *_STRANGE, b"", b"{"])
TOLD = st.one_of(
    *[FRAMES.map(lambda frame: (Kind.FRAME, b"", frame))] * 5,
    *[st.tuples(st.just(Kind.BODY), ANSWERS, FRAMES.map(unnamed))] * 3,
    st.tuples(st.just(Kind.BODY), ANSWERS, FRAMES),
    st.just((Kind.CLOSED, b'{"code":1006,"side":"lost"}', b"")),
    st.just((Kind.NOTE, b'{"note":"session"}', b"")),
)


def batch_of(envelopes: list[Envelope]) -> Batch:
    return batch_of_rows(b"".join(map(encode_row, envelopes)), len(envelopes), ShapeBook())


def assert_same(envelopes: list[Envelope]) -> None:
    """What a batch gives is what the decoders give, and leaves a roller knowing the same."""
    fast, plain = Roller(), Roller()
    made, expected = gather(fast, read_batch(batch_of(envelopes))), plain.roll(envelopes)
    for name in expected.rows._fields:
        assert (name, getattr(made.rows, name).tolist()) == (name, getattr(expected.rows, name).tolist())
    assert made.polls.tolist() == expected.polls.tolist()
    assert (fast.catalogue, fast.counts) == (plain.catalogue, plain.counts)
    assert list(fast._conn_of.items()) == list(plain._conn_of.items())


def framed(frames: list[bytes]) -> list[Envelope]:
    return [Envelope(seq, seq, "polymarket.market", 1, Kind.FRAME, b"", one) for seq, one in enumerate(frames)]


def answered(bodies: list[bytes]) -> list[Envelope]:
    meta = b'{"url":"u","status":200}'
    return [Envelope(seq, seq, "polymarket.book", 0, Kind.BODY, meta, one) for seq, one in enumerate(bodies)]


@pytest.fixture
def _at_once(monkeypatch):
    """However few books there are, they are read from their bytes."""
    monkeypatch.setattr(gathering, "_BOOKS_BYTES_MIN", 0)


@pytest.mark.usefixtures("_at_once")
@settings(max_examples=300)
@given(st.lists(st.tuples(TOLD, st.integers(1, 2)), max_size=10))
def test_whatever_the_frames_are_they_mean_what_the_decoder_says(told):
    """Rows, counts, tokens and connections are those of the decoders, for any frames in any order."""
    assert_same(
        [
            Envelope(
                seq, seq * 10, f"polymarket.{'book' if kind is Kind.BODY else 'market'}", conn, kind, meta, payload
            )
            for seq, ((kind, meta, payload), conn) in enumerate(told)
        ]
    )


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("key", "value"), ODD)
def test_one_thing_odd_about_a_book_changes_nothing(key, value):
    """A book with one odd value among sound ones means what the decoder says, and its neighbours what they did."""
    sound, odd = (json.dumps(one, separators=(",", ":")).encode() for one in (BOOK | MORE, BOOK | MORE | {key: value}))
    assert_same(framed([sound, odd, b"[" + sound + b"," + odd + b"]", sound]))
    assert_same(answered([sound, odd, unnamed(sound), unnamed(odd), unnamed(b"[" + sound + b"," + odd + b"]"), sound]))


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("is_book", [True, False])
def test_a_book_that_comes_again_after_a_new_session_is_forgotten_when_its_connection_breaks(is_book):
    """A session forgets who told of a book; what the same connection tells after it counts anew."""
    change = {"asset_id": TOKENS[0], "price": "0.5", "size": "1", "side": "BUY"}
    changed = {"event_type": "price_change", "market": "0x12", "timestamp": "1", "price_changes": [change]}
    frame = json.dumps(BOOK if is_book else changed, separators=(",", ":")).encode()
    said = [(Kind.FRAME, b"", frame), (Kind.NOTE, b'{"note":"session"}', b""), (Kind.FRAME, b"", frame)]
    feed = "polymarket.market"
    told = [*said, (Kind.CLOSED, b'{"code":1006}', b"")]
    assert_same([Envelope(seq, seq, feed, 1, kind, meta, payload) for seq, (kind, meta, payload) in enumerate(told)])


def test_what_the_venue_answers_is_read():
    """Books that do not say that they are some are read of an answer, and of a frame not."""
    book = unnamed(json.dumps(BOOK | MORE, separators=(",", ":")).encode())
    said = [*answered([book, b"[" + book + b"," + book + b"]"]), framed([b"[]", b"[]", book])[2]]
    read = read_snapshots(batch_of(said), np.arange(3))
    assert (read.frames.tolist(), read.of.tolist()) == ([0, 1], [0, 1, 1])
    assert read.rows[read.rows[:, 2] == OP_WITNESS, 8].tolist() == [1757908892351] * 3


def test_what_the_venue_sends_is_read():
    """Single books, with all their keys and without the last, and a list of books are read; nothing is left over."""
    plain, full = (json.dumps(one, separators=(",", ":")).encode() for one in (BOOK, BOOK | MORE))
    frames = [plain, full, b"[" + full + b"," + plain + b"]", plain[:-1], b"[" + full + b",{}]"]
    read = read_snapshots(batch_of(framed(frames)), np.arange(5))
    assert read.frames.tolist() == [0, 1, 2]
    assert (read.of.tolist(), [read.texts[token] for token in read.token.tolist()]) == ([0, 1, 2, 2], [TOKENS[0]] * 4)
    assert len(read.rows) == 4 * 6 + 2


def test_compiled_and_interpreted_read_the_same(monkeypatch):
    """The compiled reader does what its source says."""
    frames = [one for one in stretch().envelopes if one.kind is Kind.FRAME and b'"book"' in one.payload]
    batch = batch_of(frames)
    fast = read_snapshots(batch, np.arange(len(batch)))
    monkeypatch.setattr(module, "scan_books", interpreted(module.scan_books))
    plain = read_snapshots(batch, np.arange(len(batch)))
    assert len(fast.of) >= 10
    assert [part.tolist() for part in fast[:4]] == [part.tolist() for part in plain[:4]]
    assert fast.texts == plain.texts


@pytest.mark.usefixtures("_at_once")
def test_captured_books_are_read(real_data: Path):
    """The books of the captured sequence are read from their bytes, and are those of the decoder."""
    burst = json.loads((real_data / "polymarket_ws/ws_market_price_change_crossing_burst.json").read_bytes())
    frames = framed([json.dumps(one, separators=(",", ":")).encode() for one in burst])
    assert_same(frames)
    books = [at for at, one in enumerate(burst) if one["event_type"] == "book"]
    assert read_snapshots(batch_of(frames), np.array(books)).frames.tolist() == books
