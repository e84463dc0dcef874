"""Many jobs are cancelled by one: those that are meant, each with what is told of it, whatever happens meanwhile."""

import os
import signal
from typing import Any
from uuid import UUID

import pytest

from models.events.endings import cancel_many
from models.jobs.cancelling import list_to_cancel
from models.jobs.jobs import CancelFilter
from models.jobs.rules import JobStatus
from models.jobs.service import JobOptions, enqueue, enqueue_many, get_job
from models.kernel.actor import SYSTEM, Actor
from models.kernel.session import Database, fetch
from tests.support.client import ApiClient, eventually
from tests.support.jobs import LATER
from tests.support.probes import Batch, Echo


async def waiting(client: ApiClient, kind: str = "probe.echo", **options: Any) -> str:
    payload = {"text": "x"} if kind == "probe.echo" else {"label": "x"}
    return str((await client.submit(kind, payload, **{"runAt": LATER, **options}))["id"])


async def running(client: ApiClient, **payload: Any) -> str:
    job = await client.submit("probe.effect", {"label": "slow", "seconds": 20, "steps": 200, **payload})

    async def runs() -> bool:
        return bool((await client.expect(200, "GET", f"/jobs/{job['id']}"))["status"] == "running")

    await eventually(runs)
    return str(job["id"])


async def cancel(client: ApiClient, **body: Any) -> Any:
    job = await client.expect(202, "POST", "/jobs/cancel", json=body)
    done = await client.finish(job["id"], within=60)
    assert done["status"] == "succeeded", done["error"]
    return done["result"]


async def statuses(client: ApiClient, *ids: str) -> list[str]:
    return [(await client.expect(200, "GET", f"/jobs/{id_}"))["status"] for id_ in ids]


@pytest.mark.usefixtures("workers")
async def test_what_waits_of_a_kind_is_shown_and_then_cancelled(client: ApiClient) -> None:
    meant = [await waiting(client) for _ in range(3)]
    other = await waiting(client, "probe.effect")
    runs = await running(client)
    preview = await client.expect(200, "POST", "/jobs/cancel", json={"kind": "probe.echo", "preview": True})
    assert preview == {"total": 3, "groups": [{"kind": "probe.echo", "status": "scheduled", "jobs": 3}]}
    assert await statuses(client, *meant) == ["scheduled"] * 3
    assert await cancel(client, kind="probe.echo") == {
        "matched": 3, "prevented": 3, "stopping": 0, "alreadyEnded": 0,
    }  # fmt: skip
    assert await statuses(client, *meant, other, runs) == ["cancelled"] * 3 + ["scheduled", "running"]
    result = await cancel(client, kind="probe.effect", running=True)
    assert result == {"matched": 2, "prevented": 1, "stopping": 1, "alreadyEnded": 0}
    assert (await client.finish(runs))["status"] == "cancelled"
    (job, _) = (await client.expect(200, "GET", "/jobs", params={"kind": "jobs.cancel"}))["data"]
    assert [(line["message"], line["fields"]) for line in await client.logs(job["id"])] == [
        ("Jobs were found.", {"jobs": 2}),
        ("Jobs were cancelled or asked to stop.", {"prevented": 1, "stopping": 1}),
    ]


@pytest.mark.usefixtures("workers")
async def test_jobs_named_by_their_ids_that_have_ended_are_counted_and_left(client: ApiClient) -> None:
    ended = (await client.submit("probe.echo", {"text": "x"}))["id"]
    await client.finish(ended)
    waits, unnamed = await waiting(client), await waiting(client)
    ids = [ended, waits, "0198c0de-0000-7000-8000-000000000001"]
    preview = await client.expect(200, "POST", "/jobs/cancel", json={"ids": ids, "preview": True})
    assert (preview["total"], len(preview["groups"])) == (1, 2)
    assert await cancel(client, ids=ids) == {"matched": 2, "prevented": 1, "stopping": 0, "alreadyEnded": 1}
    assert await statuses(client, *ids[:2], unnamed) == ["succeeded", "cancelled", "scheduled"]


@pytest.mark.usefixtures("workers")
async def test_jobs_are_meant_by_tag_state_batch_and_time(client: ApiClient) -> None:
    tagged, untagged = await waiting(client, tags=["spring"]), await waiting(client)
    batch = {"jobs": [{"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER} for _ in range(2)]}
    parent = await client.expect(202, "POST", "/jobs/batch", json=batch)
    assert (await cancel(client, tag="spring", **{"from": "2020-01-01T00:00:00Z"}))["prevented"] == 1
    assert (await cancel(client, kind="probe.echo", to="2020-01-01T00:00:00Z"))["matched"] == 0
    assert (await cancel(client, status=["queued", "retrying"]))["matched"] == 0
    assert (await cancel(client, parentId=parent["id"]))["prevented"] == 2
    assert await statuses(client, tagged, untagged) == ["cancelled", "scheduled"]
    assert (await client.finish(parent["id"]))["result"] == {"succeeded": 0, "failed": 0, "cancelled": 2}


@pytest.mark.usefixtures("workers")
async def test_with_a_batch_all_its_jobs_are_cancelled(client: ApiClient) -> None:
    batch = {"jobs": [{"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER} for _ in range(3)]}
    parent = await client.expect(202, "POST", "/jobs/batch", json=batch)
    assert (await cancel(client, kind="jobs.batch", running=True))["stopping"] == 1
    done = await client.finish(parent["id"])
    assert (done["status"], done["result"]["cancelled"]) == ("cancelled", 3)


async def test_all_jobs_are_never_meant_and_all_faults_are_named(client: ApiClient) -> None:
    for empty in ({}, {"running": True}, {"preview": True}):
        problem = await client.expect(422, "POST", "/jobs/cancel", json=empty)
        assert "at least one" in problem["detail"]
    problem = await client.expect(400, "POST", "/jobs/cancel", json={"status": ["queued", "failed", "running"]})
    assert {fault["field"] for fault in problem["errors"]} == {"status[1]", "status[2]"}
    wrongs: list[dict[str, Any]] = [{"ids": []}, {"ids": ["x"]}, {"status": []}, {"state": "queued"}]
    for wrong in wrongs:
        await client.expect(400, "POST", "/jobs/cancel", json=wrong)
    too_many = ["0198c0de-0000-7000-8000-000000000001"] * 1001
    await client.expect(400, "POST", "/jobs/cancel", json={"ids": too_many})


@pytest.mark.usefixtures("workers")
async def test_callers_cancel_their_own_and_those_who_see_all_jobs_everybodys(client: ApiClient) -> None:
    headers = []
    for _ in range(2):
        key = await client.create("/api-keys", name="integration", scopes=["write:jobs", "read:jobs"])
        headers.append({"Authorization": f"Bearer {key['secret']}"})
    mine, theirs = [
        await client.expect(202, "POST", "/jobs", headers=each,
                            json={"kind": "probe.echo", "payload": {"text": "x"}, "runAt": LATER})
        for each in headers
    ]  # fmt: skip
    body = {"kind": "probe.echo"}
    for each, total in ((headers[0], 1), ({}, 2)):
        preview = await client.expect(200, "POST", "/jobs/cancel", json={**body, "preview": True}, headers=each)
        assert preview["total"] == total
    of_another = {**body, "owner": theirs["owner"]}
    await client.expect(403, "POST", "/jobs/cancel", json=of_another, headers=headers[0])
    await client.expect(403, "POST", "/jobs/redrive", json=of_another, headers=headers[0])
    reader = await client.create("/api-keys", name="reader", scopes=["read:*"])
    theirs_only = {"Authorization": f"Bearer {reader['secret']}"}
    await client.expect(403, "POST", "/jobs/cancel", json=body, headers=theirs_only)
    job = await client.expect(202, "POST", "/jobs/cancel", headers=headers[0], json={"ids": [mine["id"], theirs["id"]]})
    done = await client.finish(job["id"])
    assert (done["owner"], done["result"]["matched"]) == (mine["owner"], 1)
    assert await statuses(client, mine["id"], theirs["id"]) == ["cancelled", "scheduled"]
    assert (await cancel(client, **of_another))["prevented"] == 1


async def test_only_what_was_there_before_is_cancelled(quiet_database: Database) -> None:
    first, second = [await enqueue(quiet_database, SYSTEM, Echo(text="x")) for _ in range(2)]
    wanted, before = CancelFilter(kind="probe.echo"), second.created_at
    assert await list_to_cancel(quiet_database, wanted, before, 10) == [first.id]
    async with quiet_database.transaction() as session:
        jobs = await cancel_many(session, wanted, before, [first.id, second.id])
    assert [job.id for job in jobs] == [first.id]
    assert await list_to_cancel(quiet_database, wanted, before, 10) == []
    assert (await get_job(quiet_database, second.id)).status == "queued"


@pytest.mark.usefixtures("workers")
async def test_what_a_worker_is_just_taking_is_waited_for(client: ApiClient, database: Database) -> None:
    held, free = await waiting(client), await waiting(client)
    async with database.transaction() as session:
        await fetch(session, "SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", UUID(held))
        job = await client.expect(202, "POST", "/jobs/cancel", json={"kind": "probe.echo"})

        async def others_are() -> bool:
            return await statuses(client, free) == ["cancelled"]

        await eventually(others_are)
        assert await statuses(client, held) == ["scheduled"]
    assert (await client.finish(job["id"]))["result"]["prevented"] == 2
    assert await statuses(client, held) == ["cancelled"]


async def test_what_is_told_of_an_end_is_told_of_each(quiet_database: Database) -> None:
    owner = Actor("user", UUID(int=7), "request-1")
    called = await enqueue(quiet_database, owner, Echo(text="x"), JobOptions(callback_url="https://example.com/resume"))
    others = Echo(text="x"), Batch(label="not announced")
    ids = [called.id, *[(await enqueue(quiet_database, SYSTEM, args)).id for args in others]]
    later = (await enqueue(quiet_database, SYSTEM, Echo(text="after"))).created_at
    async with quiet_database.transaction() as session:
        jobs = await cancel_many(session, CancelFilter(status=[JobStatus.QUEUED]), later, ids)
    assert [(job.status, job.cancel_verdict) for job in jobs] == [("cancelled", "prevented")] * 3
    events = await quiet_database.fetch("SELECT actor, request_id FROM events WHERE type = 'job.cancelled'")
    assert {(row["actor"], row["request_id"]) for row in events} == {(owner.name, "request-1"), ("system", None)}
    calls = await quiet_database.fetch("SELECT payload->>'jobId' AS job FROM jobs WHERE kind = 'webhooks.call_back'")
    assert [row["job"] for row in calls] == [str(called.id)]
    told = await quiet_database.fetch("SELECT entity_id FROM audit_entries WHERE action = 'cancel'")
    assert {row["entity_id"] for row in told} == {str(job.id) for job in jobs}


@pytest.mark.usefixtures("workers")
async def test_ten_thousand_are_cancelled_once_each_though_the_worker_dies_in_the_middle(
    client: ApiClient, database: Database
) -> None:
    await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": True})
    await enqueue_many(database, SYSTEM, [Echo(text=str(number)) for number in range(10_000)])
    job = await client.expect(202, "POST", "/jobs/cancel", json={"kind": "probe.echo"})

    async def under_way() -> Any:
        return await database.fetch(
            """SELECT worker FROM jobs WHERE id = $1 AND status = 'running'
               AND EXISTS (SELECT FROM jobs WHERE status = 'cancelled')""",
            UUID(job["id"]),
        )

    ((worker,),) = await eventually(under_way)
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    (row,) = await database.fetch("SELECT count(*) AS n FROM jobs WHERE status = 'cancelled'")
    assert 0 < row["n"] < 10_000
    done = await client.finish(job["id"], within=60)
    assert (done["attempt"], done["status"]) == (2, "succeeded")
    assert done["result"] == {"matched": 10_000, "prevented": 10_000, "stopping": 0, "alreadyEnded": 0}
    for statement in (
        "SELECT count(*) AS n, count(DISTINCT resource_id) AS d FROM events WHERE type = 'job.cancelled'",
        "SELECT count(*) AS n, count(DISTINCT entity_id) AS d FROM audit_entries WHERE action = 'cancel'",
    ):
        (row,) = await database.fetch(statement)
        assert (row["n"], row["d"]) == (10_000, 10_000)


async def test_it_comes_before_what_it_is_to_cancel(client: ApiClient) -> None:
    mistaken = await client.submit("probe.echo", {"text": "x"})
    job = await client.expect(202, "POST", "/jobs/cancel", json={"kind": "probe.echo"})
    assert job["priority"] > mistaken["priority"]
