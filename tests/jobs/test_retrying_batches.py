"""Ended batches run again, whole or one job of them, and are kept as long as anything in them lives."""

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import pytest

from models.events.endings import end_batches
from models.jobs.batches import Reached, prune
from models.jobs.jobs import RedriveFilter
from models.jobs.kinds import kind_of
from models.jobs.records import JobRecord
from models.jobs.redriving import Place, retry_next
from models.jobs.rules import BATCH_TRANSITIONS, Happening, JobStatus
from models.jobs.service import BatchItem, get_job, retry_job, submit_batch
from models.kernel.actor import SYSTEM
from models.kernel.errors import Conflict
from models.kernel.session import Database, fetch
from scheduler.batches import Batches
from tests.support.client import ApiClient
from tests.support.probes import Echo
from tests.support.receiver import running_receiver
from tests.support.statements import noted_statements


async def batch_of(database: Database, *statuses: JobStatus) -> tuple[JobRecord, list[UUID]]:
    """A batch whose jobs have come so far, counted by the scheduler."""
    items = [BatchItem(kind_of(Echo), Echo(text=str(n))) for n, _ in enumerate(statuses)]
    parent = await submit_batch(database, SYSTEM, items)
    rows = await database.fetch("SELECT id FROM jobs WHERE parent_id = $1 ORDER BY id", parent.id)
    ids = [row["id"] for row in rows]
    for id_, status in zip(ids, statuses, strict=True):
        await bring(database, id_, status)
    await count(database)
    return await get_job(database, parent.id), ids


async def bring(database: Database, id_: UUID, status: JobStatus) -> None:
    await database.execute(
        """UPDATE jobs SET status = $2, attempt = 1,
               lease_until = CASE WHEN $2 = 'running' THEN clock_timestamp() + interval '1 min' END,
               finished_at = CASE WHEN $2 IN ('succeeded', 'failed', 'cancelled') THEN clock_timestamp() END
           WHERE id = $1""",
        id_, status.value,
    )  # fmt: skip


async def count(database: Database) -> None:
    async with database.transaction() as session:
        await end_batches(session)


async def retry(database: Database, id_: UUID) -> JobRecord:
    async with database.transaction() as session:
        return await retry_job(session, await get_job(session, id_))


async def statuses_of(database: Database, ids: list[UUID]) -> list[JobStatus]:
    return [(await get_job(database, id_)).status for id_ in ids]


async def test_a_retried_batch_runs_its_failed_and_cancelled_jobs_again_and_counts_them(
    quiet_database: Database,
) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)
    assert parent.status == JobStatus.FAILED
    again = await retry(quiet_database, parent.id)
    assert (again.status, again.progress_current, again.progress_total) == (JobStatus.RUNNING, 1, 3)
    assert (again.finished_at, bytes(again.result), bytes(again.error)) == (None, b"null", b"null")
    assert await statuses_of(quiet_database, ids) == [JobStatus.SUCCEEDED, JobStatus.QUEUED, JobStatus.QUEUED]
    for id_ in ids[1:]:
        await bring(quiet_database, id_, JobStatus.SUCCEEDED)
    await count(quiet_database)
    assert (await get_job(quiet_database, parent.id)).status == JobStatus.SUCCEEDED


async def test_a_retried_job_opens_its_ended_batch_again(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.FAILED)
    await retry(quiet_database, ids[1])
    reopened = await get_job(quiet_database, parent.id)
    assert (reopened.status, reopened.progress_current) == (JobStatus.RUNNING, 2)
    await bring(quiet_database, ids[1], JobStatus.SUCCEEDED)
    await count(quiet_database)
    ended = await get_job(quiet_database, parent.id)
    assert (ended.status, bytes(ended.result)) == (
        JobStatus.FAILED, b'{"failed": 1, "cancelled": 0, "succeeded": 2}',
    )  # fmt: skip


async def test_a_redriven_job_opens_its_ended_batch_again(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.SUCCEEDED, JobStatus.FAILED)
    async with quiet_database.transaction() as session:
        assert await retry_next(session, parent.id, RedriveFilter(), Place(), 10)
    await count(quiet_database)
    reopened = await get_job(quiet_database, parent.id)
    assert (reopened.status, reopened.progress_current) == (JobStatus.RUNNING, 1)
    assert await statuses_of(quiet_database, ids) == [JobStatus.SUCCEEDED, JobStatus.QUEUED]


async def test_a_cancelled_batch_runs_again_as_if_nobody_had_cancelled_it(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.CANCELLED, JobStatus.QUEUED)
    await cancel(quiet_database, parent.id)
    await count(quiet_database)
    cancelled = await get_job(quiet_database, parent.id)
    assert (cancelled.status, cancelled.cancel_verdict) == (JobStatus.CANCELLED, "stopped")
    again = await retry(quiet_database, parent.id)
    assert (again.cancel_requested_at, again.cancel_verdict) == (None, None)
    await count(quiet_database)
    assert await statuses_of(quiet_database, ids) == [JobStatus.QUEUED, JobStatus.QUEUED]


async def cancel(database: Database, id_: UUID) -> None:
    from models.events.endings import cancel_job

    async with database.transaction() as session:
        await cancel_job(session, id_)


async def test_only_an_ended_batch_is_retried_and_only_what_someone_can_do(quiet_database: Database) -> None:
    running, _ = await batch_of(quiet_database, JobStatus.FAILED, JobStatus.QUEUED)
    with pytest.raises(Conflict):
        await retry(quiet_database, running.id)
    parent, ids = await batch_of(quiet_database, JobStatus.FAILED)
    await quiet_database.execute("UPDATE jobs SET kind = 'gone.kind' WHERE id = $1", ids[0])
    with pytest.raises(Conflict):
        await retry(quiet_database, parent.id)
    assert (await get_job(quiet_database, parent.id)).status == JobStatus.FAILED


async def test_a_job_of_a_batch_that_is_being_cancelled_is_not_retried(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.FAILED, JobStatus.RUNNING)
    await cancel(quiet_database, parent.id)
    with pytest.raises(Conflict, match="cancelled"):
        await retry(quiet_database, ids[0])


async def test_a_batch_does_not_end_over_a_job_that_is_just_retried(quiet_database: Database) -> None:
    """The scheduler counts while the retry is not committed, and again afterwards."""
    parent, ids = await batch_of(quiet_database, JobStatus.FAILED, JobStatus.RUNNING)
    await bring(quiet_database, ids[1], JobStatus.SUCCEEDED)
    async with quiet_database.transaction() as session:
        await retry_job(session, await get_job(session, ids[0]))
        await asyncio.wait_for(count(quiet_database), 30)
        assert (await get_job(quiet_database, parent.id)).status == JobStatus.RUNNING
    await count(quiet_database)
    assert (await get_job(quiet_database, parent.id)).status == JobStatus.RUNNING


@pytest.mark.parametrize("happening", [Happening.RETRIED, Happening.CANCELLED])
@pytest.mark.parametrize("ended", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
async def test_a_batch_changes_only_as_drawn(quiet_database: Database, ended: JobStatus, happening: Happening) -> None:
    parent, _ = await batch_of(quiet_database, ended, ended)
    await quiet_database.execute("UPDATE jobs SET status = $2 WHERE id = $1", parent.id, ended.value)
    with contextlib.suppress(Conflict):
        await (retry if happening == Happening.RETRIED else cancel)(quiet_database, parent.id)
    assert (await get_job(quiet_database, parent.id)).status == BATCH_TRANSITIONS.get((ended, happening), ended)


async def test_a_batch_of_which_no_job_ended_lately_is_not_counted_until_all_are(quiet_database: Database) -> None:
    """It may be one of thousands that wait; an end that was long in being committed is found all the same."""
    batches = Batches(quiet_database)
    parent, (early, late) = await batch_of(quiet_database, JobStatus.QUEUED, JobStatus.QUEUED)
    assert await batches.end_finished() == 0
    await bring(quiet_database, early, JobStatus.SUCCEEDED)
    await bring(quiet_database, late, JobStatus.SUCCEEDED)
    await quiet_database.execute(
        "UPDATE jobs SET finished_at = finished_at - interval '1 hour' WHERE parent_id IS NOT NULL"
    )
    assert await batches.end_finished() == 0
    assert (await get_job(quiet_database, parent.id)).progress_current == 0
    assert await Batches(quiet_database).end_finished() == 1
    again, (job,) = await batch_of(quiet_database, JobStatus.QUEUED)
    await bring(quiet_database, job, JobStatus.SUCCEEDED)
    assert await batches.end_finished() == 1
    assert (await get_job(quiet_database, again.id)).status == JobStatus.SUCCEEDED


async def test_a_cancel_waits_for_nobody_who_holds_a_job_and_reaches_it_afterwards(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.QUEUED, JobStatus.QUEUED)
    async with quiet_database.transaction() as worker:
        await fetch(worker, "SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", ids[0])
        await asyncio.wait_for(cancel(quiet_database, parent.id), 30)
        assert await statuses_of(quiet_database, ids) == [JobStatus.QUEUED, JobStatus.CANCELLED]
        assert await Batches(quiet_database).end_finished() == 0
    assert await Batches(quiet_database).end_finished() == 1
    assert await statuses_of(quiet_database, ids) == [JobStatus.CANCELLED, JobStatus.CANCELLED]
    events = await quiet_database.fetch("SELECT resource_id FROM events WHERE type = 'job.cancelled'")
    assert {row["resource_id"] for row in events} == {parent.id, *ids}


async def test_cancelling_many_jobs_takes_few_statements(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, *[JobStatus.QUEUED] * 200)
    with noted_statements(quiet_database) as statements:
        await cancel(quiet_database, parent.id)
    assert set(await statuses_of(quiet_database, ids)) == {JobStatus.CANCELLED}
    assert len(statements) < 10


async def grown_old(database: Database, id_: UUID, days: int) -> None:
    await database.execute(
        "UPDATE jobs SET finished_at = finished_at - make_interval(days => $2) WHERE id = $1", id_, days
    )


async def pruned(database: Database) -> set[UUID]:
    """What is left when all that may go is gone."""
    reached = Reached()
    while await prune(database, 30, 90, 2, reached):
        pass
    return {row["id"] for row in await database.fetch("SELECT id FROM jobs")}


async def test_an_old_batch_with_a_job_that_lives_is_not_forgotten(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.SUCCEEDED, JobStatus.FAILED)
    for id_ in (parent.id, *ids):
        await grown_old(quiet_database, id_, 100)
    await quiet_database.execute("UPDATE jobs SET status = 'queued', finished_at = NULL WHERE id = $1", ids[1])
    assert await pruned(quiet_database) == {parent.id, *ids}


async def test_a_batch_and_its_jobs_go_together_when_the_time_of_all_is_over(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, *[JobStatus.SUCCEEDED] * 4, JobStatus.FAILED)
    for id_ in ids[:4]:
        await grown_old(quiet_database, id_, 100)
    for id_ in (parent.id, ids[4]):
        await grown_old(quiet_database, id_, 89)
    assert await pruned(quiet_database) == {parent.id, *ids}
    for id_ in (parent.id, ids[4]):
        await grown_old(quiet_database, id_, 2)
    assert await pruned(quiet_database) == set()


async def test_a_job_retried_while_the_old_are_forgotten_stays(quiet_database: Database) -> None:
    parent, ids = await batch_of(quiet_database, JobStatus.FAILED)
    for id_ in (parent.id, *ids):
        await grown_old(quiet_database, id_, 100)
    async with quiet_database.transaction() as session:
        await retry_job(session, await get_job(session, ids[0]))
        assert await asyncio.wait_for(pruned(quiet_database), 30) == {parent.id, *ids}
    assert await pruned(quiet_database) == {parent.id, *ids}


@pytest.mark.usefixtures("workers")
async def test_a_batch_is_retried_over_http_and_tells_its_end_again(client: ApiClient, database: Database) -> None:
    failing = {"kind": "probe.effect", "payload": {"label": "f", "failUntil": 3}}
    async with running_receiver() as receiver:
        body: dict[str, Any] = {"jobs": [failing, failing], "callbackUrl": f"{receiver.url}/batch"}
        batch = await client.expect(202, "POST", "/jobs/batch", json=body)
        done = await client.finish(batch["id"])
        assert (done["status"], done["result"]) == ("failed", {"succeeded": 0, "failed": 2, "cancelled": 0})
        await receiver.wait_for(1)
        again = await client.expect(202, "POST", f"/jobs/{batch['id']}/retry")
        assert (again["status"], again["progress"]["current"]) == ("running", 0)
        done = await client.finish(batch["id"])
        assert (done["status"], done["result"], done["error"]) == (
            "succeeded", {"succeeded": 2, "failed": 0, "cancelled": 0}, None,
        )  # fmt: skip
        first, second = await receiver.wait_for(2)
    assert b"job.failed" in first.body
    assert b"job.succeeded" in second.body
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    rows = await database.fetch("SELECT type FROM events WHERE resource_id = $1 ORDER BY id", UUID(batch["id"]))
    assert [row["type"] for row in rows] == ["job.failed", "job.succeeded"]
