"""docs/format.md shows a worked example; here it is read and written again."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from recorder.envelope import ENVELOPE_HEAD, Envelope, Kind, encode_row
from recorder.tape.blocks import BLOCK_HEAD
from recorder.tape.reader import open_tape
from recorder.tape.segment import SEGMENT_HEAD, scan_segment
from recorder.tape.writer import TapeWriter

PAGE = Path(__file__).resolve().parents[3] / "docs" / "format.md"
T0_NS = 1_768_505_400_000_000_000
ENVELOPES = [
    Envelope(0, T0_NS, "recorder", 0, Kind.PULSE, b"", b""),
    Envelope(1, T0_NS + 250_000_000, "polymarket.market", 1, Kind.FRAME, b"", b"PONG"),
]


def example(language: str) -> str:
    """The one example on the page in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return found


@pytest.fixture
def segment() -> bytes:
    return bytes.fromhex("".join(line[6:] for line in example("hex").splitlines()))


def test_the_example_is_a_tape(tmp_path, segment):
    """The page's bytes, put into files, are a sound tape of the two envelopes."""
    path = tmp_path / "example"
    (path / "hot").mkdir(parents=True)
    (path / "tape.json").write_text(example("json"))
    (path / "hot" / f"{0:020d}.hot").write_bytes(segment)
    tape = open_tape(path)
    assert (tape.name, tape.closed, tape.damage, list(tape.read())) == ("example", True, (), ENVELOPES)
    assert bytes.fromhex(example("rows")) == b"".join(map(encode_row, ENVELOPES))
    rows = hashlib.sha256(bytes.fromhex(example("rows"))).hexdigest()
    assert tape.digest() == hashlib.sha256(f"0 1 {rows}\n".encode()).hexdigest()


def test_the_writer_writes_the_example(tmp_path, segment):
    """The writer gives the page's tape.json and the page's segment, but for how zstd packs the rows."""
    path = tmp_path / "example"
    with TapeWriter.create(path, created_ns=T0_NS) as writer:
        for envelope in ENVELOPES:
            writer.append(envelope)
    assert (path / "tape.json").read_text() == example("json")
    written = (path / "hot" / f"{0:020d}.hot").read_bytes()
    assert written[: SEGMENT_HEAD.size + 24] == segment[: SEGMENT_HEAD.size + 24]
    ours, theirs = (scan_segment(data, f"hot/{0:020d}.hot").blocks[0] for data in (written, segment))
    assert (ours.first_ns, ours.last_ns, ours.raw_len, ours.previous) == (
        theirs.first_ns,
        theirs.last_ns,
        theirs.raw_len,
        theirs.previous,
    )


def test_the_page_has_the_sizes_and_kinds():
    """Header sizes and kinds on the page are those of the code."""
    text = PAGE.read_text()
    assert f"A header of {SEGMENT_HEAD.size} bytes" in text
    assert f"a header of {BLOCK_HEAD.size} bytes" in text
    assert f"| {ENVELOPE_HEAD.size} | F | feed" in text
    for kind in Kind:
        assert re.search(rf"\b{int(kind)} {kind.name}\b", text)
