"""How to read: from one envelope to the events it means. Total: any bytes give events or `Undecodable`."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import msgspec

from recorder.envelope import Envelope, Kind
from replay.core.decode.espn import ESPN_LEAGUES, decode_espn
from replay.core.decode.gamma import decode_gamma
from replay.core.decode.nba import decode_boxscore, decode_nba
from replay.core.decode.note import decode_note
from replay.core.decode.playbyplay import decode_playbyplay
from replay.core.decode.polymarket import decode_polymarket
from replay.core.decode.quotes import decode_quotes
from replay.core.decode.sports import decode_sports
from replay.core.events import Event, FeedGap, PollMissed, PollUnchanged, Pulse, Undecodable

__all__ = ["KNOWN_FEEDS", "NOT_MODIFIED", "OK", "Meta", "decode", "decode_payload"]

KNOWN_FEEDS = (
    *(f"espn.{league}" for league in ESPN_LEAGUES),
    "gamma.markets",
    "nba.boxscore",
    "nba.playbyplay",
    "nba.scoreboard",
    "polymarket.book",
    "polymarket.market",
    "polymarket.sports",
    "quotes.top",
)
# Whatever else is known is one of ESPN's leagues.
_READERS: dict[str, Callable[[str, bytes], list[Event]]] = {
    "gamma.markets": decode_gamma,
    "nba.boxscore": decode_boxscore,
    "nba.playbyplay": decode_playbyplay,
    "nba.scoreboard": decode_nba,
    "polymarket.sports": decode_sports,
    "quotes.top": decode_quotes,
}
NOT_MODIFIED = 304
OK = 200


class Meta(msgspec.Struct, gc=False):
    """The recorder's facts that change what an envelope means."""

    status: int | None = None
    why: str = ""
    code: int = 0
    reason: str = ""
    side: str = ""
    asset: str | None = None


_META = msgspec.json.Decoder(Meta)
_PULSE: list[Event] = [Pulse()]


def decode(envelope: Envelope) -> list[Event]:
    """
    Return what an envelope means, in the order of the wire.

    Never raises. Bytes that mean nothing give one `Undecodable`; where a frame or body holds several messages, each
    stands alone. The list is not to be changed.
    """
    feed = envelope.feed
    match envelope.kind:
        case Kind.FRAME:
            return decode_payload(feed, envelope.payload, Kind.FRAME)
        case Kind.PULSE:
            return _PULSE
        case Kind.NOTE:
            return decode_note(feed, envelope.meta, envelope.payload)
        case Kind.OPENED | Kind.SENT | Kind.DECISION:
            return []
        case Kind.BODY | Kind.FAILED | Kind.CLOSED | Kind.SILENT:
            try:
                meta = _META.decode(envelope.meta or b"{}")
            except (ValueError, RecursionError) as error:
                return [Undecodable(feed=feed, reason=f"meta: {error}"[:300])]
            return _decode_told(envelope, meta)
    assert_never(envelope.kind)


def decode_payload(feed: str, payload: bytes, kind: Kind) -> list[Event]:
    """
    Return what a frame or the body of a usable answer means.

    A book that came as a body is a witness; otherwise the feed alone says how to read. Never raises.
    """
    if feed in {"polymarket.market", "polymarket.book"}:
        return decode_polymarket(feed, payload, witness=kind is Kind.BODY)
    if feed not in KNOWN_FEEDS:
        return [Undecodable(feed=feed, reason="no decoder for this feed")]
    return _READERS.get(feed, decode_espn)(feed, payload)


def _decode_told(envelope: Envelope, meta: Meta) -> list[Event]:
    """Read an envelope whose meta decides what it means."""
    feed = envelope.feed
    if envelope.kind is Kind.SILENT:
        return [FeedGap(feed=feed, conn=envelope.conn, why="silent", token_id=meta.asset)]
    if envelope.kind is Kind.CLOSED:
        why = " ".join(part for part in ("closed", meta.side, str(meta.code), meta.reason) if part)
        return [FeedGap(feed=feed, conn=envelope.conn, why=why)]
    if envelope.kind is Kind.FAILED:
        return [PollMissed(feed=feed, why=meta.why)]
    if meta.status == NOT_MODIFIED:
        return [PollUnchanged(feed=feed)]
    if meta.status != OK:
        return [PollMissed(feed=feed, why=f"status {meta.status}", status=meta.status)]
    return decode_payload(feed, envelope.payload, Kind.BODY)
