"""
From batches to rows: what a roller makes of envelopes one by one, made of their columns many at a time.

Theory of operation: level changes, trades, best prices and books that stand in columns become rows without being looked
at one by one. Everything else goes through the roller in its order. The two meet in what the roller knows of tokens, so
before an envelope that may ask for it (a plan, a market, a gap), the tokens and connections of all that was said before
it are made known. The rows come out in the order of seq, as if all had gone through the roller. What a roller shows of
its events are those that went through it. Reading a batch needs nothing of what came before it, so that it can be done
elsewhere; what was read is gathered in order.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Envelope, Kind
from recorder.tape.batch import Batch
from recorder.tape.shapes import HOLES
from replay.books import MS_MAX, Snapshots, read_snapshots
from replay.core.decode import OK, Meta
from replay.core.roll import Roller
from replay.core.rows import OP_ASK, OP_BID, OP_LAST, OP_TRADE_BUY, OP_TRADE_SELL, ROW_COLUMNS, Night

__all__ = ["Reading", "gather", "read_batch"]

Ints = NDArray[np.int64]

_FEED, _ANSWERED_FEED = "polymarket.market", "polymarket.book"
_META = msgspec.json.Decoder(Meta)
_SLOW, _CHANGES, _TRADE, _BEST, _BOOKS, _PONGS = range(6)
_PONG = np.frombuffer(b"PONG", np.uint8)
_TOKENLESS = ("espn.", "nba.", "polymarket.sports")
"""Feeds that say nothing of tokens."""
_SAYING = frozenset({Kind.FRAME, Kind.BODY, Kind.FAILED})
_SILENT_KINDS = (Kind.PULSE, Kind.OPENED, Kind.SENT, Kind.DECISION)
_ONE_U6 = 1_000_000
# So many bytes of books the decoder reads in a few milliseconds; to compile takes seconds, once on a machine.
_BOOKS_BYTES_MIN = 1 << 17
_FRAME = {"event_type", "market", "timestamp"}
# What a shape must tell of, and what it may: with any other key the decoder is asked.
_KEYS: dict[str, tuple[int, set[str], set[str]]] = {
    "price_change": (_CHANGES, {"asset_id", "price", "size", "side"}, {"hash", "best_bid", "best_ask"}),
    "last_trade_price": (_TRADE, {"asset_id", "price", "side"}, {"size", "fee_rate_bps", "transaction_hash"}),
    "best_bid_ask": (_BEST, {"asset_id", "best_bid", "best_ask"}, {"spread"}),
}


class Reading(NamedTuple):
    """
    What a batch says as far as it can be known without what came before it.

    events is its number of envelopes, heard_ns the time of the last that is no decision, None where all are; counts are
    of what the roller is not shown. rows i64 (n, len(ROW_COLUMNS)), in the order of seq, with numbers into texts for
    tokens. news i64 (m, 5): before which row of the batch the roller is told what; text, number of the feed in feeds,
    conn, and 1 where the text's book came by that connection. asked has the rows of envelopes; read those of answers
    whose books are among rows.
    """

    events: int
    heard_ns: int | None
    counts: dict[str, int]
    rows: Ints
    texts: tuple[str, ...]
    feeds: tuple[str, ...]
    news: Ints
    asked: list[int]
    read: list[int]
    envelopes: list[Envelope]


def read_batch(batch: Batch) -> Reading:
    """Read what stands in columns, and find what the roller has to be asked about."""
    frames = batch.frames
    meanings = np.array([*(meaning(shape.text) for shape in frames.shapes), _SLOW])[frames.shape]
    is_market = np.array([*(feed == _FEED for feed in batch.feeds), False])[batch.feed] & (batch.kind == Kind.FRAME)
    meanings = np.where(is_market & (frames.source_ms <= MS_MAX), meanings, _SLOW)
    books = _bare(batch, is_market & (frames.shape < 0), meanings)
    slow = np.flatnonzero((meanings == _SLOW) & ~np.isin(batch.kind, _SILENT_KINDS))
    heard = batch.recv_ns[batch.kind != Kind.DECISION]
    # A book's text has another number than the same text of a frame: the roller knows that they are one token.
    snapshots = books.rows
    snapshots[:, 3] += len(frames.texts)
    rows = np.concatenate((_levels(batch, meanings), snapshots))
    return Reading(
        events=len(batch),
        heard_ns=int(heard[-1]) if len(heard) else None,
        counts=_counts(batch, meanings, len(books.of)),
        rows=rows[np.argsort(rows[:, 0], kind="stable")] if len(snapshots) else rows,
        texts=(*frames.texts, *books.texts),
        feeds=batch.feeds,
        news=_news(batch, meanings, books),
        asked=slow.tolist(),
        read=books.frames[meanings[books.frames] == _SLOW].tolist(),
        envelopes=list(batch.some(slow)),
    )


def gather(roller: Roller, reading: Reading) -> Night:
    """
    Return what a batch means, as `roller.roll` would of its envelopes.

    Raises:
        UsageError: more tokens than a night has numbers for.
    """
    for name, count in reading.counts.items():
        roller.counts[name] += count
    seen, read = _Seen(roller, reading), frozenset(reading.read)
    for envelope, row in zip(reading.envelopes, reading.asked, strict=True):
        if envelope.kind not in _SAYING or not envelope.feed.startswith(_TOKENLESS):
            seen.up_to(row)
        roller.take(envelope, is_read=row in read)
    seen.up_to(reading.events)
    rows = reading.rows.copy()
    rows[:, 3] = seen.tokens[rows[:, 3]]
    return roller.cut(rows)


def _bare(batch: Batch, is_bare: NDArray[np.bool_], meanings: Ints) -> Snapshots:
    """Read frames that are there as their bytes, and answers with books, as far as it can be; meanings has which."""
    begins, sizes = batch.payloads.begins, batch.payloads.ends - batch.payloads.begins
    pongs = np.flatnonzero(is_bare & (sizes == len(_PONG)))
    pongs = pongs[(batch.payloads.data[begins[pongs, None] + np.arange(len(_PONG))] == _PONG).all(axis=1)]
    meanings[pongs] = _PONGS
    wanted = np.flatnonzero((is_bare & (meanings == _SLOW)) | _answered(batch))
    books = read_snapshots(batch, wanted if sizes[wanted].sum() >= _BOOKS_BYTES_MIN else wanted[:0])
    # Of an answer the roller has to know.
    meanings[books.frames[batch.kind[books.frames] == Kind.FRAME]] = _BOOKS
    return books


def _answered(batch: Batch) -> NDArray[np.bool_]:
    """Say which envelopes are usable answers to polls of books."""
    is_answer = np.array([*(feed == _ANSWERED_FEED for feed in batch.feeds), False])[batch.feed]
    is_answer &= batch.kind == Kind.BODY
    for row in np.flatnonzero(is_answer).tolist():
        try:
            is_answer[row] = _META.decode(batch.metas[row] or b"{}").status == OK
        except (ValueError, RecursionError):
            is_answer[row] = False
    return is_answer


@lru_cache(maxsize=256)
def meaning(text: str) -> int:
    """Say what the frames of a shape are, by its text; _SLOW where only the decoder knows."""
    doubled: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        doubled.extend(key for key in keys if keys.count(key) > 1)
        return dict(pairs)

    try:
        message = json.loads(text, object_pairs_hook=unique)
    except ValueError:
        return _SLOW
    found, required, allowed = _KEYS.get(str(message.get("event_type")), (_SLOW, set(), set()))
    told = {key: value for key, value in message.items() if key not in _FRAME}
    if found == _CHANGES:
        changes = told.pop("price_changes", None)
        if told or not isinstance(changes, list) or len(changes) != 1 or not isinstance(changes[0], dict):
            return _SLOW
        told = changes[0]
    holes = {**told, "market": message.get("market"), "timestamp": message.get("timestamp")}
    is_said = all(value == f"<{key}>" for key, value in holes.items() if key in HOLES)
    is_text = all(isinstance(value, str) for value in holes.values())
    is_known = required <= set(told) <= required | allowed
    return found if is_known and is_said and is_text and not doubled else _SLOW


def _counts(batch: Batch, meanings: Ints, books: int) -> dict[str, int]:
    """Count what is not shown to the roller, as it would have counted it."""
    changes = np.diff(batch.frames.first)
    counts = {
        "LevelChange": int(changes[meanings == _CHANGES].sum()),
        "TradePrinted": int((meanings == _TRADE).sum()),
        "BestQuoted": int((meanings == _BEST).sum()),
        "BookSnapshot": books,
        "ControlText": int((meanings == _PONGS).sum()),
        "Pulse": int((batch.kind == Kind.PULSE).sum()),
    }
    return {name: count for name, count in counts.items() if count}


def _news(batch: Batch, meanings: Ints, books: Snapshots) -> Ints:
    """
    Find what changes and books tell the roller that is new, in the order of their rows.

    New is a token that had not been named, or whose connection is another, or may be by what was said to the roller in
    between.
    """
    frames = batch.frames
    row = np.repeat(np.arange(len(batch)), np.diff(frames.first))
    of = meanings[row]
    named = np.flatnonzero((of == _CHANGES) | (of == _TRADE))
    row = np.concatenate((row[named], books.of))
    text = np.concatenate((frames.asset[named], len(frames.texts) + books.token))
    connects = np.concatenate((of[named] == _CHANGES, batch.kind[books.of] == Kind.FRAME))
    order = np.argsort(row, kind="stable")
    row, text, connects = row[order], text[order], connects[order]
    first = np.unique(text, return_index=True)[1]
    levels = np.flatnonzero(connects)
    tells = np.array([*(not feed.startswith(_TOKENLESS) for feed in batch.feeds), False])[batch.feed]
    between = np.cumsum((meanings == _SLOW) & tells & np.isin(batch.kind, (Kind.FRAME, Kind.NOTE)))
    conns, conn = np.unique(batch.conn, return_inverse=True)
    lines = ((between * len(batch.feeds) + batch.feed) * len(conns) + conn)[row[levels]]
    news = np.unique(np.concatenate((first, levels[_turns(text[levels], lines)])))
    row = row[news]
    return np.column_stack((row, text[news], batch.feed[row], batch.conn[row], connects[news]))


class _Seen:
    """How far the roller knows the tokens of a batch; tokens has the number of each of its texts, -1 for none yet."""

    def __init__(self, roller: Roller, reading: Reading) -> None:
        self.tokens = np.full(len(reading.texts) + 1, -1, np.int64)
        self._roller, self._reading = roller, reading
        self._news = reading.news.tolist()
        self._told = 0

    def up_to(self, end: int) -> None:
        """Make known the tokens, and the connections, of all that was said before a row."""
        roller, reading = self._roller, self._reading
        while self._told < len(self._news) and self._news[self._told][0] < end:
            _, text, feed, conn, connects = self._news[self._told]
            if self.tokens[text] < 0:
                self.tokens[text] = roller.token(reading.texts[text])
            if connects:
                roller.connect(int(self.tokens[text]), reading.feeds[feed], conn)
            self._told += 1


def _turns(numbers: Ints, values: Ints) -> Ints:
    """Return where a number has another value than it had before, or any for the first time."""
    order = np.argsort(numbers, kind="stable")
    number, value = numbers[order], values[order]
    is_turn = np.ones(len(order), bool)
    is_turn[1:] = (number[1:] != number[:-1]) | (value[1:] != value[:-1])
    return order[is_turn]


def _levels(batch: Batch, meanings: Ints) -> Ints:
    """Return the rows of the changes and trades of a batch, with numbers of texts for tokens."""
    frames = batch.frames
    row = np.repeat(np.arange(len(batch)), np.diff(frames.first))
    of = meanings[row]
    kept = np.flatnonzero((of == _CHANGES) | (of == _TRADE))
    row, is_level = row[kept], of[kept] == _CHANGES
    asset, is_buy = frames.asset[kept], frames.is_buy[kept] == 1
    level = np.where(is_buy, OP_BID, OP_ASK) + np.where(_is_last(row, asset), OP_LAST, 0)
    table = np.empty((len(kept), len(ROW_COLUMNS)), np.int64)
    table[:, 0], table[:, 1] = batch.seq[row], batch.recv_ns[row]
    table[:, 2] = np.where(is_level, level, np.where(is_buy, OP_TRADE_BUY, OP_TRADE_SELL))
    table[:, 3], table[:, 4] = asset, frames.price_u6[kept]
    table[:, 5] = np.maximum(frames.size_u6[kept], 0)
    for column, quotes in ((6, frames.bid_u6[kept]), (7, frames.ask_u6[kept])):
        table[:, column] = np.where(is_level & (quotes > 0) & (quotes < _ONE_U6), quotes, -1)
    table[:, 8] = np.where(is_level, frames.source_ms[row], -1)
    return table


def _is_last(row: Ints, asset: Ints) -> NDArray[np.bool_]:
    """Say of each change whether it is the last one of its frame about its token."""
    last = np.ones(len(row), bool)
    if len(row) == 0:
        return last
    last[:-1] = (row[1:] != row[:-1]) | (asset[1:] != asset[:-1])
    # Where a frame has three changes or more, one further on may be about the same token.
    long = np.zeros(len(row), bool)
    long[:-2] = row[2:] == row[:-2]
    long[1:] |= long[:-1]
    long[1:] |= long[:-1]
    among = np.flatnonzero(long)[::-1]
    keys = row[among] * (int(asset.max()) + 1) + asset[among]
    last[among] = False
    last[among[np.unique(keys, return_index=True)[1]]] = True
    return last
