"""What each fault does to a recording."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from reel import stretch
from script import AWAY, HOME, S, Score, Script

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from replay.core.decode import decode
from replay.core.events import BookSnapshot
from replay.inject.faults import apply_fault, apply_faults
from replay.inject.language import FAULTS, parse_faults

MARKET = "polymarket.market"


def made(text: str, envelopes: list[Envelope] | None = None, seed: int = 7) -> list[Envelope]:
    return apply_faults(stretch().envelopes if envelopes is None else envelopes, parse_faults(text), seed)


def kinds(envelopes: list[Envelope]) -> Counter[tuple[str, Kind]]:
    return Counter((one.feed, one.kind) for one in envelopes)


def without_seq(envelopes: list[Envelope]) -> list[tuple[object, ...]]:
    return [(one.recv_ns, one.feed, one.conn, one.kind, one.meta, one.payload) for one in envelopes]


@pytest.mark.parametrize("name", FAULTS)
def test_what_comes_out_is_a_tape(name: str) -> None:
    """seq counts from 0, time never falls, the same seed does the same, and something is other than it was."""
    found = made(f"{name} 60%" if FAULTS[name].share_u6 else name)
    assert [one.seq for one in found] == list(range(len(found)))
    assert all(one.recv_ns <= two.recv_ns for one, two in pairwise(found))
    assert found == made(f"{name} 60%" if FAULTS[name].share_u6 else name)
    assert without_seq(found) != without_seq(stretch().envelopes)


def test_another_seed_is_another_night() -> None:
    """What is hit is drawn from the seed."""
    assert made("drop", seed=1) != made("drop", seed=2)


def test_drop() -> None:
    """A poll that is dropped is a failed poll; a frame that is dropped is gone; about as many as was said."""
    before = kinds(stretch().envelopes)
    polls = kinds(made("drop 20% polls"))
    frames = kinds(made("drop 20% book"))
    bodies = sum(count for (_, kind), count in before.items() if kind is Kind.BODY)
    failed = sum(count for (_, kind), count in polls.items() if kind is Kind.FAILED)
    assert 0.15 < failed / bodies < 0.25
    assert 0.75 < frames[MARKET, Kind.FRAME] / before[MARKET, Kind.FRAME] < 0.85
    assert sum(polls.values()) == sum(before.values())


def test_duplicate_and_reorder_lose_nothing() -> None:
    """Every envelope is still there; one is later by less than what was said."""
    before = stretch().envelopes
    twice = made("duplicate 10%")
    assert set(without_seq(twice)) == set(without_seq(before))
    assert len(twice) > len(before)
    late = made("reorder 50ms")
    assert sorted((one.feed, one.payload) for one in late) == sorted((one.feed, one.payload) for one in before)
    order = {one.payload: one.recv_ns for one in before if one.kind is Kind.FRAME}
    moved = [one.recv_ns - order[one.payload] for one in late if one.kind is Kind.FRAME and len(one.payload) > 300]
    assert max(moved) > 0
    assert max(moved) < 50_000_000


def test_truncate() -> None:
    """Payloads are cut short, never longer, and stay where they were."""
    pairs = list(zip(stretch().envelopes, made("truncate 10%"), strict=True))
    cut = [(one, two) for one, two in pairs if one.payload != two.payload]
    full = sum(one.kind in {Kind.BODY, Kind.FRAME} and bool(one.payload) for one, _ in pairs)
    assert 0.05 < len(cut) / full < 0.15
    assert all(one.payload.startswith(two.payload) and one.recv_ns == two.recv_ns for one, two in cut)


def counting(polls: int = 40) -> Script:
    script = Script().plan()
    for k in range(polls):
        script.wait(2).scores(Score(home=k))
    return script


def scores_of(envelopes: list[Envelope]) -> list[int]:
    return [event.home_score for one in envelopes if one.kind is Kind.BODY for event in decode(one)]


def test_stale_answers_are_old_ones() -> None:
    """An answer is one that stood up to so long ago."""
    found = scores_of(made("stale-cdn 10s 50%", counting().envelopes))
    behind = [k - score for k, score in enumerate(found)]
    assert max(behind) in {4, 5}
    assert min(behind) == 0


def test_scores_flap() -> None:
    """After a new answer the one before it shows once, and then the new one again."""
    found = scores_of(made("score-flap 100%", counting(4).envelopes))
    assert found == [0, 1, 0, 1, 2, 1, 2, 3]


def test_a_frozen_book_is_silent() -> None:
    """Frames are gone for so long, the socket stays open."""
    before, after = stretch().envelopes, made("freeze book 20s")
    gone = set(without_seq(before)) - set(without_seq(after))
    times = [recv_ns for recv_ns, *_ in gone]
    assert {(feed, kind) for _, feed, _, kind, *_ in gone} == {(MARKET, Kind.FRAME)}
    assert max(times) - min(times) < 20 * S
    assert kinds(after)[MARKET, Kind.CLOSED] == kinds(before)[MARKET, Kind.CLOSED]


def test_the_watchdog_acts_on_a_long_freeze() -> None:
    """After 60 s the recorder says that it is silent and closes; the new socket is given every book."""
    control = {Kind.SILENT, Kind.CLOSED, Kind.OPENED}
    before = set(without_seq(stretch().envelopes))
    added = [one for one in made("freeze book 90s") if one.kind in control and not before & set(without_seq([one]))]
    assert [one.kind for one in added[:3]] == [Kind.SILENT, Kind.CLOSED, Kind.OPENED]
    silent, _, opened = added[:3]
    assert opened.recv_ns - silent.recv_ns == 30 * S
    assert silent.recv_ns - silent.facts()["since_ns"] == 60 * S


def books_after(text: str) -> tuple[Script, list[BookSnapshot], list[Envelope]]:
    script = Script().plan().note("session").add(Kind.OPENED, MARKET, meta=b"{}", conn=1)
    script.book(HOME, "0.50x100 0.49x20", "0.52x10 0.53x7").book(AWAY, "0.48x10", "0.50x100")
    for k in range(30):
        script.wait(1).change((HOME, "BUY", "0.49", str(30 + k)))
    after = made(text, script.wait(60).pulse().envelopes)
    opened = next(at for at, one in enumerate(after) if one.kind is Kind.OPENED and one.conn == 2)
    books = [event for event in decode(after[opened + 1]) if isinstance(event, BookSnapshot)]
    return script, books, after


def test_a_lost_socket() -> None:
    """CLOSED, nothing of that connection any more, OPENED with the next number, the books as they stand by then."""
    _, books, after = books_after("disconnect 5s")
    closed = next(one for one in after if one.kind is Kind.CLOSED)
    opened = next(one for one in after if one.kind is Kind.OPENED and one.conn == 2)
    assert opened.recv_ns - closed.recv_ns == 5 * S
    assert {book.token_id for book in books} == {HOME, AWAY}
    standing = 29 + (opened.recv_ns - 1 - after[0].recv_ns) // S
    assert dict(next(book for book in books if book.token_id == HOME).bids)[490_000] == min(standing, 59) * 1_000_000
    frames = [one for one in after if one.kind is Kind.FRAME]
    assert {one.conn for one in frames if one.recv_ns < closed.recv_ns} == {1}
    assert {one.conn for one in frames if one.recv_ns >= closed.recv_ns} == {2}


def test_a_killed_recorder() -> None:
    """Nothing at all for so long, no word of an end, then a session, the plan again, and a new socket."""
    _, _, after = books_after("kill 10s")
    again = [at for at, one in enumerate(after) if one.kind is Kind.NOTE and one.facts()["note"] == "session"]
    first, second = again
    assert (after[second].recv_ns - after[second - 1].recv_ns) <= 11 * S
    assert [one.kind for one in after[second : second + 3]].count(Kind.NOTE) == 2
    assert not any(one.kind is Kind.CLOSED for one in after)
    assert first < second


def test_a_clock_that_is_set_back_stands_still() -> None:
    """Stamps do not fall: they wait until time has caught up, then run two seconds behind; asking never comes later."""
    before, after = stretch().envelopes, made("clock-step -2s")
    at, step = next((at, one) for at, one in enumerate(after) if one.kind is Kind.NOTE and b"clock_step" in one.meta)
    assert step.facts()["step_ns"] == -2 * S
    assert before[-1].recv_ns - after[-1].recv_ns == 2 * S
    assert without_seq(after[:at]) == without_seq(before[:at])
    polls = [one for one in after if one.kind is Kind.BODY]
    assert all(one.facts()["sent_ns"] <= one.recv_ns for one in polls)


def test_no_place_for_a_fault() -> None:
    """A tape that is too short, or has no market socket, says so."""
    for text, envelopes in (("freeze 1h", stretch().envelopes), ("disconnect", counting().envelopes)):
        with pytest.raises(UsageError, match="there is no place on the tape"):
            made(text, envelopes)
    with pytest.raises(UsageError, match="nothing on the tape"):
        apply_fault([], parse_faults("drop")[0], random.Random(1))
