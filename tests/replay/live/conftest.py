"""A small simulated night."""

from __future__ import annotations

import pytest

from recorder.tape.reader import Tape, open_tape
from replay.synth.night import plan_night, write_night


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """One simulated game with a thin book."""
    path = tmp_path_factory.mktemp("night") / "night"
    write_night(path, plan_night(3, 1, "2026-01-15", 1_200))
    return open_tape(path)
