"""What a verb writes to is looked at before it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.errors import Exit, LockedError, UsageError
from replay.cli import run
from replay.runfolder import held_folder, ready_for_run

SAMPLE = str(Path(__file__).resolve().parents[2] / "data" / "sample")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GAMETAPE_TRIALS_DIR", str(tmp_path / "trials"))
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "run").mkdir()


@pytest.mark.parametrize(
    "words",
    [
        ("replay", SAMPLE, "--out", "file/x"),
        ("sweep", SAMPLE, "--out", "file/x"),
        ("excerpt", SAMPLE, "--around", "10", "--out", "file/x"),
        ("excerpt", SAMPLE, "--around", "10", "--out", "file"),
        ("inject", SAMPLE, "--faults", "drop 5% polls", "--out", "file/x"),
        ("synth", "--games", "1", "--out", "file/x"),
        ("synth", "--games", "1", "--out", "file"),
        ("import", "quotes", "missing.parquet", "--out", "file/x"),
        ("golden", "update", SAMPLE, "--reason", "first", "--out", "file/x.json"),
        ("golden", "check", SAMPLE, "--junit", "file/x.xml"),
        ("golden", "check", SAMPLE, "--markdown", "run/../file/x.md"),
        ("model", "fit", "--games", "missing", "--timeline", "missing", "--out", "file/x"),
        ("demo", "--out", "file/x"),
        ("chaos", "--hours", "0.25", "--tape", "file/x"),
        ("record", "--tape", "file/x", "--for", "1s", "--upstream", "http://127.0.0.1:1"),
    ],
    ids=lambda words: " ".join(words[:2]) if words[0] in {"golden", "model"} else words[0],
)
def test_a_place_that_cannot_be_is_refused_first(capsys, words) -> None:
    """Below a file there is no folder: exit code 2 names it, nothing was decoded, and the file is as it was."""
    assert run(words) == Exit.USAGE
    assert "file" in capsys.readouterr().err
    assert Path("file").read_bytes() == b"mine"
    assert not list(Path("cache").rglob("*.npy"))


def test_a_cache_that_cannot_be_is_refused_first(monkeypatch, capsys) -> None:
    """Before a tape is decoded for it, and the variable that names another is said."""
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", "file/below")
    for verb in ("film", "replay"):
        assert run([verb, SAMPLE]) == Exit.USAGE
        assert "GAMETAPE_CACHE_DIR=/another/folder" in capsys.readouterr().err


def test_a_folder_is_held_by_one(tmp_path) -> None:
    """The second is refused while the first holds it; other folders, and runs without one, are nobody's business."""
    with held_folder(tmp_path / "run"), held_folder(tmp_path / "other"), held_folder(None):
        with pytest.raises(LockedError, match="another sweep"), held_folder(tmp_path / "run"):
            pass
        ready_for_run(tmp_path / "run")
    with held_folder(tmp_path / "run"):
        pass
    with pytest.raises(UsageError), held_folder(tmp_path / "file"):
        pass
