"""The second opinion: what was known when."""

from __future__ import annotations

import pytest
from script import AWAY, HOME, S, Score, Script

from recorder.envelope import Kind
from replay.inject.witness import Standing, Trust, Witness

BEGUN = Script().plan().scores(Score()).book(HOME, "0.50x100", "0.52x10 0.53x7").book(AWAY, "0.48x10", "0.50x100")


def witness_of(script: Script) -> Witness:
    witness = Witness()
    for envelope in script.envelopes:
        witness.see(envelope)
    return witness


def begun() -> Script:
    return Script(list(BEGUN.envelopes), BEGUN.now_ns)


def test_a_book_and_its_changes() -> None:
    """Best prices, the size at the ask, and when it was heard of."""
    script = begun().wait(1).change((HOME, "SELL", "0.52", "0"), (HOME, "BUY", "0.51", "3"))
    witness = witness_of(script)
    assert witness.standing(HOME) == Standing(Trust.KNOWN, 510_000, 530_000, 7_000_000, script.now_ns)
    assert [one.ask_u6 for one in witness.moments[HOME]] == [530_000]
    assert AWAY not in witness.moments


@pytest.mark.parametrize(
    ("bad", "trust"),
    [
        (lambda script: script.closed(), Trust.DARK),
        (lambda script: script.closed(conn=2), Trust.KNOWN),
        (lambda script: script.silent(HOME), Trust.DARK),
        (lambda script: script.silent(AWAY), Trust.KNOWN),
        (lambda script: script.note("session"), Trust.DARK),
        (lambda script: script.closed().change((HOME, "BUY", "0.40", "3")), Trust.UNSEEDED),
        (lambda script: script.change((HOME, "BUY", "0.52", "3")), Trust.SUSPECT),
        (lambda script: script.change((HOME, "BUY", "0.40", "3"), best=("0.51", "0.52")), Trust.SUSPECT),
        (lambda script: script.change((HOME, "BUY", "1.2", "3")), Trust.KNOWN),
        (lambda script: script.add(Kind.FRAME, "polymarket.market", b'{"event_type":"price_ch', conn=1), Trust.DARK),
    ],
)
def test_what_a_book_may_be_used_for(bad, trust: Trust) -> None:
    """Gaps, contradictions and bytes that nobody can read, each with what is left of the book."""
    assert witness_of(bad(begun().wait(1))).standing(HOME).trust is trust


def test_a_witness_seeds_what_the_stream_left_unseeded() -> None:
    """A REST answer counts after a change in a gap, not before, and never where it is a ghost."""
    gap = begun().wait(1).closed()
    assert witness_of(gap.witness(HOME, "0.50x1", "0.52x1")).standing(HOME).trust is Trust.DARK
    gap.change((HOME, "BUY", "0.40", "3"))
    assert witness_of(gap.witness(HOME, "0.01x1", "0.99x1")).standing(HOME).trust is Trust.UNSEEDED
    assert witness_of(gap.witness(HOME, "0.50x1", "0.52x1")).standing(HOME).ask_u6 == 520_000


def test_when_a_game_was_heard_of() -> None:
    """Answers and `not modified` count, failures and answers about other games do not."""
    script = begun()
    begun_ns = script.now_ns
    assert witness_of(script.wait(5).failed().scores(Score(id="999"), url="https://other")).heard_ns(HOME) == begun_ns
    assert witness_of(script.wait(5).unchanged()).heard_ns(AWAY) == begun_ns + 10 * S
    assert witness_of(script).heard_ns("no token of a game") == 0
