"""
The outlet process: `python -m replay.live.server LINK LISTENER...`, started by `replay.live.outlet`.

It reads batches from the link, keeps the board, and serves whoever asks. It shares nothing with the recording but the
link: neither a crowd of clients nor a bug here can hold up an append. When the link ends, it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio import StreamReader
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING

import msgspec

from recorder.clock import SystemClock
from replay.live.board import Board
from replay.live.facts import LENGTH_BYTES, decode_batch, frame_length
from replay.live.fanout import Hub, Outbox, Subscription
from replay.live.orders import Orders
from replay.live.sinks import QUEUE_MAX, Delivery, Ndjson, Sink, Webhook, load_sink

if TYPE_CHECKING:
    from replay.live.serving import WebServer

__all__ = ["serve_board"]

_OUT = Subscription(types=frozenset({"signal", "pattern", "prediction"}))
_LAST_WORDS_S = 2.0
_GOODBYE_S = 0.5


async def serve_board(link: socket.socket, listeners: Sequence[socket.socket]) -> None:
    """Do as the link says until it ends."""
    reader, writer = await asyncio.open_connection(sock=link)
    orders = msgspec.json.decode(await _frame(reader), type=Orders)
    clock = SystemClock(not_before_ns=orders.now_ns)
    board = Board(orders.label)
    hub = Hub(board)
    server = _server(hub, board, orders, clock) if listeners else None
    hub.deliveries += [_delivery(name, sink, clock) for name, sink in _sinks(orders, clock)]
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        delivering = []
        for one in hub.deliveries:
            hub.join(one.outbox)
            await stack.enter_async_context(one)
            delivering.append(group.create_task(one.run()))
        serving = None if server is None else group.create_task(server.serve(sockets=list(listeners)))
        flushing = group.create_task(hub.flush_for_ever(clock.now_ns))
        await _read(reader, board, hub, clock)
        flushing.cancel()
        hub.end()
        if delivering:
            await asyncio.wait(delivering, timeout=_LAST_WORDS_S)
        for one in hub.deliveries:
            hub.leave(one.outbox)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await hub.left()
        if server is not None and serving is not None:
            server.should_exit = True
            await serving
        for task in delivering:
            task.cancel()
    writer.close()


def _server(hub: Hub, board: Board, orders: Orders, clock: SystemClock) -> WebServer:
    """Make the web server; what it needs is imported where there is one."""
    from replay.live.api import Desk, make_app
    from replay.live.guard import Door, Guard
    from replay.live.serving import WebServer

    door = Door(names=orders.names, token=orders.token, is_exposed=orders.is_exposed, limits=orders.limits)
    desk = Desk(board, hub, clock.now_ns, orders.limits)
    return WebServer(Guard(make_app(desk, orders.version), door), orders.limits)


async def _read(reader: StreamReader, board: Board, hub: Hub, clock: SystemClock) -> None:
    """Fold batches until the link ends."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            batch = decode_batch(await _frame(reader))
            hub.tell(board.apply(batch), clock.now_ns())


async def _frame(reader: StreamReader) -> bytes:
    head = await reader.readexactly(LENGTH_BYTES)
    return await reader.readexactly(frame_length(head))


def _sinks(orders: Orders, clock: SystemClock) -> Iterator[tuple[str, Sink]]:
    for url in orders.webhooks:
        yield "webhook", Webhook(url, orders.webhook_secret, clock.now_ns)
    for word in orders.sinks:
        yield word.partition("=")[0], load_sink(word)
    if orders.ndjson:
        yield "ndjson", Ndjson(sys.stdout.fileno())


def _delivery(name: str, sink: Sink, clock: SystemClock) -> Delivery:
    outbox = Outbox(QUEUE_MAX)
    outbox.subscription = _OUT
    return Delivery(name, sink, outbox, Random(clock.now_ns()))


def main(words: Sequence[str]) -> None:
    """Run on the descriptors named on the command line: the link, then the listening sockets."""
    # Ctrl-C is for the recorder, which then ends the link.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link, *listeners = (socket.socket(fileno=int(word)) for word in words)
    asyncio.run(serve_board(link, listeners))


if __name__ == "__main__":
    main(sys.argv[1:])
