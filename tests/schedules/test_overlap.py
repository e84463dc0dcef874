"""One job of a schedule at a time, for those that say so."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.jobs.schedule_queries import UNFINISHED_OF_SCHEDULES
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.schedules.service import get_schedule, run_now
from tests.support.client import ApiClient
from tests.support.schedules import NOON, fire, fire_over_http, fires_of, plant, read

HOUR = timedelta(hours=1)
BODY: dict[str, Any] = {
    "name": "sync", "kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *", "overlap": "skip",
}  # fmt: skip


@pytest.mark.parametrize("status", ["scheduled", "queued", "running", "retrying"])
async def test_a_fire_is_left_out_while_a_job_is_unfinished(quiet_database: Database, status: str) -> None:
    id_ = await plant(quiet_database, overlap="skip", catch_up="once")
    assert await fire(quiet_database) == 1
    await quiet_database.execute("UPDATE jobs SET status = $1", status)
    assert await fire(quiet_database, NOON + HOUR) == 0
    row = await read(quiet_database, id_)
    assert (row["last_skipped_at"], row["last_skipped_reason"]) == (NOON + HOUR, "overlap")
    assert (row["last_fire_at"], row["next_fire_at"]) == (NOON, NOON + 2 * HOUR)


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
async def test_it_fires_again_when_the_job_has_ended(quiet_database: Database, status: str) -> None:
    id_ = await plant(quiet_database, overlap="skip", catch_up="once")
    await fire(quiet_database)
    await quiet_database.execute("UPDATE jobs SET status = $1, finished_at = now()", status)
    assert await fire(quiet_database, NOON + HOUR) == 1
    assert await fires_of(quiet_database, id_) == [NOON, NOON + HOUR]


async def test_another_schedules_job_and_one_that_allows_it_are_no_hindrance(quiet_database: Database) -> None:
    allowed = await plant(quiet_database)
    await fire(quiet_database)
    careful = await plant(quiet_database, overlap="skip", catch_up="once", next_fire_at=NOON + HOUR)
    assert await fire(quiet_database, NOON + HOUR) == 2
    assert len(await fires_of(quiet_database, allowed)) == 2
    assert len(await fires_of(quiet_database, careful)) == 1


async def test_two_fires_within_the_minute_of_grace_make_one_job(quiet_database: Database) -> None:
    id_ = await plant(quiet_database, overlap="skip", catch_up="skip", cron="* * * * *")
    assert await fire(quiet_database, NOON + timedelta(minutes=1)) == 1
    assert await fires_of(quiet_database, id_) == [NOON + timedelta(minutes=1)]
    assert (await read(quiet_database, id_))["last_skipped_at"] == NOON


async def test_what_was_run_by_hand_counts_and_running_by_hand_keeps_to_it(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    made = await quiet_client.create("/schedules", **BODY)
    assert (made["overlap"], made["lastSkippedAt"], made["lastSkippedReason"]) == ("skip", None, None)
    await quiet_database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    job = await quiet_client.expect(202, "POST", f"/schedules/{made['id']}/run-now")
    problem = await quiet_client.expect(409, "POST", f"/schedules/{made['id']}/run-now")
    assert problem["jobId"] == job["id"]
    skipped = await fire_over_http(quiet_client, quiet_database, made["id"])
    assert skipped["lastSkippedReason"] == "overlap"
    await quiet_client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    await quiet_client.expect(202, "POST", f"/schedules/{made['id']}/run-now")


async def test_making_up_for_all_and_leaving_out_exclude_each_other(client: ApiClient) -> None:
    problem = await client.expect(400, "POST", "/schedules", json={**BODY, "catchUp": "all", "cron": "x"})
    assert {fault["field"] for fault in problem["errors"]} == {"overlap", "cron"}
    path = f"/schedules/{(await client.create('/schedules', **BODY))['id']}"
    problem = await client.expect(400, "PATCH", path, json={"catchUp": "all"})
    assert [fault["field"] for fault in problem["errors"]] == ["overlap"]
    await client.expect(400, "PATCH", path, json={"overlap": "never"})


async def test_the_answer_names_the_job_of_the_last_fire(quiet_client: ApiClient, quiet_database: Database) -> None:
    made = await quiet_client.create("/schedules", **{**BODY, "overlap": "allow"})
    fired = await fire_over_http(quiet_client, quiet_database, made["id"])
    job = await quiet_client.expect(200, "GET", f"/jobs/{fired['lastJobId']}")
    assert job["scheduleId"] == made["id"]
    assert (await fires_of(quiet_database, UUID(made["id"])))[-1] == datetime.fromisoformat(fired["lastFireAt"])
    by_hand = await quiet_client.expect(202, "POST", f"/schedules/{made['id']}/run-now")
    again = await quiet_client.expect(200, "GET", f"/schedules/{made['id']}")
    assert UUID(again["lastJobId"]) != UUID(by_hand["id"])


async def test_schedulers_and_hands_at_once_leave_one_unfinished_job(quiet_database: Database) -> None:
    ids = [await plant(quiet_database, overlap="skip", catch_up="once") for _ in range(10)]

    async def by_hand(id_: UUID) -> None:
        async with quiet_database.transaction() as session:
            schedule = await get_schedule(session, id_, owner=None, lock=True)
            await run_now(session, SYSTEM, schedule)

    looks = [fire(quiet_database) for _ in range(3)]
    await asyncio.gather(*looks, *map(by_hand, ids), *map(by_hand, ids), return_exceptions=True)
    rows = await quiet_database.fetch("SELECT count(*) AS jobs FROM jobs GROUP BY schedule_id")
    assert [row["jobs"] for row in rows] == [1] * 10


async def test_ended_jobs_of_a_schedule_are_not_looked_at(quiet_database: Database) -> None:
    """Whatever the planner does with a statement it plans once and for all."""
    id_ = await plant(quiet_database)
    await quiet_database.execute(
        "INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, finished_at,"
        " schedule_id, fire_at) SELECT gen_random_uuid(), 'probe.echo', 'default', '{}', 'succeeded', 5, 'system',"
        " now(), 1, now(), $1, now() - n * interval '1 minute' FROM generate_series(1, 3000) AS n",
        id_,
    )
    await quiet_database.execute("ANALYZE jobs")
    async with quiet_database.statements() as connection:
        await connection.fetch("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.fetch(f"PREPARE unfinished (uuid[]) AS {UNFINISHED_OF_SCHEDULES}")
        plan = await connection.fetch(f"EXPLAIN EXECUTE unfinished (ARRAY['{id_}'::uuid])")
        await connection.fetch("DEALLOCATE unfinished")
    lines = [row["QUERY PLAN"] for row in plan]
    assert any("ix_jobs_schedule_unfinished" in line for line in lines), "\n".join(lines)
