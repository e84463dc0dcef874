"""Jobs that wait: they end when they have not started in time, and their time and priority can be changed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

import scheduler.expire
from models.events.endings import announce_end, end_batches
from models.identity.permissions import Role
from models.jobs import lifecycle
from models.jobs.dispatching import become_due, unpublish
from models.jobs.kinds import kind_of
from models.jobs.records import JobRecord
from models.jobs.service import BatchItem, JobOptions, enqueue, get_job, submit_batch
from models.jobs.waiting import JobPatch, lock_job, move_job
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from scheduler.expire import expire_late
from tests.support.client import ApiClient, eventually
from tests.support.jobs import BROKE, take
from tests.support.keys import key_with
from tests.support.probes import Echo
from tests.support.sides import make_login

LATER, PAST = datetime(2199, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)
TOO_LATE = JobOptions(start_by=PAST)


async def scheduled(client: ApiClient, **options: Any) -> dict[str, Any]:
    options = {"runAt": "2199-01-01T00:00:00Z", **options}
    job: dict[str, Any] = await client.submit("probe.echo", {"text": "x"}, **options)
    return job


async def change(client: ApiClient, job: dict[str, Any], status: int = 200, **patch: Any) -> Any:
    return await client.expect(status, "PATCH", f"/jobs/{job['id']}", json=patch)


async def test_what_has_not_started_in_time_is_never_claimed(quiet_database: Database) -> None:
    late = await enqueue(quiet_database, SYSTEM, Echo(text="x"), TOO_LATE)
    in_time = await enqueue(quiet_database, SYSTEM, Echo(text="x"), JobOptions(start_by=LATER))
    claimed = await lifecycle.claim(quiet_database, [late.id, in_time.id], "tester", 60)
    assert [job.id for job in claimed] == [in_time.id]


async def test_what_has_not_started_in_time_fails_and_is_told_of(quiet_database: Database) -> None:
    late = [await enqueue(quiet_database, SYSTEM, Echo(text="x"), TOO_LATE) for _ in range(3)]
    await take(quiet_database)
    callback = JobOptions(start_by=PAST, run_at=PAST, callback_url="https://example.com/ended")
    late.append(await enqueue(quiet_database, SYSTEM, Echo(text="x"), callback))
    others = [
        await enqueue(quiet_database, SYSTEM, Echo(text="x"), options)
        for options in (JobOptions(), JobOptions(start_by=LATER))
    ]
    assert await expire_late(quiet_database) == 4
    assert await expire_late(quiet_database) == 0
    for job in late:
        ended = await get_job(quiet_database, job.id)
        assert (ended.status, ended.attempt) == ("failed", 0)
        assert b'"EXPIRED"' in bytes(ended.error)
    assert {(await get_job(quiet_database, job.id)).status for job in others} == {"queued"}
    events = await quiet_database.fetch("SELECT type, resource_id FROM events")
    assert {(row["type"], row["resource_id"]) for row in events} == {("job.failed", job.id) for job in late}
    calls = await quiet_database.fetch("SELECT payload->>'jobId' AS id FROM jobs WHERE kind = 'webhooks.call_back'")
    assert [UUID(row["id"]) for row in calls] == [late[-1].id]


async def test_what_has_started_in_time_may_start_again_later(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"), JobOptions(start_by=LATER))
    (running,) = await lifecycle.claim(quiet_database, [job.id], "tester", 60)
    await lifecycle.close(quiet_database, running, BROKE)
    await quiet_database.execute("UPDATE jobs SET start_by = $1", PAST)
    assert await expire_late(quiet_database) == 0
    await become_due(quiet_database)
    assert await lifecycle.claim(quiet_database, [job.id], "tester", 60)


async def test_a_batch_of_which_one_has_not_started_in_time_fails(quiet_database: Database) -> None:
    async with quiet_database.transaction() as session:
        items = [BatchItem(kind_of(Echo), Echo(text="x"), options) for options in (TOO_LATE, TOO_LATE)]
        batch = await submit_batch(session, SYSTEM, items)
    assert await expire_late(quiet_database) == 2
    async with quiet_database.transaction() as session:
        assert await end_batches(session) == 1
    ended = await get_job(quiet_database, batch.id)
    assert ended.status == "failed"
    assert b'"JOBS_FAILED"' in bytes(ended.error)


async def test_one_that_cannot_be_ended_does_not_hold_up_the_others(
    quiet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await enqueue(quiet_database, SYSTEM, Echo(text="x"), TOO_LATE) for _ in range(3)]

    async def announce(session: Any, job: JobRecord, *rest: Any) -> None:
        if job.id == jobs[1].id:
            raise ZeroDivisionError
        await announce_end(session, job, *rest)

    monkeypatch.setattr(scheduler.expire, "announce_end", announce)
    assert await expire_late(quiet_database) == 2
    assert [(await get_job(quiet_database, job.id)).status for job in jobs] == ["failed", "queued", "failed"]


@pytest.mark.usefixtures("workers")
async def test_a_job_behind_a_paused_kind_ends_in_time_says_why_and_runs_when_retried(
    client: ApiClient, database: Database
) -> None:
    await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": True})
    job = await client.submit("probe.echo", {"text": "x"}, startBy=LATER.isoformat())
    waiting = await client.expect(200, "GET", f"/jobs/{job['id']}/explain")
    assert [because["reason"] for because in waiting["because"]][-1] == "start_by_ahead"
    await database.execute("UPDATE jobs SET start_by = clock_timestamp() WHERE id = $1", UUID(job["id"]))
    ended = await client.finish(job["id"])
    assert (ended["status"], ended["error"]["code"], ended["attempt"]) == ("failed", "EXPIRED", 0)
    why = await client.expect(200, "GET", f"/jobs/{job['id']}/explain")
    assert [because["reason"] for because in why["because"]] == ["expired", "ended"]
    assert await client.expect(200, "GET", f"/jobs/{job['id']}/attempts") == []
    await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": False})
    again = await client.expect(202, "POST", f"/jobs/{job['id']}/retry")
    assert again["startBy"] is None
    assert (await client.finish(job["id"]))["status"] == "succeeded"


@pytest.mark.usefixtures("workers")
async def test_a_job_for_later_runs_now_when_told_to(client: ApiClient) -> None:
    for run_at in (None, "2001-01-01T00:00:00Z"):
        job = await scheduled(client)
        assert (await change(client, job, runAt=run_at))["status"] == "queued"
        assert (await client.finish(job["id"]))["status"] == "succeeded"


@pytest.mark.usefixtures("workers")
async def test_a_wait_between_attempts_ends_when_told_to(client: ApiClient, database: Database) -> None:
    job = await scheduled(client)
    await database.execute("UPDATE jobs SET status = 'retrying', attempt = 1 WHERE id = $1", UUID(job["id"]))
    later = await change(client, job, runAt="2198-01-01T00:00:00Z")
    assert (later["status"], later["runAt"]) == ("retrying", "2198-01-01T00:00:00Z")
    await change(client, job, runAt=None)
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"]) == ("succeeded", 2)


async def test_a_queued_job_that_was_sent_is_put_off(quiet_database: Database) -> None:
    """The message that is on its way finds it not waiting; it is sent again when its time has come."""
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    assert await take(quiet_database) == [job.id]
    async with quiet_database.transaction() as session:
        await move_job(session, await lock_job(session, job.id), JobPatch(run_at=LATER))
    assert await lifecycle.claim(quiet_database, [job.id], "tester", 60) == []
    await unpublish(quiet_database, [job.id])
    async with quiet_database.transaction() as session:
        await move_job(session, await lock_job(session, job.id), JobPatch(run_at=None))
    assert await take(quiet_database) == [job.id]
    assert len(await lifecycle.claim(quiet_database, [job.id], "tester", 60)) == 1


async def test_a_higher_priority_goes_first_and_a_job_that_is_due_keeps_its_place(quiet_database: Database) -> None:
    first, second, third = [(await enqueue(quiet_database, SYSTEM, Echo(text="x"))).id for _ in range(3)]
    for id_, patch in ((third, JobPatch(priority=9)), (first, JobPatch(run_at=None))):
        async with quiet_database.transaction() as session:
            await move_job(session, await lock_job(session, id_), patch)
    assert await take(quiet_database) == [third, first, second]


async def test_only_what_is_named_changes_and_the_trail_has_it(client: ApiClient) -> None:
    job = await scheduled(client, startBy="2199-06-01T00:00:00Z", tags=["a"])
    assert await change(client, job) == job
    changed = await change(client, job, priority=9, startBy=None)
    assert changed == {**job, "priority": 9, "startBy": None}
    trail = await client.expect(200, "GET", "/audit-log", params={"entityId": job["id"]})
    (entry,) = trail["data"]
    assert (entry["action"], entry["entity"]) == ("update", "job")
    assert entry["oldValues"] == {"priority": 5, "start_by": "2199-06-01T00:00:00Z"}
    assert entry["newValues"] == {"priority": 9, "start_by": None}


@pytest.mark.parametrize(
    ("patch", "fields"),
    [
        ({"startBy": "2001-01-01T00:00:00Z"}, {"startBy"}),
        ({"startBy": "2150-01-01T00:00:00Z"}, {"startBy"}),
        ({"runAt": "2199-06-02T00:00:00Z"}, {"startBy"}),
        ({"runAt": "2198-01-01T00:00:00", "startBy": "2199-01-01T00:00:00"}, {"runAt", "startBy"}),
        ({"priority": None}, {"priority"}),
        ({"priority": 10, "payload": {}}, {"priority", "payload"}),
    ],
)
async def test_a_change_that_makes_no_sense_is_a_fault(
    client: ApiClient, patch: dict[str, Any], fields: set[str]
) -> None:
    job = await scheduled(client, startBy="2199-06-01T00:00:00Z")
    problem = await change(client, job, 400, **patch)
    assert {fault["field"] for fault in problem["errors"]} == fields
    assert await client.expect(200, "GET", f"/jobs/{job['id']}") == job


@pytest.mark.parametrize("status", ["running", "succeeded", "failed", "cancelled"])
async def test_a_job_that_does_not_wait_is_not_changed(client: ApiClient, database: Database, status: str) -> None:
    job = await scheduled(client)
    ends = "lease_until = now() + interval '1 hour'" if status == "running" else "finished_at = now()"
    await database.execute(f"UPDATE jobs SET status = '{status}', {ends}")
    problem = await change(client, job, 409, runAt=None)
    assert status in problem["detail"]


async def test_a_bound_for_the_start_is_refused_once_it_has_started(client: ApiClient, database: Database) -> None:
    job = await scheduled(client)
    await database.execute("UPDATE jobs SET status = 'retrying', attempt = 1")
    await change(client, job, 409, startBy="2199-06-01T00:00:00Z")


async def test_a_change_may_name_the_state_it_expects(client: ApiClient) -> None:
    job = await scheduled(client)
    etag = (await client.get(f"/jobs/{job['id']}")).headers["etag"]

    async def send(if_match: str, priority: int) -> Any:
        return await client.patch(f"/jobs/{job['id']}", json={"priority": priority}, headers={"If-Match": if_match})

    first = await send(etag, 6)
    assert first.status_code == 200
    assert first.headers["etag"] == (await client.get(f"/jobs/{job['id']}")).headers["etag"] != etag
    assert (await send(etag, 7)).status_code == 412
    assert (await send(f"W/{first.headers['etag']}", 7)).status_code == 200
    assert (await send("*", 8)).status_code == 200
    assert (await send('"3"', 9)).status_code == 412
    assert [fault["field"] for fault in (await send("3", 9)).json()["errors"]] == ["If-Match"]
    assert (await client.expect(200, "GET", f"/jobs/{job['id']}"))["priority"] == 8


async def test_a_strangers_job_is_not_there(client: ApiClient) -> None:
    job = await scheduled(client)
    theirs = await key_with(client, "write:jobs", "read:jobs")
    await client.expect(404, "PATCH", f"/jobs/{job['id']}", json={"runAt": None}, headers=theirs)


async def test_who_may_not_submit_may_not_put_their_job_before_others(client: ApiClient, database: Database) -> None:
    """A student's export waits as long as everybody's; they may still have it later."""
    job = await scheduled(client)
    async with database.transaction() as session:
        user_id, student = await make_login(session, Role.STUDENT, "noa")
    await database.execute("UPDATE jobs SET owner = $1", f"user:{user_id}")
    await client.expect(403, "PATCH", f"/jobs/{job['id']}", json={"priority": 9}, headers=student)
    moved = await client.expect(
        200, "PATCH", f"/jobs/{job['id']}", json={"runAt": "2198-01-01T00:00:00Z"}, headers=student
    )
    assert (moved["runAt"], moved["priority"]) == ("2198-01-01T00:00:00Z", 5)


@pytest.mark.usefixtures("workers")
async def test_a_redrive_forgets_when_it_had_to_start(client: ApiClient, database: Database) -> None:
    job = await scheduled(client, startBy="2199-06-01T00:00:00Z")
    await database.execute(
        """UPDATE jobs SET status = 'failed', start_by = now(), finished_at = now(), error = '{"code": "EXPIRED"}'"""
    )
    await client.expect(202, "POST", "/jobs/redrive", json={"errorCode": "EXPIRED"})

    async def ran() -> bool:
        now = await client.expect(200, "GET", f"/jobs/{job['id']}")
        return bool(now["status"] == "succeeded" and now["startBy"] is None)

    assert await eventually(ran)
