"""What operators do: explain a job, pause a kind."""

from datetime import datetime
from uuid import UUID

import msgspec

from models.jobs import queries
from models.jobs.dispatching import read_usage
from models.jobs.explain import Explanation, Facts, explain
from models.jobs.kinds import find_kind
from models.jobs.limits import NO_LIMITS, UNUSED, total
from models.jobs.records import job_record
from models.kernel.actor import Actor
from models.kernel.errors import NotFound
from models.kernel.session import Connection, fetch

_OWN = ("now", "paused", "limit_key", "waiting_before", "others_wait", "published_at", "worker",
        "lease_until", "worker_seen_at", "scheduler_seen_at", "broker_away", "children_unfinished")  # fmt: skip


class Pause(msgspec.Struct, frozen=True):
    """`by` is the name of an actor."""

    by: str
    at: datetime


async def explain_job(on: Connection, id_: UUID) -> Explanation:
    """Raises NotFound."""
    rows = await fetch(on, queries.EXPLAIN, id_)
    if not rows:
        raise NotFound.thing("job", id_)
    job = job_record(rows[0])
    kind = find_kind(job.kind)
    limits = kind.limits if kind else NO_LIMITS
    usage = await read_usage(on, job.queue, {job.kind: limits} if limits else {})
    own = {name: rows[0][name] for name in _OWN}
    return explain(
        Facts(
            job=job, known=kind is not None, limits=limits, use=total(usage.values()),
            key_use=usage.get((job.kind, rows[0]["limit_key"]), UNUSED), **own,
        )
    )  # fmt: skip


async def pause_kind(on: Connection, actor: Actor, kind: str) -> None:
    """Its jobs are accepted and wait; what runs, runs on."""
    await fetch(on, queries.PAUSE, kind, actor.name)


async def resume_kind(on: Connection, kind: str) -> None:
    await fetch(on, queries.RESUME, kind)


async def read_pauses(on: Connection) -> dict[str, Pause]:
    """Of the kinds that are paused, by name."""
    return {row["kind"]: Pause(row["paused_by"], row["paused_at"]) for row in await fetch(on, queries.PAUSES)}
