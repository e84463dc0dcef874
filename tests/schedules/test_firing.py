"""Schedules become jobs, each fire time once, whoever and however many look."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from models.kernel.session import Database
from models.schedules.firing import fire_due
from models.schedules.rules import MAX_CAUGHT_UP, CatchUp
from scheduler import cron
from tests.support.client import ApiClient, eventually
from tests.support.schedules import NOON, fire, fires_of, plant, read

HOURLY: dict[str, Any] = {"name": "hourly", "kind": "probe.echo", "payload": {"text": "tick"}, "cron": "0 * * * *"}
TWO_HOURS = timedelta(hours=2)


async def test_schedulers_at_once_fire_each_time_once(quiet_database: Database) -> None:
    for number in range(20):
        await plant(quiet_database, name=f"schedule {number}")
    fired = await asyncio.gather(*(fire(quiet_database, NOON + TWO_HOURS) for _ in range(5)))
    assert sum(fired) == 60
    rows = await quiet_database.fetch("SELECT count(*) AS n, count(DISTINCT (schedule_id, fire_at)) AS d FROM jobs")
    assert (rows[0]["n"], rows[0]["d"]) == (60, 60)
    assert await fire(quiet_database, NOON + TWO_HOURS) == 0


async def test_all_that_is_due_fires_at_one_look_however_much_it_is(quiet_database: Database) -> None:
    for number in range(250):
        await plant(quiet_database, name=f"schedule {number}")
    assert await fire(quiet_database) == 250


async def test_a_fire_time_that_had_its_job_makes_no_second(quiet_database: Database) -> None:
    """As when a scheduler whose clock is ahead fires, and the next time is counted by one whose clock is behind."""
    id_ = await plant(quiet_database)
    assert await fire(quiet_database) == 1
    await quiet_database.execute("UPDATE schedules SET next_fire_at = $1", NOON)
    assert await fire(quiet_database) == 0
    row = await read(quiet_database, id_)
    assert (row["last_error"], row["next_fire_at"]) == (None, NOON + timedelta(hours=1))


async def test_the_database_refuses_a_second_job_of_a_fire_time_and_the_other_schedules_fire(
    quiet_database: Database,
) -> None:
    twice = await plant(quiet_database)
    await fire(quiet_database)
    await quiet_database.execute("UPDATE schedules SET next_fire_at = $1, last_fire_at = NULL", NOON)
    other = await plant(quiet_database)
    assert await fire(quiet_database) == 1
    assert (await fires_of(quiet_database, twice), await fires_of(quiet_database, other)) == ([NOON], [NOON])
    error = msgspec.json.decode((await read(quiet_database, twice))["last_error"])
    assert (error["code"], "23505" in error["message"]) == ("DATABASE_ERROR", True)


async def test_priority_zero_is_zero(quiet_database: Database) -> None:
    await plant(quiet_database, priority=0)
    await fire(quiet_database)
    assert [row["priority"] for row in await quiet_database.fetch("SELECT priority FROM jobs")] == [0]


@pytest.mark.parametrize(
    ("catch_up", "made", "skipped"),
    [
        (CatchUp.SKIP, [], NOON + TWO_HOURS),
        (CatchUp.ONCE, [NOON + TWO_HOURS], NOON + timedelta(hours=1)),
        (CatchUp.ALL, [NOON, NOON + timedelta(hours=1), NOON + TWO_HOURS], None),
    ],
)
async def test_an_outage_is_made_up_for_by_the_rule_and_what_is_left_out_is_told(
    quiet_database: Database, catch_up: CatchUp, made: list[datetime], skipped: datetime | None
) -> None:
    id_ = await plant(quiet_database, catch_up=catch_up)
    with capture_logs() as lines:
        assert await fire(quiet_database, NOON + TWO_HOURS + timedelta(minutes=30)) == len(made)
    assert await fires_of(quiet_database, id_) == made
    row = await read(quiet_database, id_)
    assert (row["last_skipped_at"], row["last_skipped_reason"]) == (skipped, "missed" if skipped else None)
    assert row["last_fire_at"] == (made[-1] if made else None)
    told = [line for line in lines if line["event"] == "schedule_skipped"]
    assert [line["schedule_id"] for line in told] == ([str(id_)] if skipped else [])


async def test_the_ceiling_of_what_is_made_up_for_is_not_silent(quiet_database: Database) -> None:
    id_ = await plant(quiet_database, cron="* * * * *")
    now = NOON + timedelta(days=1)
    assert await fire(quiet_database, now) == MAX_CAUGHT_UP
    fires = await fires_of(quiet_database, id_)
    assert fires[-1] == now
    assert (await read(quiet_database, id_))["last_skipped_at"] == fires[0] - timedelta(minutes=1)


async def test_much_to_make_up_for_is_done_in_pieces_and_whole(
    quiet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction holds the jobs of a hundred schedules that have a thousand each."""
    looks: list[int] = []

    async def counted(*args: Any) -> Any:
        turns = await fire_due(*args)
        looks.append(sum(len(turn.jobs) for turn in turns))
        return turns

    monkeypatch.setattr(cron, "fire_due", counted)
    for _ in range(3):
        await plant(quiet_database, cron="* * * * *")
    assert await fire(quiet_database, NOON + timedelta(minutes=899)) == 2700
    assert looks == [1800, 900, 0]


@pytest.mark.usefixtures("workers")
async def test_a_due_schedule_makes_a_job_for_its_owner(client: ApiClient, database: Database) -> None:
    made = await client.create("/schedules", **{**HOURLY, "cron": "* * * * *"})
    assert made["nextFireAt"] is not None
    await database.execute("UPDATE schedules SET next_fire_at = date_trunc('minute', now())")

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


async def test_firing_leaves_no_trail_of_changes_and_a_change_does(quiet_database: Database) -> None:
    id_ = await plant(quiet_database, cron="* * * * *")
    for minute in range(3):
        await fire(quiet_database, NOON + timedelta(minutes=minute))
    await quiet_database.execute("UPDATE schedules SET name = 'minutely', next_fire_at = NULL")
    trail = "SELECT action FROM audit_entries WHERE entity_id = $1::text ORDER BY id"
    assert [row["action"] for row in await quiet_database.fetch(trail, str(id_))] == ["create", "update"]
