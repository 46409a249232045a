"""The program's own goldens: what it decides on the sample night has not moved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_no_decision_has_moved(compiled, tmp_path) -> None:
    """`golden check` passes on every golden of this folder, compiled and interpreted, whatever the hash seed."""
    env = os.environ | {
        "NUMBA_DISABLE_JIT": "0" if compiled else "1",
        "GAMETAPE_CACHE_DIR": str(tmp_path),
        "PYTHONHASHSEED": "7",
    }
    done = subprocess.run(
        [sys.executable, "-m", "replay.cli", "golden", "check", "--json"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["ok"]) == (0, True), done.stdout
    assert {Path(one["golden"]).name for one in facts["goldens"]} == {"sample.json", "sample-slow.json"}
