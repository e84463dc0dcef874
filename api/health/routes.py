"""Whether the process lives, whether it can serve, and what there is to measure."""

import asyncio
import importlib.metadata
import time
from typing import Any

import msgspec
import redis.asyncio
from litestar import Controller, MediaType, get
from litestar.openapi import ResponseSpec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.auth import public
from api.dependencies import ApiRequest
from api.health.metrics import render
from api.resources import Response
from models.jobs.statistics import read_statistics
from models.kernel.crypto import same
from models.kernel.errors import Unauthorized
from models.schedules.service import count_failing

STARTED = time.monotonic()
VERSION = importlib.metadata.version("bellwork")
CHECK_SECONDS = 3.0


class Health(msgspec.Struct, rename="camel"):
    """`parts` says `ok` or what is wrong. Without Redis jobs are accepted all the same and run when it is back."""

    status: str
    version: str
    uptime_seconds: float
    parts: dict[str, str]


class HealthController(Controller):
    tags = ("Operations",)
    guards = (public,)

    @get("/", include_in_schema=False)
    async def index(self) -> dict[str, str]:
        return {"name": "Bellwork", "version": VERSION, "documentation": "/schema/swagger"}

    @get("/health/live", summary="Is the process alive")
    async def live(self) -> dict[str, str]:
        return {"status": "ok"}

    @get("/health/ready", summary="Can it serve", responses={503: ResponseSpec(Health, generate_examples=False)})
    async def ready(self, request: ApiRequest) -> Response[Health]:
        """503 while PostgreSQL is away."""
        health = await _check(request)
        return Response(health, status_code=200 if health.parts["postgresql"] == "ok" else 503)

    @get("/health", summary="Version, uptime and parts")
    async def health(self, request: ApiRequest) -> Health:
        return await _check(request)

    @get("/metrics", summary="Metrics for Prometheus", media_type=MediaType.TEXT)
    async def metrics(self, request: ApiRequest) -> Response[bytes]:
        """With `Authorization: Bearer <BELLWORK_METRICS_TOKEN>`; open in development when there is no such setting."""
        _check_metrics_token(request)
        database = request.app.state.database
        jobs = render(await read_statistics(database), await count_failing(database))
        return Response(generate_latest() + jobs, headers={"content-type": CONTENT_TYPE_LATEST})


async def _check(request: ApiRequest) -> Health:
    state = request.app.state
    parts = {
        "postgresql": await _try(state.database.ping()),
        "redis": await _try(_ping(state.settings.redis_url)),
    }
    status = "ok" if all(part == "ok" for part in parts.values()) else "degraded"
    return Health(status, VERSION, round(time.monotonic() - STARTED, 1), parts)


async def _try(check: Any) -> str:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except Exception as error:
        return f"cannot be reached ({type(error).__name__})"
    return "ok"


async def _ping(url: str) -> None:
    async with redis.asyncio.from_url(url, socket_timeout=CHECK_SECONDS) as client:
        await client.ping()


def _check_metrics_token(request: ApiRequest) -> None:
    settings = request.app.state.settings
    if settings.metrics_token is None:
        if settings.env == "production":
            raise Unauthorized("Set BELLWORK_METRICS_TOKEN to open the metrics.")
        return
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not same(given, settings.metrics_token.get_secret_value()):
        raise Unauthorized("The metrics need their token.")
