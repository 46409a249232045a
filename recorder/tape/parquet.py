"""
The rows of a sealed segment as Parquet: encoder and decoder face each other.

Columns, in this order, none of them nullable: seq i64, recv_ns i64, feed string, conn u32, kind u8, meta string,
payload binary. Rows are sorted by seq. Pages carry CRC32 checksums; the manifest holds a digest of each row group and
of the whole file, and a copy of the footer, which Parquet itself leaves unguarded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recorder.envelope import Envelope, Kind, encode_row
from recorder.tape.manifest import Group, Sealed
from recorder.tape.segment import Damage

__all__ = ["SCHEMA", "ParquetImage", "SealedError", "SealedFile", "describe_parquet", "encode_parquet", "read_origin"]


class SealedError(ValueError):
    """A part of a sealed segment cannot be read; damage says where and which envelopes."""

    def __init__(self, damage: Damage) -> None:
        """Say what is damaged."""
        super().__init__(damage.why)
        self.damage = damage


_FIELDS: list[pa.Field[Any]] = [
    pa.field("seq", pa.int64(), nullable=False),
    pa.field("recv_ns", pa.int64(), nullable=False),
    pa.field("feed", pa.string(), nullable=False),
    pa.field("conn", pa.uint32(), nullable=False),
    pa.field("kind", pa.uint8(), nullable=False),
    pa.field("meta", pa.string(), nullable=False),
    pa.field("payload", pa.binary(), nullable=False),
]
SCHEMA = pa.schema(_FIELDS)
_FACT_PREFIX = "gametape."
_COLUMNS = list(SCHEMA.names)
_GROUP_ROWS = 65_536
_GROUP_RAW_BYTES = 32 * 1024 * 1024
_PAGE_BYTES = 1024 * 1024
_ZSTD_LEVEL = 6
_BATCH_ROWS = 4096
_KINDS = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class ParquetImage:
    """A rendered Parquet file. footer is its end, from the first byte of the Thrift footer on."""

    data: bytes
    groups: tuple[Group, ...]
    footer: bytes


def encode_parquet(envelopes: Iterator[Envelope], *, facts: dict[str, str]) -> ParquetImage:
    """Render envelopes as a Parquet file, the same bytes for the same rows. facts become its key-value metadata."""
    sink = pa.BufferOutputStream()
    spans: list[tuple[int, int, int, int]] = []
    with pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=["feed"],  # type: ignore[arg-type]  # a list is documented
        column_encoding=dict.fromkeys(("seq", "recv_ns"), "DELTA_BINARY_PACKED"),
        write_statistics=["seq", "recv_ns", "feed"],
        write_page_checksum=True,
        data_page_size=_PAGE_BYTES,
        store_schema=False,
    ) as writer:
        for group in _groups(envelopes):
            columns = [
                pa.array(values, field.type) for values, field in zip(zip(*group, strict=True), SCHEMA, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), row_group_size=len(group))
            spans.append((group[0][0], group[-1][0], group[0][1], group[-1][1]))
        writer.add_key_value_metadata({f"{_FACT_PREFIX}{key}": value for key, value in facts.items()})
    data: bytes = sink.getvalue().to_pybytes()
    return ParquetImage(data, _describe(data, spans), _footer(data))


def _footer(data: bytes) -> bytes:
    return data[-(int.from_bytes(data[-8:-4], "little") + 8) :]


def _describe(data: bytes, spans: list[tuple[int, int, int, int]]) -> tuple[Group, ...]:
    """Return what the manifest says of each row group; spans are first and last seq, first and last ns of each."""
    ranges = _group_ranges(pq.read_metadata(pa.BufferReader(data)))
    return tuple(
        Group(*span, offset, size, hashlib.sha256(data[offset : offset + size]).hexdigest())
        for span, (offset, size) in zip(spans, ranges, strict=True)
    )


def _group_ranges(metadata: pq.FileMetaData) -> list[tuple[int, int]]:
    """Return offset and length of each row group's bytes."""
    ranges: list[tuple[int, int]] = []
    for at in range(metadata.num_row_groups):
        group = metadata.row_group(at)
        chunks = [group.column(column) for column in range(group.num_columns)]
        begins = [
            min(chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset) for chunk in chunks
        ]
        end = max(begin + chunk.total_compressed_size for begin, chunk in zip(begins, chunks, strict=True))
        ranges.append((min(begins), end - min(begins)))
    return ranges


def _groups(envelopes: Iterator[Envelope]) -> Iterator[list[tuple[int, int, str, int, int, str, bytes]]]:
    """Yield rows in row groups of bounded size."""
    group: list[tuple[int, int, str, int, int, str, bytes]] = []
    raw = 0
    for one in envelopes:
        if group and (len(group) >= _GROUP_ROWS or raw + len(one.payload) > _GROUP_RAW_BYTES):
            yield group
            group, raw = [], 0
        group.append((one.seq, one.recv_ns, one.feed, one.conn, int(one.kind), one.meta.decode(), one.payload))
        raw += len(one.payload) + len(one.meta)
    if group:
        yield group


def _decode(reader: pq.ParquetFile, at: int) -> Iterator[Envelope]:
    for batch in reader.iter_batches(_BATCH_ROWS, row_groups=[at], columns=_COLUMNS, use_threads=False):
        columns = [column.to_pylist() for column in batch.columns]
        for seq, recv_ns, feed, conn, kind, meta, payload in zip(*columns, strict=True):
            yield Envelope(seq, recv_ns, feed, conn, _KINDS[kind], meta.encode(), payload)


def _facts(reader: pq.ParquetFile) -> dict[str, str]:
    noted = reader.metadata.metadata or {}
    return {key.decode().removeprefix(_FACT_PREFIX): value.decode() for key, value in noted.items()}


def read_origin(path: Path) -> tuple[bytes, int]:
    """
    Return the tape id and the tape's created_ns that a sealed file tells.

    Raises:
        SealedError: it cannot be read.
    """
    try:
        with pq.ParquetFile(path) as reader:
            facts = _facts(reader)
            return bytes.fromhex(facts["tape"]), int(facts["created_ns"])
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise SealedError(Damage(path.name, 0, None, None, f"no sealed segment: {error}")) from error


def describe_parquet(path: Path, file: str, *, tape_id: bytes) -> Sealed:
    """
    Make the manifest entry of a sealed file from the file alone; file is its name within the tape.

    Raises:
        SealedError: it cannot be read in full, or is not a segment of this tape.
    """
    data = path.read_bytes()
    rows = hashlib.sha256()
    spans: list[tuple[int, int, int, int]] = []
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as reader:
            facts = _facts(reader)
            for at in range(reader.num_row_groups):
                envelopes = list(_decode(reader, at))
                rows.update(b"".join(map(encode_row, envelopes)))
                first, last = envelopes[0], envelopes[-1]
                spans.append((first.seq, last.seq, first.recv_ns, last.recv_ns))
        if facts["tape"] != tape_id.hex():
            raise ValueError("belongs to another tape")
        return Sealed(
            file=file,
            first_seq=spans[0][0],
            last_seq=spans[-1][1],
            count=spans[-1][1] - spans[0][0] + 1,
            first_ns=spans[0][2],
            last_ns=spans[-1][3],
            rows_sha256=rows.hexdigest(),
            file_sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            chain_in=facts["chain_in"],
            chain_out=facts["chain_out"],
            closed=facts["closed"] == "1",
            groups=_describe(data, spans),
            footer=base64.b64encode(_footer(data)).decode(),
        )
    except (pa.ArrowException, OSError, ValueError, KeyError, IndexError) as error:
        raise SealedError(Damage(file, 0, None, None, f"no sealed segment of this tape: {error}")) from error


class SealedFile:
    """A sealed segment as the manifest describes it: a row group is decoded only if its bytes are the right ones."""

    def __init__(self, tape: Path, entry: Sealed, *, at: Path | None = None) -> None:
        """Open nothing yet. at is where the file lies if not yet in its place."""
        self._path = at or tape / entry.file
        self._entry = entry
        self._metadata: pq.FileMetaData | None = None

    def check(self, group: Group) -> None:
        """
        Compare the bytes of a row group with the manifest.

        Raises:
            SealedError: they are not those that were sealed.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(group.offset)
                data = file.read(group.bytes)
        except FileNotFoundError as error:
            raise SealedError(self._damage(group, "file is missing")) from error
        if len(data) < group.bytes:
            raise SealedError(self._damage(group, "file is cut short"))
        if hashlib.sha256(data).hexdigest() != group.sha256:
            raise SealedError(self._damage(group, "row group does not match its checksum"))

    def read(self, at: int) -> Iterator[Envelope]:
        """
        Yield the envelopes of a row group, by its index.

        Raises:
            SealedError: its bytes are not those that were sealed.
        """
        group = self._entry.groups[at]
        self.check(group)
        try:
            yield from self._rows(at)
        except (pa.ArrowException, OSError) as error:
            raise SealedError(self._damage(group, f"row group cannot be read: {error}")) from error

    def _rows(self, at: int) -> Iterator[Envelope]:
        if self._metadata is None:
            # The footer comes from the manifest, where a checksum guards it; Parquet has none for its own.
            self._metadata = pq.read_metadata(pa.BufferReader(base64.b64decode(self._entry.footer)))
        with pq.ParquetFile(self._path, metadata=self._metadata, page_checksum_verification=True) as file:
            yield from _decode(file, at)

    def _damage(self, group: Group, why: str) -> Damage:
        return Damage(self._entry.file, group.offset, group.first_seq, group.last_seq, why)
