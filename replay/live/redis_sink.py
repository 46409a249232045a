"""A sink that appends to a Redis stream: `--sink redis=redis://127.0.0.1:6379/0?stream=gametape`."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit, urlunsplit

from redis.asyncio import Redis

__all__ = ["RedisStream"]

_ENTRIES_MAX = 100_000


class RedisStream:
    """Appends each message as an entry with the fields `type` and `body`; the stream keeps the newest 100,000."""

    def __init__(self, address: str) -> None:
        """
        Append to the stream named in the address, `gametape` where none is.

        Raises:
            ValueError: this is no address of a Redis server.
        """
        parts = urlsplit(address)
        self._stream = parse_qs(parts.query).get("stream", ["gametape"])[0]
        self._redis = Redis.from_url(urlunsplit(parts._replace(query="")), socket_timeout=10.0)

    async def send(self, kind: str, body: bytes) -> None:
        """Append one message."""
        await self._redis.xadd(self._stream, {"type": kind, "body": body}, maxlen=_ENTRIES_MAX, approximate=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
