"""Batches whose jobs have ended → ended; what a cancel of a batch could not reach → cancelled."""

import math
import time
from uuid import UUID

from models.events.endings import cancel_rest, end_batches
from models.jobs.batches import list_being_cancelled
from models.kernel.logs import get_logger
from models.kernel.session import Database, is_away

ALL_SECONDS = 10.0
OVERLAP_SECONDS = 2.0
log = get_logger(__name__)


class Batches:
    """Counts those of which a job has ended since the last time, so that a batch that waits costs nothing; and now and
    then all, for an end that was long in being committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked_at = self._all_at = -math.inf

    async def end_finished(self) -> int:
        """Return how many ended."""
        for batch in await list_being_cancelled(self._database):
            await _cancel_rest(self._database, batch)
        now = time.monotonic()
        within = None if now - self._all_at >= ALL_SECONDS else now - self._looked_at + OVERLAP_SECONDS
        async with self._database.transaction() as session:
            ended = await end_batches(session, within)
        self._looked_at = now
        if within is None:
            self._all_at = now
        return ended


async def _cancel_rest(database: Database, batch: UUID) -> None:
    """A job whose end cannot be written holds up its own batch only."""
    try:
        async with database.transaction() as session:
            await cancel_rest(session, batch)
    except Exception as error:
        if is_away(error):
            raise
        log.exception("batch_not_cancelled", job_id=str(batch))
