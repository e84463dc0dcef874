"""How often one may ask: by caller, by address, by class, over two processes, and while Redis is away."""

import asyncio
from typing import Any

import httpx
import pytest

from api.limits import UNCOUNTED
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.client import ApiClient
from tests.support.limited import calling, fresh_address, limited_app

NOWHERE = "redis://127.0.0.1:1/0"
LOGIN = {"email": "nobody@example.com", "password": "correct horse battery"}
HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def token_of(client: ApiClient) -> dict[str, str]:
    return {"Authorization": client.headers["Authorization"]}


async def statuses(client: ApiClient, times: int, path: str = "/auth/me", method: str = "GET", **kwargs: Any) -> Any:
    return [(await client.request(method, path, **kwargs)).status_code for _ in range(times)]


async def test_two_processes_on_one_redis_let_in_exactly_as_many_as_the_limit(
    client: ApiClient, settings: Settings
) -> None:
    async with (
        limited_app(settings, rate_limit_general=30) as one,
        limited_app(settings, rate_limit_general=30) as other,
        calling(one, **token_of(client)) as first,
        calling(other, **token_of(client)) as second,
    ):
        answers = await asyncio.gather(*(each.get("/auth/me") for _ in range(30) for each in (first, second)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(429)) == (30, 30)


async def test_the_refusal_says_what_and_when(client: ApiClient, settings: Settings) -> None:
    async with limited_app(settings, rate_limit_general=1) as app, calling(app, **token_of(client)) as caller:
        assert await statuses(caller, 1) == [200]
        answer = await caller.get("/auth/me")
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (429, 429, "RATE_LIMITED")
    assert problem["detail"] == "More than 1 requests in a minute."
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_answer_tells_what_is_left(client: ApiClient) -> None:
    job = await client.submit("probe.echo", {"text": "hello"})
    customer = await client.create("/customers", name="Noa")
    etag = {"If-None-Match": (await client.get(f"/jobs/{job['id']}")).headers["etag"]}
    kept = {"Idempotency-Key": "once"}
    answers = [
        await client.get(f"/jobs/{job['id']}"),
        await client.post("/jobs", json={"kind": "probe.echo", "payload": {"text": "hello"}}),
        await client.get(f"/jobs/{job['id']}", headers=etag),
        await client.post("/customers", json={"name": "Noa"}, headers=kept),
        await client.post("/customers", json={"name": "Noa"}, headers=kept),
        await client.delete(f"/customers/{customer['id']}"),
        await client.post("/customers", json={}),
        await client.get("/customers", headers={"Authorization": "Bearer forged"}),
        await client.get(f"/customers/{job['id']}"),
        await client.get("/nowhere"),
        await client.get("http://test/nowhere"),
        await client.delete("/customers"),
        await client.post("/customers", content=b"x" * 1_100_000),
        await client.options("/customers"),
        await client.get("http://test/schema/swagger"),
    ]
    codes = [200, 202, 304, 201, 201, 204, 400, 401, 404, 404, 404, 405, 413, 204, 200]
    assert [answer.status_code for answer in answers] == codes
    for answer in answers:
        values = [answer.headers.get_list(name) for name in HEADERS]
        assert [len(each) for each in values] == [1, 1, 1], f"{answer.request.method} {answer.request.url}"
        limit, remaining, reset = (int(each[0]) for each in values)
        assert limit == 1_000_000
        assert 0 < remaining < limit
        assert reset > 1_700_000_000
    assert "idempotency-replayed" in answers[4].headers


async def test_probes_and_metrics_are_not_counted(client: ApiClient, settings: Settings) -> None:
    async with limited_app(settings, rate_limit_general=1) as app, calling(app) as caller:
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            answers = [await caller.get(f"http://test{path}") for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 200], path
            assert not any(name in answer.headers for answer in answers for name in HEADERS)


async def test_each_caller_has_a_count_of_their_own(client: ApiClient, settings: Settings, database: Database) -> None:
    address = fresh_address()
    async with limited_app(settings, rate_limit_general=2) as app:
        async with calling(app, address=address, **token_of(client)) as known:
            assert await statuses(known, 3) == [200, 200, 429]
        async with calling(app, address=address) as unknown:
            assert await statuses(unknown, 3) == [401, 401, 429]
        async with calling(app, address=address, Authorization="Bearer forged") as forger:
            assert await statuses(forger, 1) == [429], "who guesses credentials is counted by address"
        async with calling(app) as elsewhere:
            assert await statuses(elsewhere, 1) == [401]


async def test_a_key_may_have_a_limit_of_its_own(client: ApiClient, settings: Settings) -> None:
    keys = [
        await client.create("/api-keys", name="Shop", scopes=["read:jobs"], rateLimitPerMinute=own) for own in (4, None)
    ]
    async with limited_app(settings, rate_limit_general=2) as app:
        for key, allowed in zip(keys, (4, 2), strict=True):
            async with calling(app, **{"X-API-Key": key["secret"]}) as caller:
                assert await statuses(caller, allowed + 1, "/jobs") == [200] * allowed + [429]


async def test_what_searches_counts_as_a_search_besides(client: ApiClient, settings: Settings) -> None:
    async with limited_app(settings, rate_limit_search=2) as app, calling(app, **token_of(client)) as caller:
        assert await statuses(caller, 1, "/customers?search=noa") == [200]
        assert await statuses(caller, 2, "/customers?limit=5&%71=noa") == [200, 429]
        answer = await caller.get("/students?%73ea%72ch=noa")
        assert (answer.status_code, answer.json()["detail"]) == (429, "More than 2 search requests in a minute.")
        assert answer.headers["x-ratelimit-limit"] == "2"
        assert await statuses(caller, 3, "/customers?city=search=") == [200, 200, 200]


async def test_mails_are_counted_as_such(client: ApiClient, settings: Settings) -> None:
    mail = {"to": "noa@example.com", "subject": "Tuesday", "html": "<p>See you.</p>"}
    async with limited_app(settings, rate_limit_mail=1) as app, calling(app, **token_of(client)) as caller:
        assert await statuses(caller, 2, "/send-email", "POST", json=mail) == [202, 429]
        assert await statuses(caller, 1) == [200]
    async with calling(app) as stranger:
        assert await statuses(stranger, 1, "/send-email", "POST", json=mail) == [401]


async def test_logins_are_counted_by_address_whoever_sends_them(client: ApiClient, settings: Settings) -> None:
    address = fresh_address()
    async with limited_app(settings, rate_limit_login=2) as app:
        async with calling(app, address=address) as one, calling(app, address=address, **token_of(client)) as other:
            assert await statuses(one, 1, "/auth/login", "POST", json=LOGIN) == [401]
            assert await statuses(other, 2, "/auth/login", "POST", json=LOGIN) == [401, 429]
            assert await statuses(one, 1) == [401], "only logins are refused"
        async with calling(app) as elsewhere:
            assert await statuses(elsewhere, 1, "/auth/login", "POST", json=LOGIN) == [401]


async def test_a_header_makes_nobody_somebody_else(settings: Settings, database: Database) -> None:
    async with limited_app(settings, rate_limit_general=2) as app, calling(app) as liar:
        spoofed = [
            await liar.get("/auth/me", headers={name: value})
            for name, value in [("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.5"), ("X-Real-IP", "1.2.3.6")]
        ]
        assert [answer.status_code for answer in spoofed] == [401, 401, 429]


async def test_behind_a_proxy_callers_are_told_apart(settings: Settings, database: Database) -> None:
    proxy = fresh_address()
    trusting = Settings.model_validate({**settings.model_dump(), "trusted_proxies": proxy})
    async with limited_app(trusting, rate_limit_general=2) as app, calling(app, address=proxy) as caller:
        for _ in range(2):
            address = fresh_address()
            sent = [{"X-Forwarded-For": f"{liar}, {address}"} for liar in ("1.1.1.1", "1.1.1.2", "1.1.1.3")]
            answers = [await caller.get("/auth/me", headers=headers) for headers in sent]
            assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_a_page_of_an_allowed_origin_can_read_the_refusal_and_may_always_ask_first(settings: Settings) -> None:
    origin = "https://school.example"
    async with (
        limited_app(settings, rate_limit_general=1, cors_origins=(origin,)) as app,
        calling(app, Origin=origin) as browser,
    ):
        asked = {"Access-Control-Request-Method": "GET"}
        assert await statuses(browser, 3, method="OPTIONS", headers=asked) == [204, 204, 204]
        await browser.get("/auth/me")
        refused = await browser.get("/auth/me")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (429, origin)


@pytest.mark.parametrize("host", ["evil.example", "api.school.example.evil.example", ""])
async def test_another_host_is_refused_with_a_problem(settings: Settings, host: str) -> None:
    async with limited_app(settings, allowed_hosts=("api.school.example",)) as app, calling(app) as caller:
        answer = await caller.get("/customers", headers={"Host": host})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Host")
        ours = await caller.get("/customers", headers={"Host": "api.school.example"})
        assert ours.status_code == 401
        assert (await caller.get("http://10.1.2.3/health/live")).status_code == 200


async def test_while_redis_is_away_all_but_logins_are_let_in_uncounted(
    client: ApiClient, settings: Settings, database: Database
) -> None:
    before = UNCOUNTED.labels("general")._value.get()
    away = {"redis_url": NOWHERE, "rate_limit_general": 2, "rate_limit_login": 3}
    async with limited_app(settings, **away) as app, calling(app, **token_of(client)) as caller:
        assert await statuses(caller, 5) == [200] * 5
        assert await statuses(caller, 5, "/customers", "POST", json={"name": "Noa"}) == [201] * 5
        logins: list[httpx.Response] = [await caller.post("/auth/login", json=LOGIN) for _ in range(5)]
        metrics = (await caller.get("http://test/metrics")).text
    assert [answer.status_code for answer in logins] == [401, 401, 401, 429, 429]
    assert int(logins[-1].headers["retry-after"]) >= 1
    assert all(name in answer.headers for answer in logins for name in HEADERS)
    assert UNCOUNTED.labels("general")._value.get() == before + 15
    assert "bellwork_rate_limits_away 1.0" in metrics


async def test_hsts_is_for_https(settings: Settings) -> None:
    for url, told in [("http://api.school.example", False), ("https://api.school.example", True)]:
        async with limited_app(settings, public_url=url) as app, calling(app) as caller:
            answer = await caller.get("http://test/health/live")
            assert ("strict-transport-security" in answer.headers) == told
