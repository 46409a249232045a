"""
A hot segment: a header and then blocks, in a file named after its first seq.

Theory of operation: `scan_segment` walks the blocks. Where none can be read it searches the next magic whose header
checksum holds, so a damaged block costs itself and nothing else. What it could not read it says as `Damage`: file,
offset and, where the neighbours tell it, the seq range. Bytes after the last whole block are the *tail*: a write that
was cut off (never acknowledged), or damage to the last block; the two cannot be told apart.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import google_crc32c

from recorder.tape.blocks import BLOCK_MAGIC, CUT_SHORT, Block, BlockError, decode_block

__all__ = [
    "FOREIGN_COLUMNS",
    "FORMAT_VERSION",
    "SEGMENT_HEAD",
    "SEGMENT_MAGIC",
    "TORN_TAIL",
    "Damage",
    "SegmentHead",
    "SegmentScan",
    "decode_segment_head",
    "encode_segment_head",
    "hot_name",
    "scan_segment",
]

FORMAT_VERSION = 2
SEGMENT_MAGIC = b"\x89GTAPE\r\n"
# magic 8s, format version u16, reserved u16, tape id 16s, first_seq u64, tape created_ns i64, sha256 of the block
# before the first 32s, header crc32c u32 (over the 76 bytes before it); little endian
SEGMENT_HEAD = struct.Struct("<8sHH16sQq32sI")
TORN_TAIL = "torn tail"
FOREIGN_COLUMNS = "its columns are not those that this program reads: another version sealed it"

_HEAD_CHECKED = SEGMENT_HEAD.size - 4
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Damage:
    """
    One place where a tape is not what it was.

    Units: file is relative to the tape; offset is the byte at which the trouble begins; first_seq and last_seq bound
    the envelopes that cannot be read, None where no envelope is missing or the range cannot be known.
    """

    file: str
    offset: int
    first_seq: int | None
    last_seq: int | None
    why: str

    def covers(self, first_seq: int, last_seq: int) -> bool:
        """Say whether any envelope of a range, both ends included, is known to be missing here."""
        if self.first_seq is None or self.last_seq is None:
            return False
        return self.first_seq <= last_seq and self.last_seq >= first_seq


class SegmentHead(NamedTuple):
    """What a hot segment says of itself. previous is the SHA-256 of the block before its first."""

    tape_id: bytes
    first_seq: int
    created_ns: int
    previous: bytes


@dataclass(slots=True)
class SegmentScan:
    """
    What can be read of a hot segment.

    blocks are whole, in seq order and without overlap, blocks without rows left out; end is the offset after the last
    whole block; size the length of the file; close is the block without rows with which the writer ended it cleanly.
    """

    file: str
    head: SegmentHead | None
    blocks: list[Block] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    end: int = 0
    size: int = 0
    close: Block | None = None
    chain: bytes = b""
    """SHA-256 of the last whole block, the closing one included: what the next block names as its previous."""
    next_seq: int = 0
    """The seq after the last row that the file held, readable or not."""

    @property
    def first_seq(self) -> int:
        """The seq at which the file begins, by its name."""
        return int(self.file.rsplit("/", 1)[-1].split(".", 1)[0])


def hot_name(first_seq: int) -> str:
    """Return the file name of the hot segment that begins at first_seq."""
    return f"{first_seq:020d}.hot"


def encode_segment_head(head: SegmentHead) -> bytes:
    """Render a segment header."""
    body = SEGMENT_HEAD.pack(
        SEGMENT_MAGIC, FORMAT_VERSION, 0, head.tape_id, head.first_seq, head.created_ns, head.previous, 0
    )[:_HEAD_CHECKED]
    return body + _CRC.pack(google_crc32c.value(body))


def decode_segment_head(segment: bytes) -> SegmentHead:
    """
    Read a segment header.

    Raises:
        BlockError: the bytes are cut short, damaged, no segment at all, or of a later format.
    """
    raw = segment[: SEGMENT_HEAD.size]
    if len(raw) < SEGMENT_HEAD.size:
        raise BlockError("segment header is cut short", torn=True)
    magic, version, reserved, tape_id, first_seq, created_ns, previous, crc = SEGMENT_HEAD.unpack(raw)
    if magic != SEGMENT_MAGIC:
        raise BlockError("not a hot segment of a tape")
    if google_crc32c.value(raw[:_HEAD_CHECKED]) != crc:
        raise BlockError("segment header does not match its checksum")
    if version > FORMAT_VERSION or reserved:
        raise BlockError(f"segment is of format {version}, this program reads up to {FORMAT_VERSION}")
    return SegmentHead(tape_id, first_seq, created_ns, previous)


def scan_segment(segment: bytes, file: str, *, tape_id: bytes | None = None) -> SegmentScan:
    """
    Find every whole block of a hot segment and say what is damaged. file is its name within the tape, `hot/000….hot`.

    Never raises on any bytes: a file that is not a segment is one Damage.
    """
    scan = SegmentScan(file, None, size=len(segment))
    scan.next_seq = scan.first_seq
    try:
        scan.head = decode_segment_head(segment)
    except BlockError as error:
        # A power cut may leave a header's length without its bytes; no block is written before the header is durable.
        is_torn = error.torn or len(segment) == SEGMENT_HEAD.size
        scan.damage.append(Damage(file, 0, None, None, TORN_TAIL if is_torn else str(error)))
        if is_torn:
            return scan
    if scan.head is not None and tape_id is not None and scan.head.tape_id != tape_id:
        scan.damage.append(Damage(file, 0, None, None, "segment belongs to another tape"))
        return scan
    if scan.head is not None and scan.head.first_seq != scan.first_seq:
        scan.damage.append(
            Damage(file, 0, None, None, f"file is named {scan.first_seq} but begins at {scan.head.first_seq}")
        )
        return scan
    found, holes = _find_blocks(segment, 0 if scan.head is None else SEGMENT_HEAD.size)
    scan.end = max((block.end for block in found), default=SEGMENT_HEAD.size if scan.head else 0)
    kept = _without_impostors(scan, _in_order(scan, found))
    scan.chain = kept[-1].sha256 if kept else (scan.head.previous if scan.head else b"")
    _place(scan, kept, holes)
    return scan


class _Hole(NamedTuple):
    """A stretch of a file in which no block can be read; last_seq where a header could still be trusted."""

    begin: int
    end: int
    why: str
    last_seq: int | None


def _find_blocks(segment: bytes, at: int) -> tuple[list[Block], list[_Hole]]:
    """Return the whole blocks from an offset on, and the stretches that are none."""
    found: list[Block] = []
    holes: list[_Hole] = []
    while at < len(segment):
        try:
            block = decode_block(segment, at)
        except BlockError as error:
            after = _next_block(segment, at, error.size)
            if holes and holes[-1].end == at:
                holes[-1] = holes[-1]._replace(end=after, last_seq=error.last_seq)
            else:
                holes.append(_Hole(at, after, str(error), error.last_seq))
            at = after
        else:
            found.append(block)
            at = block.end
    return found, holes


def _next_block(segment: bytes, at: int, size: int | None) -> int:
    """Return the offset of the next plausible block after a damaged one, or the end."""
    if size is not None and segment.startswith(BLOCK_MAGIC, at + size):
        # The header could be trusted: step over the payload instead of searching in it.
        return at + size
    after = segment.find(BLOCK_MAGIC, at + 1)
    return len(segment) if after < 0 else after


def _in_order(scan: SegmentScan, found: list[Block]) -> list[Block]:
    """Return blocks in seq order without overlap, and say which stood elsewhere or twice."""
    reached = scan.first_seq
    for block in found:
        if block.first_seq < reached:
            scan.damage.append(Damage(scan.file, block.offset, None, None, "block out of place"))
        reached = max(reached, block.last_seq + 1)
    ordered: list[Block] = []
    reached = scan.first_seq
    for block in sorted(found, key=lambda block: (block.first_seq, block.count > 0, block.offset)):
        if block.first_seq >= reached:
            ordered.append(block)
            reached = block.last_seq + 1
    return ordered


def _without_impostors(scan: SegmentScan, ordered: list[Block]) -> list[Block]:
    """
    Drop blocks whose own checksums hold but that do not belong into this chain.

    Where a link is broken between neighbours, the later block is the impostor, unless the rest of the chain hangs on
    it.
    """
    kept: list[Block] = []
    for block, after in zip(ordered, [*ordered[1:], None], strict=False):
        if kept:
            before_seq, before_hash = kept[-1].last_seq + 1, kept[-1].sha256
        else:
            before_seq, before_hash = scan.first_seq, scan.head.previous if scan.head else block.previous
        if block.first_seq == before_seq and block.previous != before_hash:
            hangs = after is not None and after.previous == block.sha256
            impostor = kept.pop() if hangs and kept else block
            why = "block does not follow from the one before it"
            last_seq = impostor.last_seq if impostor.count else None
            scan.damage.append(Damage(scan.file, impostor.offset, impostor.first_seq, last_seq, why))
            if impostor is block:
                continue
        kept.append(block)
    return kept


def _place(scan: SegmentScan, kept: list[Block], holes: list[_Hole]) -> None:
    """Pair missing seqs with the bytes that held them; what lies behind the last whole block is the tail."""
    expected = scan.first_seq
    before_end = 0
    told = {damage.first_seq for damage in scan.damage}
    for block in kept:
        causes = [hole for hole in holes if before_end <= hole.begin < block.offset]
        if block.first_seq > expected and expected not in told:
            offset, why = (causes[0].begin, causes[0].why) if causes else (block.offset, "block is missing")
            scan.damage.append(Damage(scan.file, offset, expected, block.first_seq - 1, why))
            causes = causes[1:]
        scan.damage.extend(Damage(scan.file, hole.begin, None, None, hole.why) for hole in causes)
        holes = [hole for hole in holes if not before_end <= hole.begin < block.offset]
        expected, before_end = block.last_seq + 1, max(before_end, block.end)
    for hole in holes:
        # A block that is merely cut short was never acknowledged: nothing that counted is missing.
        known = hole.last_seq is not None and hole.last_seq >= expected and hole.why != CUT_SHORT
        first_seq, last_seq = (expected, hole.last_seq) if known else (None, None)
        why = TORN_TAIL if hole.begin >= scan.end else hole.why
        scan.damage.append(Damage(scan.file, hole.begin, first_seq, last_seq, why))
    scan.blocks = [block for block in kept if block.count]
    scan.close = kept[-1] if kept and not kept[-1].count else None
    scan.next_seq = expected
