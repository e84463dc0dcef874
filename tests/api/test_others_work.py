"""What callers asked for is theirs: jobs, files, what the feed tells of them; with the rights they have now."""

from typing import Any
from uuid import UUID

import pytest

from models.events.endings import cancel_job
from models.events.service import publish
from models.finance.jobs import Recalculate
from models.identity.permissions import Role
from models.identity.services.owners import caller_of
from models.identity.tables import User
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM, Actor
from models.kernel.errors import Forbidden
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.jobs import LATER
from tests.support.keys import key_with
from tests.support.sides import Headers, make_login


async def echo_later(client: ApiClient, headers: Headers, **options: Any) -> dict[str, Any]:
    body = {"kind": "probe.echo", "payload": {"text": "secret"}, "runAt": LATER, **options}
    job: dict[str, Any] = await client.expect(202, "POST", "/jobs", json=body, headers=headers)
    return job


async def told_of(client: ApiClient, database: Database, headers: Headers) -> list[str]:
    """The types of the events in the feed."""
    async with database.transaction() as session:
        while await publish(session, 1000):
            pass
    feed = await client.expect(200, "GET", "/events", params={"limit": 1000}, headers=headers)
    return [event["type"] for event in feed["data"]]


async def demote(database: Database, user_id: UUID, role: Role) -> None:
    async with database.transaction() as session:
        (await session.get_one(User, user_id)).role = role


async def test_a_dedupe_key_of_somebody_else_shows_nothing_of_their_job(client: ApiClient) -> None:
    mine, theirs = await key_with(client, "write:jobs", "read:jobs"), await key_with(client, "write:jobs")
    job = await echo_later(client, mine, dedupeKey="spring")
    assert (await echo_later(client, mine, dedupeKey="spring"))["id"] == job["id"]
    body = {"kind": "probe.echo", "payload": {"text": "hi"}, "runAt": LATER, "dedupeKey": "spring"}
    assert "secret" not in str(await client.expect(202, "POST", "/jobs", json=body, headers=theirs))
    assert (await client.expect(202, "POST", "/jobs", json=body))["id"] != job["id"]


async def test_a_batch_and_its_jobs_are_its_owners(client: ApiClient) -> None:
    mine = await key_with(client, "write:jobs", "read:jobs")
    theirs = await key_with(client, "write:jobs", "read:jobs")
    body = {"jobs": [{"kind": "probe.echo", "payload": {"text": "1"}, "runAt": LATER}]}
    parent = await client.expect(202, "POST", "/jobs/batch", json=body, headers=mine)
    (child,) = (await client.expect(200, "GET", "/jobs", params={"parentId": parent["id"]}, headers=mine))["data"]
    listed = await client.expect(200, "GET", "/jobs", params={"parentId": parent["id"]}, headers=theirs)
    assert (listed["data"], listed["pagination"]["total"]) == ([], 0)
    for id_ in (parent["id"], child["id"]):
        for method, path in [
            ("GET", ""), ("GET", "/attempts"), ("GET", "/explain"), ("GET", "/events"), ("POST", "/cancel"),
            ("POST", "/retry"),
        ]:  # fmt: skip
            await client.expect(404, method, f"/jobs/{id_}{path}", headers=theirs)
    assert (await client.expect(200, "GET", f"/jobs/{child['id']}", headers=mine))["status"] == "scheduled"


async def test_redriving_retries_ones_own_only(client: ApiClient, database: Database) -> None:
    mine, theirs = await key_with(client, "write:jobs"), await key_with(client, "write:jobs")
    job = await echo_later(client, mine)
    await database.execute("UPDATE jobs SET status = 'failed', finished_at = now() WHERE id = $1", UUID(job["id"]))
    for headers, total in ((mine, 1), (theirs, 0), (None, 1)):
        preview = await client.expect(200, "POST", "/jobs/redrive", json={"preview": True}, headers=headers)
        assert preview["total"] == total


async def test_the_same_idempotency_key_of_two_callers_is_two_keys(client: ApiClient) -> None:
    ids = set()
    for _ in range(2):
        headers = {**await key_with(client, "write:jobs"), "Idempotency-Key": "once"}
        ids.add((await echo_later(client, headers))["id"])
    assert len(ids) == 2


async def test_schedules_are_their_owners(client: ApiClient) -> None:
    mine = await key_with(client, "write:jobs", "read:jobs")
    theirs = await key_with(client, "write:jobs", "read:jobs")
    body = {"name": "Echo", "kind": "probe.echo", "payload": {"text": "hi"}, "cron": "0 3 * * *"}
    schedule = await client.expect(201, "POST", "/schedules", json=body, headers=mine)
    path = f"/schedules/{schedule['id']}"
    for method, place, sent in [
        ("GET", path, None), ("PUT", path, body), ("PATCH", path, {"name": "Mine"}), ("DELETE", path, None),
        ("GET", f"{path}/fire-times", None), ("POST", f"{path}/pause", None), ("POST", f"{path}/resume", None),
        ("POST", f"{path}/run-now", None),
    ]:  # fmt: skip
        await client.expect(404, method, place, json=sent, headers=theirs)
    assert (await client.expect(200, "GET", "/schedules", headers=theirs))["data"] == []
    assert (await client.expect(200, "GET", path, headers=mine))["name"] == "Echo"


async def test_the_feed_tells_of_others_jobs_to_staff_only(client: ApiClient, database: Database) -> None:
    mine, theirs = await key_with(client, "write:jobs", "read:events"), await key_with(client, "read:events")
    job = await echo_later(client, mine)
    async with database.transaction() as session:
        await cancel_job(session, UUID(job["id"]))
    assert await told_of(client, database, mine) == ["job.cancelled"]
    assert await told_of(client, database, theirs) == []
    assert await told_of(client, database, await key_with(client, "read:*")) == ["job.cancelled"]


async def test_the_feed_tells_of_users_to_administrators_only(client: ApiClient, database: Database) -> None:
    person = {"email": "omer@example.com", "name": "Omer", "role": "manager", "password": "a long enough password"}
    await client.create("/admin/users", **person)
    async with database.transaction() as session:
        _, manager = await make_login(session, Role.MANAGER, "noa")
    assert "user.created" in await told_of(client, database, {})
    assert "user.created" not in await told_of(client, database, manager)


@pytest.mark.parametrize("kind", ["retry", "cancel"])
async def test_who_was_demoted_retries_nothing_that_they_may_no_longer_ask_for(
    quiet_anonymous: ApiClient, quiet_database: Database, kind: str
) -> None:
    """Cancelling stays theirs: the job is."""
    async with quiet_database.transaction() as session:
        user_id, headers = await make_login(session, Role.MANAGER, "noa")
        job = await enqueue(session, Actor("user", user_id), Recalculate(all=True))
    await quiet_database.execute("UPDATE jobs SET status = 'failed', finished_at = now() WHERE id = $1", job.id)
    await demote(quiet_database, user_id, Role.INSTRUCTOR)
    expected = 403 if kind == "retry" else 200
    await quiet_anonymous.expect(expected, "POST", f"/jobs/{job.id}/{kind}", headers=headers)


async def test_what_an_owner_may_is_what_they_may_now(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        user_id, _ = await make_login(session, Role.MANAGER, "noa")
    actor = Actor("user", user_id)
    assert (await caller_of(database, actor)).may("read:customers")
    await demote(database, user_id, Role.STUDENT)
    assert not (await caller_of(database, actor)).may("read:customers")
    await database.execute("UPDATE users SET blocked_at = now() WHERE id = $1", user_id)
    with pytest.raises(Forbidden):
        await caller_of(database, actor)
    key = await client.create("/api-keys", name="n8n", scopes=["read:students"])
    owner = Actor("api_key", UUID(key["key"]["id"]))
    assert (await caller_of(database, owner)).scopes == {"read:students"}
    await client.expect(204, "DELETE", f"/api-keys/{owner.id}")
    with pytest.raises(Forbidden):
        await caller_of(database, owner)
    assert (await caller_of(database, SYSTEM)).may("write:finance")
