"""
The recording process's end of the outlet: what is to be told, on its way to a process of its own.

Facts about the same game or book replace each other while they wait, signals queue up to a bound; so an outlet that
stands still costs memory that is bounded and nobody's time. One thread writes; engine and recorder only leave things.
But a signal is written by who leaves it, where the link takes it without waiting: a thread would first have to wake up.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recorder.errors import UsageError
from replay.live.facts import Batch, BookFact, Fact, GameFact, SignalFact, encode_batch
from replay.live.orders import Limits, Orders

if TYPE_CHECKING:
    from recorder.clock import Clock

__all__ = ["Outlet", "OutletPlan", "listen", "listen_at", "names_of"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEALTH_NS = 500_000_000
_IDLE_S = 0.25
_SIGNALS_MAX = 100_000
_OTHERS_MAX = 10_000
_END_S = 6.0
_BACKLOG = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletPlan:
    """What goes out and where: listeners are bound sockets, names the addresses by which they may be called."""

    listeners: tuple[socket.socket, ...] = ()
    names: frozenset[str] = frozenset()
    is_exposed: bool = False
    token: str | None = None
    webhooks: tuple[str, ...] = ()
    webhook_secret: str = ""
    sinks: tuple[str, ...] = ()
    ndjson: bool = False
    limits: Limits = field(default_factory=Limits)

    def orders(self, now_ns: int, label: str) -> Orders:
        """Return it as the outlet process is told; label is the tape's."""
        return Orders(
            version=version("gametape"),
            now_ns=now_ns,
            label=label,
            names=self.names,
            token=self.token,
            is_exposed=self.is_exposed,
            limits=self.limits,
            webhooks=self.webhooks,
            webhook_secret=self.webhook_secret,
            sinks=self.sinks,
            ndjson=self.ndjson,
        )


class Outlet:
    """The outlet process and the thread that writes to it, from `start` to `close`."""

    def __init__(
        self,
        plan: OutletPlan,
        *,
        health: Callable[[int], Iterable[Fact]],
        on_sent: Callable[[SignalFact, int], None],
        say: Callable[[str], None],
    ) -> None:
        """
        Prepare it.

        health is asked twice a second how everything goes, in this outlet's thread; on_sent is told when a signal has
        left, by one thread at a time. say is told where the process ends before its time.
        """
        self._plan = plan
        self._health = health
        self._on_sent = on_sent
        self._say = say
        self._lock = threading.Lock()
        self._news = threading.Event()
        # Whoever writes on the link holds it; until the orders are written nobody else may.
        self._writing = threading.Lock()
        self._writing.acquire()
        self._unsent = b""
        self._leaving: list[SignalFact] = []
        self._is_over = False
        self._books: dict[str, BookFact] = {}
        self._games: dict[str, GameFact] = {}
        self._others: deque[Fact] = deque(maxlen=_OTHERS_MAX)
        self._signals: deque[SignalFact] = deque()
        self._lost = 0
        self._seq = -1
        self._thread = threading.Thread(target=self._work, name="outlet", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._link, self._far = socket.socketpair()

    def start(self, clock: Clock, label: str) -> None:
        """Start the process; clock is that of the recording, label that of the tape."""
        self._clock = clock
        self._label = label
        descriptors = [self._far.fileno(), *(one.fileno() for one in self._plan.listeners)]
        words = [sys.executable, "-P", "-m", "replay.live.server", *map(str, descriptors)]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, pass_fds=descriptors)  # noqa: S603  our own words
        self._far.close()
        for listener in self._plan.listeners:
            listener.close()
        self._thread.start()

    def tell(self, seq: int, facts: Iterable[Fact]) -> None:
        """Leave facts to be told; the newest of a book or a game is enough, and a signal leaves at once."""
        with self._lock:
            self._seq = max(self._seq, seq)
            for fact in facts:
                match fact:
                    case BookFact():
                        self._books[fact.token_id] = fact
                    case GameFact():
                        self._games[fact.game_id] = fact
                    case SignalFact():
                        self._queue(fact)
                    case _:
                        self._others.append(fact)
            is_urgent = bool(self._signals)
        if not (is_urgent and self._send_at_once()):
            self._news.set()

    def close(self) -> None:
        """Tell what waits, and end the process."""
        self._is_over = True
        self._news.set()
        if self._process is None:
            self._link.close()
            self._far.close()
            return
        self._thread.join(_END_S)
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._link.close()

    def _queue(self, fact: SignalFact) -> None:
        if len(self._signals) >= _SIGNALS_MAX:
            self._signals.popleft()
            self._lost += 1
        self._signals.append(fact)

    def _send_at_once(self) -> bool:
        """Send what was left without waiting; False where the thread is to go on with it."""
        if not self._writing.acquire(blocking=False):
            return False
        try:
            if not self._unsent:
                self._collect(self._clock.now_ns())
                # A link that is full or gone is the thread's trouble.
                with contextlib.suppress(OSError):
                    self._send(socket.MSG_DONTWAIT)
            return not self._unsent
        finally:
            self._writing.release()

    # In the outlet's thread --------------------------------------------------------------------------------------

    def _work(self) -> None:
        health_ns = 0
        try:
            body = msgspec.json.encode(self._plan.orders(self._clock.now_ns(), self._label))
            self._link.sendall(len(body).to_bytes(4, "big") + body)
            self._writing.release()
            while True:
                is_over = self._is_over
                now_ns = self._clock.now_ns()
                if now_ns - health_ns >= _HEALTH_NS or is_over:
                    health_ns = now_ns
                    self.tell(-1, self._health(now_ns))
                with self._writing:
                    self._collect(now_ns)
                    self._send(0)
                if is_over:
                    return
                self._news.wait(_IDLE_S)
                self._news.clear()
        except OSError as error:
            if not self._is_over:
                self._say(f"nothing is served any more: the outlet process ended ({error.strerror}); recording goes on")

    # In the thread that writes -----------------------------------------------------------------------------------

    def _collect(self, now_ns: int) -> None:
        """Encode what waits behind what the link did not take yet."""
        with self._lock:
            signals, self._signals = self._signals, deque()
            facts: list[Fact] = [*self._games.values(), *self._books.values(), *self._others, *signals]
            lost, self._lost = self._lost, 0
            self._games, self._books = {}, {}
            self._others.clear()
            seq = self._seq
        if facts:
            self._unsent += encode_batch(Batch(seq, now_ns, facts, lost))
            self._leaving += signals

    def _send(self, flags: int) -> None:
        while self._unsent:
            sent = self._link.send(self._unsent, flags)
            self._unsent = self._unsent[sent:]
        if self._leaving:
            sent_ns = self._clock.now_ns()
            for signal in self._leaving:
                self._on_sent(signal, sent_ns)
            self._leaving.clear()


def listen(host: str, port: int, *, is_exposed: bool, has_token: bool) -> tuple[socket.socket, ...]:
    """
    Return listening sockets; loopback is both 127.0.0.1 and ::1 where the machine has it. Port 0 takes a free one.

    Raises:
        UsageError: another machine could reach the address and nobody said that it may, or it cannot be had.
    """
    is_loopback = host in _LOOPBACK
    if not is_loopback and not is_exposed:
        raise UsageError(
            f"{host} can be reached from other machines",
            hint=f"--host {host} --expose --token-file FILE, if it must be",
        )
    if is_exposed and not has_token:
        raise UsageError("--expose needs a token", hint="--token-file FILE; it is made where there is none")
    if not is_loopback:
        return (_bound(host, port),)
    first = _bound("127.0.0.1", port)
    try:
        return (first, _bound("::1", first.getsockname()[1]))
    except UsageError:
        # No IPv6 on this machine, or the port is taken there: the page is reached by the other.
        return (first,)


def listen_at(path: Path) -> socket.socket:
    """
    Return a listening socket in the file system that only its owner may connect to; one that nobody serves makes way.

    Raises:
        UsageError: something else is there, somebody serves it, or it cannot be had.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            _check_unserved(path)
            path.unlink()
        listener.bind(str(path))
        # Before it listens: nobody can have connected while others still might.
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen at {path}", why=str(error.strerror or error), hint="--uds ANOTHER") from error
    return listener


def _check_unserved(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer, contextlib.suppress(ConnectionRefusedError):
        peer.connect(str(path))
        raise OSError(errno.EADDRINUSE, "somebody serves it")


def names_of(listeners: Sequence[socket.socket]) -> frozenset[str]:
    """Return the names by which the sockets may be called: addresses, and localhost for loopback and files."""
    names = set()
    for listener in listeners:
        if listener.family == socket.AF_UNIX:
            names.add("localhost")
            continue
        host, port = listener.getsockname()[:2]
        names.add(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        if host in _LOOPBACK:
            names.add(f"localhost:{port}")
    return frozenset(names)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {host}:{port}", why=str(error.strerror), hint="--port 0") from error
    return listener
