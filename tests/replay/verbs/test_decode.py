from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHANGE = {"asset_id": "7", "price": "0.5", "size": "3", "side": "BUY"}
MESSAGE = {"event_type": "price_change", "market": "0x1", "timestamp": "1", "price_changes": [CHANGE]}
BOOK = {"market": "0x1", "asset_id": "7", "timestamp": "1", "hash": "", "bids": [], "asks": []}


def decode(*words: str, stdin: bytes = b"") -> tuple[int, list[dict[str, object]], str]:
    """Run the verb in a process of its own: exit code, lines, what it told the user."""
    command = [sys.executable, "-c", "from replay.cli import main; main()", "decode", *words]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_each_event_is_a_line_that_names_itself_first(tmp_path: Path) -> None:
    """A file is one frame; an array is one frame of several messages."""
    frame = tmp_path / "frame.json"
    frame.write_text(json.dumps([MESSAGE, MESSAGE], indent=2))
    code, lines, told = decode("--feed", "polymarket.market", str(frame))
    assert (code, told) == (0, "")
    assert [next(iter(line.items())) for line in lines] == [("event", "LevelChange")] * 2
    assert [(line["index"], line["price_u6"], line["size_u6"]) for line in lines] == [
        (0, 500_000, 3_000_000),
        (1, 500_000, 3_000_000),
    ]


@pytest.mark.parametrize("words", [(), ("-",)])
def test_standard_input_is_read(words: tuple[str, ...]) -> None:
    """Without a file, or with a dash, the bytes come from standard input."""
    code, lines, _ = decode("--feed", "polymarket.market", *words, stdin=json.dumps(MESSAGE).encode())
    assert (code, [line["event"] for line in lines]) == (0, ["LevelChange"])


def test_lines_are_frames_of_their_own() -> None:
    """With --lines an NDJSON file is many frames; empty lines are none."""
    frames = b"\n".join([json.dumps(MESSAGE).encode(), b"", b"PONG", json.dumps(MESSAGE).encode()])
    code, lines, _ = decode("--feed", "polymarket.market", "--lines", stdin=frames)
    assert (code, [line["event"] for line in lines]) == (0, ["LevelChange", "ControlText", "LevelChange"])


@pytest.mark.parametrize(
    ("feed", "kind", "witness"),
    [
        ("polymarket.book", (), True),
        ("polymarket.market", (), False),
        ("polymarket.book", ("--kind", "frame"), False),
        ("polymarket.market", ("--kind", "body"), True),
    ],
)
def test_a_book_is_a_witness_where_it_came_as_a_body(feed: str, kind: tuple[str, ...], witness: bool) -> None:
    """By default the kind is what the feed records."""
    _, lines, _ = decode("--feed", feed, *kind, stdin=json.dumps(BOOK).encode())
    assert [line["witness"] for line in lines] == [witness]


def test_undecodable_bytes_are_a_line_and_exit_code_3(tmp_path: Path) -> None:
    """What is understood is printed, what is not is said: done but lossy."""
    html = tmp_path / "body.html"
    html.write_bytes(b"<html>\xff")
    good = tmp_path / "good.json"
    good.write_text('{"events":[]}')
    code, lines, told = decode("--feed", "espn.nba", str(html), str(good))
    assert code == 3
    assert [(line["event"], line["feed"]) for line in lines] == [("Undecodable", "espn.nba")]
    assert "1 could not be decoded" in told
    assert "body.html" in told


def test_an_unknown_feed_is_a_usage_error_that_suggests() -> None:
    """Exit 2, the known feeds, and the next command."""
    code, lines, told = decode("--feed", "espn.nhk", stdin=b"{}")
    assert (code, lines) == (2, [])
    assert "polymarket.market" in told
    assert "gametape decode --feed espn.nhl" in told


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """Exit 2, and which file it was."""
    code, lines, told = decode("--feed", "espn.nba", str(tmp_path / name))
    assert (code, lines) == (2, [])
    assert str(tmp_path / name) in told
