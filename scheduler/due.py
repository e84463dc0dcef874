"""Jobs for later whose time has come → their queues."""

from collections.abc import AsyncIterator

from models.jobs.dispatching import become_due
from models.kernel.session import Database


async def move_due(database: Database) -> AsyncIterator[int]:
    """Chunk by chunk, until none is due; gives how many each was."""
    behind, more = "", True
    while more:
        due = await become_due(database, behind)
        behind, more = due.behind, due.more
        if due.jobs:
            yield due.jobs
