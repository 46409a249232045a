"""The same tape and settings have the same digests: whatever the process, the layout, the chunks and the compiler."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

import obstore
import pytest
from obstore.store import S3Store
from reel import stretch
from script import retaped

from recorder.tape.seal import seal_tape

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("digests.py")
WHAT = {"recorded", "sweep", *(f"view {number}" for number in range(4))}


def extensions() -> str:
    """Return the instruction sets that numpy chooses among at run time on this machine."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])


def threads(number: int) -> dict[str, str]:
    return dict.fromkeys(("NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS"), str(number))


@dataclass(frozen=True)
class Condition:
    """How one process runs: where its tape lies, chunk sizes, executors, and what stands in its environment."""

    layout: str = "hot"
    chunks: str = "1000"
    executors: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


CONDITIONS = {
    "compiled": Condition(chunks="1,7,1000,1000000", executors=("serial", "local", "dask")),
    **{
        f"interpreted, hash seed {seed}": Condition(env={"PYTHONHASHSEED": str(seed), "NUMBA_DISABLE_JIT": "1"})
        for seed in range(5)
    },
    **{f"sealed, {n} threads": Condition("sealed", "7,1000000", env=threads(n)) for n in (1, 2, 3)},
    "object storage": Condition("stored"),
    # Whose exponentials differ in the last bit from those of the wider instruction sets.
    "numpy without vector instructions": Condition(env={"NPY_DISABLE_CPU_FEATURES": extensions()}),
    "numba for any processor": Condition(env={"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}),
}


class Matrix:
    """The tape in every layout, and what the processes said so far."""

    def __init__(self, layouts: dict[str, str], env: dict[str, str], cache: Path) -> None:
        self.layouts, self.cache = layouts, cache
        self.env = os.environ | env | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        self.said: dict[str, list[tuple[str, str, str]]] = {}

    def run(self, name: str) -> list[tuple[str, str, str]]:
        """Return what a process of its own prints under a condition: what was run, by which route, the digest."""
        if name not in self.said:
            condition = CONDITIONS[name]
            # A cache for each layout: one that finds another's film would not read its own tape.
            cache = {"GAMETAPE_CACHE_DIR": str(self.cache / condition.layout)}
            done = subprocess.run(
                [sys.executable, str(PROGRAM), self.layouts[condition.layout], condition.chunks, *condition.executors],
                env=self.env | cache | condition.env,
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
                timeout=600,
            )
            assert done.returncode == 0, done.stderr
            self.said[name] = [(what, route, digest) for what, route, digest in json.loads(done.stdout)]
        return self.said[name]


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    """The environment that leads to a bucket named tapes on loopback."""
    pytest.importorskip("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", address.rpartition(":")[2]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        next(line for line in server.stderr if "Running on" in line)
        urlopen(Request(f"http://{address}/tapes", method="PUT"), timeout=120).close()
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        yield keys | {"AWS_ENDPOINT_URL": f"http://{address}"}
        server.kill()


@pytest.fixture(scope="module")
def matrix(storage: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """The stretch as it is written, as it is sealed, and as it is stored."""
    hot, sealed = (tmp_path_factory.mktemp(name) / "night" for name in ("hot", "sealed"))
    for path in (hot, sealed):
        retaped(stretch().envelopes, path)
    seal_tape(sealed)
    assert not list((sealed / "hot").glob("*.hot"))
    names = {name.removeprefix("AWS_").lower(): value for name, value in storage.items()}
    bucket = S3Store("tapes", **names, client_options={"allow_http": True})
    for path in sealed.rglob("*"):
        if path.is_file():
            obstore.put(bucket, f"night/{path.relative_to(sealed).as_posix()}", path.read_bytes())
    layouts = {"hot": str(hot), "sealed": str(sealed), "stored": "s3://tapes/night"}
    return Matrix(layouts, storage, tmp_path_factory.mktemp("cache"))


def digest_of(said: list[tuple[str, str, str]]) -> str:
    """Return the one digest of everything that is run; it has no other where two routes differ."""
    found = sorted({(what, digest) for what, _, digest in said})
    assert {what for what, _ in found} == WHAT
    assert len(found) == len(WHAT), found
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def test_views_differ(matrix: Matrix) -> None:
    """Another view is another ledger: the digests compare something."""
    assert len({digest for what, _, digest in matrix.run("compiled") if what.startswith("view")}) == 4


@pytest.mark.parametrize("name", CONDITIONS)
def test_one_digest(matrix: Matrix, name: str) -> None:
    """Hash seeds, compiler, threads, layout, object storage, processor, executors and chunks: one digest."""
    assert digest_of(matrix.run(name)) == digest_of(matrix.run("compiled"))


def test_the_whole_matrix(matrix: Matrix) -> None:
    """Everything that was run, under every condition and by every route, in one number."""
    said = [line for name in CONDITIONS for line in matrix.run(name)]
    digest = digest_of(said)
    print(f"{len(CONDITIONS)} conditions, {len(said)} combinations, 1 digest: {digest}")
    assert len(said) > 60
