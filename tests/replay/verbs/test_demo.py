"""The demo tells the whole story with the program's own verbs, and touches nothing but its folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from recorder.errors import Exit
from replay.cli import run


def test_a_folder_with_somebody_s_files_is_left_alone(tmp_path, capsys):
    """A folder that holds anything but an earlier demo is refused and keeps what it has."""
    (tmp_path / "thesis.txt").write_text("four years of work")
    assert run(["demo", "--out", str(tmp_path), "--sample", str(tmp_path)]) == Exit.USAGE
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert "not an earlier demo" in capsys.readouterr().err


def test_a_missing_sample_is_a_usage_error(tmp_path, capsys):
    """Without a tape to play, the error says how to make one."""
    assert run(["demo", "--out", str(tmp_path / "out"), "--sample", str(tmp_path / "none")]) == Exit.USAGE
    assert "gametape synth" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_tape_that_cannot_be_played_stops_the_demo(tmp_path, capsys):
    """Where the first step fails, the demo fails, and says which step it was; an earlier demo's folder is used anew."""
    out, junk = tmp_path / "out", tmp_path / "junk"
    junk.mkdir()
    assert run(["demo", "--out", str(out), "--sample", str(junk)]) == Exit.UPSTREAM
    assert "gametape play" in capsys.readouterr().err
    (out / "earlier.html").touch()
    assert run(["demo", "--out", str(out), "--sample", str(junk)]) == Exit.UPSTREAM
    assert not (out / "earlier.html").exists()


@pytest.mark.slow
def test_the_whole_story(tmp_path):
    """Served, recorded, verified, sealed, replayed, swept and drawn: every step exits 0 and leaves what it says."""
    out = tmp_path / "out"
    words = [sys.executable, "-m", "replay.cli", "demo", "--out", str(out), "--for", "4s"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done in" in done.stdout
    assert (out / "tapes/tonight/tape.json").is_file()
    pages = list(out.rglob("*.html"))
    assert len(pages) == 1
    assert b"http://" not in pages[0].read_bytes().replace(b"http://www.w3.org/", b"")
