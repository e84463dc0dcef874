"""Jobs that wait: changing when they run, and ending those that have not started in time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit.rules import Action
from models.audit.service import record
from models.jobs import waiting_queries as queries
from models.jobs.records import JobRecord, job_record
from models.jobs.rules import WAITING, JobError, Priority
from models.kernel.clock import utc_now
from models.kernel.errors import Conflict, Fault, Invalid, NotFound
from models.kernel.schema import In, Instant, Rule, given
from models.kernel.session import Connection, fetch

NOT_STARTED = JobError("EXPIRED", "It had not started by its `startBy`.", retryable=False)


class JobPatch(In):
    """A change to a job that waits. A `runAt` of null, or in the past, is now, and ends a wait between attempts;
    without a `startBy` (null) it may start at any time.
    """

    EXAMPLE: ClassVar[dict[str, Any]] = {"runAt": None, "priority": 9}

    run_at: Instant | UnsetType | None = UNSET
    start_by: Instant | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET

    rules: ClassVar[tuple[Rule, ...]] = (
        lambda patch: start_faults(None, patch.start_by or None),
        lambda patch: start_faults(patch.run_at or None, patch.start_by or None),
    )


def start_faults(run_at: datetime | None, start_by: datetime | None) -> list[Fault]:
    """What is wrong with when a job is to run, and the last moment for it to start."""
    if start_by is not None and start_by <= utc_now():
        return [Fault("startBy", "is in the past")]
    if start_by is not None and run_at is not None and start_by <= run_at:
        return [Fault("startBy", "must be after `runAt`")]
    return []


async def lock_job(session: AsyncSession, id_: UUID, *, owner: str | None = None) -> JobRecord:
    """As it is until the transaction ends. Raises NotFound, also for a job of another owner when `owner` is given."""
    rows = await fetch(session, queries.LOCK, id_, owner)
    if not rows:
        raise NotFound.thing("job", id_)
    return job_record(rows[0])


async def move_job(session: AsyncSession, job: JobRecord, patch: JobPatch) -> JobRecord:
    """Change a locked job. Raises Conflict for one that does not wait, and Invalid for times that do not fit."""
    if job.status not in WAITING:
        raise Conflict(f"Only a job that waits is changed; this one is {job.status}.")
    changes = given(patch)
    if changes.get("start_by") and job.attempt > 0:
        raise Conflict("Its first attempt has started already, so that a `startBy` would mean nothing.")
    if job.attempt == 0 and (faults := start_faults(*_times(job, changes))):
        raise Invalid.of(faults)
    rows = await fetch(
        session, queries.MOVE, job.id, "run_at" in changes, changes.get("run_at"), changes.get("priority"),
        "start_by" in changes, changes.get("start_by"),
    )  # fmt: skip
    moved = job_record(rows[0])
    if changed := _unlike(moved, job):
        await record(session, Action.UPDATE, "job", job.id, old=_unlike(job, moved), new=changed)
    return moved


def _times(job: JobRecord, changes: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """When it would run, and by when it would have to start; what was so before is no fault of this change."""
    if not {"run_at", "start_by"} & changes.keys():
        return None, None
    return changes.get("run_at", job.run_at), changes.get("start_by", job.start_by)


def _unlike(job: JobRecord, other: JobRecord) -> dict[str, Any]:
    names = ("status", "run_at", "start_by", "priority")
    return {name: getattr(job, name) for name in names if getattr(job, name) != getattr(other, name)}


async def list_late(on: Connection, limit: int) -> list[UUID]:
    """Jobs that have not started by their `start_by`; those that someone else is just looking at are left out."""
    return [row["id"] for row in await fetch(on, queries.LATE_ONES, limit)]


async def expire(on: Connection, ids: Sequence[UUID]) -> list[JobRecord]:
    """End those of the jobs as failed that have not started by their `start_by`."""
    error = msgspec.json.encode(NOT_STARTED).decode()
    return [job_record(row) for row in await fetch(on, queries.EXPIRE, list(ids), error)]
