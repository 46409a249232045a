"""What every test may count on: the guard around pure code, the real data, quiet hypothesis settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from purity_guard import guarded

ROOT = Path(__file__).resolve().parents[1]
PURE_TESTS = (ROOT / "tests/replay/core", ROOT / "tests/recorder/feeds", ROOT / "tests/strategies")

# What takes ten seconds and more, begun first: begun last, it keeps one worker busy while the other has nothing to do.
LONG = (
    "determinism/test_matrix.py",
    "golden/test_planted_changes.py",
    "replay/live/web/test_game.py",
    "replay/live/web/test_board.py",
    "replay/live/web/test_races.py",
    "durability/test_sigkill.py",
    "durability/test_power_cut.py",
    "replay/test_executors.py",
    "replay/test_api.py",
    "replay/verbs/test_holdout.py",
    "replay/verbs/test_demo.py",
    "replay/upstream/test_roundtrip.py",
    "benchmarks/test_peers.py",
    "durability/test_random_kills.py",
    "durability/test_process.py",
    "durability/test_flips.py",
    "recorder/tape/test_fsck.py",
    "recorder/tape/test_recover.py",
    "recorder/chaos/test_judge.py",
    "determinism/test_lookahead.py",
    "replay/live/test_attacks.py",
    "replay/live/test_tap.py",
    "test_ci_example.py",
    "test_no_route.py",
)

# A deadline measures the machine, not the code; the same examples everywhere, so that a red run is red for everybody.
settings.register_profile("gametape", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gametape")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first, in their order; the tests of a file stay as they are."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(autouse=True)
def _pure_code_reads_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Guard tests of pure code, by their place in the tree or by the marker `pure`."""
    path = Path(str(request.node.path))
    if request.node.get_closest_marker("pure") or any(path.is_relative_to(folder) for folder in PURE_TESTS):
        with guarded():
            yield
    else:
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real recordings, which is not part of the project."""
    where = os.environ.get("GAMETAPE_REAL_DATA")
    if not where:
        pytest.skip("GAMETAPE_REAL_DATA is not set: real recordings are not part of the project")
    return Path(where)
