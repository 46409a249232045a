"""An outlet process that serves a board made by hand, and a plain client."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from recorder.clock import SystemClock
from replay.live.facts import Fact
from replay.live.outlet import Outlet, OutletPlan, listen, names_of

__all__ = ["Served", "served"]


@dataclass
class Served:
    """The outlet, and what a client says to it."""

    outlet: Outlet
    port: int
    said: list[str]
    seq: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def tell(self, *facts: Fact) -> None:
        self.seq += 1
        self.outlet.tell(self.seq, facts)

    def get(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str):
        """Ask and return status, headers and body; headers by name with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {"host": self.host} | named)
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, path: str, **headers: str):
        status, _, body = self.get(path, **headers)
        assert status == 200, body
        return json.loads(body)

    def rss_bytes(self) -> int:
        """What the outlet process holds of the machine's memory."""
        pages = Path(f"/proc/{self.outlet._process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def raw(self, data: bytes) -> bytes:
        """Send bytes and read until the other side closes or has said a whole head."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as peer:
            peer.sendall(data)
            answer = b""
            while b"\r\n\r\n" not in answer and (more := peer.recv(65_536)):
                answer += more
        return answer

    @contextlib.contextmanager
    def stream(self, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """Open the event stream; the head of the answer is read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("GET", "/v1/signals/stream", headers={"host": self.host} | named)
            yield connection.getresponse()
        finally:
            connection.close()

    def socket(self, **more) -> ClientConnection:
        return connect(f"ws://{self.host}/v1/ws", compression=None, open_timeout=120, **more)


@contextlib.contextmanager
def served(facts: Iterable[Fact] = (), *, port: int | None = None, label: str = "", **plan: object) -> Iterator[Served]:
    """Serve on a free port of loopback, or on the listeners of a plan and their port."""
    listeners = () if port is not None else listen("127.0.0.1", 0, is_exposed=False, has_token=False)
    port = port or listeners[0].getsockname()[1]
    said: list[str] = []
    made = replace(OutletPlan(listeners=listeners, names=names_of(listeners)), **plan)
    outlet = Outlet(made, health=lambda _: [], on_sent=lambda *_: None, say=said.append)
    outlet.start(SystemClock(), label)
    try:
        serving = Served(outlet, port, said)
        serving.tell(*facts)
        serving.get("/v1/health", authorization=f"Bearer {made.token}")
        yield serving
    finally:
        outlet.close()
