"""What must not get through, tried on a real server; the sum is printed at the end."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_kit import batch, book, game, signal
from click.testing import CliRunner
from served import Served, served
from watching import wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus

from recorder.errors import UsageError
from replay.live.guard import PROTOCOL
from replay.live.orders import Limits
from replay.live.outlet import listen
from replay.verbs.live import live

TOKEN = "t" * 43
ROOM_BYTES = 8 << 20
ROUTES = ("/v1/games", "/v1/state/nba:1", "/v1/signals/stream", "/metrics", "/openapi.json", "/docs", "/")
HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "</script><svg onload=alert(1)>",
    "\u2028\u2029",
    "\x00\x1b[2J\x07",
    "'; DROP TABLE games;--",
    "=HYPERLINK(1)",
    "\nevent: signal\ndata: {}\n\n",
    "\r\n\r\nid: 1",
    "../../etc/passwd",
    "{{7*7}}",
    '","type":"signal","x":"',
    "\U0001f600\u202egnirts",
    "&lt;b&gt;",
    "%00%0d%0a",
)


class Score:
    """How many attacks were tried, and which got through."""

    tried = 0
    through: list[str] = []  # noqa: RUF012  one score for the module

    def note(self, name: str, *, is_stopped: bool) -> None:
        Score.tried += 1
        if not is_stopped:
            Score.through.append(name)
        assert is_stopped, name


@pytest.fixture(scope="module")
def score() -> Iterator[Score]:
    """The sum of all attacks of this module, printed when it is over."""
    yield Score()
    print(f"\nattacks tried {Score.tried}, got through {len(Score.through)}")


@pytest.fixture(scope="module")
def locked() -> Iterator[Served]:
    """A served board that asks for a token."""
    with served([game(), book()], token=TOKEN) as one:
        yield one


@pytest.fixture
def small() -> Iterator[Served]:
    """A served board with little room and little patience."""
    limits = Limits(sockets=2, streams=3, streams_per_peer=2, connections=60, header_s=2.0, send_s=2.0)
    with served([game()], limits=limits) as one:
        yield one


def hostile_hosts(port: int) -> list[str]:
    return [
        "evil.example",
        f"evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        f"localhost.evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.2:{port}",
        f"0.0.0.0:{port}",
        f"[::]:{port}",
        f"user@127.0.0.1:{port}",
        f"127.1:{port}",
        f"2130706433:{port}",
        f"LOCALHOST:{port}",
        f"localhost.:{port}",
    ]


def test_a_name_that_is_not_ours_is_refused(site, score) -> None:
    """DNS rebinding: every hostile form of Host, on pages, API, stream and socket; also none and two of them."""
    for host in hostile_hosts(site.port):
        for path in ("/", "/v1/games", "/v1/signals/stream"):
            score.note(f"Host {host} {path}", is_stopped=site.get(path, host=host)[0] == 400)
        lines = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
        key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        answer = site.raw(f"GET /v1/ws HTTP/1.1\r\nhost: {host}\r\n{lines}{key}\r\n".encode())
        score.note(f"Host {host} socket", is_stopped=b" 400 " in answer.splitlines()[0])
    two = site.raw(f"GET /v1/games HTTP/1.1\r\nhost: {site.host}\r\nhost: evil.example\r\n\r\n".encode())
    none = site.raw(b"GET /v1/games HTTP/1.0\r\n\r\n")
    score.note("two Hosts", is_stopped=b" 400 " in two.splitlines()[0])
    score.note("no Host", is_stopped=b" 400 " in none.splitlines()[0])


def test_a_page_of_another_origin_is_refused(site, score) -> None:
    """Origin and Sec-Fetch-Site, on the API, the stream and the socket; our own page is let in."""
    origins = (
        "http://evil.example",
        "null",
        "https://" + site.host,
        f"http://localhost:{site.port}",
        "http://127.0.0.1",
    )
    for origin in origins:
        for path in ("/v1/games", "/v1/signals/stream"):
            score.note(f"Origin {origin} {path}", is_stopped=site.get(path, origin=origin)[0] == 403)
        with pytest.raises(InvalidStatus) as refused:
            site.socket(origin=origin)
        score.note(f"Origin {origin} socket", is_stopped=refused.value.response.status_code == 403)
    for where in ("cross-site", "same-site", "weird"):
        for path in ROUTES:
            score.note(f"{where} {path}", is_stopped=site.get(path, sec_fetch_site=where)[0] == 403)
    assert site.get("/v1/games", origin=f"http://{site.host}", sec_fetch_site="same-origin")[0] == 200
    headers = site.get("/v1/games", origin=f"http://{site.host}")[1]
    score.note("CORS", is_stopped=not any(name.startswith("access-control") for name in headers))
    score.note("frames", is_stopped=headers["x-frame-options"] == "DENY")


def routes_of(site: Served) -> list[str]:
    paths = site.json("/openapi.json", authorization=f"Bearer {TOKEN}")["paths"]
    return [path.replace("{game_id}", "nba:1").replace("{token_id}", "nba:1-H") for path in paths]


def test_without_the_token_nothing_is_told(locked, score) -> None:
    """Every route of the OpenAPI file, and the file itself: no token, another one, a part of it, another scheme."""
    wrong = ("", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN)
    for path in [*routes_of(locked), "/openapi.json", "/docs", "/nothing"]:
        for given in wrong[:2]:
            status, headers, body = locked.get(path, **({"authorization": given} if given else {}))
            score.note(f"{path} {given!r}", is_stopped=status in {401, 429} and b"nba:1" not in body)
            assert status == 429 or headers["www-authenticate"] == "Bearer"
    for given in wrong:
        stopped = locked.get("/v1/games", authorization=given)[0] in {401, 429}
        score.note(f"authorization {given!r}", is_stopped=stopped)
    for offered in (None, [PROTOCOL], [PROTOCOL, "bearer.wrong"], ["bearer."]):
        with pytest.raises(InvalidStatus) as refused:
            locked.socket(subprotocols=offered)
        score.note(f"socket {offered}", is_stopped=refused.value.response.status_code in {401, 429})


def test_the_token_has_no_place_in_an_address() -> None:
    """Not even the right one: it would be kept in logs and histories."""
    score = Score()
    with served([game()], token=TOKEN) as site:
        for word in ("token", "access_token", "bearer", "api_key", "TOKEN"):
            score.note(f"?{word}=", is_stopped=site.get(f"/v1/games?{word}={TOKEN}")[0] == 400)
        assert site.json("/v1/games", authorization=f"Bearer {TOKEN}")["games"][0]["game_id"] == "nba:1"
        assert site.get("/")[0] == 200
        with site.socket(subprotocols=[PROTOCOL, f"bearer.{TOKEN}"]) as client:
            assert client.subprotocol == PROTOCOL


def test_guessing_is_slowed_down(score) -> None:
    """After ten wrong tokens within a minute even the right one has to wait."""
    with served([game()], token=TOKEN) as site:
        statuses = [site.get("/v1/games", authorization=f"Bearer {k}")[0] for k in range(14)]
        assert statuses[:10] == [401] * 10
        score.note("guessing", is_stopped=set(statuses[10:]) == {429})


def test_what_is_too_large_is_refused(site, score) -> None:
    """Addresses, headers, bodies, frames."""
    score.note("long address", is_stopped=site.get("/v1/games?x=" + "y" * 5_000)[0] == 414)
    huge = site.raw(b"GET / HTTP/1.1\r\nhost: %s\r\nx: %s\r\n\r\n" % (site.host.encode(), b"y" * 100_000))
    score.note("long header", is_stopped=b" 400 " in huge.splitlines()[0] or b" 431 " in huge.splitlines()[0])
    for method in ("POST", "PUT", "GET", "DELETE"):
        score.note(f"{method} with a body", is_stopped=site.get("/v1/games", method, b"x" * 2_000)[0] == 413)
    announced = f"POST /v1/games HTTP/1.1\r\nhost: {site.host}\r\ncontent-length: 200000000\r\n\r\n".encode()
    score.note("200 MB announced", is_stopped=b" 413 " in site.raw(announced).splitlines()[0])
    chunked = f"POST / HTTP/1.1\r\nhost: {site.host}\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\n".encode()
    score.note("endless body", is_stopped=b" 413 " in site.raw(chunked).splitlines()[0])
    with site.socket() as client:
        client.send('{"subscribe": {"games": ["' + "x" * 70_000 + '"]}}')
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(120)
        score.note("large frame", is_stopped=closed.value.rcvd is not None and closed.value.rcvd.code == 1009)
    for method in ("POST", "PUT", "DELETE", "TRACE", "OPTIONS"):
        score.note(f"{method}", is_stopped=site.get("/v1/games", method)[0] == 405)


def test_a_body_that_is_really_sent_is_not_kept(site, score) -> None:
    """64 MB pushed at a route that takes none: it is refused, the connection goes, and the process is no larger."""
    head = f"POST /v1/games HTTP/1.1\r\nhost: {site.host}\r\ncontent-length: {64 << 20}\r\n\r\n".encode()
    before, piece, sent = site.rss_bytes(), b"x" * (1 << 20), 0
    with socket.create_connection(("127.0.0.1", site.port), timeout=120) as peer:
        peer.sendall(head)
        with contextlib.suppress(ConnectionError):
            while sent < 64 << 20:
                sent += peer.send(piece)
    score.note("64 MB sent", is_stopped=sent < 32 << 20)
    score.note("64 MB kept", is_stopped=site.rss_bytes() - before < ROOM_BYTES)


def test_two_thousand_connections_leave_nothing_behind(site, score) -> None:
    """Opened a hundred at a time, with half a header each, and left: the process is no larger and answers the next."""
    opened, before = 0, site.rss_bytes()
    for _ in range(20):
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                peer = stack.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=120))
                peer.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 8_000)
                opened += 1
        wait_for(lambda: _answers(site))
    score.note(f"{opened} opens", is_stopped=_answers(site))
    score.note(f"{opened} opens kept", is_stopped=site.rss_bytes() - before < ROOM_BYTES)


def _answers(site: Served) -> bool:
    with contextlib.suppress(ConnectionError):
        return site.get("/v1/health")[0] == 200
    return False


def test_no_path_leads_out_of_the_page(site, score) -> None:
    """However the dots are written."""
    for path in (
        "/static/../api.py",
        "/static/%2e%2e/api.py",
        "/static/..%2fapi.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/js/../../guard.py",
        "/static/%c0%ae%c0%ae/api.py",
        "/static/..\\api.py",
        "//etc/passwd",
        "/static/.",
    ):
        answer = site.raw(f"GET {path} HTTP/1.1\r\nhost: {site.host}\r\n\r\n".encode())
        score.note(path, is_stopped=answer.splitlines()[0].split()[1] in {b"404", b"400", b"405"})


def test_there_is_room_for_so_many_and_no_more(small, score) -> None:
    """Sockets, streams of all and of one peer; and a slot comes back when its client leaves."""
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(small.socket())
        with pytest.raises(InvalidStatus) as refused:
            small.socket()
        score.note("a socket too many", is_stopped=refused.value.response.status_code == 503)
    wait_for(lambda: _opens(small))
    with small.stream() as first, small.stream() as second:
        assert (first.status, second.status) == (200, 200)
        score.note("a stream too many", is_stopped=small.get("/v1/signals/stream")[0] == 429)
    wait_for(lambda: _streams(small, 2))


def test_a_slot_comes_back_when_the_client_leaves_before_the_answer(small, score) -> None:
    """Forty clients that ask for a stream and are gone at once leave all the room that there was."""
    request = f"GET /v1/signals/stream HTTP/1.1\r\nhost: {small.host}\r\n\r\n".encode()
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", small.port), timeout=120) as peer:
            peer.sendall(request)
    wait_for(lambda: _streams(small, 2))
    score.note("leaving early", is_stopped=True)


def _opens(site: Served) -> bool:
    with contextlib.suppress(InvalidStatus), site.socket():
        return True
    return False


def _streams(site: Served, many: int) -> bool:
    """See whether so many streams can be open at once; those of an earlier look may not have been let go yet."""
    with contextlib.suppress(ConnectionError), contextlib.ExitStack() as stack:
        return {stack.enter_context(site.stream()).status for _ in range(many)} == {200}
    return False


def test_whoever_takes_his_time_with_the_header_is_let_go(small, score) -> None:
    """Slow-loris: twenty clients that never end their header are closed, and the next one is served."""
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", small.port), timeout=120)) for _ in range(20)
        ]
        for peer in slow:
            with contextlib.suppress(OSError):
                peer.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx-")
        for peer in slow:
            score.note("slow header", is_stopped=_is_closed(peer))
    assert small.get("/v1/health")[0] == 200


def test_a_second_slow_header_on_a_kept_connection_is_let_go(small, score) -> None:
    """What a client did well once does not excuse it."""
    with socket.create_connection(("127.0.0.1", small.port), timeout=120) as peer:
        peer.sendall(f"GET /v1/health HTTP/1.1\r\nhost: {small.host}\r\n\r\n".encode())
        assert peer.recv(65_536).startswith(b"HTTP/1.1 200")
        peer.sendall(b"GET / HT")
        score.note("slow second header", is_stopped=_is_closed(peer))


def _is_closed(peer: socket.socket) -> bool:
    try:
        while peer.recv(65_536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_whoever_never_reads_is_let_go_and_nobody_else_waits(small, score) -> None:
    """A socket and a stream that never read are closed, the socket with 1013, while a third hears every signal."""
    with small.stream() as deaf, small.socket(max_queue=1) as deaf_socket, small.socket() as quick:
        assert deaf.status == 200
        for client in (deaf_socket, quick):
            client.send('{"subscribe": {"types": ["signal"]}}')
        assert json.loads(quick.recv(120))["type"] == "snapshot"
        heard = threading.Thread(target=_hear, args=(quick, 400))
        heard.start()
        for seq in range(400):
            small.tell(signal(seq, team="x" * 40_000))
        heard.join(120)
        score.note("deaf clients", is_stopped=not heard.is_alive())
        wait_for(lambda: _opens(small))
        with pytest.raises(ConnectionClosed) as closed:
            _hear_all(deaf_socket)
        score.note("deaf socket", is_stopped=closed.value.rcvd is not None and closed.value.rcvd.code == 1013)
        assert "last seq" in closed.value.rcvd.reason


def _hear_all(client) -> None:
    while True:
        client.recv(120)


def _hear(client, last: int) -> None:
    for message in client:
        if json.loads(message).get("seq") == last - 1:
            return


def test_a_hostile_name_is_only_ever_a_string(score) -> None:
    """Through JSON, events and sockets: it arrives as it is, and breaks nothing around it."""
    ids = [f"nba:{k}" for k in range(len(HOSTILE_NAMES))]
    games = [game(one, home=name, away=name) for one, name in zip(ids, HOSTILE_NAMES, strict=True)]
    signals = [signal(5, k, one, team=name) for k, (one, name) in enumerate(zip(ids, HOSTILE_NAMES, strict=True))]
    with served([*games, *signals]) as site:
        wait_for(lambda: site.json("/v1/signals")["signals"])
        states = {one["game_id"]: one for one in site.json("/v1/games")["games"]}
        with site.stream(last_event_id="0.0") as stream:
            lines = [stream.readline().decode() for _ in range(3 + 4 * len(ids))]
        data = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        assert sum(line.startswith("event: ") for line in lines) == len(data) == len(ids)
        with site.socket() as client:
            client.send('{"subscribe": {}}')
            shown = {one["game_id"]: one["home"] for one in json.loads(client.recv(120))["games"]}
    for one, name, told in zip(ids, HOSTILE_NAMES, data, strict=True):
        score.note(f"JSON {name!r}", is_stopped=states[one]["home"] == name)
        score.note(f"event {name!r}", is_stopped=told["team"] == name)
        score.note(f"socket {name!r}", is_stopped=shown[one] == name)


def test_other_machines_are_kept_out_unless_told(score) -> None:
    """Another address without --expose, --expose without a token: exit code 2, and nothing listens."""
    file = ["--uds", "live.sock", "--expose"]
    for words in (["--host", "0.0.0.0"], ["--host", "::"], ["--expose"], ["--host", "0.0.0.0", "--expose"], file):
        done = CliRunner().invoke(live, ["--serve", "--port", "0", "--league", "nba", *words])
        assert isinstance(done.exception, UsageError)
        score.note(" ".join(words), is_stopped=done.exception.exit_code == 2)
    for listener in listen("127.0.0.1", 0, is_exposed=False, has_token=False):
        with listener:
            score.note("inventory", is_stopped=listener.getsockname()[0] in {"127.0.0.1", "::1"})


def test_the_outlet_connects_to_nobody(score) -> None:
    """Serving makes no connection to anywhere: an audit of the process sees none."""
    code = (
        "import sys, runpy\n"
        "def hook(name, args):\n"
        "    if name == 'socket.connect': print('CONNECT', args, file=sys.stderr, flush=True)\n"
        "sys.addaudithook(hook)\n"
        "sys.argv[0] = 'server'\n"
        "runpy.run_module('replay.live.server', run_name='__main__')\n"
    )
    with audited(code) as (site, errors):
        for path in ROUTES[:2] + ROUTES[3:]:
            assert site.get(path)[0] == 200
    score.note("egress", is_stopped="CONNECT" not in errors())


@contextlib.contextmanager
def audited(code: str):
    """Serve by a process that runs this code."""
    listeners = listen("127.0.0.1", 0, is_exposed=False, has_token=False)
    from recorder.clock import SystemClock
    from replay.live.facts import encode_batch
    from replay.live.outlet import OutletPlan, names_of

    near, far = socket.socketpair()
    descriptors = [far.fileno(), *(one.fileno() for one in listeners)]
    words = [sys.executable, "-c", code, *map(str, descriptors)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    process = subprocess.Popen(words, pass_fds=descriptors, stderr=subprocess.PIPE, text=True, env=environment)
    told: list[str] = []
    plan = OutletPlan(listeners=listeners, names=names_of(listeners))
    import msgspec

    body = msgspec.json.encode(plan.orders(SystemClock().now_ns(), ""))
    near.sendall(len(body).to_bytes(4, "big") + body + encode_batch(batch(game(), book())))
    site = Served(None, listeners[0].getsockname()[1], [])
    try:
        wait_for(lambda: site.json("/v1/games")["games"])
        yield site, lambda: "".join(told)
    finally:
        near.close()
        far.close()
        for listener in listeners:
            listener.close()
        told.append(process.communicate(timeout=120)[1])
