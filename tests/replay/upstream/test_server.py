"""The local upstream, asked over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from recorder.clock import SystemClock
from recorder.envelope import Kind
from recorder.errors import UsageError
from recorder.leagues import game_days
from replay.upstream.player import MemorySource
from replay.upstream.server import PlayOptions, Upstream, serving

Make = Callable[..., dict[str, Any]]
SCORES = "/apis/site/v2/sports/basketball/nba/scoreboard?limit=300&dates="
NBA = "/static/json/liveData/scoreboard/todaysScoreboard_00.json"
START_S = 1_768_521_600
FAST = PlayOptions(rate=1000.0)


def _run(scene: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await scene

    asyncio.run(bounded())


@asynccontextmanager
async def _world(
    source: MemorySource, options: PlayOptions = FAST
) -> AsyncIterator[tuple[Upstream, aiohttp.ClientSession]]:
    async with (
        serving(source, SystemClock(), options) as upstream,
        aiohttp.ClientSession(base_url=upstream.url) as http,
    ):
        yield upstream, http


@asynccontextmanager
async def _market(upstream: Upstream, *tokens: str, **wish: Any) -> AsyncIterator[ClientConnection]:
    async with connect(upstream.url.replace("http", "ws") + "/ws/market", ping_interval=None) as ws:
        if tokens:
            await ws.send(json.dumps({"assets_ids": tokens, "type": "market", "custom_feature_enabled": True} | wish))
        yield ws


async def _get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, bytes]:
    async with http.get(path, headers=headers) as answer:
        return answer.status, await answer.read()


def test_first_poll_is_answered_and_the_last_body_stands(tape: Any) -> None:
    """The first question starts the tape and gets the first body; when the tape is over the last one stands."""
    tape.scores(0.4, b'{"events":[1]}')
    tape.scores(30, b'{"events":[2]}', status=500)
    tape.scores(60, b'{"events":[3]}')

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, http):
            assert await _get(http, SCORES + "20260115") == (200, b'{"events":[1]}')
            await upstream.ended.wait()
            assert await _get(http, SCORES + "20260115") == (200, b'{"events":[3]}')

    _run(scene())


def test_the_clients_own_today_is_the_game_day(tape: Any) -> None:
    """A recorder that asks for its own dates is given the tape's nights; a day nobody asked for has no games."""
    tape.scores(0, b"today")
    tape.scores(0.1, b"yesterday", day="20260114")
    today, yesterday = (f"{day:%Y%m%d}" for day in game_days(SystemClock().now_ns()))

    async def scene() -> None:
        async with _world(tape.source()) as (_, http):
            assert await _get(http, SCORES + today) == (200, b"today")
            assert await _get(http, SCORES + yesterday) == (200, b"yesterday")
            status, body = await _get(http, SCORES + "20250101")
            assert (status, json.loads(body)["events"]) == (200, [])

    _run(scene())


def test_not_modified_is_said_to_who_holds_the_body(tape: Any) -> None:
    """The recorded ETag is offered and honoured; a recorded 304 leaves the body that it confirmed."""
    tape.scores(0, b"body", etag='"e1"', cache_control="max-age=2", server="x")
    tape.scores(1, b"", status=304)

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, http):
            await _get(http, SCORES + "20260115")
            await upstream.ended.wait()
            async with http.get(SCORES + "20260115") as answer:
                assert (answer.headers["etag"], answer.headers["cache-control"]) == ('"e1"', "max-age=2")
                assert await answer.read() == b"body"
            assert await _get(http, SCORES + "20260115", **{"If-None-Match": '"e1"'}) == (304, b"")
            assert await _get(http, SCORES + "20260115", **{"If-None-Match": '"e0"'}) == (200, b"body")

    _run(scene())


def test_answers_bear_the_tapes_date(tape: Any) -> None:
    """`Date` is the tape's time: whoever asks whether a game is on finds it on."""
    tape.scores(0, b"body", date="Mon, 01 Jan 2001 00:00:00 GMT")
    tape.scores(3600, b"body")

    async def scene() -> None:
        async with _world(tape.source(), PlayOptions(rate=1e6)) as (upstream, http):
            await _get(http, SCORES + "20260115")
            await upstream.ended.wait()
            async with http.get(SCORES + "20260115") as answer:
                assert answer.headers["date"] == "Fri, 16 Jan 2026 01:00:00 GMT"

    _run(scene())


def test_nba_file_needs_the_referer(tape: Any) -> None:
    """Without the league's Referer the CDN denies, in HTML."""
    tape.body(0, "https://cdn.nba.com" + NBA, b"{}", feed="nba.scoreboard")

    async def scene() -> None:
        async with _world(tape.source()) as (_, http):
            status, body = await _get(http, NBA)
            assert (status, b"Access Denied" in body) == (403, True)
            assert await _get(http, NBA, Referer="https://www.nba.com/") == (200, b"{}")

    _run(scene())


def test_failed_polls_are_served_only_when_asked_for(tape: Any) -> None:
    """By default a poll that failed leaves the older body; with the switch it is a 503."""
    tape.scores(0, b"body")
    tape.add(1, "espn.nba", 0, Kind.FAILED, {"url": "https://x" + SCORES + "20260115", "sent_ns": 0, "why": "timeout"})

    async def scene(options: PlayOptions, expected: int) -> None:
        async with _world(tape.source(), options) as (upstream, http):
            await _get(http, SCORES + "20260115")
            await upstream.ended.wait()
            assert (await _get(http, SCORES + "20260115"))[0] == expected

    _run(scene(FAST, 200))
    _run(scene(PlayOptions(rate=1000.0, failed_is_503=True), 503))


def test_a_later_answer_never_comes_early(tape: Any) -> None:
    """A question that the recorder first asked hours later is not answered early: it may hold the result."""
    tape.scores(0, b"body")
    tape.body(7200, "https://gamma-api.polymarket.com/events?id=7", b"[result]", feed="gamma.markets")

    async def scene() -> None:
        async with _world(tape.source(), PlayOptions(rate=1.0)) as (_, http):
            assert (await _get(http, SCORES + "20260115"))[0] == 200
            assert (await _get(http, "/events?id=7"))[0] == 404
        async with _world(tape.source(), PlayOptions(rate=1e6)) as (upstream, http):
            await _get(http, SCORES + "20260115")
            await upstream.ended.wait()
            assert await _get(http, "/events?id=7") == (200, b"[result]")

    _run(scene())


def test_frames_arrive_byte_for_byte_in_order(tape: Any, book: Make, change: Make) -> None:
    """Who subscribes first gets the recorded frames themselves, those of its tokens, and replies to its texts."""
    tape.opened(0, ["1", "2", "3"])
    sent = [tape.frame(0.2, [book("1", {"0.48": "30"}, {"0.52": "25"}), book("2", {"0.48": "25"}, {"0.52": "30"})])]
    tape.frame(0.3, b"PONG")
    tape.frame(0.4, book("3", {}, {}))
    sent += [tape.frame(1 + n / 10, change(("1", "BUY", "0.47", str(n + 1)))) for n in range(50)]
    tape.frame(7, change(("3", "BUY", "0.47", "1")))
    sent.append(tape.frame(8, {"event_type": "market_resolved", "assets_ids": ["99"], "timestamp": "1"}))
    sent.append(tape.frame(9, b'{"event_type":"future_thing"}'))

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, _), _market(upstream, "1", "2") as ws:
            await ws.send("PING")
            got = [await ws.recv(decode=False) for _ in range(len(sent) + 1)]
            assert [frame for frame in got if frame != b"PONG"] == sent

    _run(scene())


def test_late_subscriber_gets_the_book_as_it_stands(tape: Any, book: Make, change: Make) -> None:
    """After changes the snapshot of a fresh subscription, GET /book and POST /books all show the current book."""
    tape.opened(0, ["1"])
    tape.frame(0.1, [book("1", {"0.48": "30"}, {"0.52": "25"})])
    tape.frame(0.2, change(("1", "BUY", "0.48", "0"), ("1", "SELL", "0.51", "7")))

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, http):
            async with http.post("/books", json=[]) as answer:
                assert await answer.json() == []
            await upstream.ended.wait()
            async with http.get("/book?token_id=1") as answer:
                rest = await answer.json()
            assert (rest["bids"], [it["price"] for it in rest["asks"]]) == ([], ["0.52", "0.51"])
            assert "event_type" not in rest
            async with http.post("/books", json=[{"token_id": "7"}, {"token_id": "1"}]) as answer:
                assert await answer.json() == [rest]
            assert (await _get(http, "/book?token_id=7"))[0] == 404
            async with _market(upstream, "1", "7") as ws:
                assert json.loads(await ws.recv()) == [{"event_type": "book", **rest}]

    _run(scene())


@pytest.mark.parametrize("first", ["PING", "hello", '{"type":"user","assets_ids":[]}'])
def test_anything_before_the_subscription_is_refused(tape: Any, first: str) -> None:
    """A PING or junk as the first frame closes the socket with 1008."""
    tape.opened(0, ["1"])

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, _), _market(upstream) as ws:
            await ws.send(first)
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "invalid subscription payload")

    _run(scene())


def test_subscriptions_change_on_an_open_socket(tape: Any, book: Make) -> None:
    """New tokens bring their books, known ones NO NEW ASSETS, a second first message INVALID OPERATION."""
    tape.opened(0, ["1", "2"])
    tape.frame(0.1, [book("1", {}, {}), book("2", {}, {})])

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, http):
            await http.post("/books", json=[])
            await upstream.ended.wait()
            async with _market(upstream, "1", initial_dump=False) as ws:
                await ws.send(json.dumps({"operation": "subscribe", "assets_ids": ["2", "1"]}))
                assert [it["asset_id"] for it in json.loads(await ws.recv())] == ["2"]
                await ws.send(json.dumps({"operation": "subscribe", "assets_ids": ["2"]}))
                assert await ws.recv() == "NO NEW ASSETS"
                await ws.send(json.dumps({"assets_ids": ["1"], "type": "market"}))
                assert await ws.recv() == "INVALID OPERATION"
                await ws.send(json.dumps({"operation": "unsubscribe", "assets_ids": ["2"]}))
                await ws.send(json.dumps({"operation": "subscribe", "assets_ids": ["2"]}))
                assert [it["asset_id"] for it in json.loads(await ws.recv())] == ["2"]

    _run(scene())


@pytest.mark.parametrize(("code", "side"), [(1011, "them"), (1006, "lost")])
def test_recorded_close_closes_and_the_book_is_unknown(tape: Any, book: Make, code: int, side: str) -> None:
    """A close by the venue happens again, with its code or without a close frame; in the gap no book is known."""
    tape.opened(0, ["1"])
    tape.frame(0.1, [book("1", {"0.5": "1"}, {})])
    tape.closed(1, code, side=side, reason="gone")

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, http):
            async with _market(upstream, "1") as ws:
                await ws.recv()
                with pytest.raises(websockets.ConnectionClosedError) as closed:
                    await ws.recv()
                assert (closed.value.rcvd.code if closed.value.rcvd else 1006) == code
            assert (await _get(http, "/book?token_id=1"))[0] == 404

    _run(scene())


def test_by_polls_every_body_is_served_once(tape: Any, book: Make) -> None:
    """From poll to poll a client at any pace sees every different body of every feed, and every frame."""
    tape.opened(0.5, ["1"])
    frames = [tape.frame(0.6, [book("1", {}, {})])]
    for n in range(20):
        tape.scores(n + 1, b"%d" % (n // 2))
        tape.body(n + 1.5, "https://cdn.nba.com" + NBA, b"n%d" % n, feed="nba.scoreboard")
        frames.append(tape.frame(n + 1.6, book("1", {"0.5": str(n + 1)}, {})))

    async def scene() -> None:
        options = PlayOptions(by_polls=True)
        async with _world(tape.source(), options) as (upstream, http), asyncio.TaskGroup() as group:
            seen: dict[str, list[bytes]] = {"espn": [], "nba": []}

            async def poll(name: str, path: str, pause_s: float) -> None:
                while not upstream.ended.is_set():
                    body = (await _get(http, path, Referer="https://www.nba.com/"))[1]
                    if seen[name][-1:] != [body]:
                        seen[name].append(body)
                    await asyncio.sleep(pause_s)

            group.create_task(poll("espn", SCORES + "20260115", 0.003))
            group.create_task(poll("nba", NBA, 0.011))
            async with _market(upstream, "1") as ws:
                assert [await ws.recv(decode=False) for _ in frames] == frames
            await upstream.ended.wait()
        assert seen == {"espn": [b"%d" % n for n in range(10)], "nba": [b"n%d" % n for n in range(20)]}

    _run(scene())


def test_by_polls_goes_on_without_who_never_asks(tape: Any) -> None:
    """A feed that nobody polls does not hold the tape up for ever."""
    for n in range(5):
        tape.scores(n, b"%d" % n)
        tape.body(n + 0.5, "https://cdn.nba.com" + NBA, b"n%d" % n, feed="nba.scoreboard")
    tape.opened(2, ["1"])

    async def scene() -> None:
        async with _world(tape.source(), PlayOptions(by_polls=True, patience_s=0.05)) as (upstream, http):
            assert (await _get(http, SCORES + "20260115"))[0] == 200
            await upstream.ended.wait()

    _run(scene())


def test_offset_and_loop(tape: Any) -> None:
    """An offset starts in the middle; a loop hangs up and begins again."""
    tape.opened(0, ["1"])
    for n in range(4):
        tape.scores(n * 10, b"%d" % n)

    async def scene() -> None:
        async with _world(tape.source(), PlayOptions(rate=1.0, start_offset_ns=15_000_000_000)) as (_, http):
            await _get(http, SCORES + "20260115")
            async with http.get("/time") as answer:
                assert int(await answer.read()) >= START_S + 10
            assert await _get(http, SCORES + "20260115") == (200, b"1")
        async with (
            _world(tape.source(), PlayOptions(rate=1000.0, loop=True)) as (upstream, http),
            _market(upstream, "1") as ws,
        ):
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            assert not upstream.ended.is_set()
            assert (await _get(http, SCORES + "20260115"))[0] == 200

    _run(scene())


@pytest.mark.parametrize("by_polls", [False, True])
def test_at_an_offset_everything_stands_as_it_stood(tape: Any, book: Make, change: Make, by_polls: bool) -> None:
    """Whoever asks first is given the books and bodies of the start, not of the beginning, and then every frame."""
    tape.scores(0, b"early")
    tape.opened(0, ["1"])
    tape.frame(0, [book("1", {"0.5": "1"}, {})])
    for n in range(3000):
        tape.frame(1 + n / 1000, change(("1", "BUY", "0.5", str(n + 2))))
    tape.scores(5, b"late")
    later = tape.frame(20, change(("1", "BUY", "0.5", "9999")))
    options = PlayOptions(rate=100.0, by_polls=by_polls, start_offset_ns=10_000_000_000)

    async def scene() -> None:
        async with _world(tape.source(), options) as (upstream, http):
            async with _market(upstream, "1") as ws:
                assert json.loads(await ws.recv())[0]["bids"] == [{"price": "0.5", "size": "3001"}]
                assert await _get(http, SCORES + "20260115") == (200, b"late")
                assert await ws.recv(decode=False) == later
            await upstream.ended.wait()

    _run(scene())


def test_what_cannot_be_served_is_said(tape: Any) -> None:
    """An offset beyond the end and a port in use are usage errors with a reason."""
    tape.scores(0, b"x")

    async def scene() -> None:
        async with _world(tape.source()) as (upstream, _):
            port = int(upstream.url.rsplit(":", 1)[1])
            with pytest.raises(UsageError, match="cannot listen"):
                async with serving(tape.source(), SystemClock(), FAST, port=port):
                    pass
        with pytest.raises(UsageError, match="beyond the end"):
            async with serving(tape.source(), SystemClock(), PlayOptions(start_offset_ns=1)):
                pass

    _run(scene())


def test_the_sports_socket_speaks_without_being_asked(tape: Any) -> None:
    """A fresh socket hears the newest of each game, then every frame; pings are the server's own."""
    tape.scores(0, b"x")
    for at_s, frame in ((1, b'{"gameId":1,"score":"0-0"}'), (2, b'{"gameId":2}'), (3, b'{"gameId":1,"score":"2-0"}')):
        tape.add(at_s, "polymarket.sports", 1, Kind.FRAME, {}, frame)
    tape.add(4, "polymarket.sports", 1, Kind.FRAME, {}, b"ping")
    tape.add(20, "polymarket.sports", 1, Kind.FRAME, {}, b'{"gameId":3}')
    tape.add(21, "polymarket.sports", 1, Kind.CLOSED, {"code": 1012, "reason": "restart", "side": "them"})

    async def scene() -> None:
        options = PlayOptions(rate=100.0, start_offset_ns=10_000_000_000)
        async with (
            _world(tape.source(), options) as (upstream, http),
            websockets.connect(upstream.url.replace("http", "ws") + "/ws", proxy=None) as ws,
        ):
            first = [await ws.recv(decode=False) for _ in range(3)]
            assert sorted(first[:2]) == [b'{"gameId":1,"score":"2-0"}', b'{"gameId":2}']
            assert first[2] == b"ping"
            await _get(http, SCORES + "20260115")
            assert await ws.recv(decode=False) == b'{"gameId":3}'
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012

    _run(scene())
