"""Applications with small limits, on the real Redis. Their minute is a day, so that none turns during a test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, cast
from unittest.mock import patch

import httpx
from litestar import Litestar

from api.app import create_app
from api.quota import Quota, QuotaAtHand
from models.kernel.settings import Settings
from tests.support.client import ApiClient

DAY = 86_400
_numbers = count(1)


def fresh_address() -> str:
    """One that no test has called from."""
    number = next(_numbers)
    return f"198.51.{number // 250}.{number % 250 + 1}"


@asynccontextmanager
async def limited_app(settings: Settings, **changes: Any) -> AsyncIterator[Litestar]:
    with (
        patch("api.app.Quota", partial(Quota, window_seconds=DAY)),
        patch("api.limits.QuotaAtHand", partial(QuotaAtHand, window_seconds=DAY)),
    ):
        app = create_app(settings.model_copy(update=changes))
    try:
        yield app
    finally:
        await app.state.quota.close()
        await app.state.database.close()


@asynccontextmanager
async def calling(app: Litestar, *, address: str | None = None, **headers: str) -> AsyncIterator[ApiClient]:
    async with AsyncExitStack() as stack:
        transport = httpx.ASGITransport(
            cast(Any, app), raise_app_exceptions=False, client=(address or fresh_address(), 4711)
        )
        client = ApiClient(transport=transport, base_url="http://test/api/v1", headers=headers)
        yield await stack.enter_async_context(client)
