"""Cancelling many jobs: what would be, and the next step of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import cancelling_queries as queries
from models.jobs.jobs import CancelFilter, CancelJobs
from models.jobs.records import JobRecord, job_record
from models.jobs.rules import JobStatus
from models.jobs.service import JobOptions, enqueue
from models.kernel.actor import Actor
from models.kernel.session import Connection, fetch

FIRST_OF_ALL = 9


class CancelGroup(msgspec.Struct, frozen=True, rename="camel"):
    """Jobs of one kind in one state; in an ended one only where they were named by their ids."""

    kind: str
    status: JobStatus
    jobs: int


async def request_cancel(on: Connection, actor: Actor, wanted: CancelFilter) -> JobRecord:
    """Before everything else that waits, which may be what is to be cancelled. Raises Unprocessable."""
    wanted.check_narrow()
    return await enqueue(on, actor, CancelJobs(filter=wanted), JobOptions(priority=FIRST_OF_ALL))


async def group_to_cancel(on: Connection, wanted: CancelFilter, before: datetime | None = None) -> list[CancelGroup]:
    """What matches, of all jobs or of those created before an instant. Raises Unprocessable."""
    wanted.check_narrow()
    rows = await fetch(on, queries.GROUPS, *_bounds(wanted, before))
    return [CancelGroup(row["kind"], JobStatus(row["status"]), row["jobs"]) for row in rows]


async def list_to_cancel(on: Connection, wanted: CancelFilter, before: datetime, limit: int) -> list[UUID]:
    """Some of those that are left."""
    return [row["id"] for row in await fetch(on, queries.SOME, *_bounds(wanted, before), limit)]


async def cancel_some(
    session: AsyncSession, wanted: CancelFilter, before: datetime, ids: Sequence[UUID]
) -> list[JobRecord]:
    """Those of the ids that were cancelled or asked to stop; who asks for it tells of their ends."""
    rows = await fetch(session, queries.CANCEL, *_bounds(wanted, before), list(ids))
    return [job_record(row) for row in rows]


def _bounds(wanted: CancelFilter, before: datetime | None) -> tuple[object, ...]:
    statuses = [status.value for status in wanted.statuses]
    return (
        wanted.kind, statuses, wanted.from_, wanted.to, wanted.owner, wanted.ids, wanted.parent_id,
        wanted.schedule_id, wanted.tag, before,
    )  # fmt: skip
