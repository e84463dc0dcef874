"""Requests of a client that goes on to the other server when one is silent."""

import asyncio
from collections.abc import Mapping
from itertools import cycle
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp

PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.3


class Answer(NamedTuple):
    """`status` is 0 when there was none; `arrived` is False when the request surely reached no server."""

    status: int
    body: Any = None
    arrived: bool = True

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def settles_nothing(self) -> bool:
        """None, or one that says: later."""
        return self.status in (0, 409, 429) or self.status >= 500


class Client:
    def __init__(self, servers: list[str]) -> None:
        self._servers = cycle(servers)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        assert self._http is not None
        return self._http

    def url(self, path: str) -> str:
        """At the server whose turn it is."""
        return f"{next(self._servers)}/api/v1{path}"

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, object] | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> Answer:
        timeout = aiohttp.ClientTimeout(total=patience)
        try:
            async with self.http.request(method, self.url(path), json=body, headers=headers, timeout=timeout) as answer:
                return Answer(answer.status, await answer.json(content_type=None))
        except aiohttp.ClientConnectorError:
            return Answer(0, arrived=False)
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError):
            return Answer(0)

    async def insist(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, object] | None = None
    ) -> Answer:
        """Ask until there is an answer that settles it: for what may be asked twice."""
        while True:
            answer = await self.ask(method, path, headers, body)
            if not answer.settles_nothing:
                return answer
            await asyncio.sleep(PAUSE_SECONDS)
