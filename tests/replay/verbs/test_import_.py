"""`gametape import`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from foreign_files import actions_file, frames_file, quotes_file, summary_file

from recorder.errors import UsageError
from recorder.tape.reader import open_tape
from replay.verbs.import_ import KINDS, import_


def run(*words: object) -> Result:
    return CliRunner().invoke(import_, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "market": frames_file(tmp_path / "frames.jsonl"),
        "quotes": quotes_file(tmp_path / "q.parquet"),
        "espn": summary_file(tmp_path / "game.json"),
        "nba": actions_file(tmp_path / "pbp.json"),
    }


def test_everything_at_once(files: dict[str, Path], tmp_path: Path) -> None:
    """All kinds in one tape; the words and the JSON say what it is and what it cannot answer."""
    words = [word for kind in KINDS for word in (kind, files[kind])]
    games = ("--game", "9+0022500001=aways-homes", "--assume-size", "50", "--begin", "market=2026-01-16T00:05")
    told = run(*words, *games, "--out", tmp_path / "a")
    assert told.exit_code == 0
    assert all(f"  {path.name}: " in told.stdout for path in files.values())
    assert "cannot answer depth: an order finds no more than stands at the touch" in told.stdout
    facts = json.loads(run(*words, *games, "--out", tmp_path / "b", "--json").stdout)
    assert (facts["schema"], facts["digest"]) == ("gametape.import/1", open_tape(tmp_path / "b").digest())
    assert [one["kind"] for one in facts["files"]] == list(KINDS)
    assert [one["id"] for one in facts["plan"]["games"][0]["refs"]] == ["9", "0022500001"]
    assert open_tape(tmp_path / "a").digest() == facts["digest"]


def test_a_plan_from_a_file(files: dict[str, Path], tmp_path: Path) -> None:
    """--plan says the same as --game; both at once are wrong usage."""
    first = json.loads(run("espn", files["espn"], "--game", "9=H,A", "--out", tmp_path / "a", "--json").stdout)
    (tmp_path / "plan.json").write_text(json.dumps(first["plan"]))
    again = run("espn", files["espn"], "--plan", tmp_path / "plan.json", "--out", tmp_path / "b", "--json")
    assert json.loads(again.stdout)["digest"] == first["digest"]
    both = ("--plan", tmp_path / "plan.json", "--game", "9=H,A")
    assert run("espn", files["espn"], *both, "--out", tmp_path / "c").exit_code == 2


def test_without_a_market_it_says_what_there_is(files: dict[str, Path], tmp_path: Path) -> None:
    """Games and tokens that a --game could name."""
    told = run("market", files["market"], "espn", files["espn"], "--out", tmp_path / "a")
    assert "9 (Aways at Homes)" in told.stderr
    assert "home-token" in told.stderr


@pytest.mark.parametrize(
    "words",
    [("q.parquet",), ("espn",), ("espn", "--poll", "0"), ("market", "espn", "game.json")],
)
def test_wrong_usage(files: dict[str, Path], tmp_path: Path, words: tuple[str, ...]) -> None:
    """A file without its kind, a kind without a file, polls without end."""
    del files
    given = [tmp_path / word if "." in word else word for word in words]
    assert run(*given, *([tmp_path / "game.json"] if "--poll" in words else []), "--out", tmp_path / "x").exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--begin", "sometime"),
        ("--begin", "espn=sometime"),
        ("--assume-size", "-5"),
        ("--columns", "ts"),
        ("--zone", "Nowhere"),
        ("--game", "8=aways-homes"),
    ],
)
def test_what_is_refused(files: dict[str, Path], tmp_path: Path, words: tuple[str, ...]) -> None:
    """Each with its own words, and no tape is left."""
    with pytest.raises(UsageError):
        run(
            "quotes", files["quotes"], "espn", files["espn"], "--game", "9=aways-homes", *words, "--out", tmp_path / "x"
        )
    assert not (tmp_path / "x").exists()
