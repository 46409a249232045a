"""The dashboard's two homes for tests, each in a thread of its own, and a browser's page that must stay quiet."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Queue
from threading import Thread
from urllib.parse import urlsplit

import msgspec

from recorder.clock import SystemClock
from replay.live.facts import (
    Batch,
    BookFact,
    Fact,
    FeedFact,
    GameFact,
    HealthFact,
    RecorderFact,
    SignalFact,
    encode_batch,
)
from replay.live.orders import Orders
from replay.live.server import serve_board

EVIL = [
    "<script>window.pwned=1</script>",
    "</script><img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "javascript:window.pwned=1",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt; & \u2028\u2029 \u202e",
    "<!--",
    "%3Cscript%3E#/game/x?at=1",
]
PATIENCE_MS = 120_000
"""Only a guard: what a page is waited for comes, however busy the machine."""
_SECOND_NS = 1_000_000_000


def moment(page) -> datetime:
    """The moment that the page's address names."""
    return datetime.fromisoformat(re.search(r"at=([0-9TZ:.\-]+)", page.url)[1])


def text_of(at_ns: int) -> str:
    """A moment as an address names it."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@contextmanager
def shown(browser, url: str, *, may_lose: bool = False, opens: bool = True, **options) -> Iterator[object]:
    """
    Open a page; at the end nothing may have been asked of another origin, said to the console or popped up.

    may_lose: the server will be stopped, of which the browser itself complains.
    opens: False for a test that opens the page itself, once it listens to what is asked.
    """
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    heard: list[str] = []
    origin = urlsplit(url).netloc
    page.on("request", lambda it: heard.append(f"request {it.url}") if urlsplit(it.url).netloc != origin else None)
    page.on("websocket", lambda it: heard.append(f"socket {it.url}") if urlsplit(it.url).netloc != origin else None)
    page.on("console", lambda it: heard.append(f"console {it.text}"))
    page.on("pageerror", lambda error: heard.append(f"error {error}"))
    page.on("dialog", lambda dialog: heard.append(f"dialog {dialog.message}"))
    if opens:
        page.goto(url)
    yield page
    context.close()
    gone = re.compile("console .*(ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE)")
    unforeseen = [line for line in heard if not (may_lose and gone.match(line))]
    assert not unforeseen, unforeseen


@contextmanager
def in_thread(begin: Callable[[Queue[object]], Coroutine[object, object, None]]) -> Iterator[object]:
    """Run a coroutine in a thread's own loop; yield what it puts first into the queue."""
    ready: Queue[object] = Queue()
    thread = Thread(target=lambda: asyncio.run(begin(ready)))
    thread.start()
    yield ready.get(timeout=600)
    thread.join(120)
    assert not thread.is_alive()


class Outlet:
    """The outlet process of a live night, as a thread: the real board, guard and server, told facts by the test."""

    def __init__(self, port: int = 0, token: str | None = None, label: str = "") -> None:
        self.clock = SystemClock()
        self.seq = 0
        self._ours, theirs = socket.socketpair()
        listener = socket.create_server(("127.0.0.1", port))
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        names = frozenset({f"127.0.0.1:{self.port}"})
        orders = Orders(version="0", now_ns=self.clock.now_ns(), label=label, names=names, token=token)
        body = msgspec.json.encode(orders)
        self._ours.sendall(struct.pack(">I", len(body)) + body)
        self._thread = Thread(target=lambda: asyncio.run(serve_board(theirs, [listener])))
        self._thread.start()

    def tell(self, *facts: Fact) -> None:
        self.seq += 1
        self._ours.sendall(encode_batch(Batch(self.seq, self.clock.now_ns(), list(facts))))

    def ago_ns(self, seconds: float) -> int:
        return self.clock.now_ns() - int(seconds * _SECOND_NS)

    def close(self) -> None:
        self._ours.close()
        self._thread.join(120)
        assert not self._thread.is_alive()

    # Facts, as little as a test has to say of them.

    def game(self, number: int = 1, *, seen_s: float = 0.5, **more) -> GameFact:
        facts = {
            "game_id": f"nba:{number}",
            "league": "nba",
            "home": f"Home {number}",
            "away": f"Away {number}",
            "status": "live",
            "period": 2,
            "clock_ms": 252_000,
            "home_score": 50 + number,
            "away_score": 48,
            "seen_ns": self.ago_ns(seen_s),
            "model_home_u6": 550_000,
            "prior_home_u6": None,
            "home_token": f"h{number}",
            "away_token": f"a{number}",
            "pattern": (2, -1, 0, 4, 6, 3),
        }
        return GameFact(**(facts | more))

    def books(self, number: int = 1, *, trust: str = "known", seen_s: float = 0.5) -> list[BookFact]:
        def packed(*levels: tuple[int, int]) -> bytes:
            return b"".join(struct.pack("<qq", *level) for level in levels)

        bids, asks = packed((500_000, 10_000_000)), packed((520_000, 7_000_000))
        return [BookFact(f"{side}{number}", trust, self.ago_ns(seen_s), bids, asks) for side in "ha"]

    def signal(self, number: int = 1, n: int = 0, **more) -> SignalFact:
        facts = {
            "seq": self.seq + 1,
            "n": n,
            "recv_ns": self.clock.now_ns(),
            "game_id": f"nba:{number}",
            "token_id": f"h{number}",
            "team": f"Home {number}",
            "side": 1,
            "fair_u6": 580_000,
            "ask_u6": 520_000,
            "ask_size_u6": 7_000_000,
            "edge_u6": 60_000,
            "game_age_ns": 500_000_000,
            "book_age_ns": 500_000_000,
            "size_u6": 10_000_000,
            "limit_u6": 520_000,
            "refused": None,
        }
        return SignalFact(**(facts | more))

    def health(self, *, engine: str = "compiled", reasons: tuple[str, ...] = (), feed: str = "LIVE") -> HealthFact:
        feeds = (FeedFact("espn.nba", feed, self.ago_ns(1), 0.2, 1, 2, None),)
        return HealthFact(reasons, feeds, {}, RecorderFact(100, 90, 5), engine)
