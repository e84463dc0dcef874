"""What every simulated provider of sign-ins has: a queue of faults, a count of calls, keys that rotate."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.signing import SigningKey


@dataclass(frozen=True)
class Fault:
    """Stands in for one answer; `hang` never gives one."""

    status: int = 503
    body: bytes = b"<html>Service unavailable</html>"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


AWAY = Fault(503)
BUSY = Fault(429, headers={"Retry-After": "1"})
NOT_JSON = Fault(200)
MOVED = Fault(302, headers={"Location": "http://169.254.169.254/keys"})
HANGING = Fault(hang=True)


class Simulator:
    """Answers with `faults` in turn, then with `after` if there is one, else as the provider does."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made = 0
        self._closing = asyncio.Event()
        self.keys = [self.new_key()]
        self.reset()

    def reset(self) -> None:
        """Well, with one key, not asked yet."""
        self.faults: list[Fault] = []
        self.after: Fault | None = None
        self.calls: list[str] = []
        del self.keys[:-1]

    def new_key(self) -> SigningKey:
        self._made += 1
        return SigningKey(f"{self._name}-{self._made}")

    @property
    def key(self) -> SigningKey:
        """The one that signs now."""
        return self.keys[-1]

    def rotate(self, *, keep: bool = False) -> SigningKey:
        """Sign with another key from now on; gives the former, which stays published with `keep`."""
        former = self.key
        self.keys = [*(self.keys if keep else []), self.new_key()]
        return former

    async def published(self, request: web.Request) -> web.StreamResponse:
        return await self.answer(request, {"keys": [key.jwk for key in self.keys]})

    async def answer(self, request: web.Request, content: Any, status: int = 200) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        fault = self.faults.pop(0) if self.faults else self.after
        if fault is None:
            return web.json_response(content, status=status)
        if fault.hang:
            await self._closing.wait()
        return web.Response(status=fault.status, body=fault.body, headers=fault.headers)

    def release(self) -> None:
        self._closing.set()
