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
E = TypeVar("E", bound=Ending)
_endings: dict[str, Ending] = {}
_witnesses: list[Witness] = []


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


def when_any_ends(witness: Witness) -> Witness:
    """Register the decorated coroutine for the end of every job, of whatever kind, however it ended."""
    _witnesses.append(witness)
    return witness


async def record_end(session: AsyncSession, job: JobRecord) -> None:
    """To be called where a job is closed for good, before the commit."""
    for witness in _witnesses:
        await witness(session, job)


async def record_giving_up(session: AsyncSession, job: JobRecord, error: JobError | None) -> None:
    """To be called where a job is closed as failed or cancelled, before the commit."""
    if ending := _endings.get(job.kind):
        await ending(session, job, error)
