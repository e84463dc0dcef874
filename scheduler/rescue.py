"""Expired leases → jobs that run again, or have ended for good."""

from collections.abc import Sequence

from models.events.endings import announce_end
from models.jobs.lifecycle import LEASE_EXPIRED, put_off, rescue
from models.jobs.records import JobRecord
from models.kernel.logs import get_logger
from models.kernel.session import Database, is_away

log = get_logger(__name__)


async def rescue_lost(database: Database) -> int:
    """Return how many jobs were taken back from workers that stopped renewing."""
    lost: list[JobRecord] = []
    try:
        rescued = await _rescue(database, lost)
    except Exception as error:
        if is_away(error) or not lost:
            raise
        rescued = [job for each in list(lost) for job in await _rescue_alone(database, each)]
    for job in rescued:
        log.warning("lease_expired", job_id=str(job.id), kind=job.kind, attempt=job.attempt, status=job.status)
    return len(rescued)


async def _rescue(database: Database, lost: list[JobRecord], only: JobRecord | None = None) -> Sequence[JobRecord]:
    """Puts into `lost` what it begins with, so that one which cannot be rescued does not hold up the others."""
    async with database.transaction() as session:
        lost += await rescue(session, only.id if only else None)
        for job in lost:
            await announce_end(session, job, job.status, LEASE_EXPIRED)
    return lost


async def _rescue_alone(database: Database, job: JobRecord) -> Sequence[JobRecord]:
    try:
        return await _rescue(database, [], only=job)
    except Exception as error:
        if is_away(error):
            raise
        log.exception("not_rescued", job_id=str(job.id), kind=job.kind)
        await put_off(database, job)
        return []
