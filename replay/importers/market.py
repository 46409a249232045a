"""
Market-channel messages with the times at which they were received.

A file is lines of JSON, or one JSON array. A line is a frame in an envelope of somebody's own, such as
`{"recv_ns": 1768500000000000000, "frame": {...}}`, or the message itself with a time among its keys. The frame is kept
byte for byte. Where no line says when it was received, the venue's own `timestamp` stands in, and the tape says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from recorder.envelope import Kind, encode_meta
from recorder.errors import UsageError
from replay.importers.source import Imported, Row, moment_ns, never_falling, read_file
from replay.upstream.wirebook import split_frame

__all__ = ["FRAME_KEYS", "TIME_KEYS", "import_market"]

TIME_KEYS = ("recv_ns", "recv_us", "recv_ms", "recv_ts", "received_at", "receive_time", "local_timestamp", "recv_time")
FRAME_KEYS = ("frame", "message", "msg", "payload", "data", "raw")
_VENUE_TIME = "timestamp"
_FEED = "polymarket.market"
_SOCKET = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
_array = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def import_market(path: Path, *, time_key: str | None = None) -> Imported:
    """
    Read a file of market-channel messages.

    time_key names the key that holds the receive time; one of TIME_KEYS without it.

    Raises:
        UsageError: the file cannot be read, or a line is none; names it.
    """
    data = read_file(path)
    clocks: set[str] = set()
    rows, back = never_falling(_rows(path, data, time_key, clocks))
    if not rows:
        raise UsageError(f"{path} holds no message")
    cannot = ["gaps: where lines are missing, nothing says so", "trading rules: those of docs/venue-rules.md stand in"]
    if _VENUE_TIME in clocks:
        cannot.append("delays of the feed: some times are the venue's own, not those of receiving")
    if back:
        cannot.append(f"the order of {back} lines whose times fall behind the line before")
    tokens: dict[str, None] = {}
    for row in rows:
        tokens.update(dict.fromkeys(_tokens(row[5])))
    opened: Row = (rows[0][0], _FEED, 1, Kind.OPENED, encode_meta({"url": _SOCKET, "imported": path.name}), b"")
    return Imported(
        kind="market",
        file=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        what="market-channel messages, byte for byte",
        clock="the venue's timestamp" if clocks == {_VENUE_TIME} else f"receive time, key {', '.join(sorted(clocks))}",
        cannot=cannot,
        rows=[opened, *rows],
        tokens=list(tokens),
    )


def _rows(path: Path, data: bytes, time_key: str | None, clocks: set[str]) -> Iterator[Row]:
    for number, raw in _lines(data):
        try:
            # A frame of several messages was received at one time, that of its first.
            facts = _object.decode(_array.decode(raw)[0] if raw.lstrip()[:1] == b"[" else raw)
            at_ns, clock = _time(facts, time_key)
            frame = _frame(facts, raw)
        except (msgspec.MsgspecError, RecursionError, IndexError, ValueError) as error:
            raise UsageError(
                f"line {number} of {path} is no message with a time",
                why=str(error),
                hint=f"--time-key KEY names the key of the receive time; known: {', '.join(TIME_KEYS)}",
            ) from error
        clocks.add(clock)
        yield at_ns, _FEED, 1, Kind.FRAME, b"", frame


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    if data.lstrip()[:1] == b"[":
        try:
            items = _array.decode(data)
        except (msgspec.MsgspecError, RecursionError):
            pass  # lines, the first of which is an array
        else:
            yield from ((number, bytes(raw)) for number, raw in enumerate(items, 1))
            return
    yield from ((number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip())


def _time(facts: dict[str, msgspec.Raw], time_key: str | None) -> tuple[int, str]:
    keys = (time_key,) if time_key is not None else (*TIME_KEYS, _VENUE_TIME)
    key = next((key for key in keys if key in facts), None)
    if key is None:
        raise ValueError(f"no key {' or '.join(map(repr, keys))}")
    return moment_ns(msgspec.json.decode(facts[key])), key


def _frame(facts: dict[str, msgspec.Raw], raw: bytes) -> bytes:
    """Return the frame that a line holds, or the line where it is one itself."""
    key = next((key for key in FRAME_KEYS if key in facts), None)
    if key is None or "event_type" in facts:
        return raw
    inner: Any = msgspec.json.decode(facts[key])
    # A frame kept as text is that text; one kept as JSON is its bytes.
    return inner.encode() if isinstance(inner, str) else bytes(facts[key])


def _tokens(frame: bytes) -> list[str]:
    try:
        return [token for message, _ in split_frame(frame) for token in message.tokens()]
    except (msgspec.MsgspecError, RecursionError):
        return []
