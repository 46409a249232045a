"""
The API: what the board knows, over HTTP, server-sent events and WebSocket.

Every answer is encoded by msgspec from the types of `replay.live.contract`; FastAPI routes, checks parameters and
describes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import FastAPI, Header, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from replay.live.apidoc import answers, openapi_of, page_of
from replay.live.board import Board, signal_answer
from replay.live.contract import (
    Games,
    Health,
    History,
    Ladder,
    Moment,
    PatternAnswer,
    Problem,
    Signal,
    Signals,
)
from replay.live.facts import SignalFact
from replay.live.fanout import Hub, Outbox, Subscription
from replay.live.guard import PROTOCOL
from replay.live.orders import Limits

__all__ = ["Desk", "make_app"]

WEB = Path(__file__).parent / "web"
_HEARTBEAT_S = 15.0
_SIGNALS_MAX = 1_000
_SEQ_MAX = (1 << 62) - 1
_N_MAX = 1 << 31

GameId = Annotated[str, InPath(max_length=200, description="As in `/v1/games`: `nba:401772994`.")]
TokenId = Annotated[str, InPath(max_length=200, description="As in `/v1/games`.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes answer from."""

    board: Board
    hub: Hub
    now_ns: Callable[[], int]
    limits: Limits


def make_app(desk: Desk, version: str) -> FastAPI:
    """Return the application, without its guard."""
    app = FastAPI(
        title="gametape",
        version=version,
        description="Scores, books, fair values and signals of tonight's games, as they are recorded.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.exception_handler(HTTPException)(_problem)
    app.exception_handler(RequestValidationError)(_invalid)
    _add_games(app, desk)
    _add_signals(app, desk)
    _add_machine(app, desk)
    _add_socket(app, desk)
    _add_pages(app)
    return app


def _add_games(app: FastAPI, desk: Desk) -> None:
    board = desk.board

    @app.get(
        "/v1/games", summary="All games of tonight, worst first", responses=answers(Games), response_class=Response
    )
    async def games() -> Response:
        now_ns = desk.now_ns()
        return _json(Games(now_ns=str(now_ns), label=board.label, games=board.states(now_ns)))

    @app.get("/v1/state/{game_id}", summary="One game", responses=answers(Moment, 404, 422), response_class=Response)
    async def state(game_id: GameId) -> Response:
        now_ns = desk.now_ns()
        with _known("game", game_id):
            return _json(Moment(now_ns=str(now_ns), game=board.state(game_id, now_ns)))

    @app.get("/v1/book/{token_id}", summary="One book", responses=answers(Ladder, 404, 422), response_class=Response)
    async def book(token_id: TokenId) -> Response:
        with _known("token", token_id):
            return _json(board.ladder(token_id, desk.now_ns()))

    @app.get(
        "/v1/pattern/{game_id}",
        summary="The score pattern of one game, n of 18",
        responses=answers(PatternAnswer, 404, 422),
        response_class=Response,
    )
    async def pattern(game_id: GameId) -> Response:
        with _known("game", game_id):
            entries = list(board.games[game_id].pattern)
            return _json(PatternAnswer(game_id=game_id, entries=entries, n=len(entries)))

    @app.get(
        "/v1/history/{game_id}",
        summary="The course of one game",
        responses=answers(History, 404, 422),
        response_class=Response,
    )
    async def history(game_id: GameId, points: Annotated[int, Query(ge=1, le=5_000)] = 1_000) -> Response:
        with _known("game", game_id):
            return _json(board.history(game_id, points))


def _add_signals(app: FastAPI, desk: Desk) -> None:
    board = desk.board

    @app.get("/v1/signals", summary="Signals after a seq", responses=answers(Signals, 422), response_class=Response)
    async def signals(
        since: Annotated[int, Query(ge=-1, le=_SEQ_MAX, description="The seq of the last one known.")] = -1,
        limit: Annotated[int, Query(ge=1, le=_SIGNALS_MAX)] = 100,
    ) -> Response:
        found = board.signals_after(since, _N_MAX, limit)
        following = board.signals_after(found[-1].seq, found[-1].n, _N_MAX) if found else []
        # All signals of one fact come together: `since` has no way to name a part of them.
        found += [one for one in following if one.seq == found[-1].seq]
        next_since = found[-1].seq if found else since
        told = [signal_answer(one) for one in found]
        return _json(Signals(label=board.label, signals=told, next_since=next_since))

    stream_answers = answers(Signal, 422)
    stream_answers[200] = {
        "description": "Server-sent events: `id: <seq>.<n>`, `event: signal`, data as in `/v1/signals`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }

    @app.get(
        "/v1/signals/stream",
        summary="Signals as they come",
        responses=stream_answers,
        response_class=StreamingResponse,
    )
    async def stream(
        last_event_id: Annotated[str | None, Header(max_length=64, pattern=r"^[0-9]{1,18}\.[0-9]{1,9}$")] = None,
    ) -> Response:
        return StreamingResponse(_events(desk, last_event_id), media_type="text/event-stream")


def _add_machine(app: FastAPI, desk: Desk) -> None:
    from replay.live.metrics import CONTENT_TYPE, metrics_of

    @app.get("/v1/health", summary="How everything goes", responses=answers(Health), response_class=Response)
    async def health() -> Response:
        return _json(desk.board.health(desk.now_ns()))

    text = answers(Problem)
    text[200] = {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}

    @app.get("/metrics", summary="For Prometheus", responses=text, response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(metrics_of(desk.board, desk.hub, desk.now_ns()), media_type=CONTENT_TYPE)


def _add_pages(app: FastAPI) -> None:
    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(msgspec.json.encode(openapi_of(app)), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page_of(openapi_of(app)))

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(WEB / "index.html", media_type="text/html")

    app.mount("/static", StaticFiles(directory=WEB, follow_symlink=False), name="static")


# Streams -----------------------------------------------------------------------------------------------------


async def _events(desk: Desk, last_event_id: str | None) -> AsyncIterator[bytes]:
    """
    Yield signals from a place in the log on.

    There is no queue: a client that reads slowly reads the log later, and whoever comes back goes on where it was.
    """
    board, news = desk.board, asyncio.Event()
    last = board.signals[-1] if board.signals else None
    seq, n = (last.seq, last.n) if last is not None else (-1, 0)
    if last_event_id is not None:
        seq, n = (int(part) for part in last_event_id.split("."))
    desk.hub.listen(news)
    try:
        yield b"retry: 2000\n: gametape\n\n"
        while not desk.hub.is_over:
            news.clear()
            found = board.signals_after(seq, n, _SIGNALS_MAX)
            if found:
                seq, n = found[-1].seq, found[-1].n
                yield b"".join(_event(one) for one in found)
                continue
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    await news.wait()
            except TimeoutError:
                yield b": still here\n\n"
    finally:
        desk.hub.unlisten(news)


def _event(fact: SignalFact) -> bytes:
    body = msgspec.json.encode(signal_answer(fact))
    return b"id: %d.%d\nevent: signal\ndata: %s\n\n" % (fact.seq, fact.n, body)


def _add_socket(app: FastAPI, desk: Desk) -> None:
    @app.websocket("/v1/ws")
    async def socket(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        outbox = Outbox()
        talking = _Talk(desk, websocket, outbox)
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(talking.tell())
                await talking.hear()
                telling.cancel()
        except* (WebSocketDisconnect, RuntimeError, OSError):
            # Whoever leaves in the middle of a word is gone, however the server puts it.
            pass
        finally:
            desk.hub.leave(outbox)


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subscribe: Subscription


_ASK = msgspec.json.Decoder(_Ask)


class _Talk:
    """One WebSocket client."""

    def __init__(self, desk: Desk, websocket: WebSocket, outbox: Outbox) -> None:
        self._desk = desk
        self._websocket = websocket
        self._outbox = outbox

    async def hear(self) -> None:
        """Take subscriptions until the client leaves; the first one, or a word that is none, ends the wait."""
        while True:
            text = await self._websocket.receive_text()
            try:
                ask = _ASK.decode(text)
            except (msgspec.DecodeError, RecursionError):
                await self._websocket.close(1008, 'expected {"subscribe": {"games": …, "leagues": …, "types": …}}')
                return
            self._outbox.subscription = ask.subscribe
            snapshot = self._snapshot()
            # Before the sending, which may take a while: what happens from the snapshot on is told.
            self._desk.hub.join(self._outbox)
            await self._send(snapshot)

    async def tell(self) -> None:
        """Send what there is to say until it is over; close where the client has not read for too long."""
        while True:
            messages = await self._outbox.take()
            if not messages and self._desk.hub.is_over:
                await self._websocket.close(1001, f"the recording is over; last seq {self._desk.board.seq}")
                return
            dropped = self._outbox.take_dropped()
            if dropped:
                await self._send(msgspec.json.encode({"type": "dropped", "count": dropped}).decode())
            for message in messages:
                if not await self._send(message.text):
                    return

    async def _send(self, text: str) -> bool:
        try:
            async with asyncio.timeout(self._desk.limits.send_s):
                await self._websocket.send_text(text)
        except TimeoutError:
            await self._websocket.close(1013, f"too slow; last seq {self._desk.board.seq}")
            return False
        return True

    def _snapshot(self) -> str:
        now_ns = self._desk.now_ns()
        wants = self._outbox.subscription.wants
        games = [one for one in self._desk.board.states(now_ns) if wants("state", one.game_id, one.league)]
        board = self._desk.board
        body = {"type": "snapshot", "now_ns": str(now_ns), "label": board.label, "games": games, "seq": board.seq}
        return msgspec.json.encode(body).decode()


# Answers -----------------------------------------------------------------------------------------------------


def _json(answer: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, media_type="application/json")


@contextlib.contextmanager
def _known(what: str, name: str) -> Iterator[None]:
    try:
        yield
    except KeyError:
        raise HTTPException(404, f"no {what} {name[:64]!r}; /v1/games lists them") from None


async def _problem(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)
    problem = Problem(title=str(error.status_code), status=error.status_code, detail=str(error.detail))
    body = msgspec.json.encode(problem)
    return Response(body, error.status_code, dict(error.headers or {}), "application/problem+json")


async def _invalid(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError)
    detail = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    body = msgspec.json.encode(Problem(title="Unprocessable Content", status=422, detail=detail[:500]))
    return Response(body, 422, media_type="application/problem+json")
