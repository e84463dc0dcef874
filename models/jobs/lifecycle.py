"""The moves of a job after it was asked for: publish, claim, renew, close, rescue. Each is one fenced statement."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from models.jobs import queries, rescuing_queries
from models.jobs.batches import recount, reopen_parent
from models.jobs.kinds import kind_named
from models.jobs.limits import NO_LIMITS, Limits
from models.jobs.records import JobRecord, job_record
from models.jobs.rules import UNCOUNTED, AttemptOutcome, JobError, JobStatus, Progress
from models.kernel.errors import DomainError
from models.kernel.session import Connection, fetch

LEASE_EXPIRED = JobError(
    "LEASE_EXPIRED", "The worker died, was paused, or was stuck in a computation; its lease ran out.", retryable=True
)


class LeaseLost(DomainError):
    """The attempt is no longer ours: its effects must not be committed."""


def lost(job: JobRecord) -> LeaseLost:
    return LeaseLost(f"Attempt {job.attempt} of job {job.id} is no longer this worker's.")


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt ends in. `work_seconds` is for how long it kept its worker busy, from the
    claim to the end of its handler."""

    status: JobStatus
    outcome: AttemptOutcome
    result: bytes | None = None
    error: JobError | None = None
    wait_seconds: float = 0.0
    work_seconds: float | None = None


async def claim(
    on: Connection, ids: Sequence[UUID], worker: str, lease_seconds: float, limits: Limits = NO_LIMITS
) -> list[JobRecord]:
    """Those of the jobs, all of one kind with such `limits`, that are now this worker's; the others are finished, not
    due, or someone else's."""
    if not limits:
        return [job_record(row) for row in await fetch(on, queries.CLAIM, list(ids), worker, lease_seconds)]
    rows = await fetch(on, queries.CLAIM_LIMITED, list(ids), worker, lease_seconds, limits.has_rates)
    return [job_record(row) for row in rows]


async def renew(on: Connection, jobs: Sequence[JobRecord], lease_seconds: float) -> None:
    """Lengthen the leases of those attempts that are still ours."""
    await fetch(on, queries.RENEW, [job.id for job in jobs], [job.started_at for job in jobs], lease_seconds)


async def look_after(on: Connection, jobs: Sequence[JobRecord]) -> dict[UUID, bool]:
    """Those of the attempts that are still their worker's, and whether someone asked the job to stop."""
    rows = await fetch(on, queries.PEEK, [job.id for job in jobs], [job.started_at for job in jobs])
    return {row["id"]: row["stop_requested"] for row in rows}


async def keep_receipt(on: Connection, job: JobRecord, step: str, receipt: bytes) -> None:
    """Note for all later attempts that a step is done. Raises LeaseLost."""
    if not await fetch(on, queries.KEEP_RECEIPT, job.id, job.started_at, step, receipt.decode()):
        raise lost(job)


async def keep_state(on: Connection, job: JobRecord, state: bytes) -> None:
    """What a later attempt resumes from; to be committed with the work it describes. Raises LeaseLost."""
    if not await fetch(on, queries.KEEP_STATE, job.id, job.started_at, state.decode()):
        raise lost(job)


async def cancel(on: Connection, id_: UUID) -> JobRecord | None:
    """The job cancelled, or (while it runs) asked to stop; None when it had ended already."""
    rows = await fetch(on, queries.CANCEL, id_)
    return job_record(rows[0]) if rows else None


async def report_progress(on: Connection, job: JobRecord, progress: Progress) -> None:
    what = progress.current, progress.total, progress.message
    await fetch(on, queries.REPORT_PROGRESS, job.id, job.started_at, *what)


async def retry(
    on: Connection, job: JobRecord, run_at: datetime | None = None, from_start: bool = False
) -> JobRecord | None:
    """Back to the queue, or there at `run_at`, with as many attempts again as its kind gives; `from_start` forgets its
    steps and state. None when it has not failed or been cancelled.

    Its batch, if that had ended, runs again too. The database refuses it while another unfinished job has its dedupe
    key.
    """
    await reopen_parent(on, job)
    rows = await fetch(on, queries.RETRY, job.id, kind_named(job.kind).retry.max_attempts, run_at, from_start)
    if rows and job.parent_id is not None:
        await recount(on, job.parent_id)
    return job_record(rows[0]) if rows else None


async def close(on: Connection, job: JobRecord, closing: Closing) -> JobStatus:
    """End the attempt, in the transaction of its effect, and give the state the job is in then: an attempt that would
    be retried, but for a cancel asked for meanwhile, ends in `cancelled`.

    Raises LeaseLost when the job is no longer at this attempt; the caller's transaction must then be rolled back.
    """
    rows = await fetch(
        on, queries.CLOSE, job.id, job.started_at, closing.status.value,
        closing.result.decode() if closing.result is not None else None,
        msgspec.json.encode(closing.error).decode() if closing.error else None,
        closing.outcome.value, closing.wait_seconds, closing.work_seconds, int(closing.outcome in UNCOUNTED),
    )  # fmt: skip
    if not rows:
        raise lost(job)
    return JobStatus(rows[0]["status"])


async def rescue(on: Connection, only: UUID | None = None) -> list[JobRecord]:
    """Jobs whose lease ran out run again; they have failed when that was their last attempt, and are cancelled when
    that was asked for."""
    error = msgspec.json.encode(LEASE_EXPIRED).decode()
    return [job_record(row) for row in await fetch(on, rescuing_queries.RESCUE, error, only)]


async def put_off(on: Connection, job: JobRecord) -> None:
    """Leave a job whose lease ran out for a minute."""
    await fetch(on, rescuing_queries.PUT_OFF, job.id)


async def refuse(on: Connection, ids: Sequence[UUID], worker: str) -> list[str]:
    """Give back those of the jobs that still wait, because the worker does not know their kind; gives the kinds."""
    why = f"The worker {worker} does not know its kind."
    return [row["kind"] for row in await fetch(on, rescuing_queries.REFUSE, list(ids), why)]
