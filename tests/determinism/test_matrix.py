"""The same tape and settings have the same digests: whatever the process, the layout, the chunks and the compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from reel import stretch
from script import retaped

from recorder.tape.seal import seal_tape

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("digests.py")


def run(path: Path, chunks: str, **env: str) -> dict[str, str]:
    """Return the digests that a process of its own prints."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])} | env
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(path), chunks],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def extensions() -> str:
    """Return the instruction sets that numpy chooses among at run time on this machine."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("matrix") / "night"
    retaped(stretch().envelopes, path)
    return path


@pytest.fixture(scope="module")
def sealed(hot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "night"
    retaped(stretch().envelopes, path)
    seal_tape(path)
    assert not list((path / "hot").glob("*.hot"))
    return path


@pytest.fixture(scope="module")
def expected(hot: Path) -> dict[str, str]:
    """The digests of the compiled kernels over the hot tape, with a hash seed of this machine's own."""
    return run(hot, "1,7,1000,1000000")


def test_chunks_film_and_tape_are_one_digest(expected: dict[str, str]) -> None:
    """Chunks of 1, 7, 1,000 and all, envelope by envelope or by film: one digest."""
    recorded = {digest for name, digest in expected.items() if name.startswith("recorded")}
    assert len(recorded) == 1
    assert expected["view -1 0"] in recorded


def test_views_differ(expected: dict[str, str]) -> None:
    """Another view is another ledger: the digests compare something."""
    assert len({digest for name, digest in expected.items() if name.startswith("view")}) == 4


@pytest.mark.parametrize("seed", range(5))
def test_hash_seeds_and_interpreted_kernels(hot: Path, expected: dict[str, str], seed: int) -> None:
    """With each of five hash seeds, and the kernels run as plain Python, every digest is the compiled one's."""
    found = run(hot, "1000", PYTHONHASHSEED=str(seed), NUMBA_DISABLE_JIT="1")
    assert found == {name: expected[name] for name in found}


@pytest.mark.parametrize("threads", ["1", "3"])
def test_sealed_and_threads(sealed: Path, expected: dict[str, str], threads: str) -> None:
    """Sealed as Parquet, and with any number of threads, the digests are those of the hot tape."""
    env = dict.fromkeys(("NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS"), threads)
    found = run(sealed, "7,1000000", **env)
    assert found == {name: expected[name] for name in found}


def test_without_vector_instructions(hot: Path, expected: dict[str, str]) -> None:
    """With numpy's wider instruction sets turned off, whose exponentials differ in the last bit, nothing changes."""
    found = run(hot, "1000", NPY_DISABLE_CPU_FEATURES=extensions())
    assert found == {name: expected[name] for name in found}
