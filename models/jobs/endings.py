"""What else is written when a job is given up (failed for good, or cancelled), in the very transaction of its end.

A worker's own verdict, a cancel, and the rescue of a job whose worker died all end here, so a thing that waits for its
job (a delivery, a mail) is never left waiting for one that will not run again.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.kinds import JobArgs, kind_of
from models.jobs.records import JobRecord
from models.jobs.rules import JobError

Ending = Callable[[AsyncSession, JobRecord, JobError | None], Awaitable[None]]
Witness = Callable[[AsyncSession, JobRecord], Awaitable[None]]
Concern = Callable[[JobRecord], bool]
W = TypeVar("W", bound=Witness)
E = TypeVar("E", bound=Ending)
_endings: dict[str, Ending] = {}
_witnesses: list[tuple[Concern, Witness]] = []


def when_given_up(args: type[JobArgs]) -> Callable[[E], E]:
    """Register the decorated coroutine for jobs of the kind that are given up; one per kind, beside the kind itself.

    It is given the error of the last attempt, or None for a job that was cancelled. Such a job may be retried later.
    """

    def register(ending: E) -> E:
        name = kind_of(args).name
        if name in _endings:
            raise ValueError(f"{name} has two endings")
        _endings[name] = ending
        return ending

    return register


def when_ends(concerns: Concern) -> Callable[[W], W]:
    """Register the decorated coroutine for the end, whatever it is, of all jobs for which `concerns` is true."""

    def register(witness: W) -> W:
        _witnesses.append((concerns, witness))
        return witness

    return register


def has_witness(job: JobRecord) -> bool:
    return any(concerns(job) for concerns, _ in _witnesses)


async def record_end(session: AsyncSession, job: JobRecord) -> None:
    """To be called where a job is closed for good, before the commit."""
    for concerns, witness in _witnesses:
        if concerns(job):
            await witness(session, job)


async def record_giving_up(session: AsyncSession, job: JobRecord, error: JobError | None) -> None:
    """To be called where a job is closed as failed or cancelled, before the commit."""
    if ending := _endings.get(job.kind):
        await ending(session, job, error)
