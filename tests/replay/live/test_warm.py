"""Deciding before the compiler is ready."""

from __future__ import annotations

from relive import EAGER

from replay.core.engine import DECODED, EDGE, INFERRED
from replay.live.warm import Warming


def test_an_engine_decides_the_same_before_and_after_the_compiler_is_ready(night) -> None:
    """Interpreted for the first part of a night and compiled for the rest: the same orders and evaluations."""
    envelopes = list(night.read())
    compiled, mixed = EAGER.engine(), EAGER.engine()
    mixed.interpret(interpreting=True)
    said = []
    for first in range(0, len(envelopes), 500):
        part = envelopes[first : first + 500]
        if first == 1_000:
            mixed.interpret(interpreting=False)
        said.append((compiled.feed(part), mixed.feed(part)))
    assert all((one.orders == two.orders).all() for one, two in said)
    assert all((one.evaluations == two.evaluations).all() for one, two in said)
    assert sum(len(one.evaluations) for one, _ in said) > 10


def test_a_step_says_which_stage_it_has_come_to(night) -> None:
    """What is fed is decoded, then inferred, then held against the book."""
    stages: list[str] = []
    engine = EAGER.engine(on_stage=stages.append)
    for envelope in night.read(0, 200):
        engine.step(envelope)
    whole = [DECODED, INFERRED, EDGE]
    assert stages.count(DECODED) == 201
    assert whole in [stages[k : k + 3] for k in range(len(stages))]


def test_the_compiler_works_in_a_process_of_its_own_and_leaves_its_work_here() -> None:
    """Not done at first; done once the process has ended and its kernels are loaded; stopped where nobody waits."""
    with Warming(EAGER) as warming:
        assert not warming.is_done
        assert any(warming.wait(1.0) for _ in range(600))
        assert warming.is_done
        assert warming._process.returncode == 0
    with Warming(EAGER) as abandoned:
        pass
    assert abandoned._process.returncode is not None
