"""Asking for work, and reading how it goes. Asking is an INSERT in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import astuple
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit.rules import Action
from models.audit.service import record
from models.jobs import lifecycle, listing_queries, queries, schedule_queries, waiting_queries
from models.jobs.batches import kinds_to_retry, retry_batch
from models.jobs.kinds import JobArgs, JobKind, find_kind, kind_of
from models.jobs.records import AttemptRecord, JobRecord, NewJob, array_of, attempt_record, job_record
from models.jobs.rules import DEFAULT_PRIORITY, JobStatus, OnDuplicate, Twin
from models.jobs.tables import Job
from models.kernel.actor import Actor
from models.kernel.batching import together
from models.kernel.errors import Conflict, NotFound
from models.kernel.ids import new_id
from models.kernel.paging import AnyOf, Page, Pagination, filters, paginate
from models.kernel.schema import Instant
from models.kernel.session import Connection, Database, fetch


class JobOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`run_at` is an instant; at most one unfinished job of an owner and kind has a given `dedupe_key`, and one job
    ever a given pair of `schedule_id` and `fire_at`.
    """

    run_at: datetime | None = None
    start_by: datetime | None = None
    priority: int = DEFAULT_PRIORITY
    dedupe_key: str | None = None
    on_duplicate: OnDuplicate = OnDuplicate.KEEP
    tags: tuple[str, ...] = ()
    max_attempts: int | None = None
    schedule_id: UUID | None = None
    fire_at: datetime | None = None
    callback_url: str | None = None


DEFAULTS = JobOptions()


class Submitted(msgspec.Struct, frozen=True):
    """`twin` says what became of the unfinished job that had the dedupe key already; None when the job is new."""

    job: JobRecord
    twin: Twin | None


async def enqueue(on: Connection, actor: Actor, args: JobArgs, options: JobOptions = DEFAULTS) -> JobRecord:
    """Ask for a job; with a session, it exists if and only if the session's transaction commits."""
    return (await submit(on, actor, kind_of(args), args, options)).job


async def submit(
    on: Connection, actor: Actor, kind: JobKind, args: JobArgs, options: JobOptions = DEFAULTS
) -> Submitted:
    """As `enqueue`, and says whether the job is new. Raises Conflict if its twin comes and goes all the time."""
    for _ in range(3):
        wanted = _new_job(actor, kind, args, options)
        job = await _insert(on, wanted)
        if job is not None:
            return Submitted(job, None)
        if options.on_duplicate == OnDuplicate.REPLACE and (replaced := await _replace(on, wanted)):
            return Submitted(replaced, Twin.REPLACED)
        if twin := await fetch(on, queries.UNFINISHED_TWIN, kind.name, actor.name, options.dedupe_key):
            return Submitted(job_record(twin[0]), Twin.KEPT)
    raise Conflict(f"Jobs of kind {kind.name} with this dedupe key are starting and ending too fast; try again.")


def _new_job(actor: Actor, kind: JobKind, args: JobArgs, options: JobOptions) -> NewJob:
    return NewJob(
        id=new_id(), kind=kind.name, queue=kind.queue.value, payload=msgspec.json.encode(args).decode(),
        priority=options.priority, owner=actor.name, run_at=options.run_at,
        max_attempts=options.max_attempts or kind.retry.max_attempts, dedupe_key=options.dedupe_key,
        request_id=actor.request_id, limit_key=args.limit_key(), schedule_id=options.schedule_id,
        fire_at=options.fire_at, callback_url=options.callback_url, start_by=options.start_by,
        tags=array_of(options.tags),
    )  # fmt: skip


async def _insert(on: Connection, job: NewJob) -> JobRecord | None:
    """The job as stored, None when its dedupe key is taken. Lone jobs that come together are one statement; not those
    with a dedupe key: two statements with several of them could wait for each other."""
    if isinstance(on, Database) and job.dedupe_key is None:
        return await together(on, _insert_each, job)
    return (await _insert_each(on, [job]))[0]


async def _insert_each(on: Connection, jobs: Sequence[NewJob]) -> list[JobRecord | None]:
    columns = zip(*(astuple(job) for job in jobs), strict=True)
    stored = {row["id"]: job_record(row) for row in await fetch(on, queries.INSERT, *map(list, columns))}
    return [stored.get(job.id) for job in jobs]


async def _replace(on: Connection, job: NewJob) -> JobRecord | None:
    """The twin as it is now; None when there is none that has not started."""
    rows = await fetch(
        on, waiting_queries.REPLACE, job.kind, job.owner, job.dedupe_key, job.run_at, job.payload, job.limit_key,
        job.priority, job.start_by, job.tags, job.max_attempts, job.callback_url, job.request_id,
    )  # fmt: skip
    return job_record(rows[0]) if rows else None


async def enqueue_many(on: Connection, actor: Actor, args: Sequence[JobArgs]) -> list[UUID]:
    """Ask for many jobs of one kind in one statement; the ids are in the order of `args`."""
    if not args:
        return []
    kind = kind_of(args[0])
    ids = [new_id() for _ in args]
    await fetch(
        on, queries.INSERT_MANY, ids, kind.name, kind.queue.value,
        [msgspec.json.encode(each).decode() for each in args], DEFAULT_PRIORITY, actor.name,
        kind.retry.max_attempts, actor.request_id, [each.limit_key() for each in args],
    )  # fmt: skip
    return ids


class BatchItem(msgspec.Struct, frozen=True):
    kind: JobKind
    args: JobArgs
    options: JobOptions = DEFAULTS


async def submit_each(on: Connection, items: Sequence[tuple[Actor, BatchItem]]) -> list[JobRecord]:
    """A job for each, all or none, in one statement; those with a dedupe key that is taken are left out."""
    jobs = [_new_job(actor, item.kind, item.args, item.options) for actor, item in items]
    return [job for job in await _insert_each(on, jobs) if job is not None] if jobs else []


async def unfinished_of_schedules(on: Connection, schedule_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Of the schedules that have an unfinished job, the newest such job."""
    rows = await fetch(on, schedule_queries.UNFINISHED_OF_SCHEDULES, list(schedule_ids)) if schedule_ids else []
    return {row["schedule_id"]: row["id"] for row in rows}


async def submit_batch(
    on: Connection,
    actor: Actor,
    items: Sequence[BatchItem],
    *,
    callback_url: str | None = None,
    tags: Sequence[str] = (),
) -> JobRecord:
    """All of the jobs or none, and the parent that ends after them; gives the parent."""
    rows = await fetch(
        on, queries.INSERT_BATCH, new_id(), DEFAULT_PRIORITY, actor.name, [new_id() for _ in items],
        [item.kind.name for item in items], [item.kind.queue.value for item in items],
        [msgspec.json.encode(item.args).decode() for item in items], [item.options.priority for item in items],
        [item.options.run_at for item in items], actor.request_id, callback_url,
        [item.options.max_attempts or item.kind.retry.max_attempts for item in items],
        [item.args.limit_key() for item in items], array_of(tags), [item.options.start_by for item in items],
        [array_of(item.options.tags) for item in items],
    )  # fmt: skip
    return job_record(rows[0])


async def get_job(on: Connection, id_: UUID, *, owner: str | None = None) -> JobRecord:
    """Raises NotFound, also for a job of another owner when `owner` is given."""
    if isinstance(on, Database):
        job = await together(on, _find_each, id_)
    else:
        job = (await _find_each(on, [id_]))[0]
    if job is None or owner not in (None, job.owner):
        raise NotFound.thing("job", id_)
    return job


async def _find_each(on: Connection, ids: Sequence[UUID]) -> list[JobRecord | None]:
    found = {row["id"]: job_record(row) for row in await fetch(on, queries.BY_IDS, list(ids))}
    return [found.get(id_) for id_ in ids]


async def retry_job(
    session: AsyncSession, job: JobRecord, *, run_at: datetime | None = None, from_start: bool = False
) -> JobRecord:
    """Of a batch, its failed and cancelled jobs run again. `from_start` forgets the receipts of steps and the state of
    checkpoints: what was done in the world is done again. Raises Conflict for a job that has not failed or been
    cancelled, whose kind is gone, whose batch is being cancelled, or whose dedupe key is taken meanwhile."""
    kind = find_kind(job.kind)
    if kind is None:
        raise Conflict(f"This version has no kind `{job.kind}`, so nobody would do the job.")
    retry = lifecycle.retry if kind.performed else retry_batch
    again = await retry(session, job, run_at, from_start)
    if again is None:
        raise Conflict(f"Only failed and cancelled jobs are retried, and those of an ended batch; it is {job.status}.")
    await record(session, Action.RETRY, "job", job.id)
    return again


async def scopes_to_retry(on: Connection, job: JobRecord) -> set[str]:
    """What asking for the job takes, or for those jobs of a batch that a retry of it runs again."""
    kinds = [job.kind, *await kinds_to_retry(on, job.id)]
    return {kind.scope for name in kinds if (kind := find_kind(name)) and kind.scope}


async def list_attempts(on: Connection, id_: UUID) -> list[AttemptRecord]:
    return [attempt_record(row) for row in await fetch(on, queries.ATTEMPTS, id_)]


class JobPage(Page):
    sortable = {"createdAt": Job.id, "runAt": Job.run_at}

    kind: str | None = None
    status: AnyOf[JobStatus] | None = None
    queue: str | None = None
    owner: str | None = None
    parent_id: UUID | None = None
    schedule_id: UUID | None = None
    dedupe_key: str | None = None
    error_code: str | None = None
    request_id: str | None = None
    tag: AnyOf[str] | None = None
    from_: Instant | None = None
    to: Instant | None = None


async def list_jobs(
    session: AsyncSession, page: JobPage, *, owner: str | None = None
) -> tuple[list[JobRecord], Pagination]:
    """`owner` restricts the list to what one caller may see; `from` and `to` are inclusive, by creation."""
    statement = listing_queries.jobs(filters(page), only_owner=owner)
    rows, pagination = await paginate(session, statement, page)
    names = [column.key for column in Job.__table__.columns]
    return [job_record({name: getattr(row, name) for name in names}) for row in rows], pagination
