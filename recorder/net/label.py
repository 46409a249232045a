"""What a local upstream says of the tape it plays, so that a recording of simulated data is labelled as one."""

from __future__ import annotations

import aiohttp
import msgspec

__all__ = ["LABEL_PATH", "served_label"]

LABEL_PATH = "/.well-known/gametape"

_TIMEOUT_S = 2.0


class _Label(msgspec.Struct):
    label: str = ""


async def served_label(base: str) -> str:
    """Return the label of the tape that the upstream at this base plays; empty where it plays none or does not say."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(base.rstrip("/") + LABEL_PATH, allow_redirects=False) as response,
        ):
            if response.status != 200:
                return ""
            body = await response.content.read(4096)
    except (aiohttp.ClientError, TimeoutError):
        return ""
    try:
        label = msgspec.json.decode(body, type=_Label).label
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    return label if label.isascii() and label.isprintable() and len(label) <= 64 else ""
