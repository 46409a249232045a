"""
The venue's side of one market-channel socket, without the socket: texts in, replies out.

Coverage (docs.polymarket.com/api-reference/wss/market, and observed behaviour):

| client says | venue does |
|---|---|
| first frame: anything but a subscription | closes 1008 `invalid subscription payload` |
| first frame: `{"type":"market","assets_ids":[...]}` | sends the known books as one array, if `initial_dump` |
| the same again | `INVALID OPERATION` |
| `PING` | `PONG` |
| `{"operation":"subscribe",...}` with new tokens | sends their books as one array |
| `{"operation":"subscribe",...}` with known tokens only | `NO NEW ASSETS` |
| `{"operation":"unsubscribe",...}` | says nothing more about them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from replay.upstream.timeline import Forward, HangUp

__all__ = ["MarketSession"]


class _Wish(msgspec.Struct):
    assets_ids: list[str]
    type: str = ""
    operation: str = ""
    initial_dump: bool = True
    custom_feature_enabled: bool | None = None


class MarketSession:
    """
    One socket's subscription.

    snapshot renders the array frame of the known books among some tokens, or None where none is known.
    """

    def __init__(self, snapshot: Callable[[Iterable[str]], bytes | None]) -> None:
        self.tokens: dict[str, None] = {}
        self._snapshot = snapshot
        self._custom = False
        self._begun = False

    def hear(self, text: str) -> bytes | HangUp | None:
        """Take a text frame and return the venue's reply: a frame, a close, or silence."""
        if text == "PING" and self._begun:
            return b"PONG"
        try:
            wish = msgspec.json.decode(text, type=_Wish)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return b"INVALID OPERATION" if self._begun else self._refuse()
        if not self._begun:
            return self._begin(wish) if wish.type.lower() == "market" else self._refuse()
        match wish.operation:
            case "subscribe":
                return self._add(wish)
            case "unsubscribe":
                for token in wish.assets_ids:
                    self.tokens.pop(token, None)
                return None
            case _:
                return b"INVALID OPERATION"

    def wants(self, frame: Forward) -> bool:
        """Say whether a frame goes to this socket."""
        if not self._begun or (frame.custom and not self._custom):
            return False
        return frame.everyone or any(token in self.tokens for token in frame.tokens)

    def shares(self, tokens: Iterable[str]) -> bool:
        """Say whether this socket holds one of these tokens."""
        return any(token in self.tokens for token in tokens)

    def _refuse(self) -> HangUp:
        return HangUp(1008, "invalid subscription payload", lost=False, tokens=())

    def _begin(self, wish: _Wish) -> bytes | None:
        self._begun = True
        self._custom = bool(wish.custom_feature_enabled)
        self.tokens = dict.fromkeys(wish.assets_ids)
        return self._snapshot(self.tokens) if wish.initial_dump else None

    def _add(self, wish: _Wish) -> bytes | None:
        # The venue applies the flag before it looks for duplicates.
        if wish.custom_feature_enabled is not None:
            self._custom = wish.custom_feature_enabled
        new = [token for token in dict.fromkeys(wish.assets_ids) if token not in self.tokens]
        self.tokens.update(dict.fromkeys(new))
        return self._snapshot(new) if new else b"NO NEW ASSETS"
