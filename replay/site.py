"""Opening a site of aiohttp on an address of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from recorder.errors import UsageError

__all__ = ["site_on"]


@asynccontextmanager
async def site_on(app: web.Application, host: str, port: int, **options: Any) -> AsyncIterator[int]:  # noqa: ANN401  those of aiohttp
    """
    Serve an app for as long as the context lasts and yield its port; port 0 takes a free one.

    Raises:
        UsageError: the address cannot be had.
    """
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(f"cannot listen on port {port} of {host}", why=why, hint="--port 0") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
