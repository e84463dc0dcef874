"""What is written beside a job's own row when it ends, whoever ends it: in the very same transaction."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit.rules import Action
from models.audit.service import record
from models.events import queries
from models.events.events import JOB_CANCELLED, JOB_FAILED, JOB_SUCCEEDED, job_ended
from models.events.service import emit, emit_many, encode
from models.jobs.batches import cancel_children, close_batches
from models.jobs.cancelling import cancel_some
from models.jobs.endings import record_end, record_giving_up
from models.jobs.jobs import CancelFilter, RunBatch
from models.jobs.kinds import find_kind, kind_of
from models.jobs.lifecycle import cancel
from models.jobs.records import JobRecord
from models.jobs.rules import JobError, JobStatus
from models.jobs.service import get_job
from models.kernel.actor import Actor
from models.kernel.ids import new_id
from models.kernel.session import Database, fetch

BATCH = kind_of(RunBatch).name
_TYPES = {
    JobStatus.SUCCEEDED: JOB_SUCCEEDED,
    JobStatus.FAILED: JOB_FAILED,
    JobStatus.CANCELLED: JOB_CANCELLED,
}


async def announce_end(session: AsyncSession, job: JobRecord, status: JobStatus, error: JobError | None) -> None:
    """Tell what waits for the job and, for an announced kind, the world. Nothing unless `status` is an end."""
    if status in _TYPES:
        await record_end(session, job)
    if status in (JobStatus.FAILED, JobStatus.CANCELLED):
        await record_giving_up(session, job, error if status == JobStatus.FAILED else None)
    if status in _TYPES and _is_announced(job):
        actor = Actor.named(job.owner, job.request_id)
        await emit(session, actor, _TYPES[status], job.id, job_ended(job, status, error))


def _is_announced(job: JobRecord) -> bool:
    """As its kind says; a job whose kind is gone is, because somebody may wait for it."""
    kind = find_kind(job.kind)
    return kind is None or kind.announced


class Success(msgspec.Struct, frozen=True):
    """What an attempt leaves that succeeded without writing anything, for which nobody waits."""

    job: JobRecord
    result: bytes
    work_seconds: float

    @property
    def announcement(self) -> tuple[UUID, str] | tuple[None, None]:
        if not _is_announced(self.job):
            return None, None
        return new_id(), encode(job_ended(self.job, JobStatus.SUCCEEDED, None))


async def end_successes(database: Database, ends: Sequence[Success]) -> list[bool]:
    """Close the attempts and announce their ends, in one statement; says of each whether it was still ours."""
    announced = [end.announcement for end in ends]
    rows = await fetch(
        database, queries.CLOSE_SUCCEEDED,
        [end.job.id for end in ends], [end.job.started_at for end in ends], [end.result.decode() for end in ends],
        [id_ for id_, _ in announced], [payload for _, payload in announced], [end.job.owner for end in ends],
        [end.job.request_id for end in ends], JOB_SUCCEEDED.name, JOB_SUCCEEDED.resource,
        [end.work_seconds for end in ends],
    )  # fmt: skip
    closed = {row["id"] for row in rows}
    return [end.job.id in closed for end in ends]


async def cancel_job(session: AsyncSession, id_: UUID) -> JobRecord:
    """Cancel the job if it has not run, ask it to stop if it runs, leave it as it is if it has ended; the same for all
    jobs of a batch."""
    job = await cancel(session, id_)
    if job is None:
        return await get_job(session, id_)
    await record(session, Action.CANCEL, "job", id_)
    await announce_end(session, job, job.status, None)
    await cancel_rest(session, job.id)
    return job


async def cancel_rest(session: AsyncSession, batch: UUID) -> None:
    """Cancel the jobs of a batch that was cancelled, but for those that a worker is just taking or closing: the
    scheduler calls again for them, so that nobody waits for anybody."""
    await announce_cancelled(session, await cancel_children(session, batch))


async def announce_cancelled(session: AsyncSession, jobs: Sequence[JobRecord]) -> None:
    """Tell what waits for those of the jobs that have ended by a cancel; their events are few statements."""
    events: defaultdict[tuple[str, str | None], dict[UUID, msgspec.Struct]] = defaultdict(dict)
    for job in jobs:
        if job.finished:
            await record_end(session, job)
            await record_giving_up(session, job, None)
            if _is_announced(job):
                events[job.owner, job.request_id][job.id] = job_ended(job, job.status, None)
    for (owner, request_id), payloads in events.items():
        await emit_many(session, Actor.named(owner, request_id), JOB_CANCELLED, payloads)


async def cancel_many(
    session: AsyncSession, wanted: CancelFilter, before: datetime, ids: Sequence[UUID]
) -> list[JobRecord]:
    """Cancel those of the jobs that are still meant, with all jobs of the batches among them; gives the former,
    cancelled or asked to stop."""
    jobs = await cancel_some(session, wanted, before, ids)
    if jobs:
        await record(session, Action.CANCEL, "job", *(job.id for job in jobs))
    await announce_cancelled(session, jobs)
    for batch in (job for job in jobs if job.kind == BATCH):
        await announce_cancelled(session, await cancel_children(session, batch.id))
    return jobs


async def end_batches(session: AsyncSession, within: float | None = None) -> int:
    """Bring the counts of running batches up to date, and end those whose last job has ended; with `within`, of those
    of which a job ended in the last so many seconds."""
    batches = await close_batches(session, within)
    for batch in batches:
        await announce_end(session, batch, batch.status, msgspec.json.decode(bytes(batch.error), type=JobError | None))
    return sum(batch.finished for batch in batches)
