"""
The rows of a sealed segment as Parquet: encoder and decoder face each other.

A row is an envelope, a column what `recorder.tape.columns` says. Rows are sorted by seq. Pages carry CRC32 checksums;
the manifest holds a digest of each row group and of the whole file, and a copy of the footer, which Parquet itself
leaves unguarded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recorder.envelope import Envelope
from recorder.tape.batch import Batch, cut_rows
from recorder.tape.columns import DELTA, DICTIONARY, LEVELS, NUMBERED, SCHEMA, batch_of_record, table_of_rows
from recorder.tape.frames import ShapeBook
from recorder.tape.manifest import Group, Sealed
from recorder.tape.plain import NotPlainError, open_plain, read_plain
from recorder.tape.segment import FOREIGN_COLUMNS, Damage

__all__ = ["ParquetImage", "SealedError", "SealedFile", "describe_parquet", "encode_parquet", "read_origin"]


class SealedError(ValueError):
    """A part of a sealed segment cannot be read; damage says where and which envelopes."""

    def __init__(self, damage: Damage) -> None:
        """Say what is damaged."""
        super().__init__(damage.why)
        self.damage = damage


_FACT_PREFIX = "gametape."
_FORMAT_1 = [SCHEMA.field(name) for name in ("seq", "recv_ns", "feed", "conn", "kind", "meta")]
_GROUP_ROWS = 8192
"""What one damaged byte can cost at most. With fewer, what repeats is told again more often."""
_GROUP_RAW_BYTES = 32 * 1024 * 1024
_KEPT_BYTES = 31 * 1024 * 1024
"""
The C library keeps for the next use about twice the largest block that was given back, and 32 MiB is the largest that
counts. Otherwise each row group has its memory from the system anew, page by page: a tenth of the time of sealing.
"""
_BYTES_MAX = 5 << 30
_PAGE_BYTES = 64 * 1024 * 1024
"""A page is a whole column of a row group: bodies that repeat are then within sight of each other."""


@dataclass(frozen=True, slots=True)
class ParquetImage:
    """
    A rendered Parquet file.

    footer is its end, from the first byte of the Thrift footer on. rows_sha256 is over all rows, rows_crc has the
    CRC-32C of those of each row group.
    """

    data: bytes
    groups: tuple[Group, ...]
    footer: bytes
    rows_sha256: str
    rows_crc: tuple[int, ...]


def encode_parquet(blocks: Iterable[tuple[bytes, int]], *, facts: dict[str, str]) -> ParquetImage:
    """
    Render canonical rows as a Parquet file, the same bytes for the same rows. facts become its key-value metadata.

    blocks: rows end to end, and how many; what is a block makes no difference.

    Raises:
        ValueError: a block ends inside a row, or a kind is not known to this version.
    """
    np.empty(_KEPT_BYTES, np.uint8)  # given back at once
    sink = pa.BufferOutputStream()
    digest, rows_crc = hashlib.sha256(), []
    spans: list[tuple[int, int, int, int]] = []
    book = ShapeBook()
    with pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        compression_level=LEVELS,
        use_dictionary=DICTIONARY,  # type: ignore[arg-type]  # a list is documented
        column_encoding=DELTA,
        write_statistics=["seq", "recv_ns", "feed"],
        write_page_checksum=True,
        data_page_size=_PAGE_BYTES,
        dictionary_pagesize_limit=_PAGE_BYTES,
        store_schema=False,
    ) as writer:
        for rows, count in cut_rows(blocks, rows_max=_GROUP_ROWS, bytes_max=_GROUP_RAW_BYTES):
            digest.update(rows)
            rows_crc.append(google_crc32c.value(rows))
            table = table_of_rows(rows, count, book)
            writer.write_table(table, row_group_size=count)
            seqs, times = table["seq"], table["recv_ns"]
            spans.append((seqs[0].as_py(), seqs[-1].as_py(), times[0].as_py(), times[-1].as_py()))
        writer.add_key_value_metadata({f"{_FACT_PREFIX}{key}": value for key, value in facts.items()})
    data: bytes = sink.getvalue().to_pybytes()
    return ParquetImage(data, _describe(data, spans), _footer(data), digest.hexdigest(), tuple(rows_crc))


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


def _check_columns(metadata: pq.FileMetaData) -> None:
    """Raise ValueError for columns that no format of ours has."""
    if not any(metadata.schema.equals(known) for known in _known_schemas()):
        raise ValueError(FOREIGN_COLUMNS)


@cache
def _known_schemas() -> tuple[pq.ParquetSchema, ...]:
    """Return the columns of each format, as Parquet tells of them."""
    schemas = []
    for schema in (SCHEMA, pa.schema([*_FORMAT_1, SCHEMA.field("payload").with_nullable(nullable=False)])):
        sink = pa.BufferOutputStream()
        pq.ParquetWriter(sink, schema, store_schema=False).close()
        schemas.append(pq.read_metadata(pa.BufferReader(sink.getvalue())).schema)
    return tuple(schemas)


def _opened(source: Path | pa.BufferReader, metadata: pq.FileMetaData) -> pq.ParquetFile:
    columns = {metadata.schema.column(at).path for at in range(metadata.num_columns)}
    numbered = [column for column in NUMBERED if column in columns]
    return pq.ParquetFile(source, metadata=metadata, read_dictionary=numbered, page_checksum_verification=True)


def _batches(reader: pq.ParquetFile, at: int) -> Iterator[Batch]:
    """Yield the rows of a row group; more than one batch only where a file of format 1 has larger groups."""
    for record in reader.iter_batches(_GROUP_ROWS, row_groups=[at], use_threads=False):
        yield batch_of_record(record)


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
        with open_plain(path) as file, pq.ParquetFile(file) as reader:
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
    rows = hashlib.sha256()
    spans: list[tuple[int, int, int, int]] = []
    try:
        data = read_plain(path, bytes_max=_BYTES_MAX)
        source = pa.BufferReader(data)
        metadata = pq.read_metadata(source)
        _check_columns(metadata)
        with _opened(source, metadata) as reader:
            facts = _facts(reader)
            for at in range(reader.num_row_groups):
                batches = list(_batches(reader, at))
                for batch in batches:
                    rows.update(batch.rows())
                first, last = batches[0], batches[-1]
                spans.append((int(first.seq[0]), int(last.seq[-1]), int(first.recv_ns[0]), int(last.recv_ns[-1])))
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
            with open_plain(self._path) as file:
                file.seek(group.offset)
                data = file.read(group.bytes)
        except FileNotFoundError as error:
            raise SealedError(self._damage(group, "file is missing")) from error
        except NotPlainError as error:
            raise SealedError(self._damage(group, str(error))) from error
        if len(data) < group.bytes:
            raise SealedError(self._damage(group, "file is cut short"))
        if hashlib.sha256(data).hexdigest() != group.sha256:
            raise SealedError(self._damage(group, "row group does not match its checksum"))

    def check_columns(self) -> pq.FileMetaData:
        """
        Return the footer, as the manifest has it.

        Raises:
            SealedError: it is none, or tells of other columns than this program reads.
        """
        if self._metadata is None:
            try:
                # From the manifest, where a checksum guards it; Parquet has none for its own.
                metadata = pq.read_metadata(pa.BufferReader(base64.b64decode(self._entry.footer)))
                _check_columns(metadata)
            except (pa.ArrowException, OSError, ValueError) as error:
                entry = self._entry
                raise SealedError(Damage(entry.file, 0, entry.first_seq, entry.last_seq, str(error))) from error
            self._metadata = metadata
        return self._metadata

    def read(self, at: int) -> Iterator[Envelope]:
        """
        Yield the envelopes of a row group, by its index.

        Raises:
            SealedError: its bytes are not those that were sealed.
        """
        for batch in self.batches(at):
            yield from batch.envelopes()

    def batches(self, at: int) -> Iterator[Batch]:
        """
        Yield the rows of a row group as columns.

        Raises:
            SealedError: its bytes are not those that were sealed.
        """
        group = self._entry.groups[at]
        self.check(group)
        metadata = self.check_columns()
        try:
            with _opened(self._path, metadata) as file:
                yield from _batches(file, at)
        except (pa.ArrowException, OSError) as error:
            raise SealedError(self._damage(group, f"row group cannot be read: {error}")) from error

    def _damage(self, group: Group, why: str) -> Damage:
        return Damage(self._entry.file, group.offset, group.first_seq, group.last_seq, why)
