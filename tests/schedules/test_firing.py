"""Schedules become jobs, each fire time once, whoever and however many look."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.schedules.rules import CatchUp
from models.schedules.service import fire_due
from models.schedules.tables import Schedule
from tests.support.client import ApiClient, eventually

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOURLY: dict[str, Any] = {"name": "hourly", "kind": "probe.echo", "payload": {"text": "tick"}, "cron": "0 * * * *"}


async def schedule(database: Database, **values: Any) -> None:
    row = {
        "name": "hourly", "kind": "probe.echo", "payload": {"text": "tick"}, "priority": 5, "cron": "0 * * * *",
        "timezone": "UTC", "catch_up": CatchUp.ALL, "owner": SYSTEM.name, "next_fire_at": NOON,
    }  # fmt: skip
    async with database.transaction() as session:
        session.add(Schedule(**{**row, **values}))


async def fire(database: Database, now: datetime) -> int:
    async with database.transaction() as session:
        return len(await fire_due(session, now))


async def test_schedulers_at_once_fire_each_time_once(quiet_database: Database) -> None:
    for number in range(20):
        await schedule(quiet_database, name=f"schedule {number}")
    fired = await asyncio.gather(*(fire(quiet_database, NOON + timedelta(hours=2)) for _ in range(5)))
    assert sum(fired) == 60
    rows = await quiet_database.fetch("SELECT count(*) AS n, count(DISTINCT (schedule_id, fire_at)) AS d FROM jobs")
    assert (rows[0]["n"], rows[0]["d"]) == (60, 60)
    assert await fire(quiet_database, NOON + timedelta(hours=2)) == 0


async def test_a_fire_time_that_already_has_its_job_is_refused_by_the_database(quiet_database: Database) -> None:
    await schedule(quiet_database)
    assert await fire(quiet_database, NOON) == 1
    await quiet_database.execute("UPDATE schedules SET next_fire_at = $1", NOON)
    with pytest.raises(Exception, match="uq_jobs_schedule_fire"):
        await fire(quiet_database, NOON)


@pytest.mark.usefixtures("workers")
async def test_a_due_schedule_makes_a_job_for_its_owner(client: ApiClient, database: Database) -> None:
    made = await client.create("/schedules", **HOURLY)
    assert made["nextFireAt"] is not None
    past = datetime.now(UTC) - timedelta(seconds=5)
    await database.execute("UPDATE schedules SET next_fire_at = $1", past)

    async def job() -> Any:
        page = await client.expect(200, "GET", "/jobs", params={"kind": "probe.echo"})
        return page["data"] and page["data"][0]

    fired = await eventually(job)
    assert (fired["scheduleId"], fired["owner"]) == (made["id"], made["owner"])
    assert (await client.finish(fired["id"]))["result"] == {"text": "tick"}
    assert (await client.expect(200, "GET", f"/schedules/{made['id']}"))["lastFireAt"] is not None


async def test_a_paused_schedule_has_no_next_time_and_a_resumed_one_makes_up_for_nothing(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **HOURLY))['id']}"
    paused = await client.expect(200, "POST", f"{path}/pause")
    assert (paused["nextFireAt"], paused["pausedAt"] is None) == (None, False)
    resumed = await client.expect(200, "POST", f"{path}/resume")
    assert datetime.fromisoformat(resumed["nextFireAt"]) > datetime.now(UTC)


async def test_the_next_fire_times_can_be_read_and_a_new_timing_counts_from_now(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **HOURLY))['id']}"
    times = (await client.expect(200, "GET", f"{path}/fire-times", params={"count": 3}))["fireTimes"]
    hours = [datetime.fromisoformat(text) for text in times]
    assert [later - earlier for earlier, later in itertools.pairwise(hours)] == [timedelta(hours=1)] * 2
    changed = await client.expect(200, "PATCH", path, json={"cron": "0 0 1 1 *", "timezone": "Asia/Jerusalem"})
    assert changed["nextFireAt"].endswith("-12-31T22:00:00Z")
    problem = await client.expect(400, "PATCH", path, json={"cron": None})
    assert [fault["field"] for fault in problem["errors"]] == ["cron"]


@pytest.mark.usefixtures("workers")
async def test_a_schedule_runs_now_on_request(client: ApiClient) -> None:
    made = await client.create("/schedules", **HOURLY)
    job = await client.expect(202, "POST", f"/schedules/{made['id']}/run-now")
    assert (await client.finish(job["id"]))["status"] == "succeeded"


async def test_every_fault_of_a_schedule_is_named(client: ApiClient) -> None:
    body = {**HOURLY, "cron": "61 * * * *", "timezone": "Mars/Olympus"}
    problem = await client.expect(400, "POST", "/schedules", json=body)
    assert {fault["field"] for fault in problem["errors"]} == {"cron", "timezone"}
    problem = await client.expect(400, "POST", "/schedules", json={**HOURLY, "payload": {"txt": 1}})
    assert {fault["field"] for fault in problem["errors"]} == {"payload.text", "payload.txt"}
    await client.expect(404, "POST", "/schedules", json={**HOURLY, "kind": "probe.unknown"})


async def test_another_owners_schedule_is_not_there(client: ApiClient) -> None:
    made = await client.create("/schedules", **HOURLY)
    key = await client.create("/api-keys", name="partner", scopes=["read:jobs", "write:jobs"])
    client.headers["Authorization"] = f"Bearer {key['secret']}"
    for verb, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/run-now")):
        await client.expect(404, verb, f"/schedules/{made['id']}{path}")
