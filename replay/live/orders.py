"""What the outlet process is told to do before anything else, and the limits it keeps."""

from __future__ import annotations

import msgspec

__all__ = ["Limits", "Orders"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much there may be at once, and how long a client may take."""

    url_bytes: int = 4_096
    header_bytes: int = 16_384
    frame_bytes: int = 65_536
    sockets: int = 64
    streams: int = 64
    streams_per_peer: int = 6
    requests: int = 64
    connections: int = 512
    header_s: float = 10.0
    send_s: float = 20.0


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the outlet process is to do; the first message on the link, as JSON."""

    version: str
    now_ns: int
    label: str = ""
    names: frozenset[str] = frozenset()
    token: str | None = None
    is_exposed: bool = False
    limits: Limits = Limits()
    webhooks: tuple[str, ...] = ()
    webhook_secret: str = ""
    sinks: tuple[str, ...] = ()
    ndjson: bool = False
