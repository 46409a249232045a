from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from recorder.errors import UsageError
from replay.site import site_on


def test_a_site_is_there_for_as_long_as_it_is_held() -> None:
    """It answers on the port that is told, and that port is free again afterwards."""

    async def ask() -> int:
        app = web.Application()
        app.add_routes([web.get("/", _hello)])
        async with (
            site_on(app, "127.0.0.1", 0) as port,
            aiohttp.ClientSession() as client,
            client.get(f"http://127.0.0.1:{port}/") as answer,
        ):
            assert await answer.text() == "hello"
        return port

    port = asyncio.run(ask())
    with socket.socket() as again, pytest.raises(ConnectionRefusedError):
        again.connect(("127.0.0.1", port))


def test_a_port_that_is_taken_is_a_wrong_argument() -> None:
    """Whoever asks for somebody else's port is told which, and what to type instead."""

    async def ask(port: int) -> None:
        async with site_on(web.Application(), "127.0.0.1", port):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot listen") as refused:
        asyncio.run(ask(taken.getsockname()[1]))
    assert refused.value.hint == "--port 0"


async def _hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")
