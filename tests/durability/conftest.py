from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tell(capsys) -> Callable[[str], None]:
    """Say the figures of a proof, whether or not anybody captures the output of tests."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return say


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: these proofs ask nothing of a disk, and a thousand syncs take a minute."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
