"""`gametape top` beside a recorder, after it, and at a terminal's end."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.clock import SystemClock
from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import UsageError
from recorder.operate import alerts
from recorder.operate.watch import Watch
from recorder.tape.writer import TapeWriter
from replay.verbs.top import top

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"


def run(*words: object) -> Result:
    return CliRunner().invoke(top, [str(word) for word in words], catch_exceptions=False)


@contextmanager
def recording(path: Path, *, is_open: bool = True) -> Iterator[TapeWriter]:
    """A tape that this process holds open, its socket open (or just closed) and a frame of now on it."""
    clock = SystemClock()
    kinds = [Kind.OPENED, Kind.FRAME, *([] if is_open else [Kind.CLOSED])]
    meta = encode_meta({"code": 1006, "reason": "reset", "side": "them"})
    with TapeWriter.create(path, created_ns=1) as writer:
        for seq, kind in enumerate(kinds):
            told = meta if kind is Kind.CLOSED else b""
            writer.append(Envelope(seq, clock.now_ns(), "polymarket.market", 1, kind, told, b"{}"))
        writer.commit()
        yield writer


def test_a_dead_tape_is_told_as_such() -> None:
    """After the night: the verdict says that nobody records, the final scores stand there, and the exit code is 1."""
    done = run(SAMPLE, "--once")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[1].startswith("recorder is not running; last event ")
    scores = [line for line in lines if " @ " in line]
    assert scores
    assert all("  final " in line for line in scores)
    assert "LIVE" not in done.stdout


def test_a_good_recording_exits_with_0(tmp_path) -> None:
    """Beside a recorder: one JSON object, the verdict in it, without disturbing the writer."""
    with recording(tmp_path / "a") as writer:
        done = run(tmp_path / "a", "--once", "--json")
        facts = json.loads(done.stdout)
        assert writer.commit() == 1
    assert (done.exit_code, facts["schema"], facts["verdict"]) == (0, "gametape.top/1", "recording is good")
    assert (facts["is_recording"], facts["machine"]["pid"], facts["events"]) == (True, os.getpid(), 2)
    assert [(one["feed"], one["state"]) for one in facts["feeds"]] == [("polymarket.market", "LIVE")]


def test_the_exit_code_is_the_verdict(tmp_path) -> None:
    """A socket that is gone makes a recording lossy: 3; the last so long is enough to see it."""
    with recording(tmp_path / "a", is_open=False):
        assert run(tmp_path / "a", "--once").exit_code == 3
        facts = json.loads(run(tmp_path / "a", "--once", "--last", "0s", "--json").stdout)
    assert facts["events"] == 3
    assert "RECONNECTING" in facts["verdict"]


def test_the_last_minutes_are_the_night(monkeypatch) -> None:
    """Beginning near the end, games, scores, feeds and the hours that the disk lasts are those of the whole night."""
    read = []
    usual = Watch.__call__
    monkeypatch.setattr(Watch, "__call__", lambda watch, envelope: read.append(envelope.seq) or usual(watch, envelope))
    whole = json.loads(run(SAMPLE, "--once", "--whole", "--json").stdout)
    assert read == list(range(whole["events"]))
    read.clear()
    last = json.loads(run(SAMPLE, "--once", "--last", "5m", "--json").stdout)
    assert len(read) < whole["events"] / 2
    for same in ("events", "seconds", "reasons", "is_recording", "unmatched"):
        assert last[same] == whole[same]
    for table, key in (("games", ("game_id", "score", "away", "home")), ("feeds", ("feed", "state"))):
        assert [[one[name] for name in key] for one in last[table]] == [
            [one[name] for name in key] for one in whole[table]
        ]
    assert last["disk_hours"] == pytest.approx(whole["disk_hours"], rel=0.01)


def test_a_feed_that_fell_silent_long_ago_is_not_forgotten(tmp_path) -> None:
    """What spoke when the recording began and never since is silent, though the last minutes hold nothing of it."""
    now_ns, minute_ns = SystemClock().now_ns(), 60_000_000_000
    with TapeWriter.create(tmp_path / "a", created_ns=1) as writer:
        for seq in range(6_000):
            at_ns = now_ns - (6_000 - seq) * minute_ns // 60
            feed = "polymarket.market" if seq < 100 else "espn.nba"
            kind = Kind.OPENED if not seq else Kind.FRAME if seq < 100 else Kind.BODY
            writer.append(Envelope(seq, at_ns, feed, 1, kind, encode_meta({"status": 200}), b"{}"))
        writer.commit()
        done = run(tmp_path / "a", "--once", "--json")
    states = {one["feed"]: one["state"] for one in json.loads(done.stdout)["feeds"]}
    assert states["espn.nba"] == "LIVE"
    assert states["polymarket.market"].startswith("SILENT ")
    assert done.exit_code == 3


def test_the_tape_that_is_recorded_is_meant(tmp_path, monkeypatch) -> None:
    """Without a name it is the tape being written, else the last one; without any tape it is said so."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no tape"):
        run("--once")
    Path("tapes").mkdir()
    shutil.copytree(SAMPLE, "tapes/z-sample")
    with recording(Path("tapes/a")):
        assert json.loads(run("--once", "--json").stdout)["tape"] == "a"
    os.utime("tapes/a/lock", (1, 1))
    assert json.loads(run("--once", "--json").stdout)["tape"] in {"z-sample", "a"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_ends_it_even_where_the_exception_is_lost(tmp_path) -> None:
    """Ctrl-C that comes while garbage is collected, where nothing can be raised, ends the watch all the same."""
    usual, pressed = signal.getsignal(signal.SIGINT), threading.Semaphore(1)

    def press(phase: str, _facts: dict[str, int]) -> None:
        if phase == "start" and signal.getsignal(signal.SIGINT) is not usual and pressed.acquire(blocking=False):
            signal.raise_signal(signal.SIGINT)

    with recording(tmp_path / "a"):
        gc.callbacks.append(press)
        try:
            done = run(tmp_path / "a", "--every", "100ms")
        finally:
            gc.callbacks.remove(press)
    assert done.exit_code == 0
    assert not pressed.acquire(blocking=False)
    assert signal.getsignal(signal.SIGINT) is usual


def test_alerts_go_to_a_file_and_ctrl_c_is_no_failure(tmp_path, monkeypatch) -> None:
    """A reason that lasts becomes one line of JSON in the file; Ctrl-C ends the watch with 0."""
    monkeypatch.setattr(alerts, "RAISE_NS", 100_000_000)
    news = tmp_path / "alerts.ndjson"
    given_up = threading.Event()

    def interrupt() -> None:
        while not (news.exists() and news.read_text().endswith("\n")) and not given_up.wait(0.02):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    with recording(tmp_path / "a", is_open=False):
        watcher = threading.Thread(target=interrupt)
        watcher.start()
        try:
            done = run(tmp_path / "a", "--every", "100ms", "--alerts", news)
        finally:
            given_up.set()
            watcher.join()
    assert done.exit_code == 0
    (alert,) = [json.loads(line) for line in news.read_text().splitlines()]
    assert (alert["what"], alert["key"]) == ("raised", "feed:polymarket.market")
    assert alert["text"] == "polymarket.market RECONNECTING (reset)"


def test_what_is_acknowledged_does_not_count(tmp_path) -> None:
    """A reason that is known stands apart, the exit code is 0, and the file of alerts says until when."""
    with recording(tmp_path / "a", is_open=False):
        words = ("--once", "--json", "--alerts", tmp_path / "news", "--ack", "feed:polymarket.market=1h")
        done = run(tmp_path / "a", *words)
        over = run(tmp_path / "a", "--once", "--ack", "feed:polymarket.market=0s")
    facts = json.loads(done.stdout)
    assert (done.exit_code, facts["verdict"], facts["reasons"]) == (0, "recording is good", [])
    assert [one["key"] for one in facts["acknowledged"]] == ["feed:polymarket.market"]
    (line,) = (tmp_path / "news").read_text().splitlines()
    assert json.loads(line)["what"] == "acknowledged"
    assert over.exit_code == 3
