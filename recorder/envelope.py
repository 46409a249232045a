"""The envelope: one recorded fact, and the one canonical byte form of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import msgspec

__all__ = ["ENVELOPE_HEAD", "Envelope", "Kind", "decode_rows", "encode_meta", "encode_row"]


class Kind(IntEnum):
    """What sort of fact an envelope is. Numbers are on disk for ever: add, never renumber."""

    FRAME = 1
    """A WebSocket frame that arrived. meta: `{"binary":true}` for a binary frame, else empty."""
    BODY = 2
    """An HTTP answer, any status. meta: url, status, sent_ns, and those of etag, date, age, ... that came."""
    FAILED = 3
    """A request that got no answer. meta: url, sent_ns, why. The feed was blind."""
    OPENED = 4
    """A socket opened. meta: url."""
    CLOSED = 5
    """A socket closed. meta: code, reason, side (`them`, `us`, `lost`)."""
    SENT = 6
    """A text frame that we sent. payload: the text."""
    SILENT = 7
    """A watchdog found a feed, or one asset of it, silent. meta: asset (or null), since_ns."""
    PULSE = 8
    """Time's own fact, once a second. Empty payload."""
    NOTE = 9
    """A fact about the recording itself. meta: note (`plan`, `clock_step`, ...); payload: JSON or empty."""
    DECISION = 10
    """What the live engine decided. meta: cause (seq). payload: the canonical decision. No input to a replay."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """
    One recorded fact.

    Units: recv_ns is UTC nanoseconds since the epoch, never falling within a tape; seq counts from 0 without a hole and
    is the only order. conn numbers the connections (or requests) of a feed from 1; 0 means none. meta is a compact JSON
    object of the recorder's own facts, empty where there are none, never a credential. payload is the bytes that
    arrived.
    """

    seq: int
    recv_ns: int
    feed: str
    conn: int
    kind: Kind
    meta: bytes
    payload: bytes

    def facts(self) -> dict[str, Any]:
        """Return meta as a dict; empty where meta is empty."""
        if not self.meta:
            return {}
        facts: dict[str, Any] = msgspec.json.decode(self.meta)
        return facts


# seq u64, recv_ns i64, conn u32, kind u8, feed length u8, meta length u32, payload length u32; little endian
ENVELOPE_HEAD = struct.Struct("<QqIBBII")
_pack = ENVELOPE_HEAD.pack
_unpack_from = ENVELOPE_HEAD.unpack_from
_KINDS = {int(kind): kind for kind in Kind}


def encode_meta(facts: dict[str, Any]) -> bytes:
    """Render facts as meta: compact JSON in the given key order, empty for no facts."""
    return msgspec.json.encode(facts) if facts else b""


def encode_row(envelope: Envelope) -> bytes:
    """
    Render an envelope in its canonical form: the bytes that blocks hold and that digests are taken over.

    Raises:
        ValueError: feed is longer than 255 bytes of UTF-8.
    """
    feed = envelope.feed.encode()
    if len(feed) > 255:
        raise ValueError(f"feed name of {len(feed)} bytes: at most 255")
    head = _pack(
        envelope.seq,
        envelope.recv_ns,
        envelope.conn,
        envelope.kind,
        len(feed),
        len(envelope.meta),
        len(envelope.payload),
    )
    return b"".join((head, feed, envelope.meta, envelope.payload))


def decode_rows(rows: bytes) -> Iterator[Envelope]:
    """
    Read envelopes back from concatenated canonical rows.

    Raises:
        ValueError: the bytes end inside a row, or a kind is not known to this version.
    """
    at, end, head_size = 0, len(rows), ENVELOPE_HEAD.size
    feeds: dict[bytes, str] = {}
    while at < end:
        if at + head_size > end:
            raise ValueError(f"row at byte {at} is cut short")
        seq, recv_ns, conn, kind, feed_len, meta_len, payload_len = _unpack_from(rows, at)
        at += head_size
        stop = at + feed_len + meta_len + payload_len
        if stop > end:
            raise ValueError(f"row of seq {seq} is cut short")
        if kind not in _KINDS:
            raise ValueError(f"row of seq {seq} has unknown kind {kind}")
        raw_feed = rows[at : at + feed_len]
        feed = feeds.get(raw_feed)
        if feed is None:
            feed = feeds[raw_feed] = raw_feed.decode()
        at += feed_len
        meta = rows[at : at + meta_len]
        at += meta_len
        yield Envelope(seq, recv_ns, feed, conn, _KINDS[kind], meta, rows[at:stop])
        at = stop
