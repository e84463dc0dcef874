"""Expired leases → jobs that run again, or have failed for good."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.events.events import JOB_FAILED, job_ended
from models.events.service import emit
from models.jobs.endings import record_failure
from models.jobs.kinds import kind_named
from models.jobs.lifecycle import LEASE_EXPIRED, rescue
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus
from models.kernel.actor import Actor
from models.kernel.logs import get_logger
from models.kernel.session import Database

log = get_logger(__name__)


async def rescue_lost(database: Database) -> int:
    """Return how many jobs were taken back from workers that stopped renewing."""
    async with database.transaction() as session:
        jobs = await rescue(session)
        for job in jobs:
            if job.status == JobStatus.FAILED:
                await _end(session, job)
    for job in jobs:
        log.warning("lease_expired", job_id=str(job.id), kind=job.kind, attempt=job.attempt, status=job.status)
    return len(jobs)


async def _end(session: AsyncSession, job: JobRecord) -> None:
    await record_failure(session, job, LEASE_EXPIRED)
    if kind_named(job.kind).announced:
        actor = Actor.named(job.owner, job.request_id)
        await emit(session, actor, JOB_FAILED, job.id, job_ended(job, job.status, LEASE_EXPIRED))
