"""Due schedules → jobs."""

from models.kernel.clock import utc_now
from models.kernel.logs import get_logger
from models.kernel.session import Database
from models.schedules.service import fire_due

log = get_logger(__name__)


async def fire_schedules(database: Database) -> int:
    """Return how many jobs were made."""
    async with database.transaction() as session:
        jobs = await fire_due(session, utc_now())
    for job in jobs:
        log.info("schedule_fired", job_id=str(job.id), kind=job.kind)
    return len(jobs)
