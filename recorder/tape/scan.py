"""
Frames and their values, compiled: the scanner and the writer facing each other.

A shape is compiled into a program: rows of (operation, and the literal before it: where it begins, how long it is). A
frame is of that shape where the program reads it to its last byte. What may be read is exactly what
`recorder.tape.shapes` can write again; anything else is no match, and the frame stays as it is. Texts (markets, assets)
are numbered by their first appearance among the scanned frames; where each first stood is noted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.jit import inlined, inner, kernel, wide
from recorder.tape.words import (
    EMPTY,
    SHORT_MAX,
    are_digits,
    copy_text,
    eight_digits,
    hex_of,
    lanes_of,
    nibbles,
    put_word,
    same,
    short_decimal,
    until,
    word_at,
)

__all__ = [
    "NAMES_MAX",
    "OPS",
    "OP_END",
    "OP_ITEMS",
    "OP_ITEMS_END",
    "RECENT",
    "SLOTS",
    "Names",
    "Program",
    "Scanned",
    "read_decimal",
    "read_ms",
    "read_name",
    "scan_frames",
    "write_frames",
]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

OP_END, OP_ITEMS, OP_ITEMS_END = 0, 1, 2
OP_MARKET, OP_TIMESTAMP, OP_ASSET, OP_SIDE, OP_PRICE, OP_SIZE = 3, 4, 5, 6, 7, 8
OP_BID, OP_ASK, OP_SPREAD, OP_HASH, OP_TRANSACTION = 9, 10, 11, 12, 13
OPS = {
    "market": OP_MARKET,
    "timestamp": OP_TIMESTAMP,
    "asset_id": OP_ASSET,
    "side": OP_SIDE,
    "price": OP_PRICE,
    "size": OP_SIZE,
    "best_bid": OP_BID,
    "best_ask": OP_ASK,
    "spread": OP_SPREAD,
    "hash": OP_HASH,
    "transaction_hash": OP_TRANSACTION,
}
"""The operation that reads each hole of a shape."""

SLOTS = 1 << 13
NAMES_MAX = SLOTS // 2
RECENT = 1 << 10
_QUOTE, _COMMA, _POINT, _ZERO, _NINE, _A, _F, _X = 34, 44, 46, 48, 57, 97, 102, 120
_MICRO, _EIGHT_DIGITS = 1_000_000, 100_000_000
_ZEROS = 0x3030303030303030
_BUY, _SELL = 0x595542, 0x4C4C4553
_TELLING = 12  # the last digits of an id tell it from most others
_FACTOR, _MASK = 1_000_003, (1 << 40) - 1
_SPREADING = 0x2545F4914F6CDD1D


class Program(NamedTuple):
    """Shapes as the scanner runs them: ops i64 (n, 3); begins i64, where each shape's ops begin and one more."""

    ops: Ints
    begins: Ints
    literals: Bytes


class Names(NamedTuple):
    """
    Texts by number, in the order of their first appearance.

    spans has where each first stood, begin and end, and in its last row how many there are. slots finds a text's number
    by its hash, recent that of one read lately by its first eight bytes.
    """

    spans: Ints
    slots: Ints
    recent: Ints


class Scanned(NamedTuple):
    """
    The values of frames: shape, market, source_ms, first and transaction one a frame, the others one a change.

    shape is -1 where a frame matches none; first is where a frame's changes begin, and one more. Decimals are in
    millionths, -1 where empty. spelling has four bits each for price, size, best bid and best ask.
    """

    shape: Ints
    market: Ints
    source_ms: Ints
    first: Ints
    transaction: Bytes
    asset: Ints
    is_buy: Ints
    price_u6: Ints
    size_u6: Ints
    bid_u6: Ints
    ask_u6: Ints
    spelling: Ints
    hash: Bytes
    names: Names
    spread: Ints


@inlined
def _is_digit(byte: int) -> bool:
    return _ZERO <= byte <= _NINE


@inlined
def read_decimal(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return value in millionths, spelling, and where it ends: -1 where it is not spelled as we would spell it."""
    word = word_at(data, at)
    size = until(word, _QUOTE)
    if size <= SHORT_MAX and at + size < end:
        value, spelling = short_decimal(word, size)
        return value, spelling, at + size if spelling >= 0 else -1
    return _long_decimal(data, at, end)


@inner
def _long_decimal(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """Read a decimal digit by digit."""
    begin, value = at, 0
    while at < end and at - begin <= 9 and _is_digit(data[at]):
        value = value * 10 + wide(data[at]) - _ZERO
        at += 1
    digits = at - begin
    if digits == 0 or digits > 9 or (digits > 1 and data[begin] == _ZERO):
        return -1, EMPTY, begin if digits == 0 else -1
    value *= _MICRO
    if at >= end or data[at] != _POINT:
        return value, 0, at
    at += 1
    begin, scale = at, _MICRO
    while at < end and at - begin <= 6 and _is_digit(data[at]):
        scale //= 10
        value += (wide(data[at]) - _ZERO) * scale
        at += 1
    if at == begin or at - begin > 6:
        return -1, 0, -1
    return value, (at - begin if data[at - 1] == _ZERO else 0), at


@inlined
def _hex(data: Bytes, at: int, end: int, count: int, out: Bytes, row: int) -> int:
    """Read so many bytes of lower-case hex, four at a time; return where they end, -1 where they are not."""
    if at + 2 * count > end:
        return -1
    bad = 0
    for k in range(0, count, 4):
        four = nibbles(word_at(data, at + 2 * k))
        bad |= four
        out[row, k], out[row, k + 1] = four & 255, (four >> 8) & 255
        out[row, k + 2], out[row, k + 3] = (four >> 16) & 255, (four >> 24) & 255
    return at + 2 * count if bad >= 0 else -1


@inner
def _name_end(data: Bytes, at: int, end: int, is_hex: bool) -> int:  # noqa: FBT001  # kernels take all by position
    """Return where a text of digits, or of 0x and hex, ends; -1 where there is none."""
    begin = at
    if is_hex:
        if at + 2 > end or data[at] != _ZERO or data[at + 1] != _X:
            return -1
        at += 2
    digits = at
    while at < end and (_is_digit(data[at]) or (is_hex and _A <= data[at] <= _F)):
        at += 1
    return at if at > digits and at - begin <= 80 else -1


@inner
def _number_of(data: Bytes, at: int, end: int, names: Names) -> int:
    """Return the number of a text, a new one where it is new; -1 where there are too many."""
    code = end - at
    for k in range(max(at, end - _TELLING), end):
        code = ((code ^ wide(data[k])) * _FACTOR) & _MASK
    slot = (code ^ (code >> 20)) & (SLOTS - 1)
    while names.slots[slot] >= 0:
        number = wide(names.slots[slot])
        begin = names.spans[number, 0]
        if names.spans[number, 1] - begin == end - at and same(data, begin, data, at, end - at):
            return number
        slot = (slot + 1) & (SLOTS - 1)
    number = wide(names.spans[NAMES_MAX, 0])
    if number >= NAMES_MAX:
        return -1
    names.spans[NAMES_MAX, 0] += 1
    names.spans[number, 0], names.spans[number, 1] = at, end
    names.slots[slot] = number
    return number


@inlined
def read_name(data: Bytes, at: int, end: int, is_hex: bool, names: Names) -> tuple[int, int]:  # noqa: FBT001  # as above
    """Return the number of a text of digits, or of 0x and hex, and where it ends; -1 where there is none."""
    line = ((word_at(data, at) * _SPREADING) >> 50) & (RECENT - 1)
    recent = wide(names.recent[line])
    if recent >= 0:
        # Nearly always the name is one that was read before, of the same kind: then only its end must be seen.
        begin = names.spans[recent, 0]
        after = at + names.spans[recent, 1] - begin
        is_kind = (((word_at(data, begin) >> 8) & 255) == _X) == is_hex
        if is_kind and after < end and data[after] == _QUOTE and same(data, begin, data, at, after - at):
            return recent, after
    after = _name_end(data, at, end, is_hex)
    if after < 0:
        return -1, -1
    number = _number_of(data, at, after, names)
    if number >= 0:
        names.recent[line] = number
    return number, after if number >= 0 else -1


@inlined
def read_ms(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return milliseconds and where they end, -1 where there are none that we would spell so."""
    first, second = word_at(data, at), word_at(data, at + 8)
    if at + 13 < end and ((second >> 40) & 255) == _QUOTE and (first & 255) != _ZERO:
        high, low = first ^ _ZEROS, (second ^ _ZEROS) & 0xFFFFFFFFFF
        if are_digits(high) and are_digits(low):
            return eight_digits(high) * 100_000 + eight_digits(low << 24), at + 13
    begin, value = at, 0
    while at < end and at - begin <= 15 and _is_digit(data[at]):
        value = value * 10 + wide(data[at]) - _ZERO
        at += 1
    return value, at if 0 < at - begin <= 15 and data[begin] != _ZERO else -1


@inlined
def _side(data: Bytes, at: int, end: int, to: Scanned, change: int) -> int:
    """Read BUY or SELL; return where it ends, -1 where it is neither."""
    word = word_at(data, at)
    is_buy = wide((word & 255) == (_BUY & 255))
    size = 4 - is_buy
    to.is_buy[change] = is_buy
    wanted = _SELL + is_buy * (_BUY - _SELL)
    return at + size if (word & ~(-1 << (8 * size))) == wanted and at + size <= end else -1


@inlined
def _read_price(data: Bytes, at: int, end: int, op: int, to: Scanned, change: int) -> int:
    """Read one of the four decimals of a change, or the spread; return where it ends, -1 where it cannot be kept."""
    value, spelling, after = read_decimal(data, at, end)
    if after < 0 or (spelling == EMPTY and (op == OP_PRICE or op == OP_SIZE)):
        return -1
    if op == OP_PRICE:
        to.price_u6[change] = value
        to.spelling[change] |= spelling
    elif op == OP_SIZE:
        to.size_u6[change] = value
        to.spelling[change] |= spelling << 4
    elif op == OP_BID:
        to.bid_u6[change] = value
        to.spelling[change] |= spelling << 8
    elif op == OP_ASK:
        to.ask_u6[change] = value
        to.spelling[change] |= spelling << 12
    else:
        # Judged at the end of the frame, when both sides are known.
        to.spread[0], to.spread[1] = value, spelling
    return after


@inlined
def _read(data: Bytes, at: int, end: int, op: int, to: Scanned, row: int, change: int) -> int:
    """Read a value into its column; return where it ends, -1 where it is none that we would spell so."""
    if op >= OP_PRICE and op <= OP_SPREAD:
        return _read_price(data, at, end, op, to, change)
    if op == OP_ASSET or op == OP_MARKET:
        number, after = read_name(data, at, end, op == OP_MARKET, to.names)
        if op == OP_MARKET:
            to.market[row] = number
        else:
            to.asset[change] = number
        return after
    if op == OP_HASH:
        return _hex(data, at, end, 20, to.hash, change)
    if op == OP_TIMESTAMP:
        to.source_ms[row], after = read_ms(data, at, end)
        return after
    if op == OP_SIDE:
        return _side(data, at, end, to, change)
    if at + 2 > end or data[at] != _ZERO or data[at + 1] != _X:
        return -1
    return _hex(data, at + 2, end, 32, to.transaction, row)


@inlined
def _clear(to: Scanned, change: int) -> None:
    to.asset[change] = to.is_buy[change] = to.price_u6[change] = to.size_u6[change] = -1
    to.bid_u6[change] = to.ask_u6[change] = -1
    to.spelling[change] = 0


@inlined
def _spread_holds(to: Scanned, change: int) -> bool:
    """Say whether the spread that was read is the one that would be written: shortest, empty where a side is."""
    bid, ask = to.bid_u6[change], to.ask_u6[change]
    if bid < 0 or ask < bid:
        return bool(to.spread[1] == EMPTY)
    return bool(to.spread[1] == 0 and to.spread[0] == ask - bid)


@inlined
def _match(data: Bytes, span: tuple[int, int], program: Program, shape: int, to: Scanned, row: int, change: int) -> int:
    """Read a frame by one shape; return the number of the change after its last, -1 where it is not of that shape."""
    at, end = span
    pc, stop = program.begins[shape], program.begins[shape + 1]
    items, has_spread = -1, False
    _clear(to, change)
    while pc < stop:
        op, begin, size = program.ops[pc, 0], program.ops[pc, 1], program.ops[pc, 2]
        if at + size > end or not same(program.literals, begin, data, at, size):
            return -1
        at += size
        if op >= OP_MARKET:
            has_spread |= op == OP_SPREAD
            at = _read(data, at, end, op, to, row, change)
            if at < 0:
                return -1
        elif op == OP_ITEMS:
            items = pc
        elif op == OP_ITEMS_END and at < end and data[at] == _COMMA:
            at += 1
            change += 1
            if change + 1 >= len(to.asset):
                return -1
            _clear(to, change)
            pc = items
        pc += 1
    if at != end or (has_spread and not _spread_holds(to, change)):
        return -1
    return change + 1


@kernel
def scan_frames(data: Bytes, begins: Ints, ends: Ints, wanted: Ints, program: Program, to: Scanned) -> int:
    """
    Read frames that were not read before (wanted 1) into columns; return how many changes there are.

    A frame of a shape gets its number, any other -1; the shape of the frame before is tried first.
    """
    change, last, shapes = 0, 0, len(program.begins) - 1
    for row in range(len(begins)):
        to.first[row] = change
        to.shape[row] = to.market[row] = to.source_ms[row] = -1
        if wanted[row] == 0:
            continue
        for turn in range(-1, shapes):
            shape = last if turn < 0 else turn
            if shape >= shapes or change + 1 >= len(to.asset):
                break
            after = _match(data, (begins[row], ends[row]), program, shape, to, row, change)
            if after >= 0:
                to.shape[row] = last = shape
                change = after
                break
    to.first[len(begins)] = change
    return change


@inlined
def _write_digits(value: int, out: Bytes, at: int) -> int:
    """Write a number; return where it ends."""
    if value >= _EIGHT_DIGITS:
        at = _write_short(value // _EIGHT_DIGITS, out, at)
        put_word(lanes_of(value % _EIGHT_DIGITS) + _ZEROS, out, at)
        return at + 8
    return _write_short(value, out, at)


@inlined
def _write_short(value: int, out: Bytes, at: int) -> int:
    """Write a number of at most eight digits; return where it ends."""
    size = 1 + (value >= 10) + (value >= 100) + (value >= 1_000) + (value >= 10_000)
    size += (value >= 100_000) + (value >= 1_000_000) + (value >= 10_000_000)
    put_word((lanes_of(value) + _ZEROS) >> (8 * (8 - size)), out, at)
    return at + size


@inlined
def _write_decimal(value: int, spelling: int, out: Bytes, at: int) -> int:
    """Write a decimal in its spelling; return where it ends."""
    if spelling == EMPTY:
        return at
    at = _write_digits(value // _MICRO, out, at)
    lanes = lanes_of(value % _MICRO) >> 16
    if spelling == 0:
        # As many as there are up to the last that is not 0.
        for k in range(6):
            spelling += (lanes >> (8 * k)) != 0
        if spelling == 0:
            return at
    out[at] = _POINT
    put_word(lanes + _ZEROS, out, at + 1)
    return at + 1 + spelling


@inlined
def _write_hex(raw: Bytes, row: int, count: int, out: Bytes, at: int) -> int:
    for k in range(0, count, 4):
        low, high = wide(raw[row, k]) | wide(raw[row, k + 1]) << 8, wide(raw[row, k + 2]) | wide(raw[row, k + 3]) << 8
        put_word(hex_of(low | high << 16), out, at + 2 * k)
    return at + 2 * count


@inlined
def _write_value(op: int, of: Scanned, change: int, out: Bytes, at: int) -> int:
    """Write one of the four decimals of a change, or the spread; return where it ends."""
    spelling = of.spelling[change]
    if op == OP_PRICE:
        return _write_decimal(of.price_u6[change], spelling & 15, out, at)
    if op == OP_SIZE:
        return _write_decimal(of.size_u6[change], (spelling >> 4) & 15, out, at)
    bid, ask = of.bid_u6[change], of.ask_u6[change]
    if op == OP_BID:
        return _write_decimal(bid, (spelling >> 8) & 15, out, at)
    if op == OP_ASK:
        return _write_decimal(ask, (spelling >> 12) & 15, out, at)
    return _write_decimal(ask - bid, EMPTY if bid < 0 or ask < bid else 0, out, at)


@inlined
def _write(op: int, of: Scanned, texts: Bytes, row: int, change: int, out: Bytes, at: int) -> int:
    """Write a value; return where it ends."""
    if op >= OP_PRICE and op <= OP_SPREAD:
        return _write_value(op, of, change, out, at)
    if op == OP_ASSET or op == OP_MARKET:
        number = of.market[row] if op == OP_MARKET else of.asset[change]
        begin, end = wide(of.names.spans[number, 0]), wide(of.names.spans[number, 1])
        return copy_text(texts, begin, end - begin, out, at)
    if op == OP_HASH:
        return _write_hex(of.hash, change, 20, out, at)
    if op == OP_TIMESTAMP:
        return _write_digits(of.source_ms[row], out, at)
    if op == OP_SIDE:
        is_buy = wide(of.is_buy[change] == 1)
        put_word(_SELL + is_buy * (_BUY - _SELL), out, at)
        return at + 4 - is_buy
    out[at], out[at + 1] = _ZERO, _X
    return _write_hex(of.transaction, row, 32, out, at + 2)


@kernel
def write_frames(program: Program, of: Scanned, texts: Bytes, out: Bytes, ends: Ints) -> int:
    """
    Write frames back, end to end; return how many bytes they have. One that is of no shape has none.

    out must have room for them all and a word: see `recorder.tape.frames`. ends gets where each frame ends.
    """
    at = 0
    for row in range(len(of.shape)):
        shape = of.shape[row]
        if shape < 0:
            ends[row] = at
            continue
        pc, items, change = program.begins[shape], 0, of.first[row]
        while pc < program.begins[shape + 1]:
            op, begin, size = program.ops[pc, 0], program.ops[pc, 1], program.ops[pc, 2]
            at = copy_text(program.literals, begin, size, out, at)
            if op >= OP_MARKET:
                at = _write(op, of, texts, row, change, out, at)
            elif op == OP_ITEMS:
                items = pc
            elif op == OP_ITEMS_END and change + 1 < of.first[row + 1]:
                out[at] = _COMMA
                at += 1
                change += 1
                pc = items
            pc += 1
        ends[row] = at
    return at
