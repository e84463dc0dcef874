"""The moves of a job after it was asked for: publish, claim, renew, close, rescue. Each is one fenced statement."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import queries
from models.jobs.admission import Candidate, InFlight, admit, saturated
from models.jobs.kinds import all_kinds, kind_named
from models.jobs.records import JobRecord, job_record
from models.jobs.rules import AttemptOutcome, JobError, JobStatus, Progress, Queue
from models.kernel.errors import DomainError
from models.kernel.session import Connection, Row, fetch

LEASE_EXPIRED = JobError("LEASE_EXPIRED", "The worker died or was paused; its lease ran out.", retryable=True)


class LeaseLost(DomainError):
    """The attempt is no longer ours: its effects must not be committed."""


def lost(job: JobRecord) -> LeaseLost:
    return LeaseLost(f"Attempt {job.attempt} of job {job.id} is no longer this worker's.")


class Grip(msgspec.Struct, frozen=True):
    """Whether an attempt is still its worker's, and whether someone asked it to stop."""

    ours: bool
    stop_requested: bool


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt ends in."""

    status: JobStatus
    outcome: AttemptOutcome
    result: bytes | None = None
    error: JobError | None = None
    wait_seconds: float = 0.0


async def become_due(on: Connection, limit: int = 1000) -> int:
    """Jobs for later, and between attempts, whose time has come wait in their queue from now on."""
    return len(await fetch(on, queries.BECOME_DUE, limit))


async def waiting_queues(on: Connection) -> list[Queue]:
    rows = await fetch(on, queries.WAITING_QUEUES, [queue.value for queue in Queue])
    return [Queue(row["queue"]) for row in rows]


async def count_published(on: Connection, queue: Queue, older_than_seconds: float) -> tuple[int, int]:
    """How many jobs the broker was given and no worker has claimed, and how many of them longer ago than that."""
    row = (await fetch(on, queries.PUBLISHED_COUNT, queue.value, older_than_seconds))[0]
    return row["published"], row["overdue"]


async def take_due(session: AsyncSession, queue: Queue, window: int, room: int | None = None) -> list[Candidate]:
    """Mark what is let onto the broker as published, and give it in the order to send it, `room` of them at most.

    None while another dispatcher is at this queue; `window` is how many may be on the broker at once.
    """
    if not (await fetch(session, queries.TRY_DISPATCHING, queue.value))[0]["mine"]:
        return []
    turns = {row["owner"]: row["published"] for row in await fetch(session, queries.PUBLISHED_BY_OWNER, queue.value)}
    places = min(window - sum(turns.values()), window if room is None else room)
    if places <= 0:
        return []
    limits = {kind.name: kind.limits for kind in all_kinds() if kind.limits and kind.queue == queue}
    in_flight = await _count_in_flight(session, queue, list(limits))
    full_kinds, full_keys = saturated(limits, in_flight)
    stopped = full_kinds + await list_paused(session)
    rows = await fetch(session, queries.CANDIDATES, queue.value, places, stopped, full_keys)
    candidates = [Candidate(**row) for row in rows]
    admitted = admit(candidates, places, turns_taken=turns, limits=limits, in_flight=in_flight)
    await fetch(session, queries.PUBLISH, [candidate.id for candidate in admitted])
    return admitted


async def list_paused(on: Connection) -> list[str]:
    return [row["kind"] for row in await fetch(on, queries.PAUSED)]


async def _count_in_flight(session: AsyncSession, queue: Queue, kinds: list[str]) -> InFlight:
    if not kinds:
        return {}
    rows = await fetch(session, queries.IN_FLIGHT, queue.value, kinds)
    return {(row["kind"], row["limit_key"]): row["jobs"] for row in rows}


async def unpublish(on: Connection, ids: Sequence[UUID]) -> None:
    """The broker did not take them: they are due again."""
    await fetch(on, queries.UNPUBLISH, list(ids))


async def unpublish_overdue(on: Connection, queue: Queue, older_than_seconds: float, limit: int) -> int:
    """Those published first, because a queue hands out its oldest messages first."""
    return len(await fetch(on, queries.UNPUBLISH_OVERDUE, queue.value, older_than_seconds, limit))


async def claim(on: Connection, ids: Sequence[UUID], worker: str, lease_seconds: float) -> list[JobRecord]:
    """Those of the jobs that are now this worker's; the others are finished, not due, or someone else's."""
    return [job_record(row) for row in await fetch(on, queries.CLAIM, list(ids), worker, lease_seconds)]


async def renew(on: Connection, job: JobRecord, lease_seconds: float) -> Grip:
    return _grip(await fetch(on, queries.RENEW, job.id, job.attempt, lease_seconds))


async def peek(on: Connection, job: JobRecord) -> Grip:
    """As `renew`, without lengthening the lease."""
    return _grip(await fetch(on, queries.PEEK, job.id, job.attempt))


def _grip(rows: Sequence[Row]) -> Grip:
    return Grip(ours=bool(rows), stop_requested=bool(rows) and rows[0]["cancel_requested_at"] is not None)


async def keep_receipt(on: Connection, job: JobRecord, step: str, receipt: bytes) -> None:
    """Note for all later attempts that a step is done. Raises LeaseLost."""
    if not await fetch(on, queries.KEEP_RECEIPT, job.id, job.attempt, step, receipt.decode()):
        raise lost(job)


async def keep_state(on: Connection, job: JobRecord, state: bytes) -> None:
    """What a later attempt resumes from; to be committed with the work it describes. Raises LeaseLost."""
    if not await fetch(on, queries.KEEP_STATE, job.id, job.attempt, state.decode()):
        raise lost(job)


async def cancel(on: Connection, id_: UUID) -> JobRecord | None:
    """The job cancelled, or (while it runs) asked to stop; None when it had ended already."""
    rows = await fetch(on, queries.CANCEL, id_)
    return job_record(rows[0]) if rows else None


async def report_progress(on: Connection, job: JobRecord, progress: Progress) -> None:
    await fetch(on, queries.REPORT_PROGRESS, job.id, job.attempt, progress.current, progress.total, progress.message)


async def retry(on: Connection, job: JobRecord) -> JobRecord | None:
    """Back to the queue, with as many attempts again as its kind gives; None when it has not failed or been cancelled.

    The database refuses it while another unfinished job has its dedupe key.
    """
    rows = await fetch(on, queries.RETRY, job.id, kind_named(job.kind).retry.max_attempts)
    return job_record(rows[0]) if rows else None


async def close(on: Connection, job: JobRecord, closing: Closing) -> JobStatus:
    """End the attempt, in the transaction of its effect, and give the state the job is in then: an attempt that would
    be retried, but for a cancel asked for meanwhile, ends in `cancelled`.

    Raises LeaseLost when the job is no longer at this attempt; the caller's transaction must then be rolled back.
    """
    rows = await fetch(on, queries.CLOSE, *closing_values(job, closing))
    if not rows:
        raise lost(job)
    return JobStatus(rows[0]["status"])


def closing_values(job: JobRecord, closing: Closing) -> tuple[Any, ...]:
    """The parameters of the closing statement."""
    return (
        job.id, job.attempt, closing.status.value,
        closing.result.decode() if closing.result is not None else None,
        msgspec.json.encode(closing.error).decode() if closing.error else None,
        closing.outcome.value, closing.wait_seconds,
    )  # fmt: skip


async def rescue(on: Connection) -> list[JobRecord]:
    """Jobs whose lease ran out run again; they have failed when that was their last attempt, and are cancelled when
    that was asked for."""
    return [job_record(row) for row in await fetch(on, queries.RESCUE, msgspec.json.encode(LEASE_EXPIRED).decode())]


async def close_batches(on: Connection) -> list[JobRecord]:
    """Batches whose count has changed; those that have ended are finished now."""
    return [job_record(row) for row in await fetch(on, queries.CLOSE_BATCHES)]


async def list_unfinished_children(on: Connection, id_: UUID) -> list[UUID]:
    return [row["id"] for row in await fetch(on, queries.CHILDREN_UNFINISHED, id_)]


async def see_worker(on: Connection, queue: str, worker: str) -> None:
    """A worker has taken something from the queue."""
    await fetch(on, queries.SEE_WORKER, queue, worker)


async def prune(on: Connection, keep_days: int, keep_failed_days: int, limit: int = 1000) -> int:
    """Forget a chunk of jobs that ended that long ago, with their attempts."""
    return len(await fetch(on, queries.PRUNE, keep_days, keep_failed_days, limit))
