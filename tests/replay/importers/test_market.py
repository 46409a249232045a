"""Market-channel messages with receive times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign_files import frames_file

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from replay.core.decode import decode
from replay.core.events import BookSnapshot
from replay.importers.market import TIME_KEYS, import_market

MESSAGE = {
    "event_type": "book",
    "market": "0x1",
    "asset_id": "T",
    "timestamp": "1768521600000",
    "hash": "",
    "bids": [],
    "asks": [],
}


def lines(path: Path, *items: object) -> Path:
    path.write_text("\n".join(json.dumps(item) for item in items))
    return path


def test_frames_come_byte_for_byte(tmp_path: Path) -> None:
    """The frame's own bytes, blanks and all, behind an OPENED; times are those of receiving; tokens are named."""
    path = frames_file(tmp_path / "frames.jsonl", frames=3)
    made = import_market(path)
    frames = [row for row in made.rows if row[3] is Kind.FRAME]
    raw = [line[line.index(b'"frame": ') + 9 : -1] for line in path.read_bytes().splitlines()]
    assert [row[5] for row in frames] == raw
    assert [row[0] for row in frames] == [(1_768_521_600 + 20 * k) * 10**9 for k in range(3)]
    assert made.rows[0][3] is Kind.OPENED
    assert made.tokens == ["home-token", "away-token"]
    assert made.clock == "receive time, key recv_ms"


@pytest.mark.parametrize("key", TIME_KEYS)
def test_every_known_key_of_the_receive_time(tmp_path: Path, key: str) -> None:
    """Also beside the message itself, which is then kept with it."""
    path = lines(tmp_path / "x.jsonl", MESSAGE | {key: 1_768_521_601})
    made = import_market(path)
    assert (made.rows[1][0], made.rows[1][5]) == (1_768_521_601 * 10**9, path.read_bytes())


def test_without_receive_times_the_venue_s_stand_in(tmp_path: Path) -> None:
    """An array of messages, as captures often are: and the tape says whose clock it is."""
    path = tmp_path / "burst.json"
    path.write_text(json.dumps([MESSAGE, MESSAGE | {"timestamp": "1768521599000"}]))
    made = import_market(path)
    assert made.clock == "the venue's timestamp"
    assert [row[0] for row in made.rows] == [1_768_521_600 * 10**9] * 3
    assert any("the venue's own" in cannot for cannot in made.cannot)
    assert any("the order of 1 lines" in cannot for cannot in made.cannot)


def test_frames_of_several_messages_and_frames_kept_as_text(tmp_path: Path) -> None:
    """An array on a line is one frame; text is the frame itself."""
    path = lines(
        tmp_path / "x.jsonl", [MESSAGE, MESSAGE], {"recv_ns": 1_768_521_600 * 10**9, "raw": json.dumps(MESSAGE)}
    )
    frames = [Envelope(0, *row) for row in import_market(path).rows if row[3] is Kind.FRAME]
    assert [[type(event) for event in decode(one)] for one in frames] == [[BookSnapshot] * 2, [BookSnapshot]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no message"),
        ('{"a":' * 100_000, "line 1"),
        ("[" * 100_000, "line 1"),
        ('{"recv_ns": 1}\n{"a"', "line 2 of"),
        ('{"a": 1}', "line 1 of"),
        ('{"recv_ns": "soon"}', "line 1 of"),
        ("[]\n[]", "line 1 of"),
        ("5", "line 1 of"),
    ],
)
def test_what_is_no_message(tmp_path: Path, text: str, told: str) -> None:
    """The line is named."""
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        import_market(path)


def test_a_key_that_is_named(tmp_path: Path) -> None:
    """--time-key: that key and no other."""
    path = lines(tmp_path / "x.jsonl", MESSAGE | {"got": 1_768_521_605, "recv_ns": 1})
    assert import_market(path, time_key="got").rows[0][0] == 1_768_521_605 * 10**9
    with pytest.raises(UsageError):
        import_market(path, time_key="when")
