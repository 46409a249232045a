from __future__ import annotations

from collections import Counter
from random import Random

from recorder.chaos.faults import CLOSES, HTTP_FAULTS, Fault, schedule


def test_a_seed_is_a_schedule() -> None:
    """The same seed gives the same faults, another one others, in the order of their time and over in time."""
    strikes = schedule(Random(3), until_s=20_000)
    assert strikes == schedule(Random(3), until_s=20_000)
    assert strikes != schedule(Random(4), until_s=20_000)
    assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
    assert all(strike.fault is Fault.CLOCK_STEP or strike.at_s + strike.for_s <= 20_000 for strike in strikes)


def test_every_fault_has_its_turn() -> None:
    """A day holds every fault of the vocabulary, none more than once more often than another."""
    counts = Counter(strike.fault for strike in schedule(Random(5), until_s=86_400))
    assert set(counts) == set(Fault)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_who_answers_badly_is_said() -> None:
    """A fault of answers names its source, every other none."""
    strikes = schedule(Random(6), until_s=86_400)
    assert all(bool(strike.where) == (strike.fault in HTTP_FAULTS) for strike in strikes)
    assert HTTP_FAULTS.isdisjoint(CLOSES)
