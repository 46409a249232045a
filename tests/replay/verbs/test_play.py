"""`gametape play` as a program."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from watching import on_tape, wait_for

from recorder.envelope import Kind
from recorder.tape.fsck import verify_tape
from replay.synth.night import plan_night, write_night

GAMETAPE = [sys.executable, "-m", "replay.cli"]
ROOT = Path(__file__).resolve().parents[3]


ENV = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
POLLED = ("espn.nba", "nba.scoreboard", "gamma.markets", "polymarket.book")
EVERYBODY = {("polymarket.market", Kind.FRAME), *((feed, Kind.BODY) for feed in POLLED)}


def _heard(tape: Path) -> set[tuple[str, Kind]]:
    return {(one.feed, one.kind) for one in on_tape(tape)}


def _run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GAMETAPE, *words], cwd=cwd, env=ENV, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tapes") / "night"
    write_night(path, plan_night(3, 1, "2026-01-15", 500))
    return path


def test_a_served_tape_is_recorded_like_any_night(tape: Path, tmp_path: Path) -> None:
    """The ready line says where; `record --upstream` takes everything from there; SIGTERM ends it with 0."""
    words = ["play", str(tape), "--serve", "--port", "0", "--rate", "60", "--start-offset", "30m"]
    again = tmp_path / "again"
    with subprocess.Popen([*GAMETAPE, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        try:
            ready = json.loads(server.stdout.readline())
            assert list(ready) == ["schema", "url", "tape", "rate", "first_ns", "last_ns"]
            assert (ready["schema"], ready["tape"], ready["rate"]) == ("gametape.play/1", "night", 60.0)
            record = ("record", "--upstream", ready["url"], "--tape", "./again", "--poll-live", "200ms")
            with subprocess.Popen([*GAMETAPE, *record], cwd=tmp_path, env=ENV, stdout=subprocess.DEVNULL) as recorder:
                try:
                    wait_for(lambda: recorder.poll() is not None or _heard(again) >= EVERYBODY)
                finally:
                    recorder.send_signal(signal.SIGINT)
                assert recorder.wait(120) == 0
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(120) == 0
    assert verify_tape(again).ok
    assert _heard(again) >= EVERYBODY


def test_it_ends_after_the_tape_and_its_grace(tape: Path) -> None:
    """When the tape is over and the grace has passed, the program ends by itself with 0."""
    words = ["play", str(tape), "--rate", "1e6", "--grace", "0s"]
    with subprocess.Popen([*GAMETAPE, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        with urlopen(f"{url}/sports") as answer:
            assert answer.status == 200
        assert server.wait(120) == 0


def test_damage_ends_it_with_five(tape: Path, tmp_path: Path) -> None:
    """Where the tape is damaged the playing ends, with exit code 5, rather than skip what cannot be read."""
    damaged = tmp_path / "damaged"
    shutil.copytree(tape, damaged)
    (segment,) = (damaged / "hot").iterdir()
    data = bytearray(segment.read_bytes())
    data[len(data) * 2 // 3] ^= 1
    segment.write_bytes(data)
    words = ["play", str(damaged), "--rate", "1e6"]
    with subprocess.Popen([*GAMETAPE, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        if line := server.stdout.readline():
            with urlopen(json.loads(line)["url"] + "/sports") as answer:
                assert answer.status == 200
        assert server.wait(120) == 5
        assert b"damaged" in server.stderr.read()


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere",),
        ("--rate", "0"),
        ("--view", "--serve"),
        ("--rate", "nan"),
        ("--start-offset", "99h"),
        ("--start-offset", "soon"),
        ("--port", "70000"),
    ],
)
def test_what_cannot_be_played_is_a_usage_error(tape: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A tape that is not there, a senseless rate, an offset beyond the end: exit 2, nothing on stdout, a reason."""
    done = _run("play", *(words if words == ("nowhere",) else (str(tape), *words)), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_a_view_is_a_page_on_this_machine(tape: Path) -> None:
    """The ready line says where; the page and the games are there; SIGTERM ends it with 0; no other host is served."""
    words = ["play", str(tape), "--view"]
    with subprocess.Popen([*GAMETAPE, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        try:
            ready = json.loads(server.stdout.readline())
            assert (ready["schema"], ready["tape"]) == ("gametape.view/1", "night")
            with urlopen(f"{ready['url']}/") as answer:
                assert b"/static/js/main.js" in answer.read()
            with urlopen(f"{ready['url']}/v1/games") as answer:
                assert json.load(answer)["tape"]["name"] == "night"
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(120) == 0
    refused = _run("play", str(tape), "--view", "--host", "0.0.0.0", cwd=ROOT)
    assert refused.returncode == 2
    assert "this machine only" in refused.stderr
