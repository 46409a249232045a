"""
How fast the dashboard is: from the address to 40 games on the screen, to a game's charts, and a scrubber's moment.

    python benchmarks/bench_page.py [--games 40]

A real server on loopback, a real Chromium with an empty cache, the best of several runs. The moments are of the sample
tape, each asked for once going forward and once going back.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import msgspec
from playwright.sync_api import Browser, sync_playwright
from run import machine

from recorder.clock import SystemClock
from recorder.tape.reader import open_tape
from replay.film import build_film
from replay.live.decisions import LiveConfig
from replay.live.facts import Batch, BookFact, GameFact, encode_batch
from replay.live.orders import Orders
from replay.live.server import serve_board
from replay.live.viewing import Viewing

RUNS = 7
SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
# When so many of something are there, and have been painted: the frame after the one that found them.
WATCH = """(() => {
  const look = () => {
    const isThere = document.querySelectorAll('%s').length >= %d;
    requestAnimationFrame(isThere ? () => { window.shownAfter = performance.now(); } : look);
  };
  requestAnimationFrame(look);
})()"""


@contextmanager
def outlet(games: int) -> Iterator[str]:
    """Serve a live night of so many games from a thread."""
    clock = SystemClock()
    ours, theirs = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    orders = Orders(version="0", now_ns=clock.now_ns(), names=frozenset({f"127.0.0.1:{port}"}))
    body = msgspec.json.encode(orders)
    ours.sendall(struct.pack(">I", len(body)) + body)
    thread = Thread(target=lambda: asyncio.run(serve_board(theirs, [listener])))
    thread.start()
    now_ns = clock.now_ns()
    level = struct.pack("<qq", 500_000, 10_000_000), struct.pack("<qq", 520_000, 10_000_000)
    books = [BookFact(f"{side}{k}", "known", now_ns, *level) for k in range(games) for side in "ha"]
    ours.sendall(encode_batch(Batch(0, now_ns, [*(game(k, now_ns) for k in range(games)), *books])))
    yield f"http://127.0.0.1:{port}"
    ours.close()
    thread.join()


def game(number: int, now_ns: int) -> GameFact:
    """A game in its second quarter."""
    return GameFact(
        game_id=f"nba:{number}",
        league="nba",
        home=f"Home {number}",
        away=f"Away {number}",
        status="live",
        period=2,
        clock_ms=252_000,
        home_score=50 + number,
        away_score=48,
        seen_ns=now_ns,
        model_home_u6=550_000,
        prior_home_u6=None,
        home_token=f"h{number}",
        away_token=f"a{number}",
        pattern=tuple(range(-9, 9)),
    )


def page_ms(browser: Browser, url: str, selector: str, count: int) -> tuple[float, float, int]:
    """Return the best first paint and the best time until so many of these are shown, ms; and how many requests."""
    paints, shown, requests = [], [], 0
    for _ in range(RUNS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(WATCH % (selector, count))
        page = context.new_page()
        page.goto(url)
        while (after := page.evaluate("window.shownAfter ?? null")) is None:
            page.wait_for_timeout(10)
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        shown.append(after)
        requests = 1 + page.evaluate("performance.getEntriesByType('resource').length")
        context.close()
    return min(paints), min(shown), requests


def moment_ms(viewing: Viewing) -> tuple[float, float]:
    """Return what a moment costs going forward and going back, ms, the mean over the tape."""
    first, last = int(viewing.tape.first_ns), int(viewing.tape.last_ns)
    moments = [first + (last - first) * k // 200 for k in range(201)]
    viewing.moment(first)
    costs = []
    for way in (moments, moments[::-1]):
        began = time.perf_counter()
        for at_ns in way:
            msgspec.json.encode(viewing.moment(at_ns))
        costs.append((time.perf_counter() - began) / len(way) * 1e3)
    return costs[0], costs[1]


def main(words: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=40)
    games = parser.parse_args(words).games
    print(machine())
    with outlet(games) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        paint, shown, requests = page_ms(browser, url, ".games tbody tr", games)
        print(f"board: first paint {paint:.0f} ms, {games} games shown {shown:.0f} ms, {requests} requests")
        paint, shown, requests = page_ms(browser, f"{url}/#/game/nba:1", ".uplot canvas", 2)
        print(f"game: first paint {paint:.0f} ms, charts shown {shown:.0f} ms, {requests} requests")
        browser.close()
    forward, back = moment_ms(Viewing(build_film(open_tape(SAMPLE)), LiveConfig()))
    print(f"scrubber: a moment {forward:.1f} ms going forward, {back:.1f} ms going back")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
