"""Expired leases → jobs that run again, or have ended for good."""

from models.events.endings import announce_end
from models.jobs.lifecycle import LEASE_EXPIRED, rescue
from models.kernel.logs import get_logger
from models.kernel.session import Database

log = get_logger(__name__)


async def rescue_lost(database: Database) -> int:
    """Return how many jobs were taken back from workers that stopped renewing."""
    async with database.transaction() as session:
        jobs = await rescue(session)
        for job in jobs:
            await announce_end(session, job, job.status, LEASE_EXPIRED)
    for job in jobs:
        log.warning("lease_expired", job_id=str(job.id), kind=job.kind, attempt=job.attempt, status=job.status)
    return len(jobs)
