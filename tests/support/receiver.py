"""A webhook receiver on the loopback, which keeps what it was sent and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.support.client import eventually
from tests.support.serving import serving


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """`hang` holds the answer back until the receiver is closed."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thank you"
    hang: bool = False


class Receiver:
    """Answers with `replies` in turn, then with `after`."""

    def __init__(self, replies: Iterable[Reply] = (), after: Reply | None = None) -> None:
        self.requests: list[Received] = []
        self.replies = list(replies)
        self.after = after or Reply()
        self.url = ""
        self._closing = asyncio.Event()

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]

    async def wait_for(self, count: int, *, within: float = 30.0) -> list[Received]:
        async def enough() -> bool:
            return len(self.requests) >= count

        await eventually(enough, within=within)
        return self.requests

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Received(request.path, headers, await request.read()))
        reply = self.replies.pop(0) if self.replies else self.after
        if reply.hang:
            await self._closing.wait()
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    def release(self) -> None:
        self._closing.set()


@asynccontextmanager
async def running_receiver(*replies: Reply, after: Reply | None = None) -> AsyncIterator[Receiver]:
    """`url` is its address; every path is taken."""
    receiver = Receiver(replies, after)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    async with serving(app) as receiver.url:
        try:
            yield receiver
        finally:
            receiver.release()
