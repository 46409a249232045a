"""Every fault by itself under several seeds, and all of them together: each held to every law."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from replay.inject.language import FAULTS, Fault, parse_faults
from replay.inject.laws import Checked, check_tape
from replay.inject.tape import inject_tape

if TYPE_CHECKING:
    from recorder.tape.reader import Tape
    from replay.core.models import WinProbability
    from replay.core.strategy import Strategy

__all__ = ["ALL_FAULTS", "Trial", "run_matrix"]

ALL_FAULTS = (
    *(parse_faults(name) for name in FAULTS),
    parse_faults("freeze book 90s; freeze scores 45s"),
    parse_faults(
        "drop 5% polls; freeze book 20s; duplicate; reorder 50ms; stale-cdn 30s; score-flap; clock-step -2s; truncate"
    ),
)
"""Each fault by itself, a freeze that outlasts every rule of freshness, and a night on which all goes wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One injected tape and what it was held to."""

    faults: tuple[Fault, ...]
    seed: int
    checked: Checked


def run_matrix(
    tape: Tape,
    strategy: Strategy,
    model: WinProbability,
    seeds: Sequence[int],
    *,
    faults: Sequence[tuple[Fault, ...]] = ALL_FAULTS,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Trial]:
    """
    Inject and check each of the faults under each of the seeds; the tapes are thrown away.

    Raises:
        UsageError: the tape has no place for a fault.
        CorruptError: the tape is damaged.
    """
    trials: list[Trial] = []
    for these in faults:
        for seed in seeds:
            with tempfile.TemporaryDirectory(prefix="gametape-inject-") as folder:
                made = inject_tape(tape, these, seed, Path(folder) / "injected")
                trials.append(Trial(faults=these, seed=seed, checked=check_tape(made, strategy, model)))
            if on_progress is not None:
                on_progress(len(trials), len(faults) * len(seeds))
    return trials
