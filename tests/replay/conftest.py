"""The sample night, decoded once for all tests of the backtest."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.tape.reader import Tape, open_tape
from replay.film import Film, open_film
from replay.synth.night import plan_night, write_night

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


@pytest.fixture(scope="session")
def nights(sample_film: Film, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    """Two nights: the sample and a smaller one."""
    path = tmp_path_factory.mktemp("tapes") / "second"
    write_night(path, plan_night(5, 2, "2026-01-16", 3_000))
    return [sample_film, open_film(open_tape(path), cache_dir / "film")]
