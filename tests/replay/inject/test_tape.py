"""A tape with faults in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recorder.tape.reader import Tape
from replay.backtest import replay_tape
from replay.core.cells import Policy
from replay.find import load_strategy
from replay.inject.language import parse_faults
from replay.inject.tape import inject_tape
from replay.models import load_model
from replay.settings import Setting


def test_the_injected_tape_says_what_it_is(night: Tape, tmp_path: Path) -> None:
    """Label and first envelope name the source, the seed and the faults; the source is as it was."""
    faults = parse_faults("duplicate; kill 5s")
    made = inject_tape(night, faults, 5, tmp_path / "made")
    first = next(made.read())
    assert made.label == "injected: duplicate 2% all; kill 5s"
    assert first.facts() == {
        "note": "injected",
        "of": "night",
        "digest": night.digest(),
        "seed": 5,
        "faults": "duplicate 2% all; kill 5s",
    }
    assert inject_tape(night, faults, 5, tmp_path / "again" / "made").digest() == made.digest()


def test_duplicates_move_no_decision(night: Tape, tmp_path: Path) -> None:
    """What arrives twice is acted on once: the same orders at the same times with the same fills."""
    ideas = load_strategy("fusion"), load_model("brownian")
    twice = inject_tape(night, parse_faults("duplicate 30%"), 5, tmp_path / "twice")
    setting = Setting(min_edge_u6=5_000, policy=Policy.EVERY, cooldown_ms=2_000, exit_edge_u6=0)
    once, again = (replay_tape(tape, *ideas, setting).orders for tape in (night, twice))
    assert len(once) > 20
    np.testing.assert_array_equal(np.delete(once, 3, axis=1), np.delete(again, 3, axis=1))
