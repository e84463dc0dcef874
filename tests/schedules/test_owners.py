"""A schedule fires in its owner's name, and only for as long as they may ask for its jobs themselves."""

from typing import Any
from uuid import UUID

from models.identity.permissions import Role
from models.identity.tables import User
from models.kernel.session import Database
from models.schedules.rules import CatchUp
from tests.support.client import ApiClient
from tests.support.keys import new_key
from tests.support.schedules import NOON, fire, fire_over_http, fires_of, plant
from tests.support.sides import Headers, make_login

HOURLY: dict[str, Any] = {"name": "hourly", "kind": "probe.echo", "payload": {"text": "tick"}, "cron": "0 * * * *"}


async def schedule_of(client: ApiClient, headers: Headers, **values: Any) -> str:
    made = await client.expect(201, "POST", "/schedules", json={**HOURLY, **values}, headers=headers)
    return str(made["id"])


async def test_a_key_that_is_gone_fires_no_more(quiet_client: ApiClient, quiet_database: Database) -> None:
    key_id, headers = await new_key(quiet_client, "write:jobs", "read:jobs")
    id_ = await schedule_of(quiet_client, headers)
    kept = await schedule_of(quiet_client, (await new_key(quiet_client, "write:jobs"))[1])
    await quiet_client.expect(204, "DELETE", f"/api-keys/{key_id}")
    refused = await fire_over_http(quiet_client, quiet_database, id_)
    assert refused["lastError"]["code"] == "OWNER_REFUSED"
    assert (await fire_over_http(quiet_client, quiet_database, kept))["lastError"] is None
    assert await fires_of(quiet_database, UUID(id_)) == []
    listed = await quiet_client.expect(200, "GET", "/schedules", params={"failing": True})
    assert [each["id"] for each in listed["data"]] == [id_]


async def test_a_blocked_user_fires_no_more_until_unblocked(quiet_client: ApiClient, quiet_database: Database) -> None:
    async with quiet_database.transaction() as session:
        user_id, headers = await make_login(session, Role.MANAGER, "dana")
    id_ = await schedule_of(quiet_client, headers)
    await quiet_client.expect(200, "POST", f"/admin/users/{user_id}/block")
    assert (await fire_over_http(quiet_client, quiet_database, id_))["lastError"]["code"] == "OWNER_REFUSED"
    assert await fires_of(quiet_database, UUID(id_)) == []
    await quiet_client.expect(200, "POST", f"/admin/users/{user_id}/unblock")
    assert (await fire_over_http(quiet_client, quiet_database, id_))["lastError"] is None
    assert len(await fires_of(quiet_database, UUID(id_))) == 1


async def test_what_an_owner_may_not_ask_for_any_more_is_named(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    async with quiet_database.transaction() as session:
        user_id, headers = await make_login(session, Role.MANAGER, "dana")
    id_ = await schedule_of(quiet_client, headers, kind="finance.recalculate", payload={"all": True})
    async with quiet_database.transaction() as session:
        (await session.get_one(User, user_id)).role = Role.INSTRUCTOR
    refused = await fire_over_http(quiet_client, quiet_database, id_)
    assert "write:finance" in refused["lastError"]["message"]
    assert await fires_of(quiet_database, UUID(id_)) == []


async def test_a_refused_owner_keeps_nobody_else_from_firing(quiet_database: Database) -> None:
    gone = "user:0198c0de-0000-7000-8000-000000000001"
    refused = await plant(quiet_database, owner=gone, catch_up=CatchUp.ALL)
    other = await plant(quiet_database)
    assert await fire(quiet_database) == 1
    assert (await fires_of(quiet_database, refused), await fires_of(quiet_database, other)) == ([], [NOON])
