"""The web server of the outlet process: uvicorn, with the limits that it lacks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio import TimerHandle
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from replay.live.guard import Guard
from replay.live.orders import Limits

if TYPE_CHECKING:
    from asyncio import BaseTransport

    from uvicorn._types import ASGISendEvent
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

__all__ = ["WebServer", "protocols"]

_SHUTDOWN_S = 1


class WebServer(uvicorn.Server):
    """A server that leaves signals alone: the link says when it is over."""

    def __init__(self, app: Guard, limits: Limits) -> None:
        """Serve an application behind its guard."""
        # What strangers send is not for the operator's terminal; a failure of our own is, with its trace.
        logging.getLogger("uvicorn.error").addFilter(_has_trace)
        http, sockets = protocols(limits)
        super().__init__(
            uvicorn.Config(
                app,
                http=http,
                ws=sockets,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=limits.header_bytes,
                ws_max_size=limits.frame_bytes,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=_SHUTDOWN_S,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def protocols(limits: Limits) -> tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]:
    """Return uvicorn's protocols with the limits that it lacks: on connections, on slow headers, on slow readers."""

    class Http(_Http):
        pass

    class Socket(_Socket):
        pass

    Http.limits = Socket.limits = limits
    return Http, Socket


class _Http(H11Protocol):
    limits = Limits()
    _header_timer: TimerHandle | None = None
    _stuck_timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.limits.connections:
            self.transport.abort()
            return
        self._header_timer = self.loop.call_later(self.limits.header_s, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_asked = cycle is not None and not cycle.response_complete
        if is_asked or self not in self.connections:
            _cancel(self._header_timer)
            self._header_timer = None
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(self.limits.header_s, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._header_timer)
        _cancel(self._stuck_timer)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck_timer = self.loop.call_later(self.limits.send_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stuck_timer)


class _Socket(WebSocketsSansIOProtocol):
    limits = Limits()
    _stuck_timer: TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._stuck_timer)
        super().connection_lost(exc)

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            # A client that does not read must still be told why it is left; the word fits behind what waits.
            self.writable.set()
            self._stuck_timer = self.loop.call_later(self.limits.send_s, self.transport.abort)
        await super().send(message)


def _has_trace(record: logging.LogRecord) -> bool:
    """Say whether this is a failure of ours; whoever is still asking when it is over is cancelled, which is none."""
    return record.exc_info is not None and not isinstance(record.exc_info[1], asyncio.CancelledError)


def _cancel(timer: TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
