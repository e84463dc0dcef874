"""Calling webhook receivers: addresses nobody has vetted, answers nobody can trust.

Every connection passes through `socket_factory` with the very address it is made to, whether that came from the URL or
from DNS, so what was checked is what is connected to and a name that resolves to something else a moment later
gains nothing.
"""

import asyncio
import errno
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from models.webhooks.addresses import AddressPolicy, may_connect

READ_BYTES = 64 * 1024
KEEP_BYTES = 4 * 1024
_HEADERS = {"content-type": "application/json", "user-agent": "Bellwork", "accept-encoding": "identity"}


class AddressForbidden(OSError):
    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"{address} is a private or reserved address")


class Answer(msgspec.Struct, frozen=True):
    """`status_code` is None when there was no answer; `error` says why, or why its body was not read to the end."""

    duration_ms: int
    status_code: int | None = None
    headers: Mapping[str, str] = {}
    text: str | None = None
    error: str | None = None


class Receivers:
    """One pool of connections for the worker process; made in its event loop."""

    def __init__(self, policy: AddressPolicy, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=_factory(policy), ttl_dns_cache=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers=_HEADERS,
            auto_decompress=False,
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Never raises for what a receiver does. Redirects are not followed."""
        loop = asyncio.get_running_loop()
        started, partial = loop.time(), _Partial()
        error = None
        try:
            async with asyncio.timeout(self._timeout):
                await self._exchange(url, body, headers, partial)
        except TimeoutError:
            error = f"No complete answer within {self._timeout:g} s."
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            error = _describe(failure)
        text = None if partial.status_code is None else _readable(bytes(partial.content[:KEEP_BYTES]))
        duration = round((loop.time() - started) * 1000)
        return Answer(duration, partial.status_code, partial.headers, text, error)

    async def close(self) -> None:
        await self._session.close()

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str], partial: "_Partial") -> None:
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            partial.status_code, partial.headers = response.status, response.headers
            while len(partial.content) < READ_BYTES:
                chunk = await response.content.read(READ_BYTES - len(partial.content))
                if not chunk:
                    return
                partial.content += chunk
            response.close()


class _Partial:
    """What has arrived so far: a receiver that hangs in the middle of its answer has still given a status."""

    def __init__(self) -> None:
        self.status_code: int | None = None
        self.headers: Mapping[str, str] = {}
        self.content = bytearray()


def _factory(policy: AddressPolicy) -> Any:
    def make_socket(info: tuple[Any, ...]) -> socket.socket:
        family, type_, protocol, _, where = info
        if not may_connect(policy, where[0]):
            raise AddressForbidden(where[0])
        return socket.socket(family, type_, protocol)

    return make_socket


def _describe(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressForbidden):
        return f"Refused to connect: {error.os_error.strerror}."
    return f"{type(error).__name__}: {error}"[:500]


def _readable(content: bytes) -> str:
    """As text that PostgreSQL can hold."""
    return content.decode("utf-8", "replace").replace("\0", "\ufffd")
