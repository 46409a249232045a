"""
Stores that people record into: how fast they are durable, how large they end, and what a flipped bit does to them.

The same frames for each: SQLite (WAL, synchronous FULL), Arrow IPC streams, MCAP with its checksums on, Delta tables;
and `zstd -19 --long=27` and gzip of the lines for their size. A row is a receive time and a frame.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import deltalake
import kit
import pyarrow as pa
import zstandard
from mcap.reader import NonSeekingReader
from mcap.writer import CompressionType, Writer

EACH = 256
DELTA_COMMITS = 100
_PLACE = re.compile(r"(page|row|rowid|offset)\D{0,3}\d+", re.IGNORECASE)
_SCHEMA = pa.schema([("recv_ns", pa.int64()), ("frame", pa.binary())])
Row = tuple[int, bytes]


def chunks(rows: list[Row]) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while chunk := list(islice(waiting, EACH)):
        yield chunk


def write_sqlite(path: Path, rows: list[Row]) -> None:
    with sqlite3.connect(path / "db", isolation_level=None) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("create table frames (seq integer primary key, recv_ns integer, frame blob)")
        for chunk in chunks(rows):
            connection.execute("begin")
            connection.executemany("insert into frames (recv_ns, frame) values (?, ?)", chunk)
            connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


def read_sqlite(path: Path) -> Iterator[Row]:
    connection = sqlite3.connect(path / "db")
    try:
        # What its documentation says to ask; a plain read does not notice most damage.
        (said,) = connection.execute("pragma integrity_check").fetchone()
        connection.text_factory = bytes
        yield from connection.execute("select recv_ns, frame from frames order by seq")
        if said != "ok":
            raise ValueError(said)
    finally:
        connection.close()


def _batch(rows: list[Row]) -> pa.RecordBatch:
    times, frames = zip(*rows, strict=True)
    return pa.record_batch([pa.array(times, pa.int64()), pa.array(frames, pa.binary())], schema=_SCHEMA)


def write_arrow(path: Path, rows: list[Row]) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (path / "arrows").open("wb") as file, pa.ipc.new_stream(file, _SCHEMA, options=options) as writer:
        for chunk in chunks(rows):
            writer.write_batch(_batch(chunk))
            file.flush()
            os.fdatasync(file.fileno())


def read_arrow(path: Path) -> Iterator[Row]:
    with pa.ipc.open_stream((path / "arrows").read_bytes()) as reader:
        for batch in reader:
            batch.validate(full=True)
            yield from zip(batch[0].to_pylist(), batch[1].to_pylist(), strict=True)


def write_mcap(path: Path, rows: list[Row]) -> None:
    with (path / "mcap").open("wb") as file:
        # A chunk about as large as the rows of a commit.
        size = EACH * (len(rows[0][1]) + 31)
        writer = Writer(file, chunk_size=size, compression=CompressionType.ZSTD, enable_data_crcs=True)
        writer.start()
        channel = writer.register_channel("polymarket.market", "json", 0)
        for chunk in chunks(rows):
            for recv_ns, frame in chunk:
                writer.add_message(channel, recv_ns, frame, recv_ns)
            file.flush()
            os.fdatasync(file.fileno())
        writer.finish()


def read_mcap(path: Path) -> Iterator[Row]:
    with (path / "mcap").open("rb") as file:
        for _, _, message in NonSeekingReader(file, validate_crcs=True).iter_messages(log_time_order=False):
            yield message.log_time, message.data


def write_delta(path: Path, rows: list[Row]) -> None:
    for chunk in chunks(rows):
        deltalake.write_deltalake(str(path / "delta"), pa.table(_batch(chunk).columns, schema=_SCHEMA), mode="append")


def read_delta(path: Path) -> Iterator[Row]:
    table = deltalake.DeltaTable(str(path / "delta")).to_pyarrow_table().sort_by("recv_ns")
    yield from zip(table["recv_ns"].to_pylist(), table["frame"].to_pylist(), strict=True)


class Store(NamedTuple):
    """A store, how it is written and read, and how many rows of it are tried at most (a commit may be slow)."""

    name: str
    write: Callable[[Path, list[Row]], None]
    read: Callable[[Path], Iterator[Row]]
    most: int
    note: str


STORES = (
    Store("SQLite, WAL", write_sqlite, read_sqlite, 1 << 40, "integrity_check, then a plain read"),
    Store("Arrow IPC, zstd", write_arrow, read_arrow, 1 << 40, "fdatasync a batch; validated in full"),
    Store("MCAP, zstd", write_mcap, read_mcap, 1 << 40, "fdatasync every 256; what is in an open chunk is not in it"),
    Store("deltalake", write_delta, read_delta, EACH * DELTA_COMMITS, "a commit every 256, the first 100 of them"),
)


def _tried(read: Callable[[Path], Iterator[Row]], path: Path, rows: list[Row]) -> tuple[int, str | None]:
    """Read a damaged store: how many rows came as they were written, and what was said."""
    wanted, good = set(rows), 0
    try:
        for row in read(path):
            good += row in wanted
    except Exception as error:  # noqa: BLE001 - whatever a store says of damage
        return good, f"{type(error).__name__}: {error}"
    return good, None


def flipped(store: Store, path: Path, rows: list[Row], flips: int) -> dict[str, Any]:
    """Flip one bit at a time, anywhere, and read."""
    rng = random.Random(7)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
    sizes = [file.stat().st_size for file in files]
    detected = located = silent = 0
    kept = 0.0
    for _ in range(flips):
        file = rng.choices(files, sizes)[0]
        sound = file.read_bytes()
        data, at = bytearray(sound), rng.randrange(len(sound))
        data[at] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
        good, said = _tried(store.read, path, rows)
        detected += said is not None
        located += said is not None and _PLACE.search(said) is not None
        silent += said is None and good < len(rows)
        kept += good / len(rows)
        file.write_bytes(sound)
    return {"detected": detected, "located": located, "silent": silent, "kept": kept / flips}


def squeezed(rows: list[Row]) -> Iterator[tuple[str, int]]:
    """Yield how small the frames are as compressed lines, times and all."""
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=27, enable_ldm=True)
    text = b"".join(b'{"recv_ns":%d,"message":%s}\n' % row for row in rows)
    yield "zstd -19 --long=27 of lines", len(zstandard.ZstdCompressor(compression_params=parameters).compress(text))
    yield "gzip of lines", len(gzip.compress(text, 9))
    yield "lines as they are", len(text)


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    rows = kit.lines(folder, kit.stored(told))
    for store in STORES:
        some, home = rows[: store.most], folder / "stores"
        times = kit.timed(lambda store=store, some=some, home=home: store.write(kit.fresh(home), some), min(repeat, 2))
        yield kit.case("record", store.name, times, "frames", len(some), note=store.note)
        if store.most >= len(rows):
            yield kit.sized(store.name, kit.size_of(home), len(rows))
        few = rows[: kit.FLIPPED]
        store.write(kit.fresh(home), few)
        said = flipped(store, home, few, kit.flips(told))
        figures = kit.told_flips(said, kit.flips(told))
        yield {"race": "corruption", "case": store.name, "figures": figures, "note": store.note, **said}
        shutil.rmtree(home)
    for name, size in squeezed(rows):
        yield kit.sized(name, size, len(rows))


if __name__ == "__main__":
    kit.main(run, "mcap", "deltalake", "pyarrow", "zstandard")
