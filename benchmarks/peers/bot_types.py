"""The lines as msgspec's tagged structs: only what the bot needs, which is how msgspec is fastest."""

from __future__ import annotations

import msgspec


class Change(msgspec.Struct, gc=False):
    asset_id: str
    price: str
    size: str
    side: str


class PriceChange(msgspec.Struct, tag_field="event_type", tag="price_change", gc=False):
    price_changes: list[Change]


class Level(msgspec.Struct, gc=False):
    price: str
    size: str


class Book(msgspec.Struct, tag_field="event_type", tag="book", gc=False):
    asset_id: str
    bids: list[Level]
    asks: list[Level]


class Score(msgspec.Struct, tag_field="event_type", tag="score", gc=False):
    asset_id: str
    home_u6: int
    moved: int


class Line(msgspec.Struct, gc=False):
    recv_ns: int
    message: PriceChange | Book | Score
