"""The label of a played tape reaches the recording, and nothing else that answers can forge one."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from recorder.net.label import LABEL_PATH, served_label


async def _asked(body: bytes, status: int = 200) -> str:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get(LABEL_PATH, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        return await served_label(f"http://{host}:{port}/")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "status", "label"),
    [
        (b'{"tape":"x","label":"simulated"}', 200, "simulated"),
        (b"{}", 200, ""),
        (b"<html>", 200, ""),
        (b'{"label":"simulated"}', 404, ""),
        (b'{"label":"\\u001b[31mred"}', 200, ""),
        (b'{"label":"' + b"x" * 65 + b'"}', 200, ""),
        (b'{"a":' + b"[" * 4_000, 200, ""),
        (b'{"label":"\xff"}', 200, ""),
    ],
)
def test_only_a_plain_word_is_a_label(body: bytes, status: int, label: str) -> None:
    """A short printable word of a 200 answer is the label; anything else is none."""
    assert label == asyncio.run(_asked(body, status))


def test_nobody_there_is_no_label() -> None:
    """An upstream that is not there has no label; the recording says itself that nobody answers."""
    assert asyncio.run(served_label("http://127.0.0.1:9")) == ""
