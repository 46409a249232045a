"""Changes planted in a copy of the program: the golden catches each and names the right decision."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from recorder.tape.reader import open_tape
from replay.backtest import replay_film
from replay.film import open_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
RECIPE = ("--poll", "5", "--exit-edge", "0")
SETTING = Setting(view=View(poll_ms=5_000), exit_edge_u6=0)
BOTH = """
import sys
from replay.cli import run
words = sys.argv[1].split()
assert run(["replay", *words, "--out", sys.argv[2]]) == 0
print()
sys.exit(run(["golden", *sys.argv[3:]]))
"""

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
    "an order takes more than it asked for": (
        "replay/core/fills.py",
        "part = min(left, size_u6 - filled)",
        "part = min(left, size_u6)",
    ),
    "the away token is looked at first": (
        "strategies/fusion.py",
        "for side in range(2):\n        token = market.tokens_of[game, side]",
        "for side in range(1, -1, -1):\n        token = market.tokens_of[game, side]",
    ),
    "the venue's delay is left out": ("strategies/policy.py", "_ORDER_DELAY, cell] + venue_ns", "_ORDER_DELAY, cell]"),
    "a correction of the score is not believed": (
        "replay/core/state/game.py",
        "    elif news and differs and fell and (ahead or reset):\n        verdict = CORRECTED",
        "    elif news and differs and fell and (ahead or reset):\n        verdict = STALE",
    ),
    "the home side is worth what the away side is": (
        "strategies/fusion.py",
        "return int(_DOLLAR_U6 - home)",
        "return int(home)",
    ),
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

    def run(self, replayed: str, out: Path, *words: str) -> tuple[int, str, str]:
        """Replay and then run a golden verb, in one process; return exit code, last line and stderr of the latter."""
        done = subprocess.run(
            [sys.executable, "-c", BOTH, replayed, str(out), *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout.rpartition("\n\n")[2], done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@dataclass(frozen=True)
class Made:
    """What is asked, its golden by the program as it is, and its orders by another way."""

    asked: str
    golden: Path
    orders: pl.DataFrame


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Made:
    """
    The golden of the program as it is, on the sample night.

    The threshold is one that an evaluation meets to the millionth, so that `>=` and `>` are not the same.
    """
    film = open_film(open_tape(SAMPLE), cache / "film")
    ideas = load_strategy("fusion"), load_model("brownian")

    def decided(min_edge_u6: int) -> bytes:
        return replay_film(film, *ideas, replace(SETTING, min_edge_u6=min_edge_u6)).orders[:, :5].tobytes()

    edges = sorted(set(replay_film(film, *ideas, replace(SETTING, min_edge_u6=5_000)).orders[:, 9].tolist()))
    exact = next(edge for edge in edges if edge >= 5_000 and edge % 100 == 0 and decided(edge) != decided(edge + 1))
    folder = tmp_path_factory.mktemp("as-it-is")
    golden, asked = folder / "golden.json", (str(SAMPLE), "--min-edge", f"{exact / 10_000:g}", *RECIPE)
    words = ("update", *asked, "--out", str(golden), "--reason", "as it is")
    code, _, told = Copy(folder, cache).run(" ".join(asked), folder / "out", *words)
    assert code == 0, told
    return Made(" ".join(asked), golden, pl.read_parquet(folder / "out" / "orders.parquet"))


def first_difference(before: pl.DataFrame, after: pl.DataFrame) -> int | None:
    """Where two tables of orders part, found from the tables alone."""
    rows = zip(before.iter_rows(), after.iter_rows(), strict=False)
    at = next((k for k, (one, other) in enumerate(rows) if one != other), None)
    return at if at is not None or len(before) == len(after) else min(len(before), len(after))


def test_the_program_as_it_is_passes(made: Made, tmp_path: Path, cache: Path) -> None:
    """Nothing planted, nothing found."""
    code, _, told = Copy(tmp_path / "copy", cache).run(
        made.asked, tmp_path / "out", "check", str(made.golden), "--json"
    )
    assert (code, "error" in told) == (0, False)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_change_is_caught_and_the_right_decision_named(
    made: Made, name: str, tmp_path: Path, cache: Path
) -> None:
    """Exit code 4, and the decision that is named is the first at which the orders of the two programs part."""
    copy = Copy(tmp_path / "copy", cache)
    file, old, new = PLANTED[name]
    text = (copy.folder / file).read_text()
    assert text.count(old) == 1, f"{file} no longer says {old!r}"
    (copy.folder / file).write_text(text.replace(old, new))
    code, line, told = copy.run(made.asked, tmp_path / "out", "check", str(made.golden), "--json")
    assert code == 4, told
    before, after = made.orders, pl.read_parquet(tmp_path / "out" / "orders.parquet")
    (verdict,) = json.loads(line)["goldens"][0]["tapes"]
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
