"""The race against the peers, tiny, with those that need no environment of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks" / "peers"
CHANGES = 5_000


def run(words: list[str]) -> str:
    environment = {"PYTHONPATH": f"{ROOT}:{PEERS}", "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peers") / "work"
    run(["-c", f"import work; from pathlib import Path; work.make(Path({str(folder)!r}), {CHANGES})"])
    return folder


@pytest.fixture(scope="module")
def said(work: Path) -> dict[str, dict[str, object]]:
    """What each peer of our own environment said, by its case."""
    told: dict[str, dict[str, object]] = {}
    for script in ("ours.py", "ours_stores.py", "asyncio_bot.py", "polars_.py", "duckdb_.py"):
        for line in run([str(PEERS / script), str(work), "1"]).splitlines():
            one = json.loads(line)
            told[f"{one['race']}: {one['case']}"] = one
    return told


def test_work_is_what_it_says(work: Path) -> None:
    """The work has as many changes as were asked for, sixteen books to begin with, and both tapes hold them."""
    told = json.loads((work / "work.json").read_text())
    assert (told["changes"], told["snapshots"] >= 16, len(told["tokens"])) == (CHANGES, True, 16)
    assert (work / "frames.jsonl").read_bytes().count(b"price_changes") == CHANGES


def test_bots_and_the_fold_see_the_same_signals(said: dict[str, dict[str, object]]) -> None:
    """A bot on JSON lines, whatever parses them, comes to the signals and fills of the fold, film and raw alike."""
    names = [
        "replay: gametape, fair values given",
        "replay: gametape, model and P&L too",
        "raw: gametape, hot",
        "raw: gametape, tape",
        "raw: asyncio bot, msgspec",
    ]
    counts = [
        (said[name]["signals"], said[name]["fills"], said[name]["shares"])
        for name in [*names, "raw: asyncio bot, json"]
    ]
    assert counts[0][0] > 0
    assert set(counts) == {counts[0]}


def test_sweeps_count_the_same_signals(said: dict[str, dict[str, object]]) -> None:
    """Over a thousand cells, joins in columns count as many crossings as the stateful cells signal."""
    ours = ("gametape, fair values given", "gametape, polls, P&L, digests")
    counts = [said[f"sweep: {name}"]["signals"] for name in (*ours, "polars join_asof", "DuckDB ASOF JOIN")]
    assert counts[0] > 0
    assert set(counts) == {counts[0]}
    assert len({said[f"sweep: {name}"]["signals_of_view_0"] for name in ours}) == 1


def test_a_page_is_given_the_figures_between_its_marks(said: dict[str, dict[str, object]], tmp_path: Path) -> None:
    """Written once or twice, a page holds the latest figures of every race, and all else as it was."""
    (tmp_path / "cases.json").write_text(json.dumps(list(said.values())))
    page = tmp_path / "page.md"
    mark = "<!-- figures: make bench-peers -->"
    page.write_text(f"before\n{mark}\nold\n{mark}\nbehind\n")
    for head in ("Once.", "Twice."):
        run(
            [
                "-c",
                (
                    "import json, tables; from pathlib import Path;"
                    f"said = json.loads(Path({str(tmp_path / 'cases.json')!r}).read_text());"
                    f"tables.write_figures(Path({str(page)!r}), tables.markdown(said, {head!r}))"
                ),
            ]
        )
    written = page.read_text()
    assert written.startswith(f"before\n{mark}\nTwice.\n")
    assert written.endswith(f"\n{mark}\nbehind\n")
    assert "Once" not in written
    assert {line.split(" | ")[1] for line in written.splitlines() if line.startswith("| sweep | ")} == {
        one["case"] for one in said.values() if one["race"] == "sweep"
    }
    assert "| 60 of 60 noticed, 60 located, 0 wrong in silence" in written


def test_flipped_bits_are_noticed_and_located(said: dict[str, dict[str, object]]) -> None:
    """No flipped bit goes unnoticed in a tape, hot or sealed, and each is told with its place."""
    for layout in ("hot", "sealed"):
        one = said[f"corruption: gametape, {layout}"]
        assert (one["detected"], one["located"], one["silent"]) == (60, 60, 0)
