from __future__ import annotations

from pathlib import Path

import pytest

from recorder.chaos.world import Record, simulate


@pytest.fixture(scope="session")
def short_night(tmp_path_factory) -> tuple[Path, Record]:
    """One hour and a half of faults, recorded once."""
    path = tmp_path_factory.mktemp("chaos") / "night"
    return path, simulate(path, seed=11, hours=1.5)
