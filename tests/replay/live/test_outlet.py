"""The outlet process, and what the recording process leaves with it."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal as signals
import socket
import stat
import threading
from pathlib import Path

import pytest
from board_kit import book, game, signal
from relive import EAGER, FAILING, relive
from served import Served, served
from watching import wait_for
from websockets.exceptions import ConnectionClosed

from recorder.clock import SystemClock
from recorder.errors import UsageError
from recorder.tape.reader import open_tape
from replay.live.decisions import LIVE, LiveConfig
from replay.live.outlet import Outlet, OutletPlan, listen, listen_at, names_of


def test_the_newest_of_a_game_or_a_book_is_enough() -> None:
    """A hundred thousand changes that nobody takes leave one book and one game to tell; signals all wait."""
    outlet = Outlet(OutletPlan(), health=lambda _: [], on_sent=lambda *_: None, say=print)
    for k in range(100_000):
        outlet.tell(k, (book(seen_ns=k), game(home_score=k), signal(k)) if k % 100 == 0 else (book(seen_ns=k),))
    assert (len(outlet._books), len(outlet._games), len(outlet._signals)) == (1, 1, 1_000)
    assert outlet._books["nba:1-H"].seen_ns == 99_999
    outlet.close()


def test_signals_that_must_make_way_are_counted() -> None:
    """The oldest goes; how many went is told with the next batch and is a reason to be degraded."""
    with served() as site:
        for seq in range(5):
            site.outlet.tell(seq, [])
        with site.outlet._lock:
            site.outlet._lost = 3
        site.tell(signal(9))
        wait_for(lambda: site.json("/v1/signals")["signals"])
        assert b"gametape_signals_lost_total 3.0" in site.get("/metrics")[2]


def test_what_is_simulated_is_told_as_simulated_everywhere() -> None:
    """The tape's label stands in every answer about games, signals and health, and in what the socket tells."""
    with served([game(), signal(1)], label="simulated") as site:
        wait_for(lambda: site.json("/v1/signals")["signals"])
        assert {site.json(path)["label"] for path in ("/v1/games", "/v1/signals", "/v1/health")} == {"simulated"}
        with site.socket() as socket:
            socket.send(json.dumps({"subscribe": {"games": None, "leagues": None, "types": None}}))
            assert json.loads(socket.recv(120))["label"] == "simulated"
            site.tell(signal(2))
            told = (json.loads(socket.recv(120)) for _ in range(100))
            assert next(one for one in told if one["type"] == "signal")["label"] == "simulated"


def test_an_outlet_that_dies_is_said_and_nothing_else() -> None:
    """Killed from outside: one line says so, and what is told afterwards disturbs nobody."""
    with served([game()]) as site:
        os.kill(site.outlet._process.pid, signals.SIGKILL)
        site.outlet._process.wait()
        site.tell(game())
        site.outlet._thread.join(120)
        assert "recording goes on" in site.said[0]
        site.tell(signal(1))


def test_a_signal_waits_for_no_thread() -> None:
    """Whoever tells a signal sends it, unless the outlet's thread is writing at that moment."""
    senders = set()
    outlet = Outlet(OutletPlan(), health=lambda _: [], on_sent=lambda *_: senders.add(threading.get_ident()), say=print)
    outlet.start(SystemClock(), "")
    numbers = itertools.count()
    wait_for(lambda: outlet.tell(seq := next(numbers), [signal(seq)]) or threading.get_ident() in senders)
    outlet.close()


def test_a_link_that_is_full_holds_up_nobody_and_loses_nothing() -> None:
    """While the outlet process stands still, signals are told all the same; it is given all of them, in their order."""
    with served([game()]) as site:
        process = site.outlet._process.pid
        os.kill(process, signals.SIGSTOP)
        try:
            for seq in range(60):
                site.tell(signal(seq, team="x" * 40_000))
        finally:
            os.kill(process, signals.SIGCONT)
        wait_for(lambda: len(site.json("/v1/signals")["signals"]) == 60)
        assert [one["seq"] for one in site.json("/v1/signals")["signals"]] == list(range(60))


def test_what_a_dead_outlet_is_told_is_bounded() -> None:
    """What cannot be sent is encoded once; the rest waits where the oldest makes way."""
    with served([game()]) as site:
        os.kill(site.outlet._process.pid, signals.SIGKILL)
        wait_for(lambda: site.tell(game()) or not site.outlet._thread.is_alive())
        for seq in range(50):
            site.tell(signal(seq, team="x" * 40_000))
        assert len(site.outlet._unsent) < 100_000
        assert len(site.outlet._signals) >= 49


def test_ctrl_c_is_for_the_recorder() -> None:
    """The outlet process stays when the terminal interrupts; it ends with its link."""
    with served([game()]) as site:
        os.kill(site.outlet._process.pid, signals.SIGINT)
        assert site.get("/v1/health")[0] == 200
        process = site.outlet._process
    assert process.returncode == 0


def test_loopback_is_both_addresses_and_has_three_names() -> None:
    """127.0.0.1, ::1 where the machine has it, and localhost, all with the port."""
    listeners = listen("localhost", 0, is_exposed=False, has_token=False)
    port = listeners[0].getsockname()[1]
    assert {f"127.0.0.1:{port}", f"localhost:{port}"} <= names_of(listeners)
    with pytest.raises(UsageError, match="cannot listen"):
        listen("127.0.0.1", port, is_exposed=False, has_token=False)
    for listener in listeners:
        listener.close()


class _ByFile(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _asked(path: Path, host: str) -> int:
    with contextlib.closing(_ByFile(path)) as connection:
        connection.request("GET", "/v1/games", headers={"host": host})
        return connection.getresponse().status


def test_a_socket_in_a_file_is_its_owners(tmp_path) -> None:
    """Mode 0600, answers to `localhost` alone, has no port, and is taken from nobody who serves it."""
    path = tmp_path / "live.sock"
    at = (listen_at(path),)
    plan = OutletPlan(listeners=at, names=names_of(at))
    outlet = Outlet(plan, health=lambda _: [], on_sent=lambda *_: None, say=print)
    outlet.start(SystemClock(), "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _asked(path, "localhost") == 200
    assert {_asked(path, host) for host in ("localhost:80", "127.0.0.1", "evil.example", "")} == {400}
    with pytest.raises(UsageError, match="cannot listen at") as refused:
        listen_at(path)
    assert "somebody serves it" in str(refused.value.why)
    outlet.close()
    with listen_at(path):
        assert path.is_socket()


def test_a_file_that_is_no_socket_stays(tmp_path) -> None:
    """What else lies at the path is not removed, and it is said that nothing can be served there."""
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(UsageError, match="cannot listen at"):
        listen_at(path)
    with pytest.raises(UsageError, match="cannot listen at"):
        listen_at(tmp_path / ("x" * 200))
    assert path.read_text() == "mine"


def test_an_exposed_address_has_its_own_name() -> None:
    """Reached by an address of this machine, that address is a name of ours; another one is not."""
    listeners = listen("0.0.0.0", 0, is_exposed=True, has_token=True)
    port, token = listeners[0].getsockname()[1], "t" * 43
    with served([game()], listeners=listeners, names=frozenset(), is_exposed=True, token=token, port=port) as site:
        assert site.get("/v1/games", authorization=f"Bearer {token}")[0] == 200
        assert site.get("/v1/games", authorization=f"Bearer {token}", host=f"evil.example:{port}")[0] == 400
        assert site.get("/v1/games")[0] == 401


def test_a_live_night_is_served_and_told(night, tmp_path) -> None:
    """A recorded night lived through with an outlet: decisions on the tape are the signals that were printed."""
    out = tmp_path / "out"
    saved = os.dup(1)
    with out.open("wb") as file:
        os.dup2(file.fileno(), 1)
    try:
        tape = relive(night.read(), tmp_path / "live", EAGER, plan=OutletPlan(ndjson=True))
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    told = [json.loads(line) for line in out.read_text().splitlines()]
    decided = [json.loads(one.payload) for one in open_tape(tape.path).read(feeds=(LIVE,))]
    spoken = [one for one in told if one["type"] == "signal"]
    assert [(one["token_id"], one["edge_u6"]) for one in spoken] == [
        (one["token_id"], one["edge_u6"]) for one in decided
    ]
    assert len(spoken) > 10
    assert max(one["n"] for one in told if one["type"] == "pattern") == 18
    latency = json.loads((tmp_path / "live.latency.json").read_text())["stages"]
    assert {"decoded", "inferred", "edge", "emitted"} <= set(latency)


def test_an_engine_that_is_cut_degrades_the_api_and_not_the_recording(night, tmp_path) -> None:
    """While the recording goes on, health says degraded and why, and no game is shown as live."""
    path = tmp_path / "failing.py"
    path.write_text(FAILING)
    listeners = listen("127.0.0.1", 0, is_exposed=False, has_token=False)
    site = Served(None, listeners[0].getsockname()[1], [])
    plan = OutletPlan(listeners=listeners, names=names_of(listeners))
    seen = []

    def look() -> None:
        wait_for(lambda: "cut" in (seen.append(site.json("/v1/health")) or seen[-1]["engine"]))
        seen.append(site.json("/v1/games"))

    config = LiveConfig(strategy=f"{path}:Failing", setting=EAGER.setting)
    tape = relive(night.read(), tmp_path / "live", config, plan=plan, before_end=look)
    health, games = seen[-2:]
    assert health["status"] == "degraded"
    assert "the engine is cut off, recording goes on: ZeroDivisionError: out of ideas" in health["reasons"]
    assert [(one["is_stale"], one["why"]) for one in games["games"]] == [(True, "the engine has ended")]
    assert len(open_tape(tape.path)) > len(night)


def test_everybody_is_told_when_it_is_over() -> None:
    """When the link ends, streams end and sockets are closed with 1001 and the last seq; the process leaves quietly."""
    with contextlib.ExitStack() as clients:
        with served([game(), signal(3)]) as site:
            stream = clients.enter_context(site.stream(last_event_id="0.0"))
            client = clients.enter_context(site.socket())
            client.send('{"subscribe": {"types": []}}')
            assert json.loads(client.recv(120))["type"] == "snapshot"
            process = site.outlet._process
        assert b"id: 3.0" in stream.read()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(120)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "the recording is over; last seq 1")
    assert process.returncode == 0
