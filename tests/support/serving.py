"""Servers in the tests' own process."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving(app: web.Application, on: socket.socket | None = None) -> AsyncIterator[str]:
    """The application's address: a free port of the loopback, or that of the socket."""
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.SockSite(runner, on.dup()) if on else web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()
