"""Browsers of other origins: only those the settings name."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx
import pytest

from api.app import create_app
from models.kernel.settings import Settings
from tests.support.client import ApiClient

OURS, OTHER = "https://school.example", "https://evil.example"


@pytest.fixture
async def browser(settings: Settings) -> AsyncIterator[ApiClient]:
    """Calls an application that one origin is open to."""
    app = create_app(settings.model_copy(update={"cors_origins": (OURS,)}))
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.state.database.close)
        yield await stack.enter_async_context(ApiClient(transport=transport, base_url="http://test/api/v1"))


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, idempotency-key, if-match",
    }


async def test_an_origin_of_ours_may_ask_and_read_the_headers(browser: ApiClient) -> None:
    asked = await browser.options("/customers", headers=preflight(OURS))
    assert asked.is_success
    assert asked.headers["access-control-allow-origin"] == OURS
    assert "PATCH" in asked.headers["access-control-allow-methods"]
    allowed = set(asked.headers["access-control-allow-headers"].lower().replace(" ", "").split(","))
    assert {"authorization", "idempotency-key", "if-match"} <= allowed
    answer = await browser.get("http://test/health/live", headers={"Origin": OURS})
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-expose-headers"] == "*"


async def test_a_problem_can_be_read_by_an_origin_of_ours_too(browser: ApiClient) -> None:
    for path, status in [("/customers", 401), ("/nowhere", 404)]:
        answer = await browser.get(path, headers={"Origin": OURS})
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (status, OURS)


async def test_another_origin_gets_no_leave(browser: ApiClient) -> None:
    asked = await browser.options("/customers", headers=preflight(OTHER))
    assert "access-control-allow-origin" not in asked.headers
    answer = await browser.get("http://test/health/live", headers={"Origin": OTHER})
    assert "access-control-allow-origin" not in answer.headers


async def test_without_a_setting_no_origin_has_leave(anonymous: ApiClient) -> None:
    asked = await anonymous.options("/customers", headers=preflight(OURS))
    assert "access-control-allow-origin" not in asked.headers
