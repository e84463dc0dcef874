"""The moves of a job after it was asked for: publish, claim, renew, close, rescue. Each is one fenced statement."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from models.jobs import queries
from models.jobs.records import JobRecord, job_record
from models.jobs.rules import AttemptOutcome, JobError, JobStatus, Progress, Queue
from models.kernel.errors import DomainError
from models.kernel.session import Connection, Row, fetch

LEASE_EXPIRED = JobError("LEASE_EXPIRED", "The worker died or was paused; its lease ran out.", retryable=True)


class LeaseLost(DomainError):
    """The attempt is no longer ours: its effects must not be committed."""


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt ends in."""

    status: JobStatus
    outcome: AttemptOutcome
    result: bytes | None = None
    error: JobError | None = None
    wait_seconds: float = 0.0


async def due_queues(on: Connection) -> list[Queue]:
    rows = await fetch(on, queries.DUE_QUEUES, [queue.value for queue in Queue])
    return [Queue(row["queue"]) for row in rows]


async def count_published(on: Connection, queue: Queue, older_than_seconds: float) -> tuple[int, int]:
    """How many jobs the broker was given and no worker has claimed, and how many of them longer ago than that."""
    row = (await fetch(on, queries.PUBLISHED_COUNT, queue.value, older_than_seconds))[0]
    return row["published"], row["overdue"]


async def take_due(on: Connection, queue: Queue, limit: int) -> list[Row]:
    """Mark due jobs as published and give `id, kind` in the order to send them."""
    rows = await fetch(on, queries.PUBLISH, queue.value, limit)
    return sorted(rows, key=lambda row: (-row["priority"], row["run_at"], row["id"]))


async def unpublish(on: Connection, ids: Sequence[UUID]) -> None:
    """The broker did not take them: they are due again."""
    await fetch(on, queries.UNPUBLISH, list(ids))


async def unpublish_overdue(on: Connection, queue: Queue, older_than_seconds: float) -> int:
    return len(await fetch(on, queries.UNPUBLISH_OVERDUE, queue.value, older_than_seconds))


async def claim(on: Connection, ids: Sequence[UUID], worker: str, lease_seconds: float) -> list[JobRecord]:
    """Those of the jobs that are now this worker's; the others are finished, not due, or someone else's."""
    return [job_record(row) for row in await fetch(on, queries.CLAIM, list(ids), worker, lease_seconds)]


async def renew(on: Connection, job: JobRecord, lease_seconds: float) -> bool:
    return bool(await fetch(on, queries.RENEW, job.id, job.attempt, lease_seconds))


async def report_progress(on: Connection, job: JobRecord, progress: Progress) -> None:
    await fetch(on, queries.REPORT_PROGRESS, job.id, job.attempt, progress.current, progress.total, progress.message)


async def close(on: Connection, job: JobRecord, closing: Closing) -> None:
    """End the attempt, in the transaction of its effect.

    Raises LeaseLost when the job is no longer at this attempt; the caller's transaction must then be rolled back.
    """
    rows = await fetch(
        on, queries.CLOSE, job.id, job.attempt, closing.status.value,
        closing.result.decode() if closing.result is not None else None,
        msgspec.json.encode(closing.error).decode() if closing.error else None,
        closing.outcome.value, closing.wait_seconds,
    )  # fmt: skip
    if not rows:
        raise LeaseLost(f"Attempt {job.attempt} of job {job.id} is no longer this worker's.")


async def rescue(on: Connection) -> list[JobRecord]:
    """Jobs whose lease ran out run again, or have failed when that was their last attempt."""
    return [job_record(row) for row in await fetch(on, queries.RESCUE, msgspec.json.encode(LEASE_EXPIRED).decode())]


async def count_unfinished(on: Connection) -> Sequence[Row]:
    """Rows of `queue, status, jobs, oldest_seconds`."""
    return await fetch(on, queries.COUNTS)
