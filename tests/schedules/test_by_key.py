"""Schedules declared by code: the same again at each start changes nothing."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

BODY: dict[str, Any] = {
    "name": "figures", "kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *", "timezone": "Europe/Berlin",
}  # fmt: skip
PATH = "/schedules/by-key/figures%20of%20the%20night"


async def test_the_first_makes_it_and_the_same_again_changes_nothing(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    first = await quiet_client.put(PATH, json=BODY)
    made = first.json()
    assert (first.status_code, made["key"], made["version"]) == (201, "figures of the night", 1)
    assert first.headers["Location"].endswith(f"/schedules/{made['id']}")
    await quiet_database.execute("UPDATE schedules SET next_fire_at = '2026-05-01T03:00:00Z'")
    again = await quiet_client.expect(200, "PUT", PATH, json=BODY)
    assert again == {**made, "nextFireAt": "2026-05-01T03:00:00Z"}
    page = await quiet_client.expect(200, "GET", "/schedules", params={"key": "figures of the night"})
    assert [each["id"] for each in page["data"]] == [made["id"]]


async def test_another_content_changes_it_and_only_a_new_timing_moves_its_next_fire(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    made = await quiet_client.expect(201, "PUT", PATH, json=BODY)
    await quiet_database.execute("UPDATE schedules SET next_fire_at = '2026-05-01T03:00:00Z'")
    changed = await quiet_client.expect(200, "PUT", PATH, json={**BODY, "payload": {"text": "y"}})
    assert (changed["id"], changed["version"], changed["nextFireAt"]) == (made["id"], 2, "2026-05-01T03:00:00Z")
    moved = await quiet_client.expect(200, "PUT", PATH, json={**BODY, "cron": "0 4 * * *"})
    assert datetime.fromisoformat(moved["nextFireAt"]) > datetime.now(UTC)


async def test_many_at_once_make_one(client: ApiClient) -> None:
    answers = await asyncio.gather(*(client.put(PATH, json=BODY) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_key_is_its_owners(client: ApiClient) -> None:
    mine = await client.expect(201, "PUT", PATH, json=BODY)
    key = await client.create("/api-keys", name="partner", scopes=["read:jobs", "write:jobs"])
    client.headers["Authorization"] = f"Bearer {key['secret']}"
    theirs = await client.expect(201, "PUT", PATH, json=BODY)
    assert theirs["id"] != mine["id"]


async def test_a_paused_one_stays_paused_and_a_deleted_one_comes_anew(client: ApiClient) -> None:
    made = await client.expect(201, "PUT", PATH, json=BODY)
    await client.expect(200, "POST", f"/schedules/{made['id']}/pause")
    again = await client.expect(200, "PUT", PATH, json={**BODY, "cron": "0 5 * * *"})
    assert (again["pausedAt"] is None, again["nextFireAt"]) == (False, None)
    await client.expect(204, "DELETE", f"/schedules/{made['id']}")
    assert (await client.expect(201, "PUT", PATH, json=BODY))["id"] != made["id"]


@pytest.mark.parametrize("key", ["k" * 201, "%00"])
async def test_a_key_that_cannot_be_one_is_refused(client: ApiClient, key: str) -> None:
    await client.expect(400, "PUT", f"/schedules/by-key/{key}", json=BODY)


async def test_every_fault_is_named(client: ApiClient) -> None:
    problem = await client.expect(400, "PUT", PATH, json={**BODY, "cron": "x", "timezone": "Mars/Olympus"})
    assert {fault["field"] for fault in problem["errors"]} == {"cron", "timezone"}


async def test_the_version_expected_is_the_version_there(client: ApiClient) -> None:
    """Where there is none, none can be expected."""
    await client.expect(412, "PUT", PATH, json=BODY, headers={"If-Match": '"1"'})
    first = await client.put(PATH, json=BODY)
    changed = {**BODY, "name": "others"}
    await client.expect(200, "PUT", PATH, json=changed, headers={"If-Match": first.headers["ETag"]})
    await client.expect(412, "PUT", PATH, json=BODY, headers={"If-Match": first.headers["ETag"]})
