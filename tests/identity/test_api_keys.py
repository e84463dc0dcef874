"""API keys: what they open, and what they cannot give on."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.identity.secrets import new_api_key
from models.identity.services.api_keys import authenticate_api_key
from models.kernel.clock import utc_now
from models.kernel.errors import Unauthorized
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually


async def new_key(client: ApiClient, *scopes: str, **more: Any) -> Any:
    return await client.create("/api-keys", name="Automation", scopes=list(scopes), **more)


def hence(**distance: int) -> str:
    return (utc_now() + timedelta(**distance)).isoformat()


def with_key(secret: str) -> dict[str, str]:
    """In place of the client's own token."""
    return {"Authorization": f"Bearer {secret}"}


async def test_a_key_is_shown_once_and_kept_as_a_hash(client: ApiClient, database: Database) -> None:
    made = await new_key(client, "read:customers")
    assert made["secret"].startswith("bellwork_live_")
    assert made["secret"].startswith(made["key"]["prefix"])
    read = await client.get(f"/api-keys/{made['key']['id']}")
    listed = await client.get("/api-keys")
    assert read.json() == made["key"] == listed.json()["data"][0]
    (row,) = await database.fetch("SELECT * FROM api_keys")
    assert made["secret"] not in f"{read.text}{listed.text}{dict(row)}"
    assert (await new_key(client, "read:customers", live=False))["secret"].startswith("bellwork_test_")


async def test_a_key_opens_by_either_header(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    who = {"actor": f"api_key:{made['key']['id']}", "role": None, "scopes": ["read:customers"], "user": None}
    one, other = {"X-API-Key": made["secret"]}, with_key(made["secret"])
    del client.headers["Authorization"]
    for headers in (one, other, {**one, **other}):
        assert await client.expect(200, "GET", "/auth/me", headers=headers) == who


async def test_of_two_different_credentials_none_counts(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    problem = await client.expect(401, "GET", "/auth/me", headers={"X-API-Key": made["secret"]})
    assert "not several" in problem["detail"]


@pytest.mark.parametrize(
    ("scopes", "open_", "closed"),
    [
        (["read:customers"], ["GET /customers"], ["POST /customers", "GET /students", "GET /api-keys"]),
        (["write:customers"], ["POST /customers"], ["GET /customers", "POST /courses"]),
        (["read:*"], ["GET /customers", "GET /jobs", "GET /api-keys"], ["POST /customers", "DELETE /api-keys/{}"]),
        (["write:*"], ["POST /customers", "POST /courses"], ["GET /customers"]),
        (["*"], ["GET /customers", "POST /customers", "GET /api-keys"], []),
        (["read:students", "write:courses"], ["GET /students", "POST /courses"], ["GET /courses", "POST /students"]),
    ],
)
async def test_a_key_opens_what_its_scopes_name_and_nothing_else(
    client: ApiClient, scopes: list[str], open_: list[str], closed: list[str]
) -> None:
    made = await new_key(client, *scopes)
    bodies = {"/customers": {"name": "Noa"}, "/courses": {"title": "Robotics"}}
    for expected, operations in ((True, open_), (False, closed)):
        for operation in operations:
            method, path = operation.replace("{}", made["key"]["id"]).split()
            body = bodies.get(path) if method == "POST" else None
            response = await client.request(method, path, json=body, headers=with_key(made["secret"]))
            assert response.is_success if expected else response.status_code == 403, f"{operation}: {response.text}"


async def test_what_is_missing_is_named(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    problem = await client.expect(403, "POST", "/customers", json={"name": "x"}, headers=with_key(made["secret"]))
    assert (problem["code"], "write:customers" in problem["detail"]) == ("FORBIDDEN", True)


async def test_a_key_that_is_none_of_ours_is_refused(client: ApiClient) -> None:
    secret = (await new_key(client, "*"))["secret"]
    typo = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    del client.headers["Authorization"]
    for key in (new_api_key(live=True), typo, "bellwork_live_", "bellwork_live_" + "x" * 5000, secret + "x", ""):
        problem = await client.expect(401, "GET", "/customers", headers={"X-API-Key": key})
        assert problem["code"] == "UNAUTHORIZED"
        await client.expect(401, "GET", "/customers", headers=with_key(key))


async def test_a_deleted_key_opens_nothing_any_more(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    headers = with_key(made["secret"])
    await client.expect(200, "GET", "/customers", headers=headers)
    await client.expect(204, "DELETE", f"/api-keys/{made['key']['id']}")

    async def is_refused() -> bool:
        return (await client.get("/customers", headers=headers)).status_code == 401

    await eventually(is_refused)
    await client.expect(404, "GET", f"/api-keys/{made['key']['id']}")


async def test_an_expired_key_opens_nothing(client: ApiClient, database: Database) -> None:
    living, expired = [await new_key(client, "read:customers", expiresAt=hence(hours=1)) for _ in range(2)]
    await database.execute(
        "UPDATE api_keys SET expires_at = clock_timestamp() WHERE id = $1", UUID(expired["key"]["id"])
    )
    await client.expect(200, "GET", "/customers", headers=with_key(living["secret"]))
    await client.expect(401, "GET", "/customers", headers=with_key(expired["secret"]))


async def test_a_key_cannot_be_made_for_the_past(client: ApiClient) -> None:
    body = {"name": "x", "scopes": ["fly"], "expiresAt": hence(hours=-1), "rateLimitPerMinute": 60}
    problem = await client.expect(400, "POST", "/api-keys", json=body)
    assert [fault["field"] for fault in problem["errors"]] == ["expiresAt", "scopes"]
    made = await new_key(client, "read:customers")
    await client.expect(400, "PATCH", f"/api-keys/{made['key']['id']}", json={"expiresAt": hence(hours=-1)})
    await client.expect(400, "PATCH", f"/api-keys/{made['key']['id']}", json={"expiresAt": "2090-01-01T00:00:00"})


async def test_a_rotated_key_has_another_secret_and_the_same_rights(client: ApiClient) -> None:
    made = await new_key(client, "read:customers", live=False)
    rotated = await client.expect(200, "POST", f"/api-keys/{made['key']['id']}/rotate")
    assert rotated["secret"] != made["secret"]
    assert rotated["secret"].startswith("bellwork_test_")
    assert (rotated["key"]["id"], rotated["key"]["scopes"]) == (made["key"]["id"], ["read:customers"])
    await client.expect(200, "GET", "/customers", headers=with_key(rotated["secret"]))
    await client.expect(401, "GET", "/customers", headers=with_key(made["secret"]))


async def test_a_rotation_may_overlap_and_both_secrets_are_seen(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    path = f"/api-keys/{made['key']['id']}"
    await client.expect(200, "GET", "/customers", headers=with_key(made["secret"]))
    before = await client.expect(200, "GET", path)
    rotated = await client.expect(200, "POST", f"{path}/rotate", json={"overlapSeconds": 3600})
    assert rotated["key"]["previous"]["prefix"] == before["prefix"] != rotated["key"]["prefix"]
    assert rotated["key"]["previous"]["lastUsedAt"] == before["lastUsedAt"] is not None
    assert rotated["key"]["lastUsedAt"] is None
    left = datetime.fromisoformat(rotated["key"]["previous"]["expiresAt"]) - utc_now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert await client.expect(200, "GET", path) == rotated["key"]
    for secret in (made["secret"], rotated["secret"]):
        who = await client.expect(200, "GET", "/auth/me", headers=with_key(secret))
        assert (who["actor"], who["scopes"]) == (f"api_key:{made['key']['id']}", ["read:customers"])
    assert (await client.expect(200, "GET", path))["lastUsedAt"] is not None


async def test_the_old_secret_opens_until_its_overlap_has_passed(client: ApiClient, database: Database) -> None:
    made = await new_key(client, "read:customers")
    path = f"/api-keys/{made['key']['id']}"
    rotated = await client.expect(200, "POST", f"{path}/rotate", json={"overlapSeconds": 3600})
    await database.execute("UPDATE api_keys SET previous_expires_at = clock_timestamp()")
    await client.expect(401, "GET", "/customers", headers=with_key(made["secret"]))
    await client.expect(200, "GET", "/customers", headers=with_key(rotated["secret"]))
    assert (await client.expect(200, "GET", path))["previous"] is None


async def test_an_overlap_can_be_ended_now(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    path = f"/api-keys/{made['key']['id']}"
    await client.expect(409, "POST", f"{path}/expire-previous")
    rotated = await client.expect(200, "POST", f"{path}/rotate", json={"overlapSeconds": 3600})
    assert (await client.expect(200, "POST", f"{path}/expire-previous"))["previous"] is None
    await client.expect(401, "GET", "/customers", headers=with_key(made["secret"]))
    await client.expect(200, "GET", "/customers", headers=with_key(rotated["secret"]))


async def test_of_three_secrets_two_open(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    path = f"/api-keys/{made['key']['id']}/rotate"
    second, third = [await client.expect(200, "POST", path, json={"overlapSeconds": 60}) for _ in range(2)]
    statuses = [
        (await client.get("/customers", headers=with_key(each["secret"]))).status_code for each in (made, second, third)
    ]
    assert statuses == [401, 200, 200]


async def test_a_rotation_without_overlap_ends_every_other_secret(client: ApiClient) -> None:
    made = await new_key(client, "read:customers")
    path = f"/api-keys/{made['key']['id']}/rotate"
    second = await client.expect(200, "POST", path, json={"overlapSeconds": 60})
    third = await client.expect(200, "POST", path)
    assert third["key"]["previous"] is None
    for former in (made, second):
        await client.expect(401, "GET", "/customers", headers=with_key(former["secret"]))


@pytest.mark.parametrize("seconds", [-1, 604801, 1.5, "soon", None])
async def test_an_overlap_has_bounds(client: ApiClient, seconds: Any) -> None:
    made = await new_key(client, "read:customers")
    problem = await client.expect(
        400, "POST", f"/api-keys/{made['key']['id']}/rotate", json={"overlapSeconds": seconds}
    )
    assert [fault["field"] for fault in problem["errors"]] == ["overlapSeconds"]
    await client.expect(200, "GET", "/customers", headers=with_key(made["secret"]))


async def test_an_overlap_does_not_outlive_the_key(client: ApiClient, database: Database) -> None:
    made = await new_key(client, "read:customers", expiresAt=hence(hours=1))
    await client.expect(200, "POST", f"/api-keys/{made['key']['id']}/rotate", json={"overlapSeconds": 604800})
    await database.execute("UPDATE api_keys SET expires_at = clock_timestamp()")
    await client.expect(401, "GET", "/customers", headers=with_key(made["secret"]))


async def test_a_key_may_have_a_rate_limit_of_its_own(client: ApiClient, database: Database) -> None:
    made = await new_key(client, "read:customers", rateLimitPerMinute=30)
    path = f"/api-keys/{made['key']['id']}"
    assert made["key"]["rateLimitPerMinute"] == 30
    assert (await authenticate_api_key(database, made["secret"])).rate_limit_per_minute == 30
    assert (await client.expect(200, "PATCH", path, json={"rateLimitPerMinute": None}))["rateLimitPerMinute"] is None
    assert (await authenticate_api_key(database, made["secret"])).rate_limit_per_minute is None
    for limit in (0, 100_001):
        await client.expect(400, "PATCH", path, json={"rateLimitPerMinute": limit})


async def test_a_key_cannot_give_what_it_does_not_hold(client: ApiClient) -> None:
    made = await new_key(client, "write:api-keys", "read:api-keys", "read:customers", "read:*")
    headers = with_key(made["secret"])
    for scopes, status in [
        (["read:customers"], 201),
        (["read:*", "write:api-keys"], 201),
        (["read:students"], 201),
        (["write:customers"], 400),
        (["*"], 400),
        (["write:*", "read:customers"], 400),
    ]:
        answer = await client.expect(
            status, "POST", "/api-keys", json={"name": "child", "scopes": scopes}, headers=headers
        )
        assert status == 201 or [fault["field"] for fault in answer["errors"]] == ["scopes"]
    path = f"/api-keys/{made['key']['id']}"
    await client.expect(400, "PATCH", path, json={"scopes": ["*"]}, headers=headers)
    await client.expect(200, "PATCH", path, json={"scopes": ["read:customers"]}, headers=headers)


async def test_a_key_cannot_take_over_one_that_may_more(client: ApiClient) -> None:
    stronger = await new_key(client, "*")
    weaker = await new_key(client, "write:api-keys")
    path, headers = f"/api-keys/{stronger['key']['id']}", with_key(weaker["secret"])
    await client.expect(403, "POST", f"{path}/rotate", headers=headers)
    await client.expect(403, "PATCH", path, json={"expiresAt": None}, headers=headers)
    await client.expect(403, "DELETE", path, headers=headers)
    await client.expect(200, "GET", "/customers", headers=with_key(stronger["secret"]))


async def test_a_key_gives_on_no_more_time_pace_or_reach_than_it_has(client: ApiClient) -> None:
    own = {"expiresAt": hence(days=2), "rateLimitPerMinute": 60, "live": False}
    parent = await new_key(client, "write:api-keys", **own)
    eternal = await new_key(client, "write:api-keys", live=False)
    headers = with_key(parent["secret"])
    within = {"name": "child", "scopes": ["write:api-keys"], **own}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, []),
        ({"rateLimitPerMinute": 59, "expiresAt": hence(days=1)}, []),
        ({"expiresAt": hence(days=3)}, ["expiresAt"]),
        ({"expiresAt": None, "rateLimitPerMinute": None, "live": True}, ["live", "expiresAt", "rateLimitPerMinute"]),
        ({"rateLimitPerMinute": 61}, ["rateLimitPerMinute"]),
    ]
    for more, fields in cases:
        answer = await client.request("POST", "/api-keys", json={**within, **more}, headers=headers)
        assert answer.status_code == (400 if fields else 201), answer.text
        assert [fault["field"] for fault in answer.json().get("errors", [])] == fields
    mine, other = f"/api-keys/{parent['key']['id']}", f"/api-keys/{eternal['key']['id']}"
    await client.expect(400, "PATCH", mine, json={"expiresAt": None}, headers=headers)
    await client.expect(400, "PATCH", mine, json={"rateLimitPerMinute": 1000}, headers=headers)
    await client.expect(403, "POST", f"{other}/rotate", headers=headers)
    await client.expect(403, "POST", f"{other}/expire-previous", headers=headers)
    await client.expect(200, "POST", f"{mine}/rotate", headers=headers)


async def test_scopes_that_do_not_exist_are_named(client: ApiClient) -> None:
    body = {"name": "x", "scopes": ["read:customers", "read:everything", "fly"], "expiresAt": "2030-01-01T00:00:00"}
    problem = await client.expect(400, "POST", "/api-keys", json=body)
    assert [fault["field"] for fault in problem["errors"]] == ["expiresAt"]
    problem = await client.expect(400, "POST", "/api-keys", json={**body, "expiresAt": None})
    assert problem["errors"][0]["message"] == "there is no scope fly, read:everything"
    problem = await client.expect(400, "POST", "/api-keys", json={"name": "x", "scopes": []})
    assert [fault["field"] for fault in problem["errors"]] == ["scopes"]


async def test_the_scopes_there_are_can_be_listed(client: ApiClient) -> None:
    scopes = await client.expect(200, "GET", "/api-keys/scopes")
    assert {"name": "read:customers", "description": "See customers."} in scopes
    assert {"name": "write:branches", "description": "Change branches and their closures."} in scopes


async def test_a_repeated_request_shows_the_secret_again_which_lies_nowhere_in_the_open(
    client: ApiClient, database: Database
) -> None:
    body, key = {"name": "Automation", "scopes": ["read:customers"]}, {"Idempotency-Key": "one key"}
    first, again = [await client.expect(201, "POST", "/api-keys", json=body, headers=key) for _ in range(2)]
    assert first["secret"] == again["secret"]
    (kept,) = await database.fetch("SELECT body FROM keyed_answers")
    assert first["secret"].encode() not in kept["body"]


async def test_the_last_use_of_a_key_is_kept_but_not_written_each_time(client: ApiClient, database: Database) -> None:
    made = await new_key(client, "read:customers")
    assert made["key"]["lastUsedAt"] is None
    await client.expect(200, "GET", "/customers", headers=with_key(made["secret"]))
    path = f"/api-keys/{made['key']['id']}"
    first = (await client.expect(200, "GET", path))["lastUsedAt"]
    assert first is not None
    await database.execute("UPDATE api_keys SET last_used_at = last_used_at - interval '50 seconds'")
    await authenticate_api_key(database, made["secret"])
    assert (await client.expect(200, "GET", path))["lastUsedAt"] < first
    await database.execute("UPDATE api_keys SET last_used_at = last_used_at - interval '11 seconds'")
    await authenticate_api_key(database, made["secret"])
    assert (await client.expect(200, "GET", path))["lastUsedAt"] > first


async def test_a_mistyped_key_costs_no_look_at_the_database(client: ApiClient) -> None:
    class Untouchable(Database):
        async def fetch(self, sql: str, *args: Any) -> Any:
            raise AssertionError("the database was asked")

    secret = new_api_key(live=True)
    with pytest.raises(Unauthorized):
        await authenticate_api_key(
            Untouchable("postgresql://nowhere/nothing"), secret[:-1] + ("a" if secret[-1] != "a" else "b")
        )
    with pytest.raises(AssertionError):
        await authenticate_api_key(Untouchable("postgresql://nowhere/nothing"), secret)
