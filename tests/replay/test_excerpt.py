"""Excerpts: short, whole, and true to the tape that they were cut from."""

from __future__ import annotations

import pytest

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import Tape, open_tape
from recorder.tape.writer import TapeWriter
from replay.excerpt import Excerpt, cut_excerpt
from replay.film import build_film, open_film
from replay.golden import Recipe, take
from replay.ledger import Ledger
from replay.live.decisions import LiveConfig

HALF_NS = 45_000_000_000
AROUND = (1_500, 4_262, 19_088, 21_442, 24_804, 24_950, 33_761, 46_000)
"""Before the first game, in play, at a missed poll, at the loss of the socket and just after, at the end."""


def cut(tape: Tape, path, seq: int) -> Excerpt:
    middle_ns = next(tape.read(seq, seq)).recv_ns
    return cut_excerpt(tape, path, since_ns=middle_ns - HALF_NS, until_ns=middle_ns + HALF_NS)


def evaluations(ledger: Ledger, first: int, last: int, shift: int) -> list[tuple[object, ...]]:
    return [
        (row[0] + shift, ledger.tokens[row[2]], row[1], *row[3:])
        for row in ledger.evaluations.tolist()
        if first <= row[0] <= last
    ]


@pytest.fixture(scope="module")
def whole(sample, cache_dir) -> Ledger:
    return take([open_film(sample, cache_dir)], [""], Recipe(LiveConfig()), "").ledgers[0]


@pytest.mark.parametrize("seq", AROUND)
def test_an_excerpt_is_small_whole_and_evaluates_alike(sample, whole, seq, tmp_path) -> None:
    """Ninety seconds are under 100 KB, verify, and within the stretch every evaluation is that of the whole tape."""
    made = cut(sample, tmp_path / "cut", seq)
    tape = open_tape(made.path)
    size = sum(file.stat().st_size for file in made.path.rglob("*") if file.is_file())
    again = take([build_film(tape)], [""], Recipe(LiveConfig()), "").ledgers[0]
    shift = made.before - made.first_seq
    assert size < 100_000
    assert verify_tape(made.path, deep=True).ok
    assert tape.label == "simulated, excerpt of sample"
    assert evaluations(again, made.before, len(tape), 0) == evaluations(whole, made.first_seq, made.last_seq, shift)
    assert len(tape) == made.events == made.before + made.last_seq - made.first_seq + 1
    print(f"around {seq}: {made.events} envelopes, {size:,} bytes, {len(again.evaluations)} evaluations")


def test_the_stretch_itself_is_byte_for_byte(sample, tmp_path) -> None:
    """All that changes of an envelope within the stretch is its seq; nothing after the stretch is there."""
    made = cut(sample, tmp_path / "cut", 24_804)
    tape = open_tape(made.path)

    def facts(one: Envelope) -> tuple[object, ...]:
        return one.recv_ns, one.feed, one.conn, one.kind, one.meta, one.payload

    assert [facts(one) for one in tape.read(made.before)] == [
        facts(one) for one in sample.read(made.first_seq, made.last_seq)
    ]


def test_it_says_where_it_came_from(sample, tmp_path) -> None:
    """The first envelope names tape, digest and seq; the plan and the session follow, at their own times."""
    made = cut(sample, tmp_path / "cut", 19_088)
    head = list(open_tape(made.path).read(0, made.before - 1))
    assert head[0].facts() == {
        "note": "excerpt",
        "of": "sample",
        "digest": sample.digest(),
        "first_seq": made.first_seq,
        "before": made.before - 1,
    }
    notes = [one.facts()["note"] for one in head if one.kind is Kind.NOTE]
    assert notes[1:] == ["session", "simulated", "plan"]
    assert [one.recv_ns for one in head] == sorted(one.recv_ns for one in head)


def test_the_same_cut_is_the_same_tape(sample, tmp_path) -> None:
    """Two cuts under one name have one digest."""
    digests = {
        open_tape(cut(sample, tmp_path / part / "cut", 19_088).path).digest()
        for part in ("a", "b")
        if (tmp_path / part).mkdir() is None
    }
    assert len(digests) == 1


def test_where_nothing_was_received_there_is_nothing_to_cut(sample, tmp_path) -> None:
    """A time outside the tape, or a place that is taken, is a usage error."""
    with pytest.raises(UsageError, match="nothing was received"):
        cut_excerpt(sample, tmp_path / "cut", since_ns=1, until_ns=2)
    cut(sample, tmp_path / "cut", 4_262)
    with pytest.raises(UsageError):
        cut(sample, tmp_path / "cut", 4_262)


def test_a_frame_that_is_no_json_spoils_nothing(tmp_path) -> None:
    """What cannot be read before the cut is left out; what was unchanged stays beside what it repeats."""
    body = b'{"url":"u","status":200}'
    rows = [
        ("polymarket.market", 1, Kind.FRAME, b"", b"PONG"),
        ("polymarket.market", 1, Kind.FRAME, b"", b"\xff{"),
        ("espn.nba", 0, Kind.BODY, body, b"{}"),
        ("espn.nba", 0, Kind.BODY, body.replace(b"200", b"304"), b""),
        ("recorder", 0, Kind.PULSE, b"", b""),
    ]
    with TapeWriter.create(tmp_path / "tape", created_ns=1) as writer:
        for seq, (feed, conn, kind, meta, payload) in enumerate(rows):
            writer.append(Envelope(seq, 10 + seq, feed, conn, kind, meta, payload))
    made = cut_excerpt(open_tape(tmp_path / "tape"), tmp_path / "cut", since_ns=14, until_ns=15)
    tape = open_tape(made.path)
    assert [(one.kind, one.recv_ns) for one in tape.read()] == [
        (Kind.NOTE, 12),
        (Kind.BODY, 12),
        (Kind.BODY, 13),
        (Kind.PULSE, 14),
    ]
    assert tape.label == "excerpt of tape"
