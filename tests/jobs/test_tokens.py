"""Tokens that open one job: what they open, to whom, for how long; and that they open nothing else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from litestar import Litestar
from pydantic import SecretStr

from api.auth import credentials_of
from api.jobs import following, sight
from models.identity.permissions import Role
from models.identity.tokens import Purpose, issue_token
from models.kernel.clock import utc_now
from models.kernel.ids import new_id
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.client import ApiClient, eventually
from tests.support.jobs import LATER
from tests.support.keys import new_key
from tests.support.limited import calling, limited_app
from tests.support.sides import Headers, make_login
from tests.support.walking import guarded_operations

HOUR = timedelta(hours=1)
OPENED = {"get_job", "list_attempts", "stream_job"}
PLACES = ("", "/attempts", "/events")
ANOTHER_KEY = SecretStr("another secret, as long as it has to be")
ORIGIN = "https://school.example"


@pytest.fixture
async def page(app: Litestar) -> AsyncIterator[ApiClient]:
    """A page in a browser: it has no credentials but what the test gives it."""
    async with calling(app) as page:
        yield page


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a listener was found to be one who may listen, at which streams look all the time."""
    found, holds = asyncio.Event(), sight.Trust.holds

    async def noted(trust: sight.Trust) -> bool:
        if it_holds := await holds(trust):
            found.set()
        return it_holds

    monkeypatch.setattr(following, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(sight, "TRUST_SECONDS", 0.0)
    monkeypatch.setattr(sight.Trust, "holds", noted)
    return found


async def waiting_job(client: ApiClient, headers: Headers | None = None) -> str:
    body = {"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER}
    id_: str = (await client.expect(202, "POST", "/jobs", json=body, headers=headers))["id"]
    return id_


async def token_for(client: ApiClient, job_id: str, headers: Headers | None = None, **body: Any) -> str:
    made = await client.expect(201, "POST", f"/jobs/{job_id}/tokens", json=body or None, headers=headers)
    token: str = made["token"]
    return token


def bearing(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


async def refused(page: ApiClient, job_id: str, token: str, *, status: int = 401) -> httpx.Response:
    """The answer, once it is a refusal: what was looked up is believed for a second."""

    async def answered() -> Any:
        answer = await page.get(f"/jobs/{job_id}", headers=bearing(token))
        return answer if answer.status_code == status else None

    answer: httpx.Response = await eventually(answered, within=5)
    return answer


async def test_a_token_says_how_long_and_what_it_opens(client: ApiClient) -> None:
    job_id = await waiting_job(client)
    for body, seconds in ((None, 3600), ({"expiresInSeconds": 60}, 60), ({"expiresInSeconds": 86_400}, 86_400)):
        made = await client.expect(201, "POST", f"/jobs/{job_id}/tokens", json=body)
        assert made["jobId"] == job_id
        expires_at = datetime.fromisoformat(made["expiresAt"])
        assert abs((expires_at - utc_now()).total_seconds() - seconds) < 10
        claims = jwt.decode(made["token"], options={"verify_signature": False})
        assert (claims["sub"], claims["exp"]) == (job_id, expires_at.timestamp())
    for wrong in (59, 86_401, None, 60.5, "an hour"):
        problem = await client.expect(400, "POST", f"/jobs/{job_id}/tokens", json={"expiresInSeconds": wrong})
        assert [fault["field"] for fault in problem["errors"]] == ["expiresInSeconds"]


@pytest.mark.parametrize("way", ["header", "query"])
async def test_it_opens_the_job_with_its_whole_contract(client: ApiClient, page: ApiClient, way: str) -> None:
    job_id = await waiting_job(client)
    token = await token_for(client, job_id)
    given: Any = {"headers": bearing(token)} if way == "header" else {"params": {"access_token": token}}
    mine = await client.get(f"/jobs/{job_id}")
    read = await page.get(f"/jobs/{job_id}", **given)
    assert (read.status_code, read.content) == (200, mine.content)
    assert read.headers["etag"] == mine.headers["etag"]
    assert int(read.headers["retry-after"]) >= 1
    assert read.headers["cache-control"] == "no-store"
    known = {**given.get("headers", {}), "If-None-Match": read.headers["etag"]}
    assert (await page.get(f"/jobs/{job_id}", **{**given, "headers": known})).status_code == 304
    assert await page.expect(200, "GET", f"/jobs/{job_id}/attempts", **given) == []
    await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    stream = await page.get(f"/jobs/{job_id}/events", **given)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert (stream.headers["cache-control"], "event: end" in stream.text) == ("no-store", True)


@pytest.mark.usefixtures("workers")
async def test_a_page_waits_for_the_end_and_hears_of_it(client: ApiClient, page: ApiClient) -> None:
    job = await client.submit("probe.effect", {"label": "page", "seconds": 1.0, "steps": 3})
    given: Any = {"params": {"access_token": await token_for(client, job["id"])}}
    listening = asyncio.create_task(page.get(f"/jobs/{job['id']}/events", **given, timeout=30))
    waited = await page.expect(200, "GET", f"/jobs/{job['id']}", **given, headers={"Prefer": "wait=20"}, timeout=30)
    assert waited["status"] == "succeeded"
    heard = (await listening).text
    assert heard.count("event: end") == 1
    assert '"status":"succeeded"' in heard
    (attempt,) = await page.expect(200, "GET", f"/jobs/{job['id']}/attempts", **given)
    assert attempt["outcome"] == "succeeded"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.STUDENT])
async def test_it_opens_nothing_else(app: Litestar, client: ApiClient, database: Database, role: Role) -> None:
    """Whatever its maker may; neither in the header, nor in the query."""
    job_id = await waiting_job(client)
    if role != Role.ADMIN:
        async with database.transaction() as session:
            maker_id, client_headers = await make_login(session, role, "noa")
        await database.execute("UPDATE jobs SET owner = $2 WHERE id = $1", UUID(job_id), f"user:{maker_id}")
    else:
        client_headers = dict(client.headers)
    token = await token_for(client, job_id, client_headers)
    await client.expect(200, "POST", f"/jobs/{job_id}/cancel")  # its stream ends at once
    tried = 0
    async with calling(app) as page:
        for operation in guarded_operations(app):
            for ids in ({"job_id": job_id}, {"job_id": new_id()}):
                by_header = await operation.call(page, ids, headers=bearing(token))
                by_query = await operation.call(page, ids, params={"access_token": token})
                if operation.name in OPENED:
                    expected = (200, 200) if ids["job_id"] == job_id else (403, 403)
                    assert (by_header.status_code, by_query.status_code) == expected, operation
                else:
                    assert (by_header.status_code == 403) == (operation.access != "public"), operation
                    assert (by_header.status_code, by_query.json()["code"]) != (200, None)
                    assert by_query.status_code == 401, operation
                tried += 1
    assert tried > 300


async def test_it_does_not_open_the_jobs_of_a_batch(client: ApiClient, page: ApiClient) -> None:
    body = {"jobs": [{"kind": "probe.echo", "payload": {"text": "1"}, "runAt": LATER}]}
    parent = await client.expect(202, "POST", "/jobs/batch", json=body)
    (child,) = (await client.expect(200, "GET", "/jobs", params={"parentId": parent["id"]}))["data"]
    headers = bearing(await token_for(client, parent["id"]))
    await page.expect(200, "GET", f"/jobs/{parent['id']}", headers=headers)
    for place in PLACES:
        await page.expect(403, "GET", f"/jobs/{child['id']}{place}", headers=headers)


async def test_only_who_sees_the_job_makes_one(client: ApiClient, page: ApiClient) -> None:
    job_id = await waiting_job(client)
    _, stranger = await new_key(client, "read:jobs", "write:jobs")
    _, blind = await new_key(client, "write:jobs")
    await client.expect(404, "POST", f"/jobs/{job_id}/tokens", headers=stranger)
    await client.expect(403, "POST", f"/jobs/{job_id}/tokens", headers=blind)
    await client.expect(404, "POST", f"/jobs/{new_id()}/tokens")
    await page.expect(401, "POST", f"/jobs/{job_id}/tokens")
    _, reader = await new_key(client, "read:*")
    token = await token_for(client, job_id, reader)
    await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(token))
    await page.expect(403, "POST", f"/jobs/{job_id}/tokens", headers=bearing(token))


async def test_what_is_expired_tampered_with_or_signed_by_others_opens_nothing(
    client: ApiClient, page: ApiClient, settings: Settings
) -> None:
    job_id = await waiting_job(client)
    good = await token_for(client, job_id)
    claims = jwt.decode(good, options={"verify_signature": False})
    own = {"maker": claims["maker"], "sid": claims["sid"]}

    def issued(by: Settings = settings, since: timedelta = timedelta(0), **changes: str) -> str:
        return issue_token(by, Purpose.JOB, UUID(job_id), utc_now() + since, HOUR, **{**own, **changes})

    head, body, signature = good.split(".")
    other = issue_token(settings, Purpose.JOB, new_id(), utc_now(), HOUR, **own).split(".")
    bad = {
        "expired": issued(since=-HOUR * 2),
        "of tomorrow": issued(since=HOUR * 24),
        "of no maker": issue_token(settings, Purpose.JOB, UUID(job_id), utc_now(), HOUR),
        "of a maker who is gone": issue_token(
            settings, Purpose.JOB, UUID(job_id), utc_now(), HOUR, maker=f"user:{new_id()}"
        ),
        "of a maker of no kind": issued(sid="", maker="guest"),
        "of another session": issued(sid=str(new_id())),
        "of no session": issued(sid="none"),
        "by another key": issued(settings.model_copy(update={"secret_key": ANOTHER_KEY})),
        "another job's claims": f"{head}.{other[1]}.{signature}",
        "another's signature": f"{head}.{body}.{other[2]}",
        "unsigned": f"{head}.{body}.",
        "algorithm none": jwt.encode(claims, "", algorithm="none", headers={"typ": "job+jwt"}),
        "algorithm HS512": jwt.encode(
            claims, settings.secret_key.get_secret_value(), headers={**jwt.get_unverified_header(good), "alg": "HS512"}
        ),
        "half": good[: len(good) // 2],
        "nothing": "",
    }
    for name, token in bad.items():
        for given in ({"headers": bearing(token)}, {"params": {"access_token": token}}):
            for place in PLACES:
                answer = await page.get(f"/jobs/{job_id}{place}", **given)  # type: ignore[arg-type]
                assert (answer.status_code, answer.json().get("code")) == (401, "UNAUTHORIZED"), name
                assert answer.headers["www-authenticate"] == "Bearer"
                assert not token or token not in answer.text
    expired = await page.get(f"/jobs/{job_id}", headers=bearing(bad["expired"]))
    assert expired.json()["detail"] == "The job token has expired; ask for another one."
    await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(issued()))


async def test_a_token_of_before_a_rotation_of_keys_opens_still(client: ApiClient, settings: Settings) -> None:
    job_id = await waiting_job(client)
    token = await token_for(client, job_id)
    rotated = {"secret_key": ANOTHER_KEY, "retired_secret_keys": (settings.secret_key,)}
    async with limited_app(settings, **rotated) as app, calling(app) as page:
        await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(token))
    async with limited_app(settings, secret_key=ANOTHER_KEY) as app, calling(app) as page:
        await page.expect(401, "GET", f"/jobs/{job_id}", headers=bearing(token))


async def test_tokens_of_other_purposes_are_none_of_a_job_and_it_is_none_of_them(
    client: ApiClient, page: ApiClient, settings: Settings
) -> None:
    me = (await client.expect(200, "GET", "/auth/me"))["user"]["id"]
    job_id = await waiting_job(client)
    own = {"maker": f"user:{me}", "sid": jwt.decode(_bearer_of(client), options={"verify_signature": False})["sid"]}
    for purpose in set(Purpose) - {Purpose.JOB}:
        for subject in (me, job_id):
            token = issue_token(settings, purpose, UUID(subject), utc_now(), HOUR, **own, pwd="x")
            await page.expect(401, "GET", f"/jobs/{job_id}", params={"access_token": token})
    as_user = issue_token(settings, Purpose.JOB, UUID(me), utc_now(), HOUR, **own)
    await page.expect(403, "GET", "/auth/me", headers=bearing(as_user))
    await page.expect(403, "GET", f"/jobs/{job_id}", headers=bearing(as_user))
    await page.expect(401, "POST", "/auth/login/totp", json={"challengeToken": as_user, "code": "000000"})


async def test_no_other_credentials_are_taken_from_the_query(client: ApiClient, page: ApiClient) -> None:
    """Addresses are kept in histories and logs: a key has no business there, good or not."""
    job_id = await waiting_job(client)
    _, key = await new_key(client, "*")
    token = await token_for(client, job_id)
    for credentials in (_bearer_of(client), key["Authorization"].removeprefix("Bearer "), "", "nonsense"):
        for place in PLACES:
            answer = await page.get(f"/jobs/{job_id}{place}", params={"access_token": credentials})
            assert answer.status_code == 401
            assert "access_token" in answer.json()["detail"]
    other = await token_for(client, await waiting_job(client))
    for given in (
        {"params": {"access_token": token}, "headers": bearing(other)},
        {"params": {"access_token": token}, "headers": dict(client.headers)},
        {"params": [("access_token", token), ("access_token", other)]},
    ):
        answer = await page.get(f"/jobs/{job_id}", **given)
        assert (answer.status_code, answer.json()["detail"]) == (401, "Send one token or key, not several.")
    await page.expect(200, "GET", f"/jobs/{job_id}", params={"access_token": token}, headers=bearing(token))
    await page.expect(200, "GET", f"/jobs/{job_id}", params={"t": "1", "access_token": token, "v": "2"})


async def test_the_query_opens_nothing_beside_good_credentials_either(client: ApiClient) -> None:
    job_id = await waiting_job(client)
    token = await token_for(client, job_id)
    _, key = await new_key(client, "*")
    for headers in (dict(client.headers), key):
        for method, path in (("GET", "/customers"), ("POST", "/jobs"), ("POST", f"/jobs/{job_id}/cancel")):
            body = {"kind": "probe.echo", "payload": {"text": "x"}} if path == "/jobs" else None
            await client.expect(
                401, method, path, params={"access_token": token}, headers=headers, json=body
            )  # fmt: skip


async def test_a_token_is_void_with_the_key_that_made_it(client: ApiClient, page: ApiClient) -> None:
    key_id, headers = await new_key(client, "read:jobs", "write:jobs")
    job_id = await waiting_job(client, headers)
    token = await token_for(client, job_id, headers)
    await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(token))
    await client.expect(204, "DELETE", f"/api-keys/{key_id}")
    detail = (await refused(page, job_id, token)).json()["detail"]
    assert detail == "Who made this token has logged out, or may not call any more."


async def test_a_token_is_void_with_the_expiry_of_its_key(
    client: ApiClient, page: ApiClient, database: Database
) -> None:
    key_id, headers = await new_key(client, "read:jobs", "write:jobs")
    job_id = await waiting_job(client, headers)
    token = await token_for(client, job_id, headers)
    await database.execute("UPDATE api_keys SET expires_at = clock_timestamp() WHERE id = $1", UUID(key_id))
    await refused(page, job_id, token)


async def test_a_key_that_may_not_read_jobs_any_more_has_made_it_for_nothing(
    client: ApiClient, page: ApiClient
) -> None:
    key_id, headers = await new_key(client, "read:jobs", "write:jobs")
    job_id = await waiting_job(client, headers)
    token = await token_for(client, job_id, headers)
    await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(token))
    await client.expect(200, "PATCH", f"/api-keys/{key_id}", json={"scopes": ["write:jobs"]})
    assert "read:jobs" in (await refused(page, job_id, token, status=403)).json()["detail"]


@pytest.mark.parametrize("end", ["block", "delete", "log out"])
async def test_a_token_is_void_when_its_maker_is_out(
    client: ApiClient, page: ApiClient, database: Database, end: str
) -> None:
    async with database.transaction() as session:
        maker_id, headers = await make_login(session, Role.MANAGER, "noa")
    job_id = await waiting_job(client, headers)
    token = await token_for(client, job_id, headers)
    await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(token))
    if end == "block":
        await client.expect(200, "POST", f"/admin/users/{maker_id}/block", json={"reason": "gone"})
    elif end == "delete":
        await client.expect(204, "DELETE", f"/admin/users/{maker_id}")
    else:
        await client.expect(204, "POST", "/auth/logout", headers=headers)
    await refused(page, job_id, token)
    await client.expect(200, "GET", f"/jobs/{job_id}")


async def test_a_job_that_its_maker_does_not_see_any_more_is_not_there(
    client: ApiClient, page: ApiClient, database: Database
) -> None:
    job_id = await waiting_job(client)
    async with database.transaction() as session:
        maker_id, headers = await make_login(session, Role.MANAGER, "noa")
    token = await token_for(client, job_id, headers)
    await page.expect(200, "GET", f"/jobs/{job_id}", headers=bearing(token))
    await database.execute("UPDATE users SET role = 'instructor' WHERE id = $1", maker_id)
    await refused(page, job_id, token, status=404)
    for place in PLACES:
        await page.expect(404, "GET", f"/jobs/{job_id}{place}", headers=bearing(token))


@pytest.mark.parametrize("by", ["token", "session"])
@pytest.mark.parametrize("loss", ["blocked_at = clock_timestamp()", "role = 'instructor'"])
async def test_a_stream_ends_with_the_right_to_listen(
    client: ApiClient, page: ApiClient, database: Database, trusted: asyncio.Event, by: str, loss: str
) -> None:
    """An open stream outlasts the look at its credentials; nobody hears on who would not be let in again."""
    job_id = await waiting_job(client)
    async with database.transaction() as session:
        maker_id, headers = await make_login(session, Role.MANAGER, "noa")
    given = bearing(await token_for(client, job_id, headers)) if by == "token" else headers
    listening = asyncio.create_task(page.get(f"/jobs/{job_id}/events", headers=given, timeout=30))
    await asyncio.wait_for(trusted.wait(), 20)
    await database.execute(f"UPDATE users SET {loss} WHERE id = $1", maker_id)
    heard = (await asyncio.wait_for(listening, 20)).text
    assert (heard.count("event: progress"), heard.count("event: end")) == (1, 0)


async def test_a_stream_ends_with_the_scope_to_read(client: ApiClient, page: ApiClient, trusted: asyncio.Event) -> None:
    key_id, headers = await new_key(client, "read:jobs", "write:jobs")
    job_id = await waiting_job(client, headers)
    listening = asyncio.create_task(page.get(f"/jobs/{job_id}/events", headers=headers, timeout=30))
    await asyncio.wait_for(trusted.wait(), 20)
    await client.expect(200, "PATCH", f"/api-keys/{key_id}", json={"scopes": ["write:jobs"]})
    assert "event: end" not in (await asyncio.wait_for(listening, 20)).text


async def test_a_stream_ends_with_its_token(
    client: ApiClient, page: ApiClient, trusted: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await waiting_job(client)
    token = await token_for(client, job_id, expiresInSeconds=60)
    listening = asyncio.create_task(page.get(f"/jobs/{job_id}/events", headers=bearing(token), timeout=30))
    await asyncio.wait_for(trusted.wait(), 20)
    assert not listening.done()
    monkeypatch.setattr("models.identity.services.job_tokens.utc_now", lambda: utc_now() + timedelta(seconds=61))
    assert "event: end" not in (await asyncio.wait_for(listening, 20)).text


async def test_where_the_end_is_told_is_not_for_pages(client: ApiClient, page: ApiClient) -> None:
    """Such an address may be a key by itself."""
    url = "https://hooks.example.com/resume?secret=4711"
    job = await client.submit("probe.echo", {"text": "x"}, runAt=LATER, callbackUrl=url)
    headers = bearing(await token_for(client, job["id"]))
    assert (await page.expect(200, "GET", f"/jobs/{job['id']}", headers=headers))["callbackUrl"] is None
    await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    assert "4711" not in (await page.get(f"/jobs/{job['id']}/events", headers=headers)).text
    assert (await client.expect(200, "GET", f"/jobs/{job['id']}"))["callbackUrl"] == url


@pytest.mark.usefixtures("workers")
async def test_the_lines_of_the_log_are_not_for_pages(client: ApiClient, page: ApiClient) -> None:
    job = await client.submit("probe.log", {"lines": 3})
    await client.finish(job["id"])
    given: Any = {"params": {"access_token": await token_for(client, job["id"])}}
    assert (await client.get(f"/jobs/{job['id']}/events")).text.count("event: log") == 3
    stream = (await page.get(f"/jobs/{job['id']}/events", **given)).text
    assert (stream.count("event: log"), stream.count("event: end")) == (0, 1)
    await page.expect(401, "GET", f"/jobs/{job['id']}/logs", **given)


async def test_pages_are_counted_by_address_and_take_nothing_from_the_maker(
    client: ApiClient, settings: Settings
) -> None:
    """However many tokens somebody has: they would else be a way around any limit."""
    _, key = await new_key(client, "read:jobs", "write:jobs")
    async with limited_app(settings, rate_limit_general=6) as app, calling(app, **key) as maker:
        ids = [await waiting_job(maker) for _ in range(2)]
        tokens = {id_: await token_for(maker, id_) for id_ in ids}
        async with calling(app) as page:
            asked = [await page.get(f"/jobs/{id_}", headers=bearing(tokens[id_])) for id_ in ids * 4]
            assert [answer.status_code for answer in asked] == [200] * 6 + [429] * 2
        async with calling(app) as elsewhere:
            await elsewhere.expect(200, "GET", f"/jobs/{ids[0]}", params={"access_token": tokens[ids[0]]})
        assert (await maker.get(f"/jobs/{ids[0]}")).headers["x-ratelimit-remaining"] == "1"


async def test_a_page_of_an_allowed_origin_listens(client: ApiClient, settings: Settings) -> None:
    job_id = await waiting_job(client)
    token = await token_for(client, job_id)
    await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    async with limited_app(settings, cors_origins=(ORIGIN,)) as app, calling(app) as page:
        for origin, leave in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
            for place in PLACES:
                answer = await page.get(
                    f"/jobs/{job_id}{place}", params={"access_token": token}, headers={"Origin": origin}
                )
                assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (200, leave)
        asked = await page.options(
            f"/jobs/{job_id}", params={"access_token": token},
            headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET",
                     "Access-Control-Request-Headers": "prefer, if-none-match"},
        )  # fmt: skip
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, ORIGIN)
        away = await page.get(f"/jobs/{job_id}/events", params={"access_token": "x"}, headers={"Origin": ORIGIN})
        assert (away.status_code, away.headers["access-control-allow-origin"]) == (401, ORIGIN)


def test_the_door_keeps_the_token_out_of_the_query_that_goes_on(settings: Settings) -> None:
    """What is not there, nothing behind it can log."""
    token = issue_token(settings, Purpose.JOB, new_id(), utc_now(), HOUR)
    for before, after in ((b"", b""), (b"a=1&", b"a=1"), (b"a=%20&b&", b"a=%20&b")):
        scope: Any = {"headers": [], "query_string": before + f"access_token={token}".encode(), "state": {}}
        assert credentials_of(scope) == token
        assert scope["query_string"] == after


async def test_nothing_keeps_a_token(client: ApiClient, page: ApiClient, database: Database) -> None:
    """Neither a table, nor the trail of changes."""
    job_id = await waiting_job(client)
    answers = [
        await client.post(f"/jobs/{job_id}/tokens", headers={"Idempotency-Key": "once"}, json={}) for _ in range(2)
    ]
    token = answers[0].json()["token"]
    assert answers[1].json() == answers[0].json()
    await page.expect(200, "GET", f"/jobs/{job_id}", params={"access_token": token})
    tables = await database.fetch("SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 20
    for table in tables:
        like = f"SELECT 1 FROM {table['name']} AS row WHERE row::text LIKE '%' || $1 || '%' LIMIT 1"
        assert await database.fetch(like, token.rpartition(".")[2]) == [], table["name"]


def _bearer_of(client: ApiClient) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")
