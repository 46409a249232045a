"""The verb report: a page beside the run, or the reason why not."""

from __future__ import annotations

import pytest

from recorder.errors import Exit
from replay.cli import run


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A small sweep of the sample tape, made by the verb."""
    from pathlib import Path

    sample = Path(__file__).resolve().parents[3] / "data" / "sample"
    folder = tmp_path_factory.mktemp("runs") / "small"
    words = ["sweep", str(sample), "--min-edge", "4,8", "--recheck", "0", "--out", str(folder)]
    assert run(words) == Exit.OK
    return folder


def test_the_page_lies_beside_the_run(run_folder, capsys):
    """Without --out the page is RUN/report.html, its path the only word on stdout."""
    assert run(["report", str(run_folder)]) == Exit.OK
    assert capsys.readouterr().out == f"{run_folder / 'report.html'}\n"
    text = (run_folder / "report.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "polls as recorded" in text


def test_the_folder_one_is_in_is_the_run(run_folder, tmp_path, monkeypatch):
    """RUN may be left out, and --out makes the folders it needs."""
    monkeypatch.chdir(run_folder)
    assert run(["report", "--out", str(tmp_path / "a/b/page.html")]) == Exit.OK
    assert (tmp_path / "a/b/page.html").is_file()


def test_no_run_exits_2_and_says_what_makes_one(tmp_path, capsys):
    """A folder without a sweep is a wrong argument."""
    assert run(["report", str(tmp_path)]) == Exit.USAGE
    assert "gametape sweep" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_run_exits_5_and_writes_nothing(run_folder, tmp_path, capsys):
    """A page is made of a whole run or not at all."""
    import shutil

    copy = shutil.copytree(run_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("report.html"))
    (copy / "games.parquet").write_bytes(b"PAR1")
    assert run(["report", str(copy)]) == Exit.CORRUPT
    assert "games.parquet" in capsys.readouterr().err
    assert not (copy / "report.html").exists()


def test_a_page_that_no_folder_can_hold_is_refused(run_folder, tmp_path, capsys):
    """A file where a folder should be is a wrong name: nothing is drawn, and nothing is in its place."""
    (tmp_path / "file").write_text("")
    assert run(["report", str(run_folder), "--out", str(tmp_path / "file/page.html")]) == Exit.USAGE
    assert "can be no folder" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == ""
