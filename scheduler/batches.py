"""Batches whose jobs have ended → ended."""

from models.events.endings import end_batches
from models.kernel.session import Database


async def end_finished_batches(database: Database) -> int:
    """Return how many ended."""
    async with database.transaction() as session:
        return await end_batches(session)
