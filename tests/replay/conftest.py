"""The sample night, decoded once for all tests of the backtest."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.tape.reader import Tape, open_tape
from replay.film import Film, open_film

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture(scope="session")
def sample() -> Tape:
    """The tape of the simulated night that comes with the project."""
    return open_tape(SAMPLE)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests of one run share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def sample_film(sample: Tape, cache_dir: Path) -> Film:
    """The sample, decoded."""
    return open_film(sample, cache_dir / "film")
