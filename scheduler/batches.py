"""Batches whose jobs have ended → ended; what a cancel of a batch could not reach → cancelled."""

from uuid import UUID

from models.events.endings import cancel_rest, end_batches
from models.jobs.batches import list_being_cancelled
from models.kernel.logs import get_logger
from models.kernel.session import Database, is_away

log = get_logger(__name__)


async def end_finished_batches(database: Database) -> int:
    """Return how many ended."""
    for batch in await list_being_cancelled(database):
        await _cancel_rest(database, batch)
    async with database.transaction() as session:
        return await end_batches(session)


async def _cancel_rest(database: Database, batch: UUID) -> None:
    """A job whose end cannot be written holds up its own batch only."""
    try:
        async with database.transaction() as session:
            await cancel_rest(session, batch)
    except Exception as error:
        if is_away(error):
            raise
        log.exception("batch_not_cancelled", job_id=str(batch))
