"""
A plain asyncio bot on recorded JSON lines: books in dicts, an edge, a heap of orders under way.

What most people write first. The reader is a coroutine that hands over line by line, as a socket would.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import kit

ParseLine = Callable[[bytes], Any]


class Bot:
    """The strategy: first crossing of the threshold, one order under way a token, what stands at the limit is taken."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.delay_ns, self.min_edge, self.shares = told["delay_ns"], told["min_edge_u6"], float(told["shares"])
        self.tokens = {token: number for number, token in enumerate(told["tokens"])}
        self.bids: list[dict[int, float]] = [{} for _ in self.tokens]
        self.asks: list[dict[int, float]] = [{} for _ in self.tokens]
        self.fair = [-1] * len(self.tokens)
        self.armed = [True] * len(self.tokens)
        self.under_way = [False] * len(self.tokens)
        self.due: list[tuple[int, int, int]] = []
        self.changes = self.signals = self.fills = 0
        self.filled = 0.0

    def arrive(self, now_ns: int) -> None:
        """Match the orders that are due."""
        while self.due and self.due[0][0] < now_ns:
            _, token, limit = heapq.heappop(self.due)
            self.under_way[token] = False
            taken, asks = 0.0, self.asks[token]
            for price in sorted(price for price in asks if price <= limit):
                taken += min(asks[price], self.shares - taken)
            self.fills += taken > 0
            self.filled += taken

    def look(self, token: int, now_ns: int) -> None:
        asks, fair = self.asks[token], self.fair[token]
        if fair < 0 or not asks:
            return
        ask = min(asks)
        edge = fair - ask
        if edge < self.min_edge:
            self.armed[token] = True
        elif self.armed[token] and not self.under_way[token]:
            self.armed[token], self.under_way[token] = False, True
            self.signals += 1
            heapq.heappush(self.due, (now_ns + self.delay_ns, token, ask))

    def change(self, token: int, sells: bool, price: str, size: str, now_ns: int) -> None:
        book = self.asks[token] if sells else self.bids[token]
        shares, level = float(size), round(float(price) * 1_000_000)
        if shares:
            book[level] = shares
        else:
            book.pop(level, None)
        self.changes += 1
        self.look(token, now_ns)

    def snapshot(
        self, token: int, bids: Iterator[tuple[str, str]], asks: Iterator[tuple[str, str]], now_ns: int
    ) -> None:
        self.bids[token] = {round(float(price) * 1_000_000): float(size) for price, size in bids}
        self.asks[token] = {round(float(price) * 1_000_000): float(size) for price, size in asks}
        self.look(token, now_ns)

    def score(self, home: int, home_u6: int, moved: int, now_ns: int) -> None:
        self.fair[home], self.fair[home + 1] = home_u6, 1_000_000 - home_u6
        if moved:
            self.look(home, now_ns)
            self.look(home + 1, now_ns)


def on_dict(bot: Bot, line: dict[str, Any]) -> None:
    """Handle a line that was parsed to dicts."""
    now_ns, message = line["recv_ns"], line["message"]
    bot.arrive(now_ns)
    kind = message["event_type"]
    if kind == "price_change":
        for one in message["price_changes"]:
            bot.change(bot.tokens[one["asset_id"]], one["side"] == "SELL", one["price"], one["size"], now_ns)
    elif kind == "book":
        sides = (((one["price"], one["size"]) for one in message[side]) for side in ("bids", "asks"))
        bot.snapshot(bot.tokens[message["asset_id"]], *sides, now_ns)
    else:
        bot.score(bot.tokens[message["asset_id"]], message["home_u6"], message["moved"], now_ns)


def typed() -> tuple[ParseLine, Callable[[Bot, Any], None]]:
    """Return msgspec's fast path and a handler of what it gives."""
    import bot_types
    import msgspec

    def handle(bot: Bot, line: bot_types.Line) -> None:
        now_ns, message = line.recv_ns, line.message
        bot.arrive(now_ns)
        if isinstance(message, bot_types.PriceChange):
            for one in message.price_changes:
                bot.change(bot.tokens[one.asset_id], one.side == "SELL", one.price, one.size, now_ns)
        elif isinstance(message, bot_types.Book):
            sides = (((one.price, one.size) for one in side) for side in (message.bids, message.asks))
            bot.snapshot(bot.tokens[message.asset_id], *sides, now_ns)
        else:
            bot.score(bot.tokens[message.asset_id], message.home_u6, message.moved, now_ns)

    return msgspec.json.Decoder(bot_types.Line).decode, handle


async def _lines(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line


async def play(path: Path, told: dict[str, Any], parse: ParseLine, handle: Callable[[Bot, Any], None]) -> Bot:
    bot = Bot(told)
    async for line in _lines(path):
        handle(bot, parse(line))
    bot.arrive(1 << 62)
    return bot


def _parsed(path: Path, parse: ParseLine) -> int:
    with path.open("rb") as file:
        return sum(parse(line) is not None for line in file)


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    path = folder / "frames.jsonl"
    frames = told["changes"] + told["snapshots"]
    parsers: dict[str, tuple[ParseLine, Callable[[Bot, Any], None]]] = {"json": (json.loads, on_dict)}
    if find_spec("orjson"):
        import orjson

        parsers["orjson"] = (orjson.loads, on_dict)
    if find_spec("msgspec"):
        parsers["msgspec"] = typed()
    for name, (parse, handle) in parsers.items():
        times = kit.timed(lambda parse=parse, handle=handle: asyncio.run(play(path, told, parse, handle)), repeat)
        bot = times[2]
        assert bot.changes == told["changes"]
        yield kit.case(
            "raw", f"asyncio bot, {name}", times, "frames", frames, signals=bot.signals, fills=bot.fills,
            shares=int(bot.filled), note="no checksums, no model; takes the same liquidity again",
        )  # fmt: skip
        times = kit.timed(lambda parse=parse: _parsed(path, parse), repeat)
        yield kit.case("decode", f"{name}, lines to objects", times, "frames", times[2], note="nothing done with them")


if __name__ == "__main__":
    kit.main(run, *(name for name in ("orjson", "msgspec") if find_spec(name)))
