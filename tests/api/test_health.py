"""What operators and their machines ask the process itself."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from models.kernel.settings import Settings
from tests.support.client import ApiClient


@pytest.fixture
async def guarded(settings: Settings, clean: None) -> AsyncIterator[httpx.AsyncClient]:
    """An application whose metrics have a token."""
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr("scrape-me")}))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await app.state.database.close()


async def test_a_healthy_process_names_its_parts(anonymous: ApiClient) -> None:
    assert (await anonymous.get("http://test/health/live")).json() == {"status": "ok"}
    health = (await anonymous.get("http://test/health/ready")).json()
    assert health["status"] == "ok"
    assert health["parts"] == {"postgresql": "ok", "redis": "ok"}


async def test_metrics_need_their_token_when_there_is_one(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.get("/metrics")).status_code == 401
    assert (await guarded.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 401
    answer = await guarded.get("/metrics", headers={"Authorization": "Bearer scrape-me"})
    assert answer.status_code == 200
    assert "bellwork_http_requests_total" in answer.text


async def test_every_answer_carries_the_request_id_and_the_security_headers(anonymous: ApiClient) -> None:
    answer = await anonymous.get("http://test/nowhere", headers={"X-Request-ID": "trace-17"})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert answer.headers["x-request-id"] == answer.json()["requestId"] == "trace-17"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    unsane = await anonymous.get("http://test/health/live", headers={"X-Request-ID": "a b\tc"})
    assert unsane.headers["x-request-id"] != "a b\tc"
