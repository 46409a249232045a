"""A machine without a way out: what needs no network works there, and what needs one says so."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from little_upstream import little_upstream

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
LISTENING = "0A"
CAN_ISOLATE = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a network namespace with nothing but loopback saw: exit codes, and all of its sockets while it served."""
    if not CAN_ISOLATE:
        pytest.skip("needs root, unshare and ip to take the network away")
    folder = tmp_path_factory.mktemp("no_route")
    inside = f"ip link set lo up 2>/dev/null || exit 77; exec {sys.executable} {__file__} {folder}"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", inside], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("no network namespace is allowed here")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_there_is_no_way_out(seen) -> None:
    """The check of the checks: another address cannot even be tried there."""
    assert seen["route"] == "Network is unreachable"


@pytest.mark.parametrize("verb", ["replay", "sweep", "report"])
def test_what_works_on_files_asks_nobody(seen, verb) -> None:
    """Replaying, sweeping and reporting end well without a network."""
    assert seen["exits"][verb] == 0, seen["said"][verb]


def test_a_night_is_served_from_an_upstream_on_loopback(seen) -> None:
    """`live --serve` records, answers, and ends well where only loopback is."""
    assert seen["exits"]["live"] == 0, seen["said"]["live"]
    assert seen["health"] in {"ok", "degraded"}
    assert seen["page"] == 200


def test_every_socket_is_of_loopback(seen) -> None:
    """The whole inventory of the namespace: listeners and connections of any kind, none beyond this machine."""
    listeners = [where for where, state in seen["sockets"] if state == LISTENING]
    assert f"127.0.0.1:{seen['port']}" in listeners
    assert [where for where, _ in seen["sockets"] if not _is_loopback(where)] == []


def test_a_recording_that_reaches_nobody_exits_8(seen) -> None:
    """No source was heard, and that is what the exit code says, soon and without a trace."""
    assert seen["exits"]["record"] == 8
    assert "Traceback" not in seen["said"]["record"]


def _is_loopback(where: str) -> bool:
    return ipaddress.ip_address(where.rpartition(":")[0]).is_loopback


# Inside the namespace ------------------------------------------------------------------------------------------------


def main(folder: Path) -> dict:
    """Do all of it, and return what was seen."""
    os.chdir(folder)
    exits, said = {}, {}
    words = {
        "replay": [str(SAMPLE), "--min-edge", "4"],
        "sweep": [str(SAMPLE), "--min-edge", "4", "--recheck", "0", "--executor", "serial", "--out", "run"],
        "report": ["run"],
        "record": ["--league", "nba", "--for", "1s"],
    }
    for verb, more in words.items():
        done = subprocess.run(_gametape(verb, *more), capture_output=True, text=True, check=False)
        exits[verb], said[verb] = done.returncode, done.stderr
    with little_upstream() as upstream, _serving(upstream) as (process, port, lines):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/v1/health")
        health = json.loads(connection.getresponse().read())["status"]
        connection.request("GET", "/")
        page = connection.getresponse().status
        sockets = list(_sockets())
        connection.close()
        process.send_signal(signal.SIGINT)
        said["live"] = "".join(lines) + process.communicate(timeout=120)[1]
        exits["live"] = process.returncode
    return {
        "route": _route(),
        "exits": exits,
        "said": said,
        "port": port,
        "health": health,
        "page": page,
        "sockets": sockets,
    }


def _gametape(*words: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from replay.cli import main; sys.exit(main())", *words]


@contextlib.contextmanager
def _serving(upstream: str) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    words = _gametape("live", "--league", "nba", "--upstream", upstream, "--serve", "--port", "0", "--tape", "served")
    lines: list[str] = []
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                lines.append(line)
                if found := re.search(r"serving http://127\.0\.0\.1:(\d+)/", line):
                    yield process, int(found[1]), lines
                    return
            raise AssertionError("".join(lines))
        finally:
            process.kill()


def _sockets() -> Iterator[tuple[str, str]]:
    """Give local and remote addresses of all sockets, with their states, from what the kernel says of the namespace."""
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        path = Path("/proc/net", table)
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, local, remote, state, *_ = line.split()
            yield _address(local), state
            if not remote.endswith(":0000"):
                yield _address(remote), state


def _address(text: str) -> str:
    """Decode the kernel's hexadecimal, 32 bits at a time in the machine's order."""
    digits, _, port = text.partition(":")
    words = [int(digits[k : k + 8], 16).to_bytes(4, sys.byteorder) for k in range(0, len(digits), 8)]
    return f"{ipaddress.ip_address(b''.join(words))}:{int(port, 16)}"


def _route() -> str:
    import socket

    with socket.socket() as peer:
        peer.settimeout(5)
        try:
            peer.connect(("192.0.2.1", 443))
        except OSError as error:
            return str(error.strerror)
    return "there is one"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
