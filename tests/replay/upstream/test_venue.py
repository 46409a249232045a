"""The venue's side of a socket, text by text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from replay.upstream.timeline import Forward, HangUp
from replay.upstream.venue import MarketSession


def _books(tokens: Iterable[str]) -> bytes | None:
    known = [token for token in tokens if token != "unknown"]
    return json.dumps(known).encode() if known else None


def _begun(*tokens: str, **wish: Any) -> MarketSession:
    session = MarketSession(_books)
    session.hear(json.dumps({"type": "market", "assets_ids": tokens} | wish))
    return session


@pytest.mark.parametrize(
    "text", ["PING", "", "{}", "[]", '{"type":"user","assets_ids":["1"]}', '{"type":"market"}', "\ud800"]
)
def test_the_first_text_must_be_a_subscription(text: str) -> None:
    """Anything else is refused with 1008."""
    assert MarketSession(_books).hear(text) == HangUp(1008, "invalid subscription payload", lost=False, tokens=())


@pytest.mark.parametrize(
    ("wish", "reply"),
    [
        ({"type": "market", "assets_ids": ["1", "unknown"]}, b'["1"]'),
        ({"type": "MARKET", "assets_ids": ["1"]}, b'["1"]'),
        ({"type": "market", "assets_ids": ["1"], "initial_dump": False}, None),
        ({"type": "market", "assets_ids": ["unknown"]}, None),
    ],
)
def test_a_subscription_brings_the_known_books(wish: dict[str, Any], reply: bytes | None) -> None:
    """One array of what is known; nothing where nothing is, or where no dump is wanted."""
    assert MarketSession(_books).hear(json.dumps(wish)) == reply


def test_later_texts_have_their_replies() -> None:
    """PING, operations, a second first message and junk are answered as the venue answers them."""
    session = _begun("1")
    said = [
        "PING",
        json.dumps({"operation": "subscribe", "assets_ids": ["1", "2", "2"]}),
        json.dumps({"operation": "subscribe", "assets_ids": ["2"]}),
        json.dumps({"operation": "unsubscribe", "assets_ids": ["1", "9"]}),
        json.dumps({"type": "market", "assets_ids": ["3"]}),
        "hello",
    ]
    replies = [session.hear(text) for text in said]
    assert replies == [b"PONG", b'["2"]', b"NO NEW ASSETS", None, b"INVALID OPERATION", b"INVALID OPERATION"]
    assert list(session.tokens) == ["2"]


def test_frames_go_to_who_wants_them() -> None:
    """A frame goes where one of its tokens is held; custom ones only with the flag, which a duplicate may still set."""
    session = _begun("1", "2")
    custom = Forward(b"", binary=False, tokens=["1"], custom=True)
    assert session.wants(Forward(b"", binary=False, tokens=["2", "3"]))
    assert not session.wants(Forward(b"", binary=False, tokens=["3"]))
    assert not session.wants(custom)
    session.hear(json.dumps({"operation": "subscribe", "assets_ids": ["1"], "custom_feature_enabled": True}))
    assert session.wants(custom)
    assert session.wants(Forward(b"", binary=False, tokens=["3"], everyone=True, custom=True))
    assert not MarketSession(_books).wants(Forward(b"", binary=False, tokens=[], everyone=True))
