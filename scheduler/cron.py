"""Due schedules → jobs."""

from datetime import datetime

from models.identity.services.owners import refusals
from models.kernel.clock import database_now
from models.kernel.logs import get_logger
from models.kernel.session import Database
from models.schedules.firing import Turn, fire_due

log = get_logger(__name__)


async def fire_schedules(database: Database, now: datetime | None = None) -> int:
    """Return how many jobs were made. A chunk per transaction, until no schedule is due. `now` is PostgreSQL's."""
    jobs = 0
    while True:
        async with database.transaction() as session:
            now = now or await database_now(session)
            turns = await fire_due(session, now, refusals)
        for turn in turns:
            _tell(turn)
            jobs += len(turn.jobs)
        if not turns:
            return jobs


def _tell(turn: Turn) -> None:
    schedule_id = str(turn.schedule.id)
    for job in turn.jobs:
        log.info("schedule_fired", schedule_id=schedule_id, job_id=str(job.id), kind=job.kind)
    if turn.left_out:
        log.warning("schedule_skipped", schedule_id=schedule_id, last=turn.left_out.isoformat(), reason=turn.reason)
    if turn.error:
        log.error("schedule_failed", schedule_id=schedule_id, code=turn.error.code, message=turn.error.message)
