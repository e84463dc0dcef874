"""What operators do: explain a job, pause a kind, see what failed and run it again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from models.audit.rules import Action
from models.audit.service import record
from models.jobs import queries, statistics_queries
from models.jobs.explain import Explanation, Facts, explain
from models.jobs.jobs import RedriveFilter
from models.jobs.kinds import NO_LIMITS, find_kind
from models.jobs.records import job_record
from models.kernel.actor import Actor
from models.kernel.errors import NotFound
from models.kernel.session import Connection, Row, fetch

_OWN = ("now", "paused", "kind_in_flight", "key_in_flight", "waiting_before", "published_at", "lease_worker",
        "lease_until", "worker_seen_at", "children_unfinished")  # fmt: skip


class FailedGroup(msgspec.Struct, frozen=True, rename="camel"):
    """Failed jobs of one kind with one error code; `example` is one of their messages."""

    kind: str
    code: str | None
    jobs: int
    example: str | None
    first_at: datetime
    last_at: datetime


class Ends(msgspec.Struct, frozen=True):
    succeeded: int
    failed: int


async def explain_job(on: Connection, id_: UUID) -> Explanation:
    """Raises NotFound."""
    rows = await fetch(on, queries.EXPLAIN, id_)
    if not rows:
        raise NotFound.thing("job", id_)
    job = job_record(rows[0])
    kind = find_kind(job.kind)
    own = {name: rows[0][name] for name in _OWN}
    return explain(Facts(job=job, known=kind is not None, limits=kind.limits if kind else NO_LIMITS, **own))


async def pause_kind(on: Connection, actor: Actor, kind: str) -> None:
    """Its jobs are accepted and wait; what runs, runs on."""
    await fetch(on, queries.PAUSE, kind, actor.name)


async def resume_kind(on: Connection, kind: str) -> None:
    await fetch(on, queries.RESUME, kind)


async def list_lanes(on: Connection) -> Sequence[Row]:
    """Rows of `queue, worker, silent_seconds`: when a worker last took something from each queue."""
    return await fetch(on, statistics_queries.LANES)


async def group_failed(on: Connection, wanted: RedriveFilter) -> list[FailedGroup]:
    return [FailedGroup(**row) for row in await fetch(on, queries.FAILED_GROUPS, *_bounds(wanted))]


async def count_failed(on: Connection, wanted: RedriveFilter) -> int:
    jobs: int = (await fetch(on, queries.FAILED_COUNT, *_bounds(wanted)))[0]["jobs"]
    return jobs


async def retry_failed(on: Connection, wanted: RedriveFilter, limit: int, attempts: int) -> list[UUID]:
    """Back to their queues with so many attempts again, those that failed first first."""
    ids = [row["id"] for row in await fetch(on, queries.RETRY_FAILED, *_bounds(wanted), limit, attempts)]
    await record(on, Action.RETRY, "job", *ids)
    return ids


async def count_ends(on: Connection, ids: Sequence[UUID]) -> Ends:
    return Ends(**(await fetch(on, queries.HOW_THEY_ENDED, list(ids)))[0])


def _bounds(wanted: RedriveFilter) -> tuple[object, ...]:
    return wanted.kind, wanted.error_code, wanted.from_, wanted.to, wanted.owner
