"""Ended jobs → the histograms that the metrics show."""

from models.jobs.statistics import count_ended
from models.kernel.session import Database


async def count_statistics(database: Database) -> int:
    async with database.transaction() as session:
        return await count_ended(session)
