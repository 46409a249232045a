"""Every fault under several seeds."""

from __future__ import annotations

from recorder.tape.reader import Tape
from replay.find import load_strategy
from replay.inject.matrix import ALL_FAULTS, run_matrix
from replay.models import load_model


def test_every_fault_under_two_seeds(night: Tape) -> None:
    """No law is broken by any fault, alone or together, and every law had cases."""
    trials = run_matrix(night, load_strategy("fusion"), load_model("brownian"), range(2))
    broken = [(trial.faults, trial.seed, breach) for trial in trials for breach in trial.checked.violations]
    cases = sum(sum(trial.checked.cases.values()) for trial in trials)
    print(f"{len(ALL_FAULTS)} faults x 2 seeds, {cases:,} cases, invariants violated {len(broken)}")
    assert broken == []
    assert len(trials) == 2 * len(ALL_FAULTS)
    assert all(min(trial.checked.cases.values()) > 0 for trial in trials)
