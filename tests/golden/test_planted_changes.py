"""Changes planted in a copy of the program: the golden catches each and names the right decision."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
# A threshold that one evaluation of the sample meets to the millionth, so that `>=` and `>` are not the same.
RECIPE = ("--min-edge", "1.47", "--poll", "5", "--exit-edge", "0")

PLANTED = {
    "a poll sees the answer before": (
        "replay/core/polls.py",
        "seen[count] = state[at]",
        "seen[count] = state[max(at - 1, 0)]",
    ),
    "at the threshold is no longer enough": (
        "strategies/policy.py",
        "edge >= params[_MIN_EDGE",
        "edge > params[_MIN_EDGE",
    ),
    "a stale book is good enough": ("strategies/fusion.py", "sight.fresh[0]):", "sight.fresh[0] * 1_000):"),
    "fees are rounded down": ("replay/core/fills.py", "(scaled + 500_000_000)", "(scaled + 0)"),
    "the away token is looked at first": (
        "strategies/fusion.py",
        "for side in range(2):\n        token = market.tokens_of[game, side]",
        "for side in range(1, -1, -1):\n        token = market.tokens_of[game, side]",
    ),
    "the venue's delay is left out": ("strategies/policy.py", "_ORDER_DELAY, cell] + venue_ns", "_ORDER_DELAY, cell]"),
}


class Copy:
    """The program, copied, and run there without its compiler."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        left_out = {"CI", "GITHUB_STEP_SUMMARY"}
        self.env = {name: value for name, value in os.environ.items() if name not in left_out} | {
            "NUMBA_DISABLE_JIT": "1",
            "GAMETAPE_CACHE_DIR": str(cache),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for package in ("recorder", "replay", "strategies"):
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "replay.cli", *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def orders(self, out: Path) -> pl.DataFrame:
        done = self.run("replay", str(SAMPLE), *RECIPE, "--out", str(out))
        assert done.returncode == 0, done.stderr
        return pl.read_parquet(out / "orders.parquet")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, pl.DataFrame]:
    """The golden of the program as it is, and its orders by another way."""
    folder = tmp_path_factory.mktemp("as-it-is")
    copy = Copy(folder, cache)
    golden = folder / "golden.json"
    done = copy.run("golden", "update", str(SAMPLE), *RECIPE, "--out", str(golden), "--reason", "as it is")
    assert done.returncode == 0, done.stderr
    return golden, copy.orders(folder / "out")


def first_difference(before: pl.DataFrame, after: pl.DataFrame) -> int | None:
    """Where two tables of orders part, found from the tables alone."""
    rows = zip(before.iter_rows(), after.iter_rows(), strict=False)
    at = next((k for k, (one, other) in enumerate(rows) if one != other), None)
    return at if at is not None or len(before) == len(after) else min(len(before), len(after))


def test_the_program_as_it_is_passes(made, tmp_path, cache):
    """Nothing planted, nothing found."""
    done = Copy(tmp_path, cache).run("golden", "check", str(made[0]))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_change_is_caught_and_the_right_decision_named(made, name, tmp_path, cache):
    """Exit code 4, and the decision that is named is the first at which the orders of the two programs part."""
    golden, before = made
    copy = Copy(tmp_path / "copy", cache)
    file, old, new = PLANTED[name]
    text = (copy.folder / file).read_text()
    assert text.count(old) == 1, f"{file} no longer says {old!r}"
    (copy.folder / file).write_text(text.replace(old, new))
    after = copy.orders(tmp_path / "out")
    done = copy.run("golden", "check", str(golden), "--json")
    assert done.returncode == 4, done.stderr
    (verdict,) = json.loads(done.stdout)["goldens"][0]["tapes"]
    at = first_difference(before, after)
    assert at is not None
    named = verdict["decision"]
    assert named["index"] == at
    causes = [table["seq"][at] for table in (before, after) if at < len(table)]
    assert named["seq"] in causes
    assert named["cat"] == f"gametape cat {SAMPLE} --first-seq {named['seq']} --limit 1"
    if named["why"] == "differs":
        then, today = before.row(at, named=True), after.row(at, named=True)
        moved = {key for key in then if then[key] != today[key] and key not in {"cell", "token"}}
        assert moved <= set(named["fields"])
        assert all(named["fields"][key]["golden"] == then[key] for key in moved)
        assert all(named["fields"][key]["now"] == today[key] for key in moved)
    what = ", ".join(named["fields"]) or named["note"]
    print(f"{name}: caught; decision {at}, {named['why']}, seq {named['seq']}, {what}")
