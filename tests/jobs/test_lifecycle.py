"""Every state against everything that can happen, on the real statements."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.endings import Success, end_successes
from models.jobs import dispatching, lifecycle, waiting
from models.jobs.lifecycle import Closing, LeaseLost
from models.jobs.records import JobRecord
from models.jobs.rules import TRANSITIONS, Happening, JobStatus
from models.jobs.service import JobOptions, enqueue, get_job
from models.jobs.waiting import JobPatch
from models.kernel.actor import SYSTEM
from models.kernel.clock import utc_now
from models.kernel.errors import Conflict
from models.kernel.session import Database, fetch
from tests.support.jobs import BROKE, DONE, GAVE_UP, STOPPED, job_in, take
from tests.support.probes import Echo

Statement = Callable[[AsyncSession, JobRecord], Awaitable[object]]


async def due(session: AsyncSession, job: JobRecord) -> None:
    await dispatching.become_due(session)


async def cancelled(session: AsyncSession, job: JobRecord) -> None:
    await lifecycle.cancel(session, job.id)


async def retried(session: AsyncSession, job: JobRecord) -> None:
    await lifecycle.retry(session, job)


async def retried_later(session: AsyncSession, job: JobRecord) -> None:
    await lifecycle.retry(session, job, utc_now() + timedelta(hours=1))


async def claimed(session: AsyncSession, job: JobRecord) -> None:
    await lifecycle.claim(session, [job.id], "tester", 10)


async def refused(session: AsyncSession, job: JobRecord) -> None:
    await lifecycle.refuse(session, [job.id], "tester")


async def expired(session: AsyncSession, job: JobRecord) -> None:
    """Before its first attempt; it is in retrying then when a worker has refused it."""
    await fetch(session, "UPDATE jobs SET start_by = clock_timestamp(), attempt = 0 WHERE id = $1", job.id)
    await waiting.expire(session, [job.id])


def moved(to: datetime | None) -> Statement:
    async def move(session: AsyncSession, job: JobRecord) -> None:
        with contextlib.suppress(Conflict):
            await waiting.move_job(session, await waiting.lock_job(session, job.id), JobPatch(run_at=to))

    return move


def closed(closing: Closing) -> Statement:
    async def close(session: AsyncSession, job: JobRecord) -> None:
        with contextlib.suppress(LeaseLost):
            await lifecycle.close(session, job, closing)

    return close


STATEMENTS: dict[Happening, Statement] = {
    Happening.DUE: due,
    Happening.CLAIMED: claimed,
    Happening.DONE: closed(DONE),
    Happening.BROKE: closed(BROKE),
    Happening.GAVE_UP: closed(GAVE_UP),
    Happening.STOPPED: closed(STOPPED),
    Happening.CANCELLED: cancelled,
    Happening.RETRIED: retried,
    Happening.RETRIED_LATER: retried_later,
    Happening.EXPIRED: expired,
    Happening.HASTENED: moved(None),
    Happening.POSTPONED: moved(datetime(2199, 1, 1, tzinfo=UTC)),
    Happening.REFUSED: refused,
}


def after(status: JobStatus, *happenings: Happening) -> JobStatus:
    """The state as drawn."""
    for happening in happenings:
        status = TRANSITIONS.get((status, happening), status)
    return status


async def happen(database: Database, happening: Happening, job: JobRecord) -> None:
    async with database.transaction() as session:
        await STATEMENTS[happening](session, job)


@pytest.mark.parametrize("happening", Happening)
@pytest.mark.parametrize("status", JobStatus)
async def test_a_state_changes_only_as_drawn(quiet_database: Database, status: JobStatus, happening: Happening) -> None:
    job = await job_in(quiet_database, status)
    await happen(quiet_database, happening, job)
    assert (await get_job(quiet_database, job.id)).status == after(status, happening)


@pytest.mark.parametrize("second", Happening)
@pytest.mark.parametrize(("status", "first"), TRANSITIONS)
async def test_of_two_things_at_once_one_comes_after_the_other(
    quiet_database: Database, status: JobStatus, first: Happening, second: Happening
) -> None:
    """The second begins while the first is not committed: it waits, or passes by, and goes by what it finds then."""
    job = await job_in(quiet_database, status)
    blocked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(30):
        async with quiet_database.transaction() as session:
            await STATEMENTS[first](session, job)
            other = asyncio.create_task(happen(quiet_database, second, job))
            while not other.done() and not await quiet_database.fetch(blocked):
                continue
        await other
    found = (await get_job(quiet_database, job.id)).status
    assert found in (after(status, first, second), after(status, second, first))


async def test_of_twin_claims_one_succeeds(quiet_database: Database) -> None:
    job = await job_in(quiet_database, JobStatus.QUEUED)
    claims = await asyncio.gather(*(lifecycle.claim(quiet_database, [job.id], f"w{n}", 10) for n in range(5)))
    assert sorted(len(claim) for claim in claims) == [0, 0, 0, 0, 1]
    assert (await get_job(quiet_database, job.id)).attempt == 1


async def test_an_earlier_attempt_can_neither_renew_nor_end_a_later_one(quiet_database: Database) -> None:
    stale = await job_in(quiet_database, JobStatus.RUNNING)
    await quiet_database.execute("UPDATE jobs SET started_at = clock_timestamp() WHERE id = $1", stale.id)
    before = await lease_until(quiet_database, stale.id)
    await lifecycle.renew(quiet_database, [stale], 3600)
    assert await lease_until(quiet_database, stale.id) == before
    assert await lifecycle.look_after(quiet_database, [stale]) == {}
    assert await end_successes(quiet_database, [Success(stale, b"{}", 0.0)]) == [False]
    with pytest.raises(LeaseLost):
        await lifecycle.close(quiet_database, stale, DONE)
    assert (await get_job(quiet_database, stale.id)).status == JobStatus.RUNNING


async def lease_until(database: Database, id_: UUID) -> datetime:
    (row,) = await database.fetch("SELECT lease_until FROM jobs WHERE id = $1", id_)
    until: datetime = row["lease_until"]
    return until


async def test_leases_are_renewed_together_but_for_those_that_are_just_ending(quiet_database: Database) -> None:
    free, ending = [await job_in(quiet_database, JobStatus.RUNNING) for _ in range(2)]
    before = {job.id: await lease_until(quiet_database, job.id) for job in (free, ending)}
    async with quiet_database.transaction() as session:
        await lifecycle.close(session, ending, DONE)
        await lifecycle.renew(quiet_database, [free, ending], 3600)
        assert await lifecycle.look_after(quiet_database, [free, ending]) == {free.id: False, ending.id: False}
    assert await lease_until(quiet_database, free.id) > before[free.id]
    assert await lifecycle.look_after(quiet_database, [free, ending]) == {free.id: False}


async def test_successes_end_together_each_with_its_own_result(quiet_database: Database) -> None:
    ours, others = [await job_in(quiet_database, JobStatus.RUNNING) for _ in range(2)]
    await quiet_database.execute("UPDATE jobs SET started_at = clock_timestamp() WHERE id = $1", others.id)
    ends = [Success(ours, b'{"text": "a"}', 0.5), Success(others, b'{"text": "b"}', 0.5)]
    assert await end_successes(quiet_database, ends) == [True, False]
    done = await get_job(quiet_database, ours.id)
    assert (done.status, bytes(done.result)) == (JobStatus.SUCCEEDED, b'{"text": "a"}')
    assert (await get_job(quiet_database, others.id)).status == JobStatus.RUNNING
    events = await quiet_database.fetch("SELECT type, resource_id FROM events")
    assert [tuple(row.values()) for row in events] == [("job.succeeded", ours.id)]


async def test_schedulers_at_once_publish_each_job_once(quiet_database: Database) -> None:
    ids = {(await enqueue(quiet_database, SYSTEM, Echo(text=str(n)))).id for n in range(30)}
    taken = await asyncio.gather(*(take(quiet_database, window=10) for _ in range(5)))
    published = [id_ for batch in taken for id_ in batch]
    assert len(published) == len(set(published)) == 10
    published += await take(quiet_database, window=30)
    assert sorted(published) == sorted(ids)


async def test_the_higher_priority_goes_first_and_then_the_older(quiet_database: Database) -> None:
    order: list[UUID] = []
    for priority in (5, 1, 9, 5):
        order.append((await enqueue(quiet_database, SYSTEM, Echo(text="x"), JobOptions(priority=priority))).id)
    first, low, high, second = order
    assert await take(quiet_database) == [high, first, second, low]


async def test_an_expired_lease_is_a_lost_attempt(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    (running,) = await lifecycle.claim(quiet_database, [job.id], "dead", 10)
    assert await lifecycle.rescue(quiet_database) == []
    await quiet_database.execute(
        "UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1", job.id
    )
    (rescued,) = await lifecycle.rescue(quiet_database)
    assert (rescued.status, rescued.attempt) == (JobStatus.RETRYING, running.attempt)
    rows = await quiet_database.fetch("SELECT outcome FROM job_attempts WHERE job_id = $1", job.id)
    assert [row["outcome"] for row in rows] == ["lost"]


async def test_a_rescued_job_goes_before_those_that_came_after_it(quiet_database: Database) -> None:
    job = await job_in(quiet_database, JobStatus.RUNNING)
    await enqueue(quiet_database, SYSTEM, Echo(text="later"))
    await quiet_database.execute(
        "UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1", job.id
    )
    await lifecycle.rescue(quiet_database)
    await dispatching.become_due(quiet_database)
    assert (await take(quiet_database))[0] == job.id


async def test_submits_with_one_key_at_once_make_one_job(quiet_database: Database) -> None:
    options = JobOptions(dedupe_key="same")
    jobs = await asyncio.gather(*(enqueue(quiet_database, SYSTEM, Echo(text=str(n)), options) for n in range(20)))
    assert len({job.id for job in jobs}) == 1
