"""Resend's HTTP on the loopback, with the faults of its documentation.

https://resend.com/docs/api-reference/errors
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.support.serving import serving

API_KEY = "re_test_key"


@dataclass(frozen=True)
class Fault:
    """Stands in for one answer; `hang` never gives one, `not_json` is what a proxy in front of Resend may say."""

    status: int = 500
    name: str = "application_error"
    message: str = "Something went wrong."
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    not_json: bool = False


RATE_LIMITED = Fault(429, "rate_limit_exceeded", "Too many requests.", {"Retry-After": "7"})
OUT_OF_QUOTA = Fault(429, "daily_quota_exceeded", "You have reached your daily email quota.")
INVALID = Fault(422, "validation_error", "Invalid `to` field.")
BROKEN = Fault(500)
BAD_GATEWAY = Fault(502, not_json=True)
HANGING = Fault(hang=True)


@dataclass(frozen=True)
class SentEmail:
    id: str
    idempotency_key: str | None
    content: dict[str, Any]


class ResendSimulator:
    """Answers with `faults` in turn, then as Resend does: one mail per idempotency key."""

    def __init__(self) -> None:
        self.emails: list[SentEmail] = []
        self.faults: list[Fault] = []
        self.calls = 0
        self.url = ""
        self._closing = asyncio.Event()

    async def send(self, request: web.Request) -> web.Response:
        self.calls += 1
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return self._problem(Fault(403, "invalid_api_key", "API key is invalid."))
        if self.faults:
            return await self._fail(self.faults.pop(0))
        content, key = await request.json(), request.headers.get("Idempotency-Key")
        twin = next((email for email in self.emails if key and email.idempotency_key == key), None)
        if twin and twin.content != content:
            return self._problem(Fault(409, "invalid_idempotent_request", "Same idempotency key, another body."))
        if twin is None:
            twin = SentEmail(str(uuid4()), key, content)
            self.emails.append(twin)
        return web.json_response({"id": twin.id})

    async def _fail(self, fault: Fault) -> web.Response:
        if fault.hang:
            await self._closing.wait()
        if fault.not_json:
            return web.Response(status=fault.status, text="<html>Bad gateway</html>", content_type="text/html")
        return self._problem(fault)

    def _problem(self, fault: Fault) -> web.Response:
        body = json.dumps({"statusCode": fault.status, "name": fault.name, "message": fault.message})
        return web.Response(
            status=fault.status, body=body.encode(), content_type="application/json", headers=fault.headers
        )

    def release(self) -> None:
        self._closing.set()


@asynccontextmanager
async def running_resend() -> AsyncIterator[ResendSimulator]:
    simulator = ResendSimulator()
    app = web.Application()
    app.router.add_post("/emails", simulator.send)
    async with serving(app) as simulator.url:
        try:
            yield simulator
        finally:
            simulator.release()
