"""Jobs that have not started in time → failed."""

from collections.abc import Sequence
from uuid import UUID

from models.events.endings import announce_end
from models.jobs.waiting import NOT_STARTED, expire, list_late
from models.kernel.logs import get_logger
from models.kernel.session import Database, is_away

AT_ONCE = 500
log = get_logger(__name__)


async def expire_late(database: Database) -> int:
    """Return how many jobs of a chunk were ended. One that cannot be ended does not hold up the others."""
    ids = await list_late(database, AT_ONCE)
    try:
        return await _expire(database, ids)
    except Exception as error:
        if is_away(error):
            raise
    return sum([await _expire_alone(database, id_) for id_ in ids])


async def _expire(database: Database, ids: Sequence[UUID]) -> int:
    if not ids:
        return 0
    async with database.transaction() as session:
        jobs = await expire(session, ids)
        for job in jobs:
            await announce_end(session, job, job.status, NOT_STARTED)
    for job in jobs:
        log.warning("expired", job_id=str(job.id), kind=job.kind)
    return len(jobs)


async def _expire_alone(database: Database, id_: UUID) -> int:
    try:
        return await _expire(database, [id_])
    except Exception as error:
        if is_away(error):
            raise
        log.exception("not_expired", job_id=str(id_))
        return 0
