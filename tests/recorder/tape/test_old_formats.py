"""Tapes of every format that was ever written still open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape

OLD = Path(__file__).resolve().parents[2] / "fixtures" / "format-1"
DIGEST = "9d46a3382bc679f3d618f019198a7bf8b5ebee5e9cc1803ade0e89a66a76cd29"


@pytest.fixture
def old(tmp_path):
    """A simulated tape of format 1: two sealed segments and a hot one."""
    return Path(shutil.copytree(OLD, tmp_path / "format-1"))


def test_format_1_reads_as_when_it_was_written(old):
    """Its digest is the one that the program of its time gave, and every byte of it is sound."""
    tape = open_tape(old)
    assert (tape.digest(), len(tape), len(list(tape.read()))) == (DIGEST, 69, 69)
    assert verify_tape(old, deep=True).ok


def test_format_1_is_gone_on_with(old):
    """Sealing what is hot adds a segment of today's form beside those of format 1, and no envelope changes."""
    before = list(open_tape(old).read())
    assert seal_tape(old).segments == 1
    after = open_tape(old)
    assert (after.digest(), list(after.read())) == (DIGEST, before)
    assert verify_tape(old, deep=True).ok
