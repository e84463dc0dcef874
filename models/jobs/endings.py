"""What else is written when a job has failed for good, in the very transaction in which it fails.

A worker's own verdict and the rescue of a job whose worker died both end here, so a thing that waits for its job
(a delivery, a mail) is never left waiting for one that will not run again.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.kinds import JobArgs, kind_of
from models.jobs.records import JobRecord
from models.jobs.rules import JobError

Ending = Callable[[AsyncSession, JobRecord, JobError], Awaitable[None]]
E = TypeVar("E", bound=Ending)
_endings: dict[str, Ending] = {}


def when_failed(args: type[JobArgs]) -> Callable[[E], E]:
    """Register the decorated coroutine for failed jobs of the kind; one per kind, beside the kind itself."""

    def register(ending: E) -> E:
        name = kind_of(args).name
        if name in _endings:
            raise ValueError(f"{name} has two endings")
        _endings[name] = ending
        return ending

    return register


async def record_failure(session: AsyncSession, job: JobRecord, error: JobError) -> None:
    """To be called where a job is closed as failed, before the commit."""
    if ending := _endings.get(job.kind):
        await ending(session, job, error)
