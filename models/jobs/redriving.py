"""Running failed jobs again: what there is of them, and the redrive's next step."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit.rules import Action
from models.audit.service import record
from models.jobs import redriving_queries as queries
from models.jobs.batches import reopen_parents
from models.jobs.dispatching import list_paused
from models.jobs.jobs import Redrive, RedriveFilter
from models.jobs.kinds import all_kinds
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus
from models.jobs.service import enqueue
from models.kernel.actor import Actor
from models.kernel.errors import Conflict
from models.kernel.session import Connection, constraint, fetch


class FailedGroup(msgspec.Struct, frozen=True, rename="camel"):
    """Failed jobs of one kind with one error code; `example` is one of their messages. `skipped` of them would not run
    again: their kind is paused or gone, another job has their dedupe key, or they were to start earlier."""

    kind: str
    code: str | None
    jobs: int
    skipped: int
    paused: bool
    example: str | None
    first_at: datetime
    last_at: datetime


class Failed(msgspec.Struct, frozen=True):
    """How many match, and how many of them would be skipped."""

    jobs: int
    skipped: int


class Place(msgspec.Struct, frozen=True):
    """Up to where a redrive has come, in the order in which the jobs failed."""

    ended_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    id: UUID = UUID(int=0)


class Retried(msgspec.Struct, frozen=True):
    """One step; `place` is where the next begins."""

    ids: list[UUID]
    skipped: int
    place: Place


async def group_failed(on: Connection, wanted: RedriveFilter) -> list[FailedGroup]:
    """The hundred largest."""
    kinds, _ = _attempts_by_kind(wanted)
    return [FailedGroup(**row) for row in await fetch(on, queries.GROUPS, *_bounds(wanted), kinds)]


async def count_failed(on: Connection, wanted: RedriveFilter) -> Failed:
    kinds, _ = _attempts_by_kind(wanted)
    return Failed(**(await fetch(on, queries.COUNT, *_bounds(wanted), kinds))[0])


async def request_redrive(on: Connection, actor: Actor, args: Redrive) -> JobRecord:
    """Raises Conflict when all that is asked for is of a paused kind: it would not run."""
    if args.filter.kind in await list_paused(on):
        raise Conflict(f"Jobs of kind `{args.filter.kind}` are paused; resume them first.")
    return await enqueue(on, actor, args)


async def retry_next(
    session: AsyncSession, redrive_id: UUID, wanted: RedriveFilter, place: Place, limit: int
) -> Retried | None:
    """Bring back up to `limit` of the failed jobs after `place`, those that failed first first; None after the last.
    Ended batches that they belong to run again.

    Each gets the attempts of its kind again. A job with the same key that is submitted at this very moment wins: then
    fewer are tried at once, until only that one is left out.
    """
    kinds, attempts = _attempts_by_kind(wanted)
    while True:
        try:
            async with session.begin_nested():
                step = (*_bounds(wanted), place.ended_at, place.id, limit)
                await fetch(session, queries.LOCK_PARENTS, *step)
                rows = await fetch(session, queries.RETRY_NEXT, *step, kinds, attempts, redrive_id)
            break
        except IntegrityError as error:
            if constraint(error) != "uq_jobs_dedupe":
                raise
            limit = max(limit // 2, 1)
    if not rows:
        return None
    ids = rows[0]["retried"] or []
    if ids:
        await reopen_parents(session, ids)
        await record(session, Action.RETRY, "job", *ids)
    return Retried(ids, rows[0]["looked_at"] - len(ids), Place(rows[0]["finished_at"], rows[0]["id"]))


async def count_redriven(on: Connection, redrive_id: UUID) -> Mapping[JobStatus, int]:
    """How those stand that the redrive has brought back; one that broke again counts as failed, also when its kind will
    try it once more."""
    rows = await fetch(on, queries.HOW_THEY_ARE, redrive_id)
    return {JobStatus(row["status"]): row["jobs"] for row in rows}


async def list_paused_among(on: Connection, redrive_id: UUID) -> list[str]:
    """Kinds of jobs that the redrive has brought back, which wait because their kind was paused since."""
    return [row["kind"] for row in await fetch(on, queries.PAUSED_AMONG, redrive_id)]


def _bounds(wanted: RedriveFilter) -> tuple[object, ...]:
    return wanted.kind, wanted.error_code, wanted.from_, wanted.to, wanted.owner, wanted.ids


def _attempts_by_kind(wanted: RedriveFilter) -> tuple[list[str], list[int]]:
    kinds = [kind for kind in all_kinds() if kind.performed and kind.name not in wanted.except_kinds]
    return [kind.name for kind in kinds], [kind.retry.max_attempts for kind in kinds]
