from __future__ import annotations

import base64
import json
import os

import pytest

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeLock, TapeWriter
from replay.cli import run

S = 1_000_000_000
T0_NS = 1_768_505_400 * S  # 2026-01-15T19:30:00Z


@pytest.fixture
def night_tape(tmp_path, monkeypatch):
    """A small tape under ./tapes: a text frame, a binary one, a failed poll, a close."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tapes").mkdir()
    path = tmp_path / "tapes" / "tonight"
    facts = [
        ("polymarket.market", Kind.OPENED, {"url": "ws://x"}, b""),
        ("polymarket.market", Kind.FRAME, {}, '[{"team":"Malmö"}]'.encode()),
        ("polymarket.market", Kind.FRAME, {"binary": True}, b"\xff\x00\x01"),
        ("espn.nba", Kind.FAILED, {"url": "x", "sent_ns": 1, "why": "timeout"}, b""),
        ("espn.nba", Kind.BODY, {"url": "x", "status": 200}, b"{}"),
        ("polymarket.market", Kind.CLOSED, {"code": 1006, "reason": "reset", "side": "them"}, b""),
    ]
    with TapeWriter.create(path, created_ns=T0_NS, label="pre-season") as writer:
        for seq, (feed, kind, meta, payload) in enumerate(facts):
            writer.append(Envelope(seq, T0_NS + seq * S, feed, 1, kind, encode_meta(meta), payload))
    return path


@pytest.fixture
def gametape(capsysbinary):
    """Run one command line; the exit code, stdout as bytes, stderr as text."""

    def call(*args: object) -> tuple[int, bytes, str]:
        code = run([str(arg) for arg in args])
        out, err = capsysbinary.readouterr()
        return code, out, err.decode()

    return call


def flip(path):
    hot = path / "hot" / f"{0:020d}.hot"
    data = bytearray(hot.read_bytes())
    data[200] ^= 1
    hot.write_bytes(data)


def test_ls(night_tape, gametape, tmp_path):
    """The tapes of a directory, as a table and as JSON; a missing directory is a usage error."""
    code, out, _ = gametape("ls", "--json")
    body = json.loads(out)
    assert (code, next(iter(body))) == (0, "schema")
    row = body["tapes"][0]
    assert (row["tape"], row["state"], row["events"], row["label"]) == ("tonight", "closed", 6, "pre-season")
    assert b"2026-01-15 19:30:00" in gametape("ls", night_tape.parent)[1]
    assert gametape("ls", tmp_path / "nowhere")[0] == 2


def test_info(night_tape, gametape):
    """The contract of info: digest, counts, feeds, times, gaps and receipts."""
    code, out, _ = gametape("info", "tonight", "--json")
    body = json.loads(out)
    assert code == 0
    assert list(body)[:9] == ["schema", "tape", "digest", "events", "feeds", "first_ns", "last_ns", "gaps", "receipts"]
    assert (body["schema"], body["tape"], body["events"]) == ("gametape.info/1", "tonight", 6)
    assert body["digest"] == open_tape(night_tape).digest()
    assert (body["first_ns"], body["last_ns"]) == (T0_NS, T0_NS + 5 * S)
    assert body["feeds"]["espn.nba"]["kinds"] == {"failed": 1, "body": 1}
    assert [(gap["feed"], gap["why"]) for gap in body["gaps"]] == [
        ("espn.nba", "timeout"),
        ("polymarket.market", "reset"),
    ]
    human = gametape("info", night_tape)[1].decode()
    assert "pre-season" in human
    assert "to the end" in human


def test_cat(night_tape, gametape):
    """One JSON line for each envelope: text as text, other bytes as base64; by feed, time, seq and number."""
    lines = [json.loads(line) for line in gametape("cat", "tonight")[1].splitlines()]
    assert [line["seq"] for line in lines] == list(range(6))
    assert lines[1]["payload"] == '[{"team":"Malmö"}]'
    assert base64.b64decode(lines[2]["payload_base64"]) == b"\xff\x00\x01"
    assert lines[3]["meta"]["why"] == "timeout"

    def seqs(*args: object) -> list[int]:
        return [json.loads(line)["seq"] for line in gametape("cat", "tonight", *args)[1].splitlines()]

    assert seqs("--feed", "espn.nba") == [3, 4]
    assert seqs("--since", "2026-01-15T19:30:02", "--until", "2026-01-15T20:30:04+01:00") == [2, 3]
    assert seqs("--since", T0_NS + 4 * S) == [4, 5]
    assert seqs("--first-seq", 4, "--limit", 1) == [4]
    assert seqs("--limit", 0) == []
    assert gametape("cat", "tonight", "--since", "tomorrow")[0] == 2


def test_a_feed_that_is_not_there(night_tape, gametape):
    """A feed that the tape does not have is a usage error with those that it has, never an empty answer."""
    for verb in ("cat", "tail"):
        code, out, err = gametape(verb, night_tape, "--feed", "espn.nbb")
        assert (code, out) == (2, b"")
        assert "espn.nba, polymarket.market" in err
        assert "did you mean espn.nba?" in err


def test_info_tells_of_a_torn_tail(night_tape, gametape):
    """What a crash left half-written at the end is said, with its place, and costs no event."""
    hot = night_tape / "hot" / f"{0:020d}.hot"
    size = hot.stat().st_size
    with hot.open("ab") as file:
        file.write(hot.read_bytes()[80:150])
    body = json.loads(gametape("info", "tonight", "--json")[1])
    assert (body["events"], body["torn"]) == (6, [{"file": f"hot/{hot.name}", "offset": size}])
    assert f"torn     hot/{hot.name} at byte {size}" in gametape("info", "tonight")[1].decode()


def test_cat_raw(night_tape, gametape):
    """--raw writes the payload's exact bytes and nothing else; a seq that is not there is a usage error."""
    assert gametape("cat", night_tape, "--raw", 2) == (0, b"\xff\x00\x01", "")
    assert gametape("cat", night_tape, "--raw", 6)[0] == 2


def test_tail(night_tape, gametape):
    """The last few, also of one feed; following a tape that nobody writes ends by itself."""
    assert [json.loads(line)["seq"] for line in gametape("tail", "tonight", "-n", 2)[1].splitlines()] == [4, 5]
    lines = gametape("tail", "-f", "tonight", "-n", 1, "--feed", "espn.nba")[1].splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [4]


def test_verify_and_recover(night_tape, gametape):
    """A sound tape gives 0; a damaged one 5 with its place; recovery 3 for what is gone, then 0."""
    code, out, _ = gametape("verify", "tonight", "--json")
    body = json.loads(out)
    assert (code, body["schema"], body["ok"], body["events"], body["damage"]) == (0, "gametape.verify/1", True, 6, [])
    assert gametape("recover", "tonight")[:2] == (0, b"nothing to do\n")
    flip(night_tape)
    code, out, err = gametape("verify", "tonight", "--json")
    damage = json.loads(out)["damage"]
    assert (code, set(damage[0])) == (5, {"file", "offset", "first_seq", "last_seq", "why"})
    assert (damage[0]["file"], damage[0]["first_seq"], damage[0]["last_seq"]) == (f"hot/{0:020d}.hot", 0, 5)
    assert "gametape recover" in err
    assert gametape("cat", "tonight")[0] == 5
    assert gametape("cat", "tonight", "--salvage")[:2] == (0, b"")
    assert gametape("recover", "tonight")[0] == 3
    assert gametape("verify", "tonight")[0] == 5
    code, out, _ = gametape("recover", "tonight", "--write", "--json")
    assert (code, json.loads(out)["lost"]) == (3, [[0, 5]])
    assert gametape("recover", "tonight", "--write")[0] == 0
    code, out, _ = gametape("verify", "tonight")
    assert (code, b"declared lost: seq 0 to 5" in out) == (0, True)


def test_seal(night_tape, gametape):
    """Sealing keeps the digest; what is damaged is not sealed."""
    before = open_tape(night_tape).digest()
    code, out, _ = gametape("seal", "tonight", "--json")
    assert (code, json.loads(out)["segments"]) == (0, 1)
    assert open_tape(night_tape).digest() == before
    assert gametape("verify", "tonight", "--deep")[0] == 0


def test_a_locked_tape(night_tape, gametape):
    """Recovery of a tape that is being written exits with 7 and names the process."""
    with TapeLock(night_tape):
        code, _, err = gametape("recover", "tonight", "--write")
    assert code == 7
    assert str(os.getpid()) in err


def test_a_misspelt_tape(night_tape, gametape):
    """A wrong name is a usage error with the nearest one."""
    del night_tape
    code, _, err = gametape("info", "tonihgt")
    assert (code, "did you mean tonight?" in err) == (2, True)
