"""Batches: what happens to a parent because of its jobs, and to all of its jobs because of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import batch_queries as queries
from models.jobs.kinds import find_kind
from models.jobs.records import JobRecord, job_record
from models.kernel.errors import Conflict
from models.kernel.session import Connection, fetch

BATCHES_PRUNED_AT_ONCE = 5
NOTHING_LEFT = datetime(9999, 1, 1, tzinfo=UTC)


async def close_batches(session: AsyncSession, within: float | None = None) -> list[JobRecord]:
    """Batches whose count has changed, of those of which a job ended `within` so many seconds (None: of all); those
    that have ended are finished now."""
    ids = [row["id"] for row in await fetch(session, queries.LOCK_RUNNING, within)]
    return [job_record(row) for row in await fetch(session, queries.CLOSE, ids)] if ids else []


async def reopen(on: Connection, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Let batches run (again), because some of their jobs will: to be called before those are brought back, and in
    that transaction. Says of each whether it is being cancelled."""
    return {row["id"]: row["stopping"] for row in await fetch(on, queries.REOPEN, list(ids))}


async def reopen_parents(on: Connection, jobs: Sequence[UUID]) -> None:
    """After jobs were brought back, in that transaction."""
    if parents := [row["parent_id"] for row in await fetch(on, queries.PARENTS, list(jobs))]:
        await reopen(on, parents)


async def recount(on: Connection, id_: UUID) -> JobRecord:
    """The batch as it is counted now."""
    return job_record((await fetch(on, queries.RECOUNT, id_))[0])


async def kinds_to_retry(on: Connection, id_: UUID) -> list[str]:
    """Of the jobs that a retry of the batch runs again."""
    return [row["kind"] for row in await fetch(on, queries.KINDS_TO_RETRY, id_)]


async def retry_batch(
    session: AsyncSession, batch: JobRecord, run_at: datetime | None = None, from_start: bool = False
) -> JobRecord | None:
    """Run the failed and cancelled jobs of an ended batch again; None when there are none that this version can do."""
    if not batch.finished:
        return None
    await reopen(session, [batch.id])
    kinds = [kind for name in await kinds_to_retry(session, batch.id) if (kind := find_kind(name))]
    attempts = [kind.retry.max_attempts for kind in kinds]
    names = [kind.name for kind in kinds]
    again = await fetch(session, queries.RETRY_CHILDREN, batch.id, names, attempts, run_at, from_start)
    return await recount(session, batch.id) if again else None


async def reopen_parent(on: Connection, job: JobRecord) -> None:
    """Before a job is retried. Raises Conflict when its batch is just being cancelled."""
    if job.parent_id is not None and (await reopen(on, [job.parent_id])).get(job.parent_id):
        raise Conflict("Its batch is being cancelled; retry the job when the batch has ended.")


async def list_being_cancelled(on: Connection) -> list[UUID]:
    """Batches with jobs that do not know yet of their cancel."""
    return [row["id"] for row in await fetch(on, queries.BEING_CANCELLED)]


async def cancel_children(session: AsyncSession, batch: UUID) -> list[JobRecord]:
    """Cancel what has not run of a batch that was cancelled, and ask what runs to stop. Those that are in somebody
    else's hands at this moment are left for the next call."""
    return [job_record(row) for row in await fetch(session, queries.CANCEL_CHILDREN, batch)]


class Reached(msgspec.Struct):
    """Up to which end a round of forgetting has come, so that its chunks do not each pass over all that is kept."""

    jobs: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    batches: datetime = datetime(1970, 1, 1, tzinfo=UTC)


async def prune(
    on: Connection, keep_days: int, keep_failed_days: int, limit: int = 1000, reached: Reached | None = None
) -> int:
    """Forget a chunk of jobs that ended that long ago, with their attempts, and batches of which all jobs have; gives
    how many jobs and batches that was."""
    reached, days = reached or Reached(), (keep_days, keep_failed_days)
    jobs, reached.jobs = await _forget(on, queries.PRUNE, *days, limit, reached.jobs)
    batches, reached.batches = await _forget(on, queries.PRUNE_BATCHES, *days, BATCHES_PRUNED_AT_ONCE, reached.batches)
    return jobs + batches


async def _forget(
    on: Connection, statement: str, keep_days: int, keep_failed_days: int, limit: int, since: datetime
) -> tuple[int, datetime]:
    (row,) = await fetch(on, statement, keep_days, keep_failed_days, limit, since)
    return row["jobs"], row["until"] if row["jobs"] == limit else NOTHING_LEFT
