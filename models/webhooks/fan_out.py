"""Events → one delivery and one job per endpoint that asked for them. Run by the scheduler."""

from models.events.service import publish
from models.kernel.session import Database

BATCH = 1000


async def fan_out(database: Database) -> int:
    """Publish new events in order and return how many there were."""
    async with database.transaction() as session:
        events = await publish(session, BATCH)
    return len(events)
